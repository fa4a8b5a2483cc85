package announce

import (
	"testing"
	"time"

	"martlet/mail"
	"martlet/push"
)

func TestWhatWaitedTooLongIsNotTold(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.held["phone"] = true
	h.deliver(letter{})
	h.nothing(id)
	h.now = h.now.Add(alertLife + time.Minute)
	h.held["phone"] = false
	h.nothing(id)
}

func TestAnImportIsNotCountedAmongTheNews(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	for range maxWaiting + 3 {
		h.deliver(letter{at: h.now.Add(-72 * time.Hour), flags: mail.FlagAnswered})
	}
	h.deliver(letter{subject: "Now"})
	h.says(id, "[alert | Carol | Now | Text 68. | 68]")
}

// A mail program that copies a message from another account, or a migration.
func TestWhatAMailProgramPutsIntoTheInboxIsNoNews(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	it := h.deliver(letter{own: true})
	h.says(id, "[badge |  |  |  | 1]")
	h.see(it)
	h.unsee(it)
	h.nothing(id)
	h.deliver(letter{subject: "News"})
	h.says(id, "[alert | Carol | News | Text 2. | 2]")
	apple := h.phone(func(r *Registration) {
		r.Device, r.Token, r.Mode, r.AppleAccount = "mail", token(1), push.AppleMail, "account"
		r.Folders, r.AppleMailboxes = []mail.FolderID{h.folder(mail.RoleInbox)}, []string{"INBOX"}
	}).ID
	h.deliver(letter{own: true})
	if n := h.only(apple); n.High {
		t.Error("Apple's Mail is woken as for new mail")
	}
}

func TestDraftsAndWhatIsAboutToGoAreNoNews(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	for _, f := range []mail.Flags{mail.FlagDraft, mail.FlagDeleted, mail.FlagSeen} {
		h.deliver(letter{flags: f})
		all, _ := h.told(id)
		for _, n := range all {
			if n.Mode == push.Alert {
				t.Errorf("flags %b: %s", f, spell(all))
			}
		}
	}
}

// Apple takes a wake in the background only; the others deliver an urgent one to
// a device that dozes.
func TestASilentWakeForAVIPIsUrgentWhereThatIsPossible(t *testing.T) {
	for kind, want := range map[push.Kind]string{push.APNs: "[silent |  |  | ]", push.FCM: "[silent high |  |  | ]"} {
		h := newHouse(t)
		id := h.phone(mode(push.Silent), func(r *Registration) { r.Kind, r.VIPs = kind, []string{"example.net"} }).ID
		h.deliver(letter{})
		h.says(id, want)
	}
}

// VIPs are told of one by one, however late it is.
func TestVIPsInTheNightAreNoSummary(t *testing.T) {
	h := newHouse(t)
	id := h.phone(quietNow(h), func(r *Registration) { r.VIPs = []string{"example.net"} }).ID
	h.deliver(letter{subject: "One"})
	h.deliver(letter{subject: "Two"})
	h.says(id, "[alert high | Carol | One | Text 1. | 2][alert high | Carol | Two | Text 2. | 2]")
}
