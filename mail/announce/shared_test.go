package announce

import (
	"testing"

	"martlet/mail"
	"martlet/store"
)

// What others write into a folder that was shared stands in their log.
func TestFoldersOfOthersAreNotAnnounced(t *testing.T) {
	h := newHouse(t)
	bob := mail.MailboxOf(h.bob)
	h.must(h.boxes.Create(h.ctx(), bob))
	var link mail.FolderID
	h.update(func(tx *store.Tx) error {
		inbox, err := h.boxes.FolderByRole(tx, bob, mail.RoleInbox)
		if err != nil {
			return err
		}
		f, err := h.boxes.CreateLink(tx, mail.MailboxOf(h.alice), 0, "Bob: Inbox", mail.Link{Box: bob, Folder: inbox.ID, Rights: mail.MayRead | mail.MayWrite})
		link = f.ID
		return err
	})
	all := h.phone(func(r *Registration) { r.All = true }).ID
	named := h.phone(func(r *Registration) { r.Device, r.Token, r.Folders = "other", token(2), []mail.FolderID{link} }).ID
	for range 3 {
		h.deliver(letter{folder: link})
	}
	h.nothing(all)
	h.nothing(named)
	h.deliver(letter{subject: "Own"})
	h.says(all, "[alert | Carol | Own | Text 4. | 1]")
	h.nothing(named)
}
