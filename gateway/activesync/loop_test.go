package activesync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"martlet/store"
	"martlet/sync/device"
)

// withheld is what the phone is not given.
func (h *house) withheld(t *testing.T, name string) []device.Broken {
	t.Helper()
	var all []device.Broken
	err := h.store.View(context.Background(), func(tx *store.Tx) error {
		all = nil
		for b, err := range h.devices.BrokenOf(tx, h.account.ID) {
			if err != nil {
				return err
			}
			if b.Device.Device == name {
				all = append(all, b)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A client that crashes at a message asks for the same answer for ever, or, as
// iOS does, starts anew and fails at the same place. It gets past the message,
// has all the others, and the administrator is told once.
func TestAPhoneThatLoopsOverOneItemGetsPastIt(t *testing.T) {
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		for _, anew := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, anew %t", version, anew), func(t *testing.T) {
				h := build(t)
				for i := range 12 {
					h.deliver(t, 1, letterOf(fmt.Sprint("m", i), ""), 0)
				}
				p := newPhone(t, h, "phone", version)
				p.provision()
				p.folderSync()
				key, have, asked := "0", map[string]bool{}, 0
				for ; asked < 200; asked++ {
					doc := p.sync(key, "1", "")
					got := subjects(doc)
					crash := false
					for _, s := range got {
						crash = crash || s == "m5"
					}
					if crash {
						if anew {
							key = "0"
							clear(have)
						}
						continue
					}
					for _, s := range got {
						have[s] = true
					}
					next := element(doc, "SyncKey")
					if next == "" && !strings.Contains(doc, "<MoreAvailable/>") || next == key {
						break
					}
					key = next
				}
				if len(have) != 11 || have["m5"] {
					t.Errorf("after %d requests the phone has %v", asked, have)
				}
				b := h.withheld(t, "phone")
				if len(b) != 1 || b[0].Item != 6 || b[0].Folder != 1 || b[0].Box != uint64(h.box) {
					t.Errorf("withheld is %+v", b)
				}
				if n := strings.Count(h.log.String(), "item withheld from a device"); n != 1 {
					t.Errorf("the log tells it %d times:\n%s", n, h.log)
				}
				if strings.Contains(h.log.String(), "m5") {
					t.Errorf("the log shows the subject:\n%s", h.log)
				}
			})
		}
	}
}

// An item that cannot be shown is kept for the administrator, and what happens
// to it is not told to a phone that never got it.
func TestAnItemThatCannotBeShownIsWithheld(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, "Subject: one\r\n\r\nthe body of one\r\n", 0)
	h.deliver(t, 1, "Subject: two\r\n\r\nthe body of two\r\n", 0)
	h.damage(t, "the body of two")
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	p.folderSync()
	key := element(p.sync("0", "1", ""), "SyncKey")
	doc := p.sync(key, "1", `<Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options>`)
	if got := fmt.Sprint(subjects(doc)); got != "[one]" {
		t.Fatalf("got %s", got)
	}
	if b := h.withheld(t, "iphone"); len(b) != 1 || b[0].Item != 2 {
		t.Errorf("withheld is %+v", b)
	}
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.Delete(tx, h.box, 1, 2)
		return err
	})
	if doc := p.sync(element(doc, "SyncKey"), "1", ""); strings.Contains(doc, "<Delete>") {
		t.Errorf("the phone is told of what it never got:\n%s", doc)
	}
}
