package rules

import (
	"bytes"
	"strconv"

	"martlet/mail/route"
	"martlet/mail/sieve"
)

// spamField is where the filter says how it judges a message: "yes score=7.3".
const spamField = "x-martlet-junk:"

// Junk begins at half of what spamtest counts (RFC 5235 2.1); the scale of the
// filter has its border at junkScore.
const junkScore = 5

// spamOf is what the filter thinks of a message. What stands in the message
// itself, somebody else may have written.
func spamOf(a *route.Arriving) (s sieve.Spam) {
	v := a.Env.Verdict
	if v == nil {
		return s
	}
	s.Tested = true
	for line := range bytes.Lines(v.Header) {
		if len(line) < len(spamField) || !bytes.EqualFold(line[:len(spamField)], []byte(spamField)) {
			continue
		}
		_, number, ok := bytes.Cut(line, []byte("score="))
		number, _, _ = bytes.Cut(bytes.TrimSpace(number), []byte(" "))
		if score, err := strconv.ParseFloat(string(number), 64); ok && err == nil {
			s.Percent = int(min(max(score/junkScore*50, 0), 100))
		}
	}
	if a.Junk {
		s.Percent = max(s.Percent, 60)
	} else {
		s.Percent = min(s.Percent, 50)
	}
	return s
}
