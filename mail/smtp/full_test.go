package smtp_test

import (
	"context"
	"testing"

	"martlet/mail"
	"martlet/mail/smtp"
)

func TestWhoseMailboxIsFullIsRefusedAndTheOthersAreNot(t *testing.T) {
	h := newHouse(t)
	addr, _ := h.serve(smtp.Config{Full: func(_ context.Context, to *mail.Recipient) (no mail.Refusal) {
		if to.Address == "bob@example.org" && len(to.Accounts) == 1 {
			no = mail.Refusal{Code: 452, Enhanced: "4.2.2", Text: "The mailbox is full"}
		}
		return no
	}})
	cl := dial(t, addr)
	cl.say("HELO c", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "RCPT TO:<alice@example.org>", "DATA", "Subject: x", ".", "QUIT")
	cl.hear("220", "250", "250", "452 4.2.2 The mailbox is full", "250", "354", "250", "221")
	if all := h.messages("bob@example.org", mail.RoleInbox); len(all) != 0 {
		t.Errorf("delivered: %q", all)
	}
}
