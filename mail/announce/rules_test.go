package announce

import (
	"testing"

	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

func TestVIPsAndInvitationsAreUrgent(t *testing.T) {
	h := newHouse(t)
	id := h.phone(func(r *Registration) { r.VIPs = []string{"Boss@Example.NET", "@family.example"} }).ID
	for _, c := range []struct {
		m    letter
		high bool
	}{
		{letter{}, false},
		{letter{from: "The Boss <BOSS@example.net>"}, true},
		{letter{from: "Mum <mum@home.family.example>"}, true},
		{letter{from: "Mum <mum@notfamily.example>"}, false},
		{letter{header: "Content-Type: text/calendar; method=REQUEST\r\n", text: "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261124T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR"}, true},
		{letter{header: "Content-Type: text/calendar; method=REPLY\r\n", text: "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nEND:VCALENDAR"}, false},
	} {
		h.deliver(c.m)
		if n := h.only(id); n.High != c.high {
			t.Errorf("%s: %s", c.m.from, spell([]*push.Notification{n}))
		}
	}
}

func TestOnlyVIPsAreAnnouncedWhereNobodyElseIsToBe(t *testing.T) {
	h := newHouse(t)
	id := h.phone(func(r *Registration) { r.VIPs, r.OnlyVIP = []string{"boss@example.net"}, true }).ID
	h.deliver(letter{})
	h.deliver(letter{from: "The Boss <boss@example.net>", subject: "Now"})
	h.says(id, "[alert high | The Boss | Now | Text 2. | 2]")
}

func TestOnlyWatchedFoldersCount(t *testing.T) {
	h := newHouse(t)
	lists := h.makeFolder("Lists")
	inbox := h.phone().ID
	named := h.phone(func(r *Registration) { r.Device, r.Token, r.Folders = "named", token(1), []mail.FolderID{lists} }).ID
	every := h.phone(func(r *Registration) { r.Device, r.Token, r.All = "every", token(2), true }).ID
	h.deliver(letter{folder: lists, subject: "List"})
	h.deliver(letter{folder: h.folder(mail.RoleJunk), subject: "Junk"})
	h.nothing(inbox)
	h.says(named, "[alert | Carol | List | Text 1. | 1]")
	h.says(every, "[alert | Carol | List | Text 1. | 1]")
	h.deliver(letter{subject: "In"})
	h.says(inbox, "[alert | Carol | In | Text 3. | 1]")
	h.nothing(named)
	h.says(every, "[alert | Carol | In | Text 3. | 2]")
}

func TestAFolderThatIsGoneStopsNobody(t *testing.T) {
	h := newHouse(t)
	lists := h.makeFolder("Lists")
	id := h.phone(func(r *Registration) { r.Folders = []mail.FolderID{lists, h.folder(mail.RoleInbox)} }).ID
	h.deliver(letter{folder: lists})
	h.update(func(tx *store.Tx) error { return h.boxes.DeleteFolder(tx, mail.MailboxOf(h.alice), lists) })
	h.must(h.boxes.Sweep(h.ctx()))
	h.deliver(letter{subject: "In"})
	h.says(id, "[alert | Carol | In | Text 2. | 1]")
}
