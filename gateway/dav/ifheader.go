package dav

import (
	"net/http"
	"strings"

	"martlet/store"
)

// maxConditions bounds the conditions of an If header.
const maxConditions = 100

// ifList is one list of an If header: all of its conditions have to hold (RFC
// 4918 10.4.2).
type ifList struct {
	href  string // what it is about; empty: what the request is about
	conds []ifCondition
}

type ifCondition struct {
	not   bool
	etag  string // with its quotes; empty: a state token
	token string
}

// readIf reads an If header; ok is false for one that is none.
func readIf(s string) (lists []ifList, ok bool) {
	href, n := "", 0
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		switch s[0] {
		case '<':
			var found bool
			if href, s, found = strings.Cut(s[1:], ">"); !found {
				return nil, false
			}
		case '(':
			body, rest, found := cutList(s[1:])
			if !found {
				return nil, false
			}
			l := ifList{href: href}
			for body = strings.TrimSpace(body); body != ""; body = strings.TrimSpace(body) {
				var c ifCondition
				if c, body, found = readCondition(body); !found {
					return nil, false
				}
				if n++; n > maxConditions {
					return nil, false
				}
				l.conds = append(l.conds, c)
			}
			if len(l.conds) == 0 {
				return nil, false
			}
			lists, s = append(lists, l), rest
		default:
			return nil, false
		}
	}
	return lists, len(lists) > 0
}

// cutList cuts at the parenthesis that ends a list: those in tokens and in entity
// tags do not.
func cutList(s string) (body, rest string, ok bool) {
	end := byte(')')
	for i := range len(s) {
		switch {
		case s[i] == end && end == ')':
			return s[:i], s[i+1:], true
		case s[i] == end:
			end = ')'
		case end == ')' && s[i] == '<':
			end = '>'
		case end == ')' && s[i] == '[':
			end = ']'
		}
	}
	return "", "", false
}

func readCondition(s string) (c ifCondition, rest string, ok bool) {
	if len(s) > 3 && strings.EqualFold(s[:3], "Not") {
		c.not, s = true, strings.TrimSpace(s[3:])
	}
	switch {
	case strings.HasPrefix(s, "<"):
		c.token, rest, ok = strings.Cut(s[1:], ">")
	case strings.HasPrefix(s, "["):
		c.etag, rest, ok = strings.Cut(s[1:], "]")
		ok = ok && c.etag != ""
	}
	return c, rest, ok
}

// ifHolds tells whether one of the lists of the request's If header holds, if it
// has one. There are no locks; a sync-token is the state of its collection (RFC
// 6578 5).
func (q *request) ifHolds(tx *store.Tx) error {
	header := q.r.Header.Values("If")
	if len(header) == 0 {
		return nil
	}
	lists, ok := readIf(strings.Join(header, " "))
	if !ok {
		return &failure{status: http.StatusBadRequest, text: "the If header cannot be read"}
	}
	for i := range lists {
		at := q.at
		if h := lists[i].href; h != "" {
			var err error
			if at, err = q.parseHref(h); err != nil {
				continue
			}
		}
		r, err := q.find(tx, &at)
		if err != nil {
			r = nil // which has no state
		}
		if lists[i].holds(r) {
			return nil
		}
	}
	return fail(http.StatusPreconditionFailed)
}

func (l *ifList) holds(r *resource) bool {
	for _, c := range l.conds {
		var is bool
		switch {
		case r == nil:
		case c.etag != "":
			is = r.kind&(kindObject|kindFile|kindEntry) != 0 && matchesETag(c.etag, r.etag())
		case r.kind&kindList != 0 || r.list != nil:
			is = c.token == r.token()
		}
		if is == c.not {
			return false
		}
	}
	return true
}
