package class

import (
	"martlet/mail"
	"martlet/mail/message"
)

// threadReplies is where Thread-Index begins to tell of replies (MS-OXOMSG
// 2.2.1.3).
const threadReplies = 22

// conversationID names the conversation of a message (MS-ASEMAIL 2.2.2.21):
// opaque bytes, the same for all its messages. One that came before mailboxes
// knew of conversations shows the one it will most likely get.
func conversationID(item *mail.Item, ix *message.Index) []byte {
	t := item.Thread
	if t.IsZero() {
		t = mail.OutlookThread(ix)
	}
	if t.IsZero() {
		t = mail.RootThread(ix)
	}
	if t.IsZero() {
		t = mail.LoneThread(item.Blob)
	}
	return t[:]
}

// conversationIndex is when the conversation began and when each reply was
// written (MS-ASCON 2.2.2.4).
func conversationIndex(item *mail.Item, ix *message.Index) []byte {
	if len(item.Index) > 0 {
		return item.Index
	}
	return mail.ConversationIndex(ix, item.Received, nil)
}
