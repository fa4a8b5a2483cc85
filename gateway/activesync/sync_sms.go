package activesync

import (
	"context"
	"time"

	"martlet/mail"
	"martlet/mail/draft"
	"martlet/protocol/eas"
	"martlet/sync/class"
	"martlet/sync/engine"
)

// Short messages lie in the folders of mail. Phones upload theirs, and those
// devices get them that ask for the class (MS-ASMS, MS-ASCMD 2.2.3.27.6).

const classSMS = "SMS"

// syncsSMS tells whether a folder's short messages can be synchronised: not
// before 14.0, and in that version only in three folders.
func syncsSMS(v eas.Version, folder mail.Class, role mail.Role) bool {
	switch {
	case v < eas.V140 || folder != mail.ClassEmail:
		return false
	case v == eas.V140:
		return role == mail.RoleInbox || role == mail.RoleSent || role == mail.RoleOutbox
	}
	return true
}

// readSMSOptions reads the options block of the short messages. One that stands
// alone says that no mail is wanted (MS-ASCMD_R932, R933).
func (c *syncCollection) readSMSOptions(s *session, blocks []eas.SyncOptions) error {
	own := false
	for i := range blocks {
		if blocks[i].Class != classSMS {
			own = true
			continue
		}
		if !syncsSMS(s.version, c.class, c.role) {
			return errClasses
		}
		if err := checkOptions(&blocks[i], mail.ClassEmail); err != nil {
			return err
		}
		c.smsOptions = &blocks[i]
	}
	if c.smsOptions == nil {
		return nil
	}
	c.request.OnlySMS = !own
	// What waits in the Outbox is for the phone that sends it (MS-ASCMD_R2253).
	if c.role != mail.RoleOutbox || s.device.OutboundSMS {
		filter := uint8(0)
		if f := c.smsOptions.FilterType; f != nil {
			filter = uint8(*f)
		}
		c.request.SMS = &filter
	}
	return nil
}

// readSMS reads a short message that the client adds.
func (c *syncCollection) readSMS(s *session, cmd engine.Command, data []byte) (engine.Command, error) {
	if !syncsSMS(s.version, c.class, c.role) {
		return cmd, errNotAccepted
	}
	m, state, err := class.ReadSMS(data, s.version)
	if err != nil {
		return cmd, err
	}
	c.writeWith(&draftCommand{text: m, state: state})
	return cmd, nil
}

// prepareSMS makes a message of a short one.
func (h *Handler) prepareSMS(ctx context.Context, s *session, role mail.Role, d *draftCommand, cmd *engine.Command) error {
	m := d.text
	received := m.Received
	if received.IsZero() {
		received = time.Now()
	}
	e := draft.Edit{MessageID: newMessageID(s), Subject: &m.Subject, Text: &draft.Text{Data: m.Text}}
	if m.From != "" {
		e.From = &m.From
	}
	if m.To != "" {
		e.To = &m.To
	}
	if m.Importance != nil {
		v := int8(*m.Importance)
		e.Importance = &v
	}
	raw, err := draft.Apply(nil, &e)
	if err != nil {
		return err
	}
	state := mail.Item{}
	if role != mail.RoleInbox { // it is the user's own
		state.Flags = mail.FlagSeen
	}
	if err := d.state(&state); err != nil {
		return err
	}
	body, err := h.c.Mailboxes.Prepare(ctx, draft.Dated(raw, received))
	if err != nil {
		return err
	}
	cmd.New = &mail.NewItem{Class: mail.ClassSMS, Received: received.UnixMilli(), Body: body, Flags: state.Flags, FollowUp: state.FollowUp, Keywords: state.Keywords}
	return nil
}

// smsReply answers a short message that was taken (MS-ASCMD_R944).
func (r *renderer) smsReply(d *engine.Response, w *eas.SyncCommand) (eas.SyncReply, bool) {
	reply := &eas.SyncAddReply{Class: classSMS, ClientID: w.Add.ClientID, Status: eas.SyncStatusSuccess}
	if d.Item.ID != 0 {
		reply.ServerID = itemServerID(r.c.request.Folder, d.Item.ID)
	}
	return eas.SyncReply{Add: reply}, true
}

// smsClassOf names the class of a short message among mail (MS-ASCMD_R940,
// R944); of one that is deleted not at 14.0 (MS-ASCMD_R6300).
func (r *renderer) smsClassOf(ch *engine.ItemChange) string {
	if !ch.SMS || ch.Kind == engine.Deleted && r.s.version == eas.V140 {
		return ""
	}
	return classSMS
}

// optionsFor are the options of an item's class.
func (r *renderer) optionsFor(it *mail.Item) *class.Options {
	if it.Class == mail.ClassSMS && r.c.smsOptions != nil {
		return class.OptionsOf(r.s.version, r.c.smsOptions)
	}
	return r.opt
}
