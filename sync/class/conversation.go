package class

import (
	"crypto/sha256"
	"strings"
	"time"

	"martlet/mail/message"
)

// conversationID names the thread a message belongs to (MS-ASEMAIL 2.2.2.21):
// opaque bytes, the same for all its messages. A thread is known by its first
// message, which replies name first among their references (RFC 5322 3.6.4).
func conversationID(ix *message.Index) []byte {
	root := ix.MessageID
	switch {
	case len(ix.References) > 0:
		root = ix.References[0]
	case ix.InReplyTo != "":
		root = ix.InReplyTo
	case root == "":
		root = "topic:" + strings.ToLower(ix.ThreadTopic)
	}
	sum := sha256.Sum256([]byte(root))
	return sum[:16:16]
}

// The header of Thread-Index (MS-OXOMSG 2.2.1.3): a reserved byte, five bytes
// of time, a GUID of sixteen bytes, then five bytes for each reply.
const (
	threadTime    = 1
	threadGUID    = 6
	threadReplies = 22
	replyLength   = 5
)

// conversationIndex is when the thread began and, as far as Outlook told, when
// each reply was written (MS-ASCON 2.2.2.4).
func conversationIndex(ix *message.Index, received int64) []byte {
	if t := ix.ThreadIndex; len(t) >= threadReplies {
		replies := t[threadReplies:]
		replies = replies[:len(replies)/replyLength*replyLength]
		out := make([]byte, 0, threadGUID-threadTime+len(replies))
		return append(append(out, t[threadTime:threadGUID]...), replies...)
	}
	date := ix.Date
	if date.IsZero() {
		date = time.UnixMilli(received)
	}
	// A FILETIME counts 100 ns since 1601. Its first byte is 1 until the year
	// 2057 and is left out, as are its last two.
	const epoch = 11644473600
	filetime := uint64(date.Unix()+epoch) * 1e7
	return []byte{byte(filetime >> 48), byte(filetime >> 40), byte(filetime >> 32), byte(filetime >> 24), byte(filetime >> 16)}
}
