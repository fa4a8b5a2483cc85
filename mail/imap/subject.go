package imap

import "strings"

// baseSubject is what a subject is about (RFC 5256 2.1), without the marks of
// lists, replies and forwards, and whether it had one of the last two. It takes
// no more than its beginning into account.
func baseSubject(s string) (base string, reply bool) {
	s = oneSpace(s[:min(len(s), 4*maxSortText)])
	for {
		s, reply = cutTrailers(s, reply)
		s, reply = cutLeaders(s, reply)
		if !hasFold(s, "[fwd:") || !strings.HasSuffix(s, "]") {
			return s, reply
		}
		s, reply = s[len("[fwd:"):len(s)-1], true
	}
}

// oneSpace makes every run of blanks one space.
func oneSpace(s string) string {
	if !strings.ContainsAny(s, "\t\r\n") && !strings.Contains(s, "  ") {
		return s
	}
	var b strings.Builder
	blank := false
	for i := range len(s) {
		switch c := s[i]; c {
		case ' ', '\t', '\r', '\n':
			blank = true
			continue
		default:
			if blank {
				b.WriteByte(' ')
				blank = false
			}
			b.WriteByte(c)
		}
	}
	if blank {
		b.WriteByte(' ')
	}
	return b.String()
}

func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// cutTrailers removes blanks and "(fwd)" from the end (subj-trailer).
func cutTrailers(s string, reply bool) (string, bool) {
	const mark = "(fwd)"
	for {
		s = strings.TrimRight(s, " ")
		if len(s) < len(mark) || !strings.EqualFold(s[len(s)-len(mark):], mark) {
			return s, reply
		}
		s, reply = s[:len(s)-len(mark)], true
	}
}

// cutLeaders removes blanks, "Re:" and the like with the blobs before them
// (subj-leader), and blobs that are not the whole.
func cutLeaders(s string, reply bool) (string, bool) {
	for {
		s = strings.TrimLeft(s, " ")
		if rest, ok := cutRefwd(s); ok {
			s, reply = rest, true
			continue
		}
		rest, ok := cutBlob(s)
		if !ok || strings.Trim(rest, " ") == "" {
			return s, reply
		}
		s = rest
	}
}

// cutRefwd removes any blobs with the mark of a reply or forward behind them.
func cutRefwd(s string) (string, bool) {
	for rest, ok := cutBlob(s); ok; rest, ok = cutBlob(s) {
		s = rest
	}
	switch {
	case hasFold(s, "re"):
		s = s[2:]
	case hasFold(s, "fwd"):
		s = s[3:]
	case hasFold(s, "fw"):
		s = s[2:]
	default:
		return s, false
	}
	s = strings.TrimLeft(s, " ")
	if rest, ok := cutBlob(s); ok {
		s = rest
	}
	return strings.CutPrefix(s, ":")
}

// cutBlob removes a mark in brackets (subj-blob).
func cutBlob(s string) (string, bool) {
	if !strings.HasPrefix(s, "[") {
		return s, false
	}
	i := strings.IndexAny(s[1:], "[]")
	if i < 0 || s[1+i] != ']' {
		return s, false
	}
	return strings.TrimLeft(s[i+2:], " "), true
}
