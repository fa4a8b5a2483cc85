package acceptance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// badNetwork gives the first request of each action one fate, and lets its
// repetitions through.
type badNetwork struct {
	mu   sync.Mutex // guards what follows
	fate phone.Fate
	lost bool // the fate has struck
}

func (n *badNetwork) decide(string) phone.Fate {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lost {
		return phone.Delivered
	}
	n.lost = true
	return n.fate
}

// through does an action under the fate, and again while it is lost.
func (n *badNetwork) through(t *testing.T, what string, action func() error) {
	t.Helper()
	n.mu.Lock()
	n.lost = false
	n.mu.Unlock()
	err := action()
	if errors.Is(err, phone.ErrLost) {
		err = action()
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// Whatever the network does to a request, sending it again does what sending it
// once would have done.
func TestRepeatedRequestsActOnce(t *testing.T) {
	for name, fate := range map[string]phone.Fate{"answer lost": phone.AnswerLost, "repeated": phone.Repeated, "request lost": phone.RequestLost} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, "")
			for _, version := range []eas.Version{eas.V120, eas.V121, eas.V140, eas.V161} {
				t.Run(version.String(), func(t *testing.T) { repeatedRequests(t, h, version, fate) })
			}
			h.fsck()
		})
	}
}

func repeatedRequests(t *testing.T, h *house, version eas.Version, fate phone.Fate) {
	n := &badNetwork{fate: fate, lost: true}
	device := fmt.Sprintf("REPEAT%d", version)
	p := h.newPhone(device, func(c *phone.Config) { c.Version, c.Fate = version, n.decide })
	n.through(t, "Provision", func() error { _, err := p.Provision(t.Context()); return err })
	n.through(t, "Settings", func() error { return p.SendDeviceInformation(t.Context()) })
	n.through(t, "FolderSync", func() error { _, err := p.FolderSync(t.Context()); return err })
	inbox, trash := h.folder(p, eas.FolderInbox), h.folder(p, eas.FolderDeletedItems)
	for i := range 12 {
		h.deliver(letter(fmt.Sprintf("%s %d", device, i), "…"))
	}
	bring := func(folder string, commands ...eas.SyncCommand) {
		t.Helper()
		n.through(t, "Sync", func() error {
			_, err := p.Sync(t.Context(), folder, phone.SyncOptions{Commands: commands, Window: 100, All: true})
			return err
		})
	}
	bring(inbox)
	bring(trash)
	ids := named(p, inbox, device)
	if len(ids) != 12 {
		t.Fatalf("%d messages came, want 12", len(ids))
	}
	bring(inbox, phone.MarkRead(ids[0], true), phone.Delete(ids[1]), phone.MarkRead(ids[2], true), phone.SetFlag(ids[3], nil))
	n.through(t, "GetItemEstimate", func() error { _, err := p.GetItemEstimate(t.Context(), inbox); return err })

	var made string
	n.through(t, "FolderCreate", func() (err error) {
		made, err = p.FolderCreate(t.Context(), "0", device, eas.FolderUserMail)
		return err
	})
	if made == "" {
		t.FailNow()
	}
	bring(made)
	n.through(t, "MoveItems", func() error {
		replies, err := p.MoveItems(t.Context(), inbox, made, ids[4], ids[5])
		for _, r := range replies {
			if r.Status != eas.MoveItemsStatusSuccess || r.DstMsgID == "" {
				t.Errorf("moving %s: status %v, now %q", r.SrcMsgID, r.Status, r.DstMsgID)
			}
		}
		return err
	})
	bring(inbox)
	bring(made)
	bring(trash)
	n.through(t, "SendMail", func() error {
		return p.SendMail(t.Context(), "client-"+device, []byte(own(device+" sent")), true)
	})
	n.through(t, "FolderUpdate", func() error { return p.FolderUpdate(t.Context(), made, "0", device+" renamed") })
	bring(inbox)
	n.through(t, "Fetch", func() error { _, err := p.Fetch(t.Context(), inbox, ids[0], phone.FetchOptions{}); return err })

	truth, _ := h.settled(device+"T", version)
	same(t, h, p, truth, inbox, 12-3+1, device)
	same(t, h, p, truth, trash, 1, device)
	same(t, h, p, truth, made, 2, device)
	if got := len(namedFolders(truth, device)); got != 1 {
		t.Errorf("%d folders were made, want 1: %v", got, namedFolders(truth, device))
	}
	n.through(t, "EmptyFolderContents", func() error { return p.EmptyFolder(t.Context(), made, false) })
	bring(made)
	same(t, h, p, truth, made, 0, device)
	n.through(t, "FolderDelete", func() error { return p.FolderDelete(t.Context(), made) })
	n.through(t, "FolderSync", func() error { _, err := p.FolderSync(t.Context()); return err })
	if got := namedFolders(p, device); len(got) != 0 {
		t.Errorf("the folder is still there: %v", got)
	}
}

// named are the ids of the messages whose subject begins with a device's name,
// by subject.
func named(p *phone.Phone, folder, device string) []string {
	view := p.View(folder)
	var ids []string
	for id, it := range view {
		if strings.HasPrefix(it.Subject, device+" ") {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(view[a].Subject, view[b].Subject) })
	return ids
}

func namedFolders(p *phone.Phone, device string) (names []string) {
	for _, f := range p.Folders() {
		if strings.HasPrefix(f.DisplayName, device) {
			names = append(names, f.DisplayName)
		}
	}
	return names
}

// same holds a phone's view of a folder to that of one which starts anew.
func same(t *testing.T, h *house, p, truth *phone.Phone, folder string, want int, device string) {
	t.Helper()
	if _, err := truth.FolderSync(t.Context()); err != nil {
		t.Fatal(err)
	}
	truth.Forget(folder)
	h.sync(truth, folder, phone.SyncOptions{})
	got, wanted := named(p, folder, device), named(truth, folder, device)
	if !slices.Equal(got, wanted) || len(got) != want {
		t.Errorf("the phone has %v, the server %v, and %d are wanted", got, wanted, want)
		return
	}
	for _, id := range got {
		if a, b := p.View(folder)[id], truth.View(folder)[id]; a.Subject != b.Subject || a.Read != b.Read || a.Flag != b.Flag {
			t.Errorf("the phone has %+v, the server %+v", a, b)
		}
	}
}
