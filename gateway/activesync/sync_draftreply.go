package activesync

import (
	"martlet/mail"
	"martlet/mail/draft"
	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/sync/class"
	"martlet/sync/engine"
)

// rewritten tells that a draft was changed by somebody else: its client gets all
// of it (MS-ASEMAIL_R94).
func rewritten(ch *engine.ItemChange) bool {
	return ch.Item.Class == mail.ClassEmail && ch.Item.Flags&mail.FlagDraft != 0 && ch.Parts&mail.PartOther != 0
}

// reply implements writer. Of a change only attachments are worth an answer
// (MS-ASCMD_R6234); what was sent has no ServerId.
func (c *draftCommand) reply(r *renderer, d *engine.Response, w *eas.SyncCommand) (eas.SyncReply, bool) {
	if c.text != nil {
		return r.smsReply(d, w)
	}
	ix := r.indexes[d.Item.Blob]
	var data eas.DraftReply
	if ix != nil && !c.send {
		data.Attachments = c.added(&d.Item, ix)
	}
	if d.Kind == engine.Change {
		if data.Attachments == nil {
			return eas.SyncReply{}, false
		}
		return eas.SyncReply{Change: &eas.SyncChangeReply{ServerID: w.Change.ServerID, Status: eas.SyncStatusSuccess, ApplicationData: &data}}, true
	}
	reply := &eas.SyncAddReply{ClientID: w.Add.ClientID, Status: eas.SyncStatusSuccess}
	if d.Item.ID != 0 {
		reply.ServerID = itemServerID(r.c.request.Folder, d.Item.ID)
	}
	if ix != nil {
		class.RenderDraft(&d.Item, ix, &data)
		reply.ApplicationData = &data
	}
	return eas.SyncReply{Add: reply}, true
}

// added names the attachments that the client has added (MS-ASAIRS_R1336). They
// are the last of their names.
func (d *draftCommand) added(it *mail.Item, ix *message.Index) []eas.AttachmentReply {
	files := ix.Attachments()
	var out []eas.AttachmentReply
	for i := len(d.data.Attachments) - 1; i >= 0; i-- {
		a := d.data.Attachments[i].Add
		if a == nil {
			continue
		}
		name := draft.FileName(a.DisplayName)
		for j := len(files) - 1; j >= 0; j-- {
			if ix.AttachmentName(files[j]) != name {
				continue
			}
			out = append([]eas.AttachmentReply{class.RenderAdded(it, ix, files[j], a.ClientID)}, out...)
			files = append(files[:j:j], files[j+1:]...)
			break
		}
	}
	return out
}
