package mail

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"

	"martlet/mail/message"
	"martlet/store/blob"
)

// ThreadID names a conversation: the same for all its messages, in all folders
// of a mailbox. Zero is none, as of what is no message.
type ThreadID [16]byte

// IsZero tells whether it is none.
func (t ThreadID) IsZero() bool { return t == ThreadID{} }

// MessageHash stands for a Message-ID, without its angle brackets. Zero is
// none.
type MessageHash uint64

// HashMessageID returns the hash of a Message-ID.
func HashMessageID(id string) MessageHash {
	if id == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(id))
	return MessageHash(binary.BigEndian.Uint64(sum[:]))
}

// The header of Thread-Index (MS-OXOMSG 2.2.1.3): a reserved byte, five bytes
// of time, a GUID of sixteen bytes, then five bytes for each reply.
const (
	threadGUID    = 6
	threadReplies = threadGUID + len(ThreadID{})
)

// OutlookThread is the conversation that Outlook's Thread-Index names, zero
// without one.
func OutlookThread(ix *message.Index) (t ThreadID) {
	if len(ix.ThreadIndex) >= threadReplies {
		copy(t[:], ix.ThreadIndex[threadGUID:])
	}
	return t
}

// RootThread is the conversation of a message by its root, so that replies that
// come before their original, or without it, are of one conversation. The topic
// counts only for a message that names none, itself included.
func RootThread(ix *message.Index) (t ThreadID) {
	root := ix.Root()
	if root == "" && ix.ThreadTopic != "" {
		root = "topic:" + strings.ToLower(ix.ThreadTopic)
	}
	if root == "" {
		return t
	}
	sum := sha256.Sum256([]byte(root))
	copy(t[:], sum[:])
	return t
}

// LoneThread is the conversation of a message that says nothing of where it
// belongs, nor what it is about: it is alone in it.
func LoneThread(ref blob.Ref) (t ThreadID) {
	sum := sha256.Sum256(append([]byte("alone:"), ref.Hash[:]...))
	copy(t[:], sum[:])
	return t
}

// Parents are the messages that a message follows: what it answers first, then
// its other ancestors, the nearest first.
func Parents(ix *message.Index) []string {
	all := make([]string, 0, len(ix.References)+1)
	add := func(id string) {
		for _, seen := range all {
			if id == seen {
				return
			}
		}
		if id != "" {
			all = append(all, id)
		}
	}
	add(ix.InReplyTo)
	for i := len(ix.References) - 1; i >= 0; i-- {
		add(ix.References[i])
	}
	return all
}

// Lengths in a conversation index (MS-ASCON 2.2.2.4).
const (
	indexHeader  = 5
	responseSize = 5
	maxResponses = 50 // a thread that goes deeper stays as deep
)

// ConversationIndex tells a client where a message stands in its conversation:
// when that began and, for each reply from there to the message, when it was
// written (MS-ASCON 2.2.2.4). It is what Outlook says of it, or the index of
// the message it follows with one level more; parent may be nil.
func ConversationIndex(ix *message.Index, received int64, parent []byte) []byte {
	if t := ix.ThreadIndex; len(t) >= threadReplies {
		replies := t[threadReplies:]
		replies = replies[:min(len(replies)/responseSize, maxResponses)*responseSize]
		out := make([]byte, 0, indexHeader+len(replies))
		return append(append(out, t[threadGUID-indexHeader:threadGUID]...), replies...)
	}
	at := ix.Date
	if at.IsZero() || at.Year() < 1990 {
		at = time.UnixMilli(received)
	}
	now := fileTime(at)
	if len(parent) < indexHeader {
		// The first byte of a FILETIME is 1 until the year 2057 and is left out,
		// as are its last two.
		return []byte{byte(now >> 48), byte(now >> 40), byte(now >> 32), byte(now >> 24), byte(now >> 16)}
	}
	out := append([]byte(nil), parent...)
	if len(out) >= indexHeader+maxResponses*responseSize {
		return out
	}
	began := now>>56<<56 | uint64(out[0])<<48 | uint64(out[1])<<40 | uint64(out[2])<<32 | uint64(out[3])<<24 | uint64(out[4])<<16
	return append(out, responseLevel(now, began)...)
}

// responseLevel is how long after the beginning a reply was written (MS-OXOMSG
// 2.2.1.3): a bit for the scale and 31 bits of time, and a byte that need only
// differ from that of a reply at the same time.
func responseLevel(now, began uint64) []byte {
	var delta uint64
	if now > began {
		delta = now - began
	}
	scaled := uint32(delta >> 18 & 0x7fffffff)
	if delta >= 1<<49 {
		scaled = uint32(min(delta>>23, 0x7fffffff)) | 1<<31
	}
	out := binary.BigEndian.AppendUint32(nil, scaled)
	return append(out, byte(now>>8))
}

// fileTime counts 100 ns since 1601.
func fileTime(t time.Time) uint64 {
	const epoch = 11644473600
	return uint64(t.Unix()+epoch)*1e7 + uint64(t.Nanosecond()/100)
}
