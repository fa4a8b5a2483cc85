// Package search knows what a search is: the tree of a query, the language in
// which people write one, the words of a message, and the segments in which
// words are kept. It must never read or write the store; mail/mailbox does.
package search

import (
	"time"

	"martlet/mail"
)

// Field is a set of places in a message where a word may stand.
type Field uint8

// The fields.
const (
	From       Field = 1 << iota // From and Sender: names and addresses
	To                           // To
	Cc                           // Cc and Bcc
	Subject                      //
	Body                         // the text that is shown
	Attachment                   // names of attachments

	AnyField Field = 0 // the zero Field of a query: all of them

	allFields    = From | To | Cc | Subject | Body | Attachment
	Recipients   = To | Cc        // whom a message went to
	Participants = From | To | Cc // whoever had to do with it
)

// Query is one node of the tree of a query: one of the types below. A nil Query
// matches every message.
type Query interface{ isQuery() }

type (
	// And matches what all of its queries match; an empty one matches everything.
	And []Query
	// Or matches what one of its queries matches; an empty one matches nothing.
	Or []Query
	// Not matches what its query does not match.
	Not struct{ Query Query }

	// Words matches messages that have all words of Text in the fields, in any
	// order. With Prefix the last word may be the beginning of a longer one.
	// Text without any word matches everything.
	Words struct {
		Fields Field
		Text   string
		Prefix bool
	}
	// Phrase matches messages that have the words of Text one after another in
	// one of the fields; Prefix is that of Words.
	Phrase struct {
		Fields Field
		Text   string
		Prefix bool
	}

	// Received matches messages received at Since or later and before Before.
	// A zero time is no bound.
	Received struct{ Since, Before time.Time }
	// Folders matches messages in one of the folders.
	Folders []mail.FolderID
	// Class matches items of the class.
	Class mail.Class
	// Thread matches messages of one conversation (mail.Item.Thread).
	Thread mail.ThreadID
	// HasAttachment matches messages with an attachment that is not a picture
	// within the text.
	HasAttachment struct{}
	// Importance matches messages of the importance (message.ImportanceLow, …).
	Importance int8
	// Flags matches messages that have all flags of Set and none of Clear.
	Flags struct{ Set, Clear mail.Flags }
	// FollowUp matches messages whose follow-up flag is in the state.
	FollowUp mail.FollowUpStatus
	// Category matches messages with the keyword, whatever its case.
	Category string
)

func (And) isQuery()           {}
func (Or) isQuery()            {}
func (Not) isQuery()           {}
func (Words) isQuery()         {}
func (Phrase) isQuery()        {}
func (Received) isQuery()      {}
func (Folders) isQuery()       {}
func (Class) isQuery()         {}
func (Thread) isQuery()        {}
func (HasAttachment) isQuery() {}
func (Importance) isQuery()    {}
func (Flags) isQuery()         {}
func (FollowUp) isQuery()      {}
func (Category) isQuery()      {}
