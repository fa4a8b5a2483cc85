package acceptance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// A backup made while mail flows is a moment of the store. Restored elsewhere
// and served, a phone from before the backup goes on from its key, and one that
// went on after it is asked to start anew.
func TestRestoredBackupGoesOn(t *testing.T) {
	h := newHouse(t, "")
	early, inbox := h.settled("EARLY", eas.V161)
	late, _ := h.settled("LATE", eas.V161)
	for i := range 10 {
		h.deliver(letter(fmt.Sprint("before ", i), "…"))
	}
	for _, p := range []*phone.Phone{early, late} {
		h.sync(p, inbox, phone.SyncOptions{})
		h.sync(p, inbox, phone.SyncOptions{})
	}
	archive := filepath.Join(t.TempDir(), "archive.martlet")
	during := backedUpUnderLoad(t, h, archive)
	h.sync(late, inbox, phone.SyncOptions{Commands: []eas.SyncCommand{phone.Delete(first(late, inbox))}})
	h.sync(late, inbox, phone.SyncOptions{Commands: []eas.SyncCommand{phone.MarkRead(first(late, inbox), true)}})
	h.stop()

	restored := filepath.Join(t.TempDir(), "restored")
	h.Run("", "restore", archive, "--to", restored)
	data := filepath.Join(h.Dir, "data")
	if err := errors.Join(os.Rename(data, data+".old"), os.Symlink(restored, data)); err != nil {
		t.Fatal(err)
	}
	h.fsck()
	h.start()
	h.fsck()
	h.deliver(letter("after the restore", "…"))

	got := h.sync(early, inbox, phone.SyncOptions{})
	if got.Adds < 1 || got.Adds > during+1 {
		t.Errorf("the phone gets %d messages from its key on, want 1 to %d", got.Adds, during+1)
	}
	h.sameAsFresh(early, inbox, "FRESH1")

	_, err := late.Sync(t.Context(), inbox, phone.SyncOptions{})
	var status *phone.StatusError
	if err != nil && (!errors.As(err, &status) || status.Status != uint16(eas.SyncStatusInvalidSyncKey)) {
		t.Errorf("the phone that had gone on is told %v, want InvalidSyncKey", err)
	}
	h.sync(late, inbox, phone.SyncOptions{})
	h.sameAsFresh(late, inbox, "FRESH2")
	if out, err := h.Try("", "restore", archive, "--to", restored); err == nil {
		t.Errorf("restored over what was there: %s", out)
	}
}

func first(p *phone.Phone, folder string) string {
	return slices.Min(slices.Collect(maps.Keys(p.View(folder))))
}

// backedUpUnderLoad backs up while mail comes in, and returns how much came.
func backedUpUnderLoad(t *testing.T, h *house, archive string) int {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	begun := make(chan struct{}, 1)
	var sent int
	var wg sync.WaitGroup
	m := h.mailer()
	wg.Go(func() {
		for ; ctx.Err() == nil || sent < 20; sent++ {
			if err := m.send(robin, []byte(letter(fmt.Sprint("during ", sent), "…"))); err != nil {
				t.Error(err)
				return
			}
			select {
			case begun <- struct{}{}:
			default:
			}
		}
	})
	<-begun
	h.Run("", "backup", archive)
	stop()
	wg.Wait()
	return sent
}

// sameAsFresh holds a phone's view to that of one that knows nothing yet.
func (h *house) sameAsFresh(p *phone.Phone, folder, device string) {
	h.t.Helper()
	fresh, _ := h.settled(device, p.Version())
	h.sync(fresh, folder, phone.SyncOptions{})
	got, want := p.View(folder), fresh.View(folder)
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		h.t.Errorf("the phone has %d messages, the server %d", len(got), len(want))
	}
	for id, it := range want {
		if got[id].Subject != it.Subject || got[id].Read != it.Read {
			h.t.Errorf("the phone has %+v, the server %+v", got[id], it)
		}
	}
}
