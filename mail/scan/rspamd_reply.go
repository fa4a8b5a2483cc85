package scan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"martlet/mail/filter"
)

// rspamdReply is what is read of an answer. What else is in it does not matter.
type rspamdReply struct {
	Error    string                  `json:"error"`
	Skipped  bool                    `json:"is_skipped"`
	Score    float64                 `json:"score"`
	Action   string                  `json:"action"`
	Subject  string                  `json:"subject"`
	Symbols  map[string]rspamdSymbol `json:"symbols"`
	Messages struct {
		SMTP string `json:"smtp_message"`
	} `json:"messages"`
	Milter struct {
		Add    map[string]rspamdValues `json:"add_headers"`
		Remove map[string]int          `json:"remove_headers"`
	} `json:"milter"`
	DKIM rspamdValues `json:"dkim-signature"`
}

type rspamdSymbol struct {
	Score float64 `json:"score"`
}

// rspamdValues are the values of a field: one or a list of them, each a text or an
// object with its place in the header.
type rspamdValues []rspamdValue

type rspamdValue struct {
	Value string `json:"value"`
	Order *int   `json:"order"` // zero: on top; one: behind the first; -1: at the end
}

func (v *rspamdValues) UnmarshalJSON(b []byte) error {
	var many []json.RawMessage
	if json.Unmarshal(b, &many) != nil {
		many = []json.RawMessage{b}
	}
	if len(many) > maxRspamdHeaders {
		return fmt.Errorf("%w: too many values", errProtocol)
	}
	for _, one := range many {
		var value rspamdValue
		if json.Unmarshal(one, &value.Value) != nil {
			if err := json.Unmarshal(one, &value); err != nil {
				return fmt.Errorf("%w: %w", errNoValue, err)
			}
		}
		*v = append(*v, value)
	}
	return nil
}

// finding is what an answer means for a message.
func (r *Rspamd) finding(m *filter.Message, reply *rspamdReply) (f filter.Finding) {
	if reply.Skipped {
		return f
	}
	f.Score = min(max(reply.Score, minRspamdScore), maxRspamdScore)
	if math.IsNaN(f.Score) {
		f.Score = 0
	}
	f.Reasons = append([]string{plain(reply.Action, 40)}, reply.symbols()...)
	text := reply.Messages.SMTP
	switch reply.Action {
	case "reject":
		if f.Quarantine = r.c.Junk; !r.c.Junk {
			f.Refusal = refusal(550, "5.7.1", cmp.Or(text, "The message looks like junk"))
		}
	case "soft reject":
		f.Refusal = refusal(451, "4.7.1", cmp.Or(text, "Try again later"))
	case "add header", "quarantine":
		f.Quarantine = true
	case "rewrite subject":
		f.Quarantine = true
	case "discard":
		f.Discard = true
	}
	f.Raw = r.changed(m.Raw, reply)
	return f
}

// symbols are what moved the score most.
func (reply *rspamdReply) symbols() (out []string) {
	names := slices.SortedFunc(maps.Keys(reply.Symbols), func(a, b string) int {
		return cmp.Or(cmp.Compare(math.Abs(reply.Symbols[b].Score), math.Abs(reply.Symbols[a].Score)), cmp.Compare(a, b))
	})
	for _, name := range names[:min(len(names), maxSymbols)] {
		if s := reply.Symbols[name].Score; s != 0 {
			out = append(out, fmt.Sprintf("%s %.1f", plain(name, 60), s))
		}
	}
	return out
}

// changed is the message with what rspamd wants in its header, nil if it wants
// nothing.
func (r *Rspamd) changed(raw []byte, reply *rspamdReply) []byte {
	add, remove := reply.Milter.Add, reply.Milter.Remove
	rewrite := r.c.Subject && reply.Action == "rewrite subject" && reply.Subject != ""
	if len(add) == 0 && len(remove) == 0 && len(reply.DKIM) == 0 && !rewrite {
		return nil
	}
	l := open(raw)
	for i, name := range slices.Sorted(maps.Keys(remove)) {
		if i < maxRspamdHeaders {
			l.remove(name, remove[name])
		}
	}
	n := 0
	put := func(name string, v rspamdValue) {
		f, ok := newField(name, v.Value, false)
		if n++; !ok || n > maxRspamdHeaders {
			return
		}
		at := 0
		if v.Order != nil {
			if at = *v.Order; at < 0 {
				at = len(l.fields) + 1 + at
			}
		}
		l.insert(at, f)
	}
	for _, name := range slices.Sorted(maps.Keys(add)) {
		for _, v := range add[name] {
			put(name, v)
		}
	}
	for _, v := range reply.DKIM {
		put("DKIM-Signature", v)
	}
	if rewrite {
		if f, ok := newField("Subject", reply.Subject, false); ok {
			l.change(1, f, false)
		}
	}
	return l.bytes()
}

// remove takes fields of a name away: the nth, from the end if n is negative, all
// with zero.
func (l *letter) remove(name string, n int) {
	var at []int
	for i := range l.fields {
		if strings.EqualFold(l.fields[i].name, name) {
			at = append(at, i)
		}
	}
	switch {
	case n > 0 && n <= len(at):
		at = at[n-1 : n]
	case n < 0 && -n <= len(at):
		at = at[len(at)+n : len(at)+n+1]
	case n != 0:
		return
	}
	for i := len(at) - 1; i >= 0; i-- {
		l.fields = slices.Delete(l.fields, at[i], at[i]+1)
	}
}
