package activesync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/compose"
	"martlet/mail/message"
	"martlet/mail/route"
	"martlet/protocol/eas"
	"martlet/store"
)

// smart is a SmartReply or a SmartForward, as any version wrote it.
type smart struct {
	kind     compose.Kind
	source   *eas.SmartSource
	mime     []byte
	replace  bool
	save     bool
	clientID string

	forwardees []eas.Forwardee // instead of mime
	body       *eas.Body
}

// fromQuery takes what versions before 14.0 say in the request line (MS-ASHTTP
// 2.2.1.1.1.2.5). There is no ClientId: the request itself is remembered.
func (m *smart) fromQuery(s *session) {
	q := &s.query
	m.source = &eas.SmartSource{FolderID: q.CollectionID, ItemID: q.ItemID, LongID: q.LongID, InstanceID: q.Occurrence}
	m.mime, m.save = s.body, q.SaveInSent
	m.clientID = hashed(s.command.name, q.CollectionID, q.ItemID, q.LongID, q.Occurrence, string(s.body))
}

// hashed makes a ClientId of what a request says.
func hashed(parts ...string) string {
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(strconv.AppendInt(nil, int64(len(p)), 10)) // no part runs into the next
		sum.Write([]byte(":" + p))
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// checkComposed checks what all commands that send a message have in common.
func checkComposed(clientID, accountID, templateID string) error {
	switch {
	case accountID != "": // there is but one account (MS-ASCMD 2.2.3.3.1)
		return statusError(eas.StatusInvalidAccountID)
	case templateID != "":
		return statusError(eas.StatusIRMFeatureDisabled)
	case clientID == "" || len(clientID) > maxClientID:
		return statusError(eas.StatusInvalidXML)
	}
	return nil
}

// sendSmart finds the original, puts the two messages together and sends what
// comes of it, once. The original tells what was done with it, in the same
// transaction.
func (h *Handler) sendSmart(ctx context.Context, s *session, m *smart) error {
	sub := route.Submission{Account: s.account.ID, SaveInSent: m.save, Once: route.Key{Account: s.account.ID, Device: s.query.DeviceID, ClientID: m.clientID}}
	if sent, err := h.c.Router.Sent(ctx, sub.Once); err != nil {
		return sendError(err)
	} else if sent {
		return h.sentBefore(s)
	}
	item, ix, err := h.openSource(ctx, s, m.source)
	switch {
	case err != nil:
		return err
	case len(m.mime) == 0 && len(m.forwardees) == 0:
		return statusError(eas.StatusInvalidMIME)
	case item.Class != mail.ClassEmail && m.kind == compose.Reply: // MS-ASCMD_R4410
		return statusError(eas.StatusMessageReplyNotAllowed)
	case item.Class != mail.ClassEmail && item.Class != mail.ClassCalendar:
		return statusError(eas.StatusUnexpectedItemClass)
	}
	// The original, its parts and what comes of them are in memory together.
	release, err := h.reserve(ctx, 3*item.Blob.Size)
	if err != nil {
		return err
	}
	defer release()
	original, err := h.openOriginal(ctx, s, &item, ix)
	if err != nil {
		return err
	}
	ix = original.Index
	if err := prepareMeeting(s, m, original); err != nil {
		return err
	}
	sub.Raw, err = composeSmart(m, original, h.c.MaxMessageBytes)
	if err != nil {
		return err
	}
	if sub.With, err = h.forwardNotice(ctx, s, m, ix, sub.Raw); err != nil {
		return err
	}
	if item.Class == mail.ClassEmail {
		sub.Then = h.markDone(s, &item, verbOf(s, m, ix, sub.Raw))
	}
	return h.submit(ctx, s, sub)
}

// sentBefore is the answer to a message that was sent before, so that the phone
// whose answer was lost takes it off its list: a status of its own since 14.0
// (MS-ASCMD_R4848), a success before, where it has none.
func (h *Handler) sentBefore(s *session) error {
	h.sessionLog(s).Info("message was sent before")
	if s.version >= eas.V140 {
		return statusError(eas.StatusMessagePreviouslySent)
	}
	return nil
}

// composeSmart puts the client's message and the original together. What goes
// wrong with a message, up to a panic over bytes nobody has foreseen, is told
// as such.
func composeSmart(m *smart, o *compose.Original, limit int64) (raw []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			raw, err = nil, statusError(eas.StatusMessageReplyFailed)
		}
	}()
	raw, err = compose.Smart(m.mime, o, compose.Options{Kind: m.kind, Replace: m.replace, Now: time.Now(), Limit: limit})
	if errors.Is(err, compose.ErrTooLarge) {
		return nil, statusError(eas.StatusSendQuotaExceeded)
	}
	return raw, err
}

