package activesync

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/draft"
	"martlet/mail/message"
	"martlet/mail/route"
	"martlet/protocol/eas"
	"martlet/store"
	"martlet/sync/class"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// draftCommand is an Add or a Change of a draft (MS-ASCMD 2.2.3.7.2, 2.2.3.24).
type draftCommand struct {
	data  *eas.Draft
	state func(*mail.Item) error
	send  bool
	name  string     // of this command with this content
	copy  string     // of this content
	text  *class.SMS // instead of data: a short message
	plan  *route.Plan
}

// draftState is what a draft holds after the commands so far.
type draftState struct {
	item mail.Item
	raw  []byte
	err  error
}

// takesDrafts tells whether the collection takes drafts: the Drafts folder does,
// from 16.0 on (MS-ASEMAIL_R1488).
func (c *syncCollection) takesDrafts(s *session) bool {
	return s.version >= eas.V160 && c.role == mail.RoleDrafts && c.class == mail.ClassEmail
}

// readDraft reads a draft that the client adds or changes.
func (c *syncCollection) readDraft(s *session, cmd engine.Command, data []byte, id string, send bool) (engine.Command, error) {
	d, state, err := class.EditDraft(data, s.version, cmd.Kind == engine.Add)
	if err != nil {
		return cmd, err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%d\x00%t\x00", id, c.request.Folder, send)
	sum.Write(data)
	content := sha256.Sum256(data)
	c.writeWith(&draftCommand{
		data: d, state: state, send: send || d.Send,
		name: hex.EncodeToString(sum.Sum(nil)[:20]), copy: hex.EncodeToString(content[:20]),
	})
	return cmd, nil
}

// prepare implements writer.
func (d *draftCommand) prepare(ctx context.Context, w *writing, cmd *engine.Command) error {
	h, s, c := w.h, w.s, w.c
	d.plan = nil
	if d.text != nil {
		return h.prepareSMS(ctx, s, c.role, d, cmd)
	}
	if cmd.Kind == engine.Add {
		return h.prepareNewDraft(ctx, s, c.request.Folder, d, cmd)
	}
	// Whatever comes of it, a command that was done is known by its name.
	cmd.ClientID, cmd.Edit = d.name, d.state
	st := w.drafts[cmd.Item]
	if st == nil {
		st = h.loadDraft(ctx, s, c.request.Folder, cmd.Item)
		w.drafts[cmd.Item] = st
	}
	switch {
	case errors.Is(st.err, mail.ErrNoItem):
		return nil // the engine finds the same
	case st.err != nil:
		return st.err
	case st.item.Flags&mail.FlagDraft == 0 && d.send:
		return class.ErrReadOnly
	case st.item.Flags&mail.FlagDraft == 0: // MS-ASCMD_R875
		return nil
	}
	return h.changeDraft(ctx, s, d, cmd, st)
}

// done implements writer: it ends what was sent.
func (d *draftCommand) done() {
	if d.plan != nil {
		d.plan.Done()
	}
}

// changeDraft prepares the change of a draft that is there.
func (h *Handler) changeDraft(ctx context.Context, s *session, d *draftCommand, cmd *engine.Command, st *draftState) error {
	edit, err := d.edit(s, &st.item, st.raw)
	if err != nil {
		return err
	}
	if edit.Nothing() && !d.send {
		return nil // only its state
	}
	raw, err := h.applyDraft(d, st.raw, edit)
	if err != nil {
		return err
	}
	cmd.From = st.item.Blob
	if d.send {
		cmd.Instead, err = h.planDraft(ctx, s, d, raw)
		return err
	}
	body, err := h.c.Mailboxes.Prepare(ctx, raw)
	if err != nil {
		return err
	}
	cmd.Body = &body
	st.raw, st.item.Blob = raw, body.Blob
	return nil
}

// prepareNewDraft prepares a new draft.
func (h *Handler) prepareNewDraft(ctx context.Context, s *session, f mail.FolderID, d *draftCommand, cmd *engine.Command) error {
	edit, err := d.edit(s, nil, nil)
	if err != nil {
		return err
	}
	raw, err := h.applyDraft(d, nil, edit)
	if err != nil {
		return err
	}
	if d.send {
		send, err := h.planDraft(ctx, s, d, raw)
		cmd.Instead = h.onceMade(s, f, d, send)
		return err
	}
	state := mail.Item{Flags: mail.FlagDraft | mail.FlagSeen}
	if err := d.state(&state); err != nil {
		return err
	}
	body, err := h.c.Mailboxes.Prepare(ctx, raw)
	if err != nil {
		return err
	}
	cmd.New = &mail.NewItem{Class: mail.ClassEmail, Body: body, Flags: state.Flags, FollowUp: state.FollowUp, Keywords: state.Keywords}
	cmd.Made = func(tx *store.Tx) (mail.ItemID, error) {
		item, _, err := h.c.Devices.FindMade(tx, s.id(), uint32(f), d.name, time.Now())
		if err != nil || item != 0 {
			return mail.ItemID(item), err
		}
		return h.lastCopy(tx, s, f, d)
	}
	cmd.Then = func(tx *store.Tx, item mail.ItemID) error {
		return h.c.Devices.NoteMade(tx, s.id(), device.Made{Digest: d.name, Folder: uint32(f), Item: uint32(item), When: time.Now(), Content: d.copy})
	}
	return nil
}

// loadDraft reads a draft with its bytes.
func (h *Handler) loadDraft(ctx context.Context, s *session, f mail.FolderID, id mail.ItemID) *draftState {
	st := &draftState{}
	st.err = h.c.Store.View(ctx, func(tx *store.Tx) (err error) {
		st.item, err = h.c.Mailboxes.Item(tx, s.box, f, id)
		return err
	})
	if st.err == nil && st.item.Flags&mail.FlagDraft != 0 && !st.item.Blob.IsZero() {
		st.raw, st.err = h.c.Mailboxes.Blobs().Read(ctx, st.item.Blob)
	}
	return st
}

// applyDraft edits a draft within the limits of a message.
func (h *Handler) applyDraft(d *draftCommand, raw []byte, edit *draft.Edit) ([]byte, error) {
	raw, err := draft.Apply(raw, edit)
	switch {
	case errors.Is(err, draft.ErrTooManyFiles), err == nil && int64(len(raw)) > h.c.MaxMessageBytes && len(d.data.Attachments) > 0:
		return nil, statusError(eas.StatusAttachmentIsTooLarge)
	case err != nil:
		return nil, err
	case int64(len(raw)) > h.c.MaxMessageBytes:
		return nil, class.ErrBadValue
	}
	return raw, nil
}

// planDraft plans the sending of a draft. Whoever cannot be written to is told
// of at once: the client keeps the draft (MS-ASCMD 2.2.2, status 183).
func (h *Handler) planDraft(ctx context.Context, s *session, d *draftCommand, raw []byte) (func(*store.Tx) error, error) {
	if !deliverable(message.Parse(raw)) {
		return nil, statusError(eas.StatusInvalidRecipients)
	}
	sub := route.Submission{Account: s.account.ID, Raw: draft.Dated(raw, time.Now()), SaveInSent: true, OwnFrom: true}
	p, err := h.c.Router.Plan(ctx, sub)
	switch {
	case errors.Is(err, mail.ErrNoRecipients):
		return nil, statusError(eas.StatusInvalidRecipients)
	case err != nil:
		return nil, sendError(err)
	}
	d.plan = p
	return p.Commit, nil
}

// deliverable tells whether a message has recipients, all with an address.
func deliverable(ix *message.Index) bool {
	n := 0
	for _, list := range [][]message.Address{ix.To, ix.Cc, ix.Bcc} {
		for _, a := range list {
			if _, err := mail.ParseAddress(a.Address); err != nil && !strings.EqualFold(a.Address, "postmaster") {
				return false
			}
			n++
		}
	}
	return n > 0
}

// edit turns what the client wrote into an edit of the draft, which is nil if it
// is a new one.
func (d *draftCommand) edit(s *session, it *mail.Item, raw []byte) (*draft.Edit, error) {
	w := d.data
	e := &draft.Edit{From: w.From, To: w.To, Cc: w.Cc, Bcc: w.Bcc, ReplyTo: w.ReplyTo, Subject: w.Subject}
	if w.Importance != nil {
		v := int8(*w.Importance)
		e.Importance = &v
	}
	e.MessageID = newMessageID(s)
	named := w.To != nil || w.Cc != nil || w.Bcc != nil || w.Subject != nil
	if it != nil && named {
		// What is left out is gone (MS-ASCMD_R879).
		for _, f := range []**string{&e.To, &e.Cc, &e.Bcc, &e.Subject} {
			if *f == nil {
				*f = new(string)
			}
		}
	}
	if b := w.Body; b != nil && b.Data != nil {
		if *b.Type == eas.BodyMIME {
			e.Whole, e.From, e.To, e.Cc, e.Bcc, e.ReplyTo, e.Subject = b.Data, nil, nil, nil, nil, nil, nil
		} else {
			e.Text = &draft.Text{HTML: *b.Type == eas.BodyHTML, Data: string(b.Data)}
		}
	}
	if it == nil && e.From == nil && (e.Whole == nil || len(message.Parse(e.Whole).From) == 0) {
		own := (&netmail.Address{Name: s.account.Name, Address: s.account.Login}).String()
		e.From = &own
	}
	return e, d.editFiles(e, it, raw)
}

// editFiles reads what becomes of the attachments (MS-ASAIRS 2.2.2.2, 2.2.2.21).
func (d *draftCommand) editFiles(e *draft.Edit, it *mail.Item, raw []byte) error {
	var ix *message.Index
	for _, a := range d.data.Attachments {
		switch {
		case a.Add != nil:
			if len(a.Add.Content) == 0 && e.Whole == nil {
				continue // iOS 16.2 names files that it does not send
			}
			e.Add = append(e.Add, fileOf(a.Add))
		case a.Delete != nil:
			f, id, number, err := class.ParseFileReference(a.Delete.FileReference)
			if err != nil || it == nil || f != it.Folder || id != it.ID {
				return class.ErrBadReference
			}
			if ix == nil {
				ix = message.Parse(raw)
			}
			if part, ok := class.FindPart(ix, number); ok { // else it is gone as wanted
				e.Remove = append(e.Remove, part)
			}
		}
	}
	return nil
}

// newMessageID is one of the user's domain.
func newMessageID(s *session) string {
	_, domain, _ := strings.Cut(s.account.Login, "@")
	return rand.Text()[:16] + "@" + domain
}

func fileOf(a *eas.AttachmentAdd) draft.File {
	return draft.File{
		Name: a.DisplayName, Type: a.ContentType, ContentID: a.ContentID, Location: a.ContentLocation,
		Inline: a.IsInline, Message: a.Method == eas.AttachEmbedded, Content: a.Content,
	}
}
