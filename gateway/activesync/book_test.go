package activesync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// What was read of the contacts is kept, and follows every change of them.
func TestResolvedContactsFollowTheirFolders(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	who := func(to string) string {
		return strings.Join(elements(p.send("ResolveRecipients", resolveRequest("", to)), "EmailAddress"), " ")
	}
	card := func(name, address string) string {
		return "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:" + name + "\r\nFN:" + name + "\r\nN:" + name + ";;;;\r\nEMAIL:" + address + "\r\nEND:VCARD\r\n"
	}
	if got := who("zoe"); got != "" {
		t.Errorf("before: %s", got)
	}
	it := h.addCard(t, card("Zoe", "zoe@example.net"))
	h.addCard(t, "no card")
	other := h.addCard(t, card("Yann", "yann@example.net"))
	for range 2 {
		if got := who("zoe") + " " + who("yann"); got != "zoe@example.net yann@example.net" {
			t.Errorf("added: %s", got)
		}
	}
	body, err := h.mailboxes.PrepareObject(t.Context(), mail.ClassContacts, []byte(card("Zoe", "zoe@example.com")))
	if err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.ReplaceBody(tx, h.box, it.Folder, it.ID, body, nil)
		return err
	})
	if got := who("zoe") + " " + who("zoe@example.net"); got != "zoe@example.com " {
		t.Errorf("changed: %s", got)
	}
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.Delete(tx, h.box, other.Folder, other.ID)
		return err
	})
	if got := who("zoe") + " " + who("yann"); got != "zoe@example.com " {
		t.Errorf("deleted: %s", got)
	}
}

// Contacts of another that are shared are found, those that are private are not,
// and none when the folder is not shared any more.
func TestPrivateContactsOfOthersAreNotResolved(t *testing.T) {
	h := build(t)
	ctx := context.Background()
	bob, err := h.directory.AddUser(ctx, directory.Account{Login: "bob@example.org"}, "")
	if err != nil {
		t.Fatal(err)
	}
	his := mail.MailboxOf(bob.ID)
	var link mail.Folder
	add := func(name, class string) {
		body, err := h.mailboxes.PrepareObject(ctx, mail.ClassContacts, []byte("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:"+name+"\r\nN:"+name+";;;;\r\nEMAIL:"+strings.ToLower(name)+"@example.net\r\nCLASS:"+class+"\r\nEND:VCARD\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		h.update(t, func(tx *store.Tx) error {
			f, err := h.mailboxes.FolderByRole(tx, his, mail.RoleContacts)
			if err == nil {
				_, err = h.mailboxes.Append(tx, his, f.ID, mail.NewItem{Class: mail.ClassContacts, Body: body})
			}
			return err
		})
	}
	add("Open", "PUBLIC")
	add("Closed", "PRIVATE")
	share := func(rights mail.Rights) {
		h.update(t, func(tx *store.Tx) error {
			f, err := h.mailboxes.FolderByRole(tx, his, mail.RoleContacts)
			if err != nil {
				return err
			}
			if link.ID == 0 {
				link, err = h.mailboxes.CreateLink(tx, h.box, 0, "Bob: Contacts", mail.Link{Box: his, Folder: f.ID, Rights: rights})
				return err
			}
			_, err = h.mailboxes.UpdateLink(tx, h.box, link.ID, 0, "Bob: Contacts", rights)
			return err
		})
	}
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	who := func() string {
		return strings.Join(elements(p.send("ResolveRecipients", resolveRequest("", "open", "closed")), "EmailAddress"), " ")
	}
	if got := who(); got != "" {
		t.Errorf("not shared: %s", got)
	}
	share(mail.MayRead)
	if got := who(); got != "open@example.net" {
		t.Errorf("shared: %s", got)
	}
	share(mail.MayRead | mail.MaySee)
	if got := who(); got != "open@example.net closed@example.net" {
		t.Errorf("shared with what is private: %s", got)
	}
	h.update(t, func(tx *store.Tx) error { return h.mailboxes.DropLink(tx, h.box, link.ID) })
	if got := who(); got != "" {
		t.Errorf("not shared any more: %s", got)
	}
}

// Somebody with 5,000 contacts who picks a recipient.
func BenchmarkResolveAmongFiveThousand(b *testing.B) {
	h := build(b)
	for i := range 4999 {
		h.addCard(b, fmt.Sprintf("BEGIN:VCARD\nVERSION:4.0\nFN:Person %d\nN:%d;Person;;;\nEMAIL:p%d@example.net\nTEL:+49 30 %d\nEND:VCARD\n", i, i, i, i))
	}
	p := newPhone(b, h, "iphone", "16.1")
	p.provision()
	body, err := fromXML(resolveRequest("", "person 998"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if a := p.post("ResolveRecipients", "application/vnd.ms-sync.wbxml", body); a.status != 200 {
			b.Fatal(a.status)
		}
	}
}
