package class

import (
	"io"
	"reflect"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
)

// values are what the pointers of one eas.Email point to, kept together so that
// a message costs few allocations.
type values struct {
	subject    string
	importance uint8
	read       bool
	draft      bool
	blind      bool
	verb       uint8
	body       eas.Body
	data       string
	part       eas.BodyPart
	partData   string
	flag       eas.Flag
	flagStatus uint8
	reminder   bool
	legacy     struct {
		size      uint32
		truncated bool
	}
	items       [4]eas.AttachmentItem
	attachments [4]eas.Attachment
}

// RenderEmail fills dst with all elements of a message that opt.Version knows.
// src is the raw message, which ix describes; only what is shown of it is read.
func RenderEmail(item *mail.Item, ix *message.Index, src io.ReaderAt, opt *Options, dst *eas.Email) error {
	v := &values{}
	renderEnvelope(item, ix, opt.Version, v, dst)
	renderState(item, mail.AllParts, ix, opt.Version, v, dst)
	dst.MessageClass = messageClass(ix, src)
	if isMeeting(dst.MessageClass) {
		dst.MeetingRequest = meetingRequest(ix, src, dst.MessageClass, item, opt.Version)
	}
	if opt.Version >= eas.V120 {
		dst.ContentClass = contentClass(dst.MessageClass)
	}
	if opt.Version >= eas.V140 {
		dst.ConversationID = conversationID(item, ix)
		dst.ConversationIndex = conversationIndex(item, ix)
	}
	b := bodyReader{ix: ix, src: src}
	var files []int
	b.pieces, files = ix.Shape()
	if dst.MeetingRequest != nil {
		files = b.takeMeeting(files)
	}
	dst.InternetCPID = internetCPID(ix, b.pieces)
	if opt.Version < eas.V120 {
		dst.LegacyAttachments = legacyAttachments(item, ix, files)
		return b.renderLegacy(opt, v, dst)
	}
	dst.Attachments = attachments(item, ix, files, v)
	if opt.Version >= eas.V140 {
		renderVoice(ix, files, dst)
	}
	dst.NativeBodyType = b.native()
	if len(opt.BodyParts) > 0 {
		if err := b.renderPart(opt, v, dst); err != nil || len(opt.BodyPreferences) == 0 {
			return err // MS-ASCON_R247: only the part
		}
	}
	return b.render(opt, v, dst)
}

// RenderEmailChange fills dst with what changed of a message, and tells whether
// that is anything: clients must not get a message again because it was read,
// nor its flag and categories (MS-ASEMAIL 3.2.5.4.1). A flag has the message's
// subject (MS-ASEMAIL_R1053) if ix is not nil.
func RenderEmailChange(item *mail.Item, parts mail.Parts, ix *message.Index, opt *Options, dst *eas.Email) bool {
	renderState(item, parts, ix, opt.Version, &values{}, dst)
	return !reflect.ValueOf(dst).Elem().IsZero()
}

// NeedsSubject tells whether a change of the message's flag shows its subject,
// so that RenderEmailChange needs the index.
func NeedsSubject(item *mail.Item, parts mail.Parts) bool {
	return parts&mail.PartFollowUp != 0 && item.FollowUp.Status != mail.FollowUpNone && item.FollowUp.Subject == ""
}

// renderEnvelope fills what the header says.
func renderEnvelope(item *mail.Item, ix *message.Index, version eas.Version, v *values, dst *eas.Email) {
	v.subject, v.importance = ix.Subject, uint8(ix.Importance)
	dst.Subject, dst.Importance = &v.subject, &v.importance
	dst.To = addressList(ix.To, ", ", maxRecipients)
	dst.Cc = addressList(ix.Cc, ", ", maxRecipients)
	dst.From = addressList(ix.From, ", ", maxRecipients)
	dst.ReplyTo = addressList(ix.ReplyTo, "; ", maxRecipients)
	dst.DisplayTo = displayNames(ix.To)
	dst.DateReceived = time.UnixMilli(item.Received).UTC()
	dst.ThreadTopic = ix.ThreadTopic
	if version >= eas.V140 && len(ix.Sender) > 0 {
		// Only who sent for somebody else is named (MS-ASEMAIL 2.2.2.70).
		if len(ix.From) == 0 || !strings.EqualFold(ix.Sender[0].Address, ix.From[0].Address) {
			dst.Sender = ix.Sender[0].String()
		}
	}
	if v.blind = item.Flags&mail.FlagBcc != 0; v.blind && version >= eas.V140 { // MS-ASEMAIL_R649
		dst.ReceivedAsBcc = &v.blind
	}
	if version >= eas.V160 {
		dst.Bcc = addressList(ix.Bcc, ", ", maxBcc)
	}
}

// renderState fills what users and clients change, as far as it is among the
// parts.
func renderState(item *mail.Item, parts mail.Parts, ix *message.Index, version eas.Version, v *values, dst *eas.Email) {
	if parts&mail.PartRead != 0 {
		v.read = item.Flags&mail.FlagSeen != 0
		dst.Read = &v.read
	}
	if version >= eas.V120 && parts&mail.PartFollowUp != 0 {
		dst.Flag = renderFlag(&item.FollowUp, v)
		if item.FollowUp.Status != mail.FollowUpNone && dst.Flag.Subject == "" && ix != nil {
			dst.Flag.Subject = cutAt(ix.Subject, maxFlagSubject) // clients send it back
		}
	}
	if version >= eas.V140 && parts&mail.PartKeywords != 0 {
		dst.Categories = categories(item.Keywords)
	}
	if parts&mail.PartOther == 0 {
		return
	}
	if version >= eas.V140 {
		renderVerb(item, v, dst)
	}
	if version >= eas.V160 {
		v.draft = item.Flags&mail.FlagDraft != 0
		dst.IsDraft = &v.draft
	}
}

// The last verbs (MS-ASEMAIL 2.2.2.44).
const (
	verbReply    = 1
	verbReplyAll = 2
	verbForward  = 3
)

// renderVerb tells what was last done with the message; IMAP clients say so
// with flags only.
func renderVerb(item *mail.Item, v *values, dst *eas.Email) {
	v.verb = item.LastVerb
	switch {
	case v.verb >= verbReply && v.verb <= verbForward:
		dst.LastVerbExecutionTime = item.VerbTime
	case item.Flags&mail.FlagForwarded != 0:
		v.verb = verbForward
	case item.Flags&mail.FlagAnswered != 0:
		v.verb = verbReply
	default:
		return
	}
	dst.LastVerbExecuted = &v.verb
}
