package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// diskSize is the size of the file system that is filled, in MiB. The server
// keeps some of it in reserve.
const diskSize = 768

// smallDisk mounts a file system over a folder, or skips the test.
func smallDisk(t *testing.T, folder string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=700", diskSize)); err != nil {
		t.Skip("a full disk needs a file system of its own, which only root may mount: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// ballast fills the disk until so many bytes are free.
func ballast(t *testing.T, folder string, free int64) (remove func()) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(folder, &st); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(folder, "ballast")
	f, err := os.Create(name)
	if err == nil {
		_, err = io.CopyN(f, zeros{}, max(0, int64(st.Bavail)*st.Bsize-free))
		err = errors.Join(err, f.Close())
	}
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() { os.Remove(name) }
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A full disk is told to senders and phones as something that passes, and when
// it has passed the same process goes on, with nothing lost or broken.
func TestFullDiskPasses(t *testing.T) {
	folder := t.TempDir()
	smallDisk(t, folder)
	h := newHouse(t, "", folder)
	p, inbox := h.settled("FULL161", eas.V161)
	old, oldInbox := h.settled("FULL121", eas.V121)
	for i := range 5 {
		h.deliver(letter(fmt.Sprintf("before %d", i), "There is room."))
	}
	h.sync(p, inbox, phone.SyncOptions{})
	h.sync(old, oldInbox, phone.SyncOptions{})

	for name, free := range map[string]int64{"into the reserve": 20 << 20, "to the last byte": 0} {
		t.Run(name, func(t *testing.T) {
			h.sync(p, inbox, phone.SyncOptions{})
			h.sync(p, inbox, phone.SyncOptions{}) // confirms the last key
			if _, err := p.FolderSync(t.Context()); err != nil {
				t.Fatal(err)
			}
			remove := ballast(t, folder, free)
			refusedByFullDisk(t, h, p, inbox)
			retried(t, old.SendMail(t.Context(), "", []byte(letter("from the old phone", "No room.")), true))
			remove()
			h.log.forgive()
			h.well(p, inbox, "after "+name)
			h.well(old, oldInbox, "old after "+name)
			if err := p.SendMail(t.Context(), "full-"+name, []byte(own("from the phone, "+name)), true); err != nil {
				t.Errorf("SendMail repeated: %v", err)
			}
		})
	}
	accepted := fillWithMail(t, h, folder)
	h.well(p, inbox, "at last")
	h.sync(p, inbox, phone.SyncOptions{})
	seen := map[string]bool{}
	for _, it := range p.View(inbox) {
		seen[it.Subject] = true
	}
	for _, subject := range accepted {
		if !seen[subject] {
			t.Errorf("%q was accepted and is not there", subject)
		}
	}
	if want := 5 + 4 + 2 + len(accepted) + 1; len(p.View(inbox)) != want {
		t.Errorf("%d messages, want %d", len(p.View(inbox)), want)
	}
	h.fsck()

	// Killed while the disk is full, and started before there is room.
	remove := ballast(t, folder, 0)
	refusedByFullDisk(t, h, p, inbox)
	h.server.Kill()
	h.server = nil
	h.log.forgive()
	if out, err := h.Try("", "serve"); err == nil || !strings.Contains(out, "the disk is full") {
		t.Errorf("started on a full disk: %v\n%s", err, out)
	}
	remove()
	h.fsck()
	h.start()
	h.well(p, inbox, "after a kill on a full disk")
	h.fsck()
}

func refusedByFullDisk(t *testing.T, h *house, p *phone.Phone, inbox string) {
	t.Helper()
	m := h.mailer()
	defer m.conn.Close()
	err := m.send(robin, []byte(letter("refused", "No room.")))
	var code *textproto.Error
	if !errors.As(err, &code) || code.Code != 452 || !strings.HasPrefix(code.Msg, "4.3.1") {
		t.Errorf("SMTP says %v, want 452 4.3.1", err)
	}
	for id := range p.View(inbox) {
		before := p.SyncKey(inbox)
		_, err := p.Sync(t.Context(), inbox, phone.SyncOptions{Commands: []eas.SyncCommand{phone.MarkRead(id, true)}})
		retried(t, err)
		if p.SyncKey(inbox) != before {
			t.Error("the phone was made to start the folder anew")
		}
		break
	}
	retried(t, p.SendMail(t.Context(), "full", []byte(own("not sent")), true))
	_, err = p.FolderCreate(t.Context(), "0", "No room", eas.FolderUserMail)
	retried(t, err)
	if _, err = p.Ping(t.Context(), time.Minute, inbox); err != nil {
		retried(t, err)
	}
	_, err = p.MoveItems(t.Context(), inbox, h.folder(p, eas.FolderDeletedItems), slices.Collect(maps.Keys(p.View(inbox)))...)
	if err != nil {
		retried(t, err)
	}
	if _, err := p.GetItemEstimate(t.Context(), inbox); err != nil {
		t.Errorf("GetItemEstimate: %v", err)
	}
	fresh := h.newPhone("FULLNEW", nil)
	_, err = fresh.FolderSync(t.Context())
	retried(t, err)
	// What there is to be read can be read.
	if _, err := p.Sync(t.Context(), inbox, phone.SyncOptions{Window: 512}); err != nil {
		t.Errorf("Sync with nothing new: %v", err)
	}
	if _, err := p.FolderSync(t.Context()); err != nil {
		t.Errorf("FolderSync with nothing new: %v", err)
	}
	for id := range p.View(inbox) {
		if _, err := p.Fetch(t.Context(), inbox, id, phone.FetchOptions{}); err != nil {
			t.Errorf("Fetch: %v", err)
		}
	}
}

// retried holds an error to those after which a phone tries again later.
func retried(t *testing.T, err error) {
	t.Helper()
	var httpError *phone.HTTPError
	var status *phone.StatusError
	switch {
	case errors.As(err, &httpError) && httpError.Status == 503 && httpError.Header.Get("Retry-After") != "":
	case errors.As(err, &status) && (status.Status == eas.StatusServerErrorRetryLater || status.Command == "Sync" && status.Status == uint16(eas.SyncStatusRetry)):
	default:
		t.Errorf("the phone was told %v, which does not make it try again", err)
	}
}

// fillWithMail delivers until the disk is full, and makes room again.
func fillWithMail(t *testing.T, h *house, folder string) (accepted []string) {
	t.Helper()
	remove := ballast(t, folder, 300<<20)
	defer h.log.forgive()
	defer remove()
	body := bytes.Repeat([]byte(strings.Repeat("0123456789abcdef", 4)+"\r\n"), 4<<20/66)
	m := h.mailer()
	defer m.conn.Close()
	for i := range 200 {
		subject := fmt.Sprintf("ballast %d", i)
		err := m.send(robin, append([]byte(letter(subject, "")), body...))
		var code *textproto.Error
		switch {
		case err == nil:
			accepted = append(accepted, subject)
		case errors.As(err, &code) && code.Code == 452 && i > 0:
			return accepted
		default:
			t.Fatalf("message %d: %v", i, err)
		}
	}
	t.Fatal("the disk never was full")
	return nil
}
