package compose

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"martlet/mail/message"
)

// threadFields returns the fields that put a message into its conversation, as
// far as the client left them out (RFC 5322 3.6.4, MS-OXOMSG 2.2.1.3).
func threadFields(fields []field, o *Original, now time.Time) []byte {
	has := map[string]bool{}
	for _, f := range fields {
		has[f.name] = true
	}
	var out []byte
	add := func(name, value string) {
		if !has[strings.ToLower(name)] && value != "" {
			out = append(out, name+": "+value+"\r\n"...)
		}
	}
	ix := o.Index
	if id := ix.MessageID; isID(id) {
		add("In-Reply-To", "<"+id+">")
		add("References", "<"+strings.Join(references(ix), ">\r\n\t<")+">")
	}
	add("Thread-Topic", encoded(ix.ThreadTopic))
	add("Thread-Index", fold(base64.StdEncoding.EncodeToString(threadIndex(o, now))))
	return out
}

// references is the way from the conversation's root to the original. Of a
// long one the middle is left out (RFC 5537 3.4.4 does the same).
func references(ix *message.Index) []string {
	var ids []string
	for _, id := range ix.References {
		if isID(id) && id != ix.MessageID {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 && isID(ix.InReplyTo) && ix.InReplyTo != ix.MessageID {
		ids = append(ids, ix.InReplyTo)
	}
	if len(ids) >= maxReferences {
		ids = slices.Concat(ids[:1], ids[len(ids)-maxReferences+2:])
	}
	return append(ids, ix.MessageID)
}

// isID refuses what would break the field it is written into.
func isID(id string) bool {
	if id == "" || len(id) > 250 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c >= 0x7f || c == '<' || c == '>' {
			return false
		}
	}
	return true
}

// The form of a Thread-Index (MS-OXOMSG 2.2.1.3): six bytes of time, sixteen of
// a GUID, then five for each message down to this one.
const (
	threadTime   = 6
	threadHeader = 22
	threadReply  = 5
)

// threadIndex is the original's Thread-Index with one more message. An original
// without one gets what every message of its conversation would get.
func threadIndex(o *Original, now time.Time) []byte {
	index := o.Index.ThreadIndex
	if n := len(index); n < threadHeader || n > maxThread {
		index = rootThread(o)
	} else {
		index = index[:n-(n-threadHeader)%threadReply]
	}
	out := bytes.Clone(index)
	var first [8]byte
	copy(first[:], index[:threadTime])
	diff := filetime(now) - binary.BigEndian.Uint64(first[:])
	if int64(diff) < 0 {
		diff = 0
	}
	// 31 bits of the difference in 100 ns: without its lower 18 bits, or if it
	// is longer than 1.7 years, marked by the first bit, its lower 23.
	delta := uint32(diff >> 18)
	if diff >= 1<<49 {
		delta = 1<<31 | uint32(diff>>23)
	}
	out = binary.BigEndian.AppendUint32(out, delta)
	sum := sha256.Sum256(append([]byte(o.Index.MessageID), byte(now.Unix()), byte(now.Unix()>>8)))
	return append(out, sum[0])
}

// rootThread makes the header of a Thread-Index for a conversation that has
// none: the time of the original and a GUID of the conversation's root.
func rootThread(o *Original) []byte {
	date := o.Index.Date
	if date.IsZero() || date.Year() < 1970 || date.Year() > 2200 {
		date = o.Received
	}
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], filetime(date))
	sum := sha256.Sum256([]byte(o.Index.Root())) // as mail.RootThread
	return append(at[:threadTime:threadTime], sum[:threadHeader-threadTime]...)
}

// filetime counts 100 ns since 1601.
func filetime(t time.Time) uint64 {
	const epoch = 11644473600
	return uint64(t.Unix()+epoch) * 1e7
}

// fold breaks a long word of base64 into lines.
func fold(s string) string {
	const width = 70
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width] + "\r\n\t")
		s = s[width:]
	}
	b.WriteString(s)
	return b.String()
}
