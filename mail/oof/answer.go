package oof

import (
	"iter"
	"strings"
	"time"

	"martlet/directory"
	"martlet/store"
)

// Letter is what is looked at to decide whether a message may be answered by a
// machine. Vacation scripts ask the same (RFC 5230 4.6).
type Letter struct {
	Sender string                    // of the envelope, without brackets
	Fields iter.Seq2[string, string] // of the header: names in lower case, values in one line
	Named  []string                  // the addresses in To, Cc, Bcc and their Resent- kin
}

// Reason says why a message is not answered; empty: it may be.
type Reason string

// The reasons.
const (
	Answerable   Reason = ""
	NoSender     Reason = "no sender"             // a bounce (RFC 3834 2, RFC 5321 4.5.5)
	OwnLetter    Reason = "from the same account" // or the loop would be a short one
	Robot        Reason = "from a robot"
	Automatic    Reason = "an automatic message" // RFC 3834 5
	MailingList  Reason = "from a list"          // RFC 2369, RFC 2919
	Bulk         Reason = "bulk"
	Suppressed   Reason = "answers are not wanted" // MS-OXCMAIL: X-Auto-Response-Suppress
	Junk         Reason = "junk"
	NotAddressed Reason = "not addressed to the account" // RFC 5230 4.5
)

// Answers tells whether a message to the owner of the addresses that own knows
// may be answered by a machine (RFC 3834 2, RFC 5230 4.5 and 4.6).
func (l *Letter) Answers(own func(address string) bool) Reason {
	switch {
	case l.Sender == "" || len(l.Sender) > maxSender || strings.IndexByte(l.Sender, '@') < 1:
		return NoSender
	case own(l.Sender):
		return OwnLetter
	case isRobot(l.Sender):
		return Robot
	}
	for name, value := range l.Fields {
		if r := fieldReason(name, value); r != Answerable {
			return r
		}
	}
	for _, address := range l.Named {
		if own(address) {
			return Answerable
		}
	}
	return NotAddressed
}

// isRobot knows senders that nobody reads (RFC 3834 2, RFC 5230 4.6).
func isRobot(sender string) bool {
	local := strings.ToLower(sender[:strings.LastIndexByte(sender, '@')])
	switch local {
	case "mailer-daemon", "listserv", "majordomo", "postmaster", "mailer", "daemon", "root", "bounce", "bounces", "nobody":
		return true
	}
	for _, p := range []string{"owner-", "bounce-", "bounces-", "bounce+", "bounces+", "bounce=", "prvs-bounce", "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "do_not_reply", "srs0=", "srs1="} {
		if strings.HasPrefix(local, p) {
			// A sender whose address a forwarder rewrote (SRS) is a person, but
			// the answer would go to the forwarder.
			return true
		}
	}
	for _, p := range []string{"-request", "-owner", "-bounce", "-bounces", "-relay", "-noreply", "-no-reply", "-bounces+", ".noreply", ".no-reply"} {
		if strings.HasSuffix(local, p) || strings.HasSuffix(p, "+") && strings.Contains(local, p) {
			return true
		}
	}
	return false
}

// fieldReason is why a message with such a field is not answered.
func fieldReason(name, value string) Reason {
	word, _, _ := strings.Cut(value, ";")
	word, _, _ = strings.Cut(strings.TrimSpace(word), " ")
	word = strings.ToLower(word)
	switch name {
	case "auto-submitted":
		if word != "no" {
			return Automatic
		}
	case "x-autoreply", "x-autorespond", "x-auto-reply", "x-autorespond-to", "x-failed-recipients", "x-ms-exchange-inbox-rules-loop":
		return Automatic
	case "x-auto-response-suppress":
		return suppresses(value)
	case "precedence":
		if word == "bulk" || word == "list" || word == "junk" || word == "auto_reply" {
			return Bulk
		}
	case "list-id", "list-help", "list-subscribe", "list-unsubscribe", "list-post", "list-owner", "list-archive", "mailing-list", "x-mailman-version", "x-mailing-list":
		return MailingList
	case "content-type": // reports of delivery and of reading (RFC 3462)
		if word == "multipart/report" {
			return Automatic
		}
	case "return-path": // one that an earlier server left
		if strings.TrimSpace(value) == "<>" {
			return NoSender
		}
	case "x-spam-flag", "x-spam", "x-spam-status":
		if strings.HasPrefix(word, "yes") || word == "true" {
			return Junk
		}
	}
	return Answerable
}

func suppresses(value string) Reason {
	for v := range strings.SplitSeq(value, ",") {
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "all", "oof", "autoreply":
			return Suppressed
		}
	}
	return Answerable
}

// Message is what the audience is told at this moment; ok tells whether
// anything is.
func (a *Absence) Message(who Audience, now time.Time) (m Message, ok bool) {
	if !a.Away(now) || who >= Audiences {
		return m, false
	}
	m = a.Messages[who]
	return m, m.Enabled && strings.TrimSpace(m.Text) != ""
}

// Answered tells whether the sender has been told of the present absence, or
// will not be because too many were.
func (o *Absences) Answered(tx *store.Tx, id directory.AccountID, sender string) (bool, error) {
	told, err := o.answered.Has(tx, answeredKey{id, strings.ToLower(sender)})
	if err != nil || told {
		return told, err
	}
	n, err := o.count(tx, id)
	return n >= MaxAnswered, err
}

// Claim notes that the sender is told of the present absence. It is false when
// that was done before, or when a script has told them something that still
// counts: then nothing may be sent.
func (o *Absences) Claim(tx *store.Tx, id directory.AccountID, sender string, now time.Time) (bool, error) {
	if len(sender) > maxSender {
		return false, nil
	}
	told, err := o.Answered(tx, id, sender)
	if err != nil || told {
		return false, err
	}
	if told, err = o.toldByVacation(tx, id, sender, now); err != nil || told {
		return false, err
	}
	n, err := o.count(tx, id)
	if err != nil {
		return false, err
	}
	if err := o.answered.Set(tx, answeredKey{id, strings.ToLower(sender)}, now); err != nil {
		return false, err
	}
	return true, o.tally.Set(tx, id, n+1)
}