// openSource finds the message that is answered or forwarded (MS-ASCMD
// 2.2.3.173): by LongId, or by folder and item.
func (h *Handler) openSource(ctx context.Context, s *session, q *eas.SmartSource) (item mail.Item, ix *message.Index, err error) {
	switch {
	case q == nil, *q == eas.SmartSource{}: // MS-ASCMD_R3969
		return item, nil, statusError(eas.StatusInvalidXML)
	case q.LongID != "" && (q.FolderID != "" || q.ItemID != "" || q.InstanceID != ""): // MS-ASCMD_R3243
		return item, nil, statusError(eas.StatusInvalidCombinationOfIDs)
	case q.LongID == "" && (q.FolderID == "" || q.ItemID == ""):
		return item, nil, statusError(eas.StatusInvalidCombinationOfIDs)
	}
	item, ix, err = h.openNamed(ctx, s, q.FolderID, q.ItemID, q.LongID)
	if errors.Is(err, mail.ErrNoItem) || errors.Is(err, mail.ErrNoFolder) { // MS-ASCMD_R4930
		return item, nil, statusError(eas.StatusItemNotFound)
	}
	return item, ix, err
}

// The verbs (MS-ASEMAIL 2.2.2.44).
const (
	verbReply    = 1
	verbReplyAll = 2
	verbForward  = 3
)

// verbOf tells what a user did with a message. A reply is one to all if it goes
// to somebody else whom the original went to.
func verbOf(s *session, m *smart, original *message.Index, raw []byte) uint8 {
	if m.kind == compose.Forward {
		return verbForward
	}
	answer := message.Parse(raw)
	senders := slices.Concat(original.From, original.ReplyTo, original.Sender)
	in := func(list []message.Address, address string) bool {
		return slices.ContainsFunc(list, func(a message.Address) bool { return strings.EqualFold(a.Address, address) })
	}
	others := 0
	for _, to := range slices.Concat(answer.To, answer.Cc, answer.Bcc) {
		if to.Address == "" || isOwn(s, to.Address) || in(senders, to.Address) {
			continue
		}
		if in(original.To, to.Address) || in(original.Cc, to.Address) {
			others++
		}
	}
	// Who answers what they sent themselves answers whom they sent it to.
	if len(original.From) > 0 && isOwn(s, original.From[0].Address) {
		others--
	}
	if others > 0 {
		return verbReplyAll
	}
	return verbReply
}

// isOwn tells whether an address is the user's.
func isOwn(s *session, address string) bool {
	return strings.EqualFold(address, s.account.Login) || slices.ContainsFunc(s.account.Aliases, func(a string) bool { return strings.EqualFold(a, address) })
}

// markDone notes with the original what was done with it (MS-ASEMAIL 2.2.2.44,
// 2.2.2.45). One that is gone by then needs no mark, and one that may only be read
// gets none.
func (h *Handler) markDone(s *session, item *mail.Item, verb uint8) func(tx *store.Tx) error {
	now, id := time.Now(), formatLongID(item)
	return func(tx *store.Tx) error {
		it, err := h.itemByLongID(tx, s, id) // it may have moved meanwhile
		if err == nil {
			_, err = h.c.Mailboxes.UpdateItem(tx, s.box, it.Folder, it.ID, func(it *mail.Item) {
				it.LastVerb, it.VerbTime = verb, now
				if verb == verbForward {
					it.Flags |= mail.FlagForwarded
				} else {
					it.Flags |= mail.FlagAnswered
				}
			})
		}
		if errors.Is(err, mail.ErrNoItem) || errors.Is(err, mail.ErrNoFolder) || errors.Is(err, mail.ErrReadOnly) {
			return nil
		}
		return err
	}
}
