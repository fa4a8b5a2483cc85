package phone_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/gateway"
	"martlet/internal/phone"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/queue"
	"martlet/mail/route"
	"martlet/protocol/eas"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// realServer is the whole server behind a socket; deliver puts a message into
// the inbox.
func realServer(t *testing.T) (url string, deliver func(raw string)) {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	logger := slog.New(slog.DiscardHandler)
	st := must(store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: logger}))(t)
	blobs := must(blob.Open(blob.Config{Store: st, Path: filepath.Join(dir, "blobs"), Logger: logger}))(t)
	hub := push.NewHub()
	dirs := must(directory.New(directory.Config{Store: st, Logger: logger, HashCost: directory.HashCost{Memory: 8, Time: 1, Threads: 1}}))(t)
	boxes := mailbox.New(mailbox.Config{Store: st, Blobs: blobs, Hub: hub, Logger: logger})
	devices := device.New(device.Config{Store: st})
	router := route.New(route.Config{
		Store: st, Directory: dirs, Mailboxes: boxes, Queue: queue.New(queue.Config{Store: st, Blobs: blobs}),
		Hostname: "mail.example.org", Logger: logger,
	})
	door := must(gateway.New(gateway.Config{
		Store: st, Directory: dirs, Devices: devices, Mailboxes: boxes, Router: router, Hub: hub, Logger: logger,
		Engine: engine.New(engine.Config{Store: st, Devices: devices, Source: boxes}),
	}))(t)
	if err := dirs.AddDomain(ctx, directory.Domain{Name: "example.org"}); err != nil {
		t.Fatal(err)
	}
	account := must(dirs.AddUser(ctx, directory.Account{Login: "ada@example.org", Name: "Ada", ActiveSync: true}, "secret"))(t)
	s := httptest.NewServer(door.Handler())
	t.Cleanup(func() {
		s.Close()
		if door.Panics() > 0 {
			t.Error("the server panicked")
		}
		for _, close := range []func() error{router.Close, blobs.Close, st.Close} {
			if err := close(); err != nil {
				t.Error(err)
			}
		}
	})
	box := mail.MailboxOf(account.ID)
	return s.URL, func(raw string) {
		body, err := boxes.Prepare(ctx, []byte(strings.ReplaceAll(raw, "\n", "\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		err = st.Update(ctx, func(tx *store.Tx) error {
			if err := boxes.Ensure(tx, box); err != nil {
				return err
			}
			f, err := boxes.FolderByRole(tx, box, mail.RoleInbox)
			if err == nil {
				_, err = boxes.Append(tx, box, f.ID, mail.NewItem{Class: mail.ClassEmail, Body: body})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

const withAttachment = `From: Bob <bob@example.net>
To: ada@example.org
Subject: number %d
Message-ID: <%[1]d@example.net>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=B

--B
Content-Type: text/html; charset=utf-8

<p>Hello %[1]d</p>
--B
Content-Type: application/pdf; name=a.pdf
Content-Disposition: attachment; filename=a.pdf
Content-Transfer-Encoding: base64

SGVsbG8gd29ybGQ=
--B--
`

// Every version, in both forms of the request line, on the real server.
func TestThePhoneAndTheServerUnderstandEachOther(t *testing.T) {
	for _, version := range eas.Versions() {
		for _, encoded := range []bool{false, true} {
			if version == eas.V25 && encoded {
				continue // 2.5 has no base64 form
			}
			t.Run(fmt.Sprintf("%s encoded %v", version, encoded), func(t *testing.T) {
				url, deliver := realServer(t)
				p := must(phone.New(phone.Config{
					URL: url, User: "ada@example.org", Password: "secret", DeviceID: "PHONE1", Version: version, Base64Query: encoded,
				}))(t)
				introduce(t, p)
				mailLife(t, p, deliver)
				folderLife(t, p)
				checkOdd(t, p)
			})
		}
	}
}

func introduce(t *testing.T, p *phone.Phone) {
	t.Helper()
	ctx := t.Context()
	if offer := must(p.Options(ctx))(t); !slices.Contains(offer.Versions, p.Version().String()) {
		t.Errorf("offers %v", offer.Versions)
	}
	must(p.Autodiscover(ctx, "ada@example.org"))(t)
	must(p.AutodiscoverJSON(ctx, "ada@example.org"))(t)
	if got := must(p.Provision(ctx))(t); got.Key == 0 || got.Policy == nil && got.XML == "" {
		t.Errorf("provisioned %+v", got)
	}
	must(p.FolderSync(ctx))(t)
	if p.Version() >= eas.V120 {
		if got := must(p.Addresses(ctx))(t); !slices.Contains(got, "ada@example.org") {
			t.Errorf("addresses %v", got)
		}
		if err := p.SendDeviceInformation(ctx); err != nil {
			t.Error(err)
		}
	}
}

func mailLife(t *testing.T, p *phone.Phone, deliver func(string)) {
	t.Helper()
	ctx := t.Context()
	in, trash := must(p.Folder(eas.FolderInbox))(t).ServerID, must(p.Folder(eas.FolderDeletedItems))(t).ServerID
	for i := range 7 {
		deliver(fmt.Sprintf(withAttachment, i))
	}
	got := must(p.Sync(ctx, in, phone.SyncOptions{Window: 3, All: true}))(t)
	if len(got.Added) != 7 || got.Rounds != 3 || *got.Added[0].Email.Subject != "number 6" {
		t.Fatalf("%d messages in %d rounds", len(got.Added), got.Rounds)
	}
	if n := must(p.GetItemEstimate(ctx, in))(t); n != 0 {
		t.Errorf("estimate %d", n)
	}
	ids := slices.Sorted(maps.Keys(p.View(in)))
	got = must(p.Sync(ctx, in, phone.SyncOptions{Commands: []eas.SyncCommand{phone.MarkRead(ids[0], true), phone.Delete(ids[1]), phone.Fetch(ids[2])}}))(t)
	if len(got.Fetched) != 1 || !p.View(in)[ids[0]].Read || len(p.View(in)) != 6 {
		t.Errorf("%+v", got)
	}
	if moved := must(p.MoveItems(ctx, in, trash, ids[3]))(t); moved[0].Status != eas.MoveItemsStatusSuccess {
		t.Errorf("%+v", moved)
	}
	must(p.Sync(ctx, in, phone.SyncOptions{}))(t)
	must(p.Sync(ctx, trash, phone.SyncOptions{All: true}))(t)
	if len(p.View(in)) != 5 || len(p.View(trash)) != 2 {
		t.Errorf("inbox %d, deleted items %d", len(p.View(in)), len(p.View(trash)))
	}
	if p.Version() >= eas.V120 {
		fetchAll(t, p, in, ids[4])
		if err := p.EmptyFolder(ctx, trash, false); err != nil {
			t.Error(err)
		}
		if must(p.Sync(ctx, trash, phone.SyncOptions{All: true}))(t); len(p.View(trash)) != 0 {
			t.Errorf("%d left in an emptied folder", len(p.View(trash)))
		}
	}
	woken := make(chan error, 1)
	go func() {
		ping, err := p.Ping(ctx, 10*time.Minute, in)
		if err == nil && !slices.Contains(ping.Folders, in) {
			err = fmt.Errorf("woken for %+v", ping)
		}
		woken <- err
	}()
	if err := p.SendMail(ctx, "", []byte("From: ada@example.org\r\nTo: ada@example.org\r\nSubject: to myself\r\n\r\nHi\r\n"), true); err != nil {
		t.Error(err)
	}
	if err := <-woken; err != nil {
		t.Error(err)
	}
	if got := must(p.Sync(ctx, in, phone.SyncOptions{}))(t); len(got.Added) != 1 || *got.Added[0].Email.Subject != "to myself" {
		t.Errorf("%+v", got)
	}
}

func fetchAll(t *testing.T, p *phone.Phone, folder, id string) {
	t.Helper()
	ctx := t.Context()
	email := must(p.Fetch(ctx, folder, id, phone.FetchOptions{}))(t)
	if len(email.Attachments) != 1 {
		t.Fatalf("%d attachments", len(email.Attachments))
	}
	reference := email.Attachments[0].Attachment.FileReference
	for want, opt := range map[string]phone.FetchOptions{"Hello world": {}, "Hello worl": {Multipart: true, Range: "0-9"}, "world": {Range: "6-10"}} {
		if got := must(p.FetchAttachment(ctx, reference, opt))(t); string(got.Data) != want {
			t.Errorf("%+v: %q, want %q", opt, got.Data, want)
		}
	}
	if _, data, err := p.GetAttachment(ctx, reference); p.Version() < eas.V140 && (err != nil || string(data) != "Hello world") {
		t.Errorf("GetAttachment: %q, %v", data, err)
	}
	parts := must(p.Fetch(ctx, folder, id, phone.FetchOptions{Multipart: true}))(t)
	if parts.Body == nil || parts.Body.Data == nil || !strings.Contains(*parts.Body.Data, "Hello") {
		t.Errorf("%+v", parts.Body)
	}
}

func folderLife(t *testing.T, p *phone.Phone) {
	t.Helper()
	ctx := t.Context()
	in := must(p.Folder(eas.FolderInbox))(t).ServerID
	id := must(p.FolderCreate(ctx, eas.FolderTop, "New", eas.FolderUserMail))(t)
	if err := p.FolderUpdate(ctx, id, in, "Newer"); err != nil {
		t.Error(err)
	}
	if err := p.FolderDelete(ctx, id); err != nil {
		t.Error(err)
	}
	if changes := must(p.FolderSync(ctx))(t); changes.Count != 0 {
		t.Errorf("own changes came back: %+v", changes)
	}
}
