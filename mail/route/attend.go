package route

import (
	"bytes"
	"strings"

	"golang.org/x/net/idna"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
	"martlet/store/blob"
)

// Arrival is a message with a calendar object for scheduling (RFC 6047) that
// came into somebody's mailbox.
type Arrival struct {
	Account directory.AccountID
	At      mail.Place
	Blob    blob.Ref
	// From is the address in the message's From, in lower case, if it is known to
	// be true: one of ours sent it, who may, or a DMARC result that we believe
	// says so. Otherwise it is empty.
	From string
}

// Attend has fn called for each such message and each of its recipients, in the
// transaction that delivers it. It must be called before messages come.
func (r *Router) Attend(fn func(tx *store.Tx, a Arrival) error) { r.attend = fn }

// carriesMeeting tells whether a message may have a calendar object with a
// method. Only its bytes tell that of a file.
func carriesMeeting(ix *message.Index) bool {
	if ix == nil {
		return false
	}
	if ix.MeetingPart() >= 0 {
		return true
	}
	for i := range ix.Parts {
		if t := ix.Parts[i].Type; t == "application/ics" || t == "text/calendar" {
			return true
		}
	}
	return false
}

// author is the one address that a message of ours is from, in lower case.
func (d *draft) author(account *directory.Account) string {
	switch len(d.from) {
	case 0:
		return strings.ToLower(account.Login)
	case 1:
		return strings.ToLower(d.from[0])
	}
	return ""
}

// resultsField is the field in which servers say what they have found out about
// a sender (RFC 8601).
const resultsField = "authentication-results"

// withoutForgedResults removes what claims to be said by us or by a server that
// we trust, but came from outside (RFC 8601 5). With trusted servers only their
// topmost field can be theirs.
func (r *Router) withoutForgedResults(raw []byte) []byte {
	if !hasResults(raw) {
		return raw
	}
	d := &draft{raw: raw}
	d.fields, d.body = scanHeader(raw)
	seen := map[string]bool{}
	forged := map[int]bool{}
	for _, f := range d.fields {
		if f.name != resultsField {
			continue
		}
		id := authserv(f.value(raw))
		switch {
		case strings.EqualFold(id, r.hostname), seen[id] && r.trusts(id):
			forged[f.start] = true
		}
		seen[id] = true
	}
	return d.without(func(f field) bool { return forged[f.start] })
}

// hasResults tells whether a header has the field, without allocating: every
// delivery asks.
func hasResults(raw []byte) bool {
	for rest := raw[:min(len(raw), maxHeader)]; len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line = rest[:i+1]
		}
		if len(line) <= 2 && len(bytes.TrimRight(line, "\r\n")) == 0 {
			return false
		}
		if len(line) >= len(resultsField) && line[0]|0x20 == 'a' && bytes.EqualFold(line[:len(resultsField)], []byte(resultsField)) {
			return true
		}
		rest = rest[len(line):]
	}
	return false
}

func (r *Router) trusts(id string) bool {
	for _, t := range r.trusted {
		if strings.EqualFold(t, id) {
			return true
		}
	}
	return false
}

// appendResults writes what we have found out ourselves.
func (r *Router) appendResults(dst []byte, t *mail.Trace) []byte {
	if t.Results == "" {
		return dst
	}
	return append(dst, "Authentication-Results: "+r.hostname+"; "+oneLine(t.Results)+"\r\n"...)
}

// authentic is the address in a message's From, in lower case, if a server that
// we trust says that its domain has sent it (RFC 7489 6.6): dmarc=pass, for the
// domain of From. What stands in a comment or in quotes is no result.
func (r *Router) authentic(raw []byte) string {
	fields, _ := scanHeader(raw)
	var from []string
	var results []string
	for _, f := range fields {
		switch f.name {
		case "from":
			from = append(from, addressesIn(f.value(raw))...)
		case resultsField:
			if v := f.value(raw); r.trusts(authserv(v)) {
				results = append(results, v)
			}
		}
	}
	if len(from) != 1 {
		return ""
	}
	address, err := mail.ParseAddress(from[0])
	if err != nil {
		return ""
	}
	_, domain, _ := strings.Cut(address[strings.LastIndexByte(address, '@'):], "@")
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil { // as results have it
		domain = ascii
	}
	for _, v := range results {
		if dmarcPasses(v, domain) {
			return strings.ToLower(address)
		}
	}
	return ""
}

// authserv is who says it: the first word, without a version.
func authserv(value string) string {
	id, _, _ := strings.Cut(withoutComments(value), ";")
	id, _, _ = strings.Cut(strings.TrimSpace(id), " ")
	return strings.Trim(id, `"`)
}

// dmarcPasses tells whether one of the results is DMARC's pass for a domain
// (RFC 8601 2.7, RFC 7489 11.1).
func dmarcPasses(value, domain string) bool {
	_, rest, _ := strings.Cut(withoutComments(value), ";")
	for result := range strings.SplitSeq(rest, ";") {
		passed, forDomain := false, false
		for i, word := range strings.Fields(result) {
			name, v, _ := strings.Cut(word, "=")
			switch {
			case i == 0:
				passed = strings.EqualFold(name, "dmarc") && strings.EqualFold(v, "pass")
			case strings.EqualFold(name, "header.from"):
				v = strings.Trim(v, `"`)
				if at := strings.LastIndexByte(v, '@'); at >= 0 {
					v = v[at+1:]
				}
				forDomain = strings.EqualFold(v, domain)
			}
		}
		if passed && forDomain {
			return true
		}
	}
	return false
}

// withoutComments drops comments, and makes what is quoted harmless.
func withoutComments(s string) string {
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && (quoted || depth > 0):
			i++
			continue
		case depth == 0 && c == '"':
			quoted = !quoted
		case quoted:
			if c == ';' || c == '=' || c == ' ' {
				c = '_'
			}
		case c == '(':
			depth++
			continue
		case c == ')' && depth > 0:
			depth--
			continue
		}
		if depth == 0 {
			b.WriteByte(c)
		}
	}
	return b.String()
}
