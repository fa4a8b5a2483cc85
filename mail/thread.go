package mail

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"martlet/mail/message"
)

// ThreadID names a conversation: the same for all its messages, in all folders
// of a mailbox. Zero is none: a message that says nothing of where it belongs.
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

// RootThread is the conversation of a message by its root: the first message,
// which replies name first among their references (RFC 5322 3.6.4). So replies
// that come before their original, or without it, are of one conversation. The
// topic counts only for a message that names none, itself included.
func RootThread(ix *message.Index) (t ThreadID) {
	root := ix.MessageID
	switch {
	case len(ix.References) > 0:
		root = ix.References[0]
	case ix.InReplyTo != "":
		root = ix.InReplyTo
	case root == "" && ix.ThreadTopic != "":
		root = "topic:" + strings.ToLower(ix.ThreadTopic)
	}
	if root == "" {
		return t
	}
	sum := sha256.Sum256([]byte(root))
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
