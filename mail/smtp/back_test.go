package smtp_test

import (
	"context"
	"errors"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/smtp"
)

// taker takes what comes and keeps its envelope.
type taker struct{ got []mail.Envelope }

func (k *taker) Deliver(_ context.Context, env mail.Envelope, _ []byte) error {
	k.got = append(k.got, env)
	return nil
}

func (k *taker) Relay(context.Context, directory.AccountID, mail.Envelope, []byte) error {
	return errors.New("nobody is logged in")
}

// A report of what was passed on finds the way to the original sender; what anybody
// else writes to such an address does not.
func TestReportsOfWhatWasPassedOnFindTheWayBack(t *testing.T) {
	h := newHouse(t)
	k := &taker{}
	addr, _ := h.serve(smtp.Config{Transport: k, Back: func(address string) (string, error) {
		if address == "SRS0=x=y@example.org" {
			return "ann@client.example", nil
		}
		return "", errors.New("not ours")
	}})
	cl := dial(t, addr)
	cl.say("HELO c", "MAIL FROM:<>", "RCPT TO:<SRS0=x=y@example.org>", "RCPT TO:<SRS0=forged@example.org>", "DATA", "Subject: x", ".",
		"MAIL FROM:<a@b.example>", "RCPT TO:<SRS0=x=y@example.org>", "QUIT")
	cl.hear("220", "250", "250", "250", "550 5.1.1", "354", "250", "250", "550 5.1.1", "221")
	if len(k.got) != 1 || len(k.got[0].To) != 1 || k.got[0].To[0].Address != "ann@client.example" || k.got[0].To[0].Local || k.got[0].From != "" {
		t.Errorf("taken: %+v", k.got)
	}
}
