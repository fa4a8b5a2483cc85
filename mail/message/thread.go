package message

import "strings"

// Root is the Message-ID of the first message of the conversation, which
// replies name first among their references (RFC 5322 3.6.4); the message's own
// if it begins one, and empty if it says nothing.
func (ix *Index) Root() string {
	switch {
	case len(ix.References) > 0:
		return ix.References[0]
	case ix.InReplyTo != "":
		return ix.InReplyTo
	}
	return ix.MessageID
}

// Topic is a subject without the prefixes of replies and forwards
// (MS-ASEMAIL 2.2.2.80 ThreadTopic; MS-OXOMSG 2.2.1.5).
func Topic(subject string) string {
	for {
		s := strings.TrimLeft(subject, " \t")
		i := strings.IndexByte(s, ':')
		// A prefix is one to three characters and a colon (MS-OXCMSG 3.2.4.5),
		// with a counter at times: "Re[2]:".
		if i < 1 || i > 8 {
			return strings.TrimSpace(subject)
		}
		word := s[:i]
		if j := strings.IndexAny(word, "[("); j > 0 {
			word = word[:j]
		}
		if !isPrefix(strings.TrimSpace(word)) {
			return strings.TrimSpace(subject)
		}
		subject = s[i+1:]
	}
}

// isPrefix knows the prefixes that mail programs write in their languages.
func isPrefix(s string) bool {
	switch strings.ToLower(s) {
	case "re", "fw", "fwd", "aw", "wg", "sv", "vs", "vb", "vl", "tr", "rv", "r", "i", "rif", "enc", "antw", "odp", "pd", "ynt", "ilt",
		"res", "ref", "doorst", "回复", "回覆", "答复", "转发", "轉寄", "轉發", "返信", "転送":
		return true
	}
	return false
}
