package dns

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Limits of what is believed of an answer.
const (
	// maxRecords of one answer are looked at; a domain with more tells nothing.
	maxRecords = 256
	// maxChain is how many CNAMEs are followed.
	maxChain = 10
	// maxTTL and maxNegativeTTL bound how long an answer is remembered (RFC 2308 5
	// advises one to three hours for what does not exist; a domain that is being
	// set up should not wait so long).
	maxTTL         = time.Hour
	maxNegativeTTL = 15 * time.Minute
)

// What makes an answer useless.
var (
	errForeign   = errors.New("not an answer to the question")
	errTooMany   = errors.New("too many records")
	errLoop      = errors.New("too many aliases, or a loop of them")
	errTruncated = errors.New("the answer is cut")
)

// question is what is asked: a name in lower case with its last dot, and a type.
type question struct {
	name string
	kind uint16
}

// answer is what a server said, as far as it was asked. It is shared and must not
// be changed.
type answer struct {
	records   []dns.RR // of the type that was asked for; none: there are none
	name      string   // where the chain of aliases ends, with the last dot
	authentic bool
	ttl       time.Duration
	expires   time.Time // of ttl
}

// refusedError is a server's word that it will not or cannot answer.
type refusedError struct{ rcode int }

func (e refusedError) Error() string {
	return "the server says " + rcodeName(e.rcode)
}

func rcodeName(rcode int) string {
	if s, ok := dns.RcodeToString[rcode]; ok {
		return s
	}
	return fmt.Sprintf("RCODE %d", rcode)
}

// belongs tells whether a message can be the answer to a question: whoever guesses
// the port must guess the id too (RFC 5452 9.1).
func belongs(m *dns.Msg, id uint16, q question) bool {
	return m.Id == id && m.Response && m.Opcode == dns.OpcodeQuery && len(m.Question) == 1 &&
		m.Question[0].Qtype == q.kind && m.Question[0].Qclass == dns.ClassINET &&
		strings.EqualFold(m.Question[0].Name, q.name)
}

// read takes from a message what was asked for. Records of other names than the
// question's and its aliases' are not looked at.
func read(m *dns.Msg, q question, trusted bool) (*answer, error) {
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	default:
		return nil, refusedError{m.Rcode}
	}
	if m.Truncated {
		return nil, errTruncated
	}
	if len(m.Answer) > maxRecords {
		return nil, errTooMany
	}
	a := &answer{name: q.name, authentic: m.AuthenticatedData && trusted, ttl: maxTTL}
	for range maxChain + 1 {
		next := ""
		for _, rr := range m.Answer {
			h := rr.Header()
			if h.Class != dns.ClassINET || !strings.EqualFold(h.Name, a.name) {
				continue
			}
			switch c, isAlias := rr.(*dns.CNAME); {
			case h.Rrtype == q.kind:
				a.records = append(a.records, rr)
				a.limit(h.Ttl)
			case isAlias && next == "":
				next = strings.ToLower(c.Target)
				a.limit(h.Ttl)
			}
		}
		if len(a.records) > 0 {
			return a, nil
		}
		if next == "" {
			a.ttl = negativeTTL(m, a)
			return a, nil
		}
		a.name = next
	}
	return nil, errLoop
}

// limit shortens the life of an answer by that of one of its records (RFC 2181 8:
// a set highest bit means zero).
func (a *answer) limit(ttl uint32) {
	if ttl > 1<<31-1 {
		ttl = 0
	}
	a.ttl = min(a.ttl, time.Duration(ttl)*time.Second)
}

// negativeTTL is how long it may be believed that there is nothing: as the zone's
// SOA says (RFC 2308 5), and not at all without one.
func negativeTTL(m *dns.Msg, a *answer) time.Duration {
	for _, rr := range m.Ns {
		soa, ok := rr.(*dns.SOA)
		if !ok || !dns.IsSubDomain(strings.ToLower(soa.Hdr.Name), a.name) {
			continue
		}
		a.limit(soa.Hdr.Ttl)
		a.limit(soa.Minttl)
		return min(a.ttl, maxNegativeTTL)
	}
	return 0
}

// size is about how much memory an answer takes.
func (a *answer) size() int {
	n := 256 + len(a.name)
	for _, rr := range a.records {
		n += 160 + dns.Len(rr)
		if t, ok := rr.(*dns.TXT); ok {
			for _, s := range t.Txt {
				n += len(s)
			}
		}
	}
	return n
}
