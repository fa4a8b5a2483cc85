package filter

import (
	"fmt"
	"strconv"
	"strings"

	"martlet/directory"
	"martlet/mail"
)

type opinions = map[directory.AccountID]bool

// What is held against a message, and how much. None of it makes junk alone: mail
// of honest people comes from hosts with each of these faults.
const (
	weightNoName      = 1.2 // the address has no name
	weightOtherName   = 0.8 // the name does not lead back
	weightOurName     = 2.5 // the client greets as ourselves
	weightShortName   = 0.8 // the greeting names no host
	weightSPFFail     = 2.5 // the domain says that the host does not send for it, and has no DMARC policy
	weightSPFSoftFail = 0.8
	weightDMARCFail   = 0.8 // the domain only wants to be told
	weightNoFrom      = 2.0 // From is missing, or names more than one
)

// Limits of reasons.
const (
	maxReasons = 40
	maxReason  = 100 // bytes
)

// reason is why a message may be junk, or is not.
type reason struct {
	text   string
	weight float64
}

// score is what all reasons come to.
type score struct {
	sum        float64
	reasons    []reason
	quarantine bool
}

func (s *score) add(text string, weight float64) {
	s.sum += weight
	if text = plain(text); text != "" && len(s.reasons) < maxReasons {
		s.reasons = append(s.reasons, reason{text, weight})
	}
}

// plain makes a text fit into a comment: one line of ASCII without parentheses.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r > '~' || r == '\\':
			return '?'
		case r == '(':
			return '['
		case r == ')':
			return ']'
		case r == ';':
			return ','
		}
		return r
	}, s)
	return strings.TrimSpace(s[:min(len(s), maxReason)])
}

// weigh adds what the DNS says about a message.
func (s *score) weigh(hostname string, c *mail.Client, found *findings) {
	if h := found.host; h != nil {
		switch h.result {
		case permError:
			s.add("no reverse name", weightNoName)
		case fail:
			s.add("reverse name does not lead back", weightOtherName)
		}
		s.listed(h.hits)
	}
	s.listed(found.names)
	switch helo := asciiDomain(c.Helo); {
	case hostname != "" && helo == hostname:
		s.add("greets with our name", weightOurName)
	case !isFullName(c.Helo):
		s.add("greets with no host name", weightShortName)
	}
	d := &found.dmarc
	switch {
	case d.result == pass:
	case d.result == none && found.spf.result == fail && !d.dkim:
		s.add("SPF fail", weightSPFFail)
	case d.result == none && found.spf.result == softFail && !d.dkim:
		s.add("SPF softfail", weightSPFSoftFail)
	case d.result == permError:
		s.add("From is not one address", weightNoFrom)
	case d.disposition == quarantine:
		s.add("DMARC fail", 0)
		s.quarantine = true
	case d.result == fail && d.override != "local_policy":
		s.add("DMARC fail", weightDMARCFail)
	}
}

func (s *score) listed(hits []hit) {
	for _, h := range hits {
		s.add(h.list.Zone, h.list.Weight)
	}
}

// found adds what a scanner says. Its score is shared out over no reasons: they
// stand behind its name.
func (s *score) found(name string, found *Finding) {
	text := name
	if len(found.Reasons) > 0 {
		text += ": " + strings.Join(found.Reasons, ", ")
	}
	if found.Score != 0 || len(found.Reasons) > 0 || found.Quarantine {
		s.add(text, found.Score)
	}
	s.quarantine = s.quarantine || found.Quarantine
}

// field is what stands in the header: "yes score=6.2 (no reverse name 1.2; ...)".
func (s *score) field(junk bool) []byte {
	var b strings.Builder
	word := "no"
	if junk {
		word = "yes"
	}
	fmt.Fprintf(&b, "%s: %s score=%s", ourField, word, number(s.sum))
	for i, r := range s.reasons {
		switch i {
		case 0:
			b.WriteString("\r\n\t(")
		default:
			b.WriteString(";\r\n\t")
		}
		b.WriteString(r.text + " " + number(r.weight))
	}
	if len(s.reasons) > 0 {
		b.WriteByte(')')
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

func number(f float64) string {
	if text := strconv.FormatFloat(f, 'f', 1, 64); text != "-0.0" {
		return text
	}
	return "0.0"
}
