package dav

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

const (
	robin = "robin@example.org"
	kenji = "kenji@example.org"
)

// house is the door on a real store, with two users.
type house struct {
	t        testing.TB
	c        Config
	handler  *Handler
	store    *store.Store
	blobs    *blob.Blobs
	boxes    *mailbox.Mailboxes
	people   *directory.Directory
	accounts map[string]directory.Account
	log      bytes.Buffer
	user     string // who asks
	closed   bool   // the bodies are
	// references are counted besides those of the mailboxes and the files.
	references []func(*store.Tx, func(blob.Ref)) error
}

func newHouse(t testing.TB, edit func(*Config)) *house {
	t.Helper()
	h := &house{t: t, accounts: map[string]directory.Account{}, user: robin}
	log := slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	dir := t.TempDir()
	var err error
	h.store, err = store.Open(store.Config{Path: filepath.Join(dir, "rows"), Logger: slog.New(slog.DiscardHandler)})
	h.must(err)
	h.blobs, err = blob.Open(blob.Config{Path: filepath.Join(dir, "bodies"), Store: h.store})
	h.must(err)
	t.Cleanup(func() {
		if !h.closed {
			h.checkAll()
			h.must(h.blobs.Close())
		}
		h.must(h.store.Close())
	})
	h.people, err = directory.New(directory.Config{Store: h.store, HashCost: directory.HashCost{Memory: 16, Time: 1, Threads: 1}})
	h.must(err)
	ctx := context.Background()
	h.must(h.people.AddDomain(ctx, directory.Domain{Name: "example.org"}))
	for _, who := range [][2]string{{robin, "Robin Swift"}, {kenji, "Kenji Martin"}} {
		h.accounts[who[0]], err = h.people.AddUser(ctx, directory.Account{Login: who[0], Name: who[1], ActiveSync: true}, "a nest of twigs")
		h.must(err)
	}
	h.boxes = mailbox.New(mailbox.Config{Store: h.store, Blobs: h.blobs, Hub: push.NewHub()})
	Connect(h.boxes)
	h.c = Config{Store: h.store, Directory: h.people, Mailboxes: h.boxes, Logger: log, FileBytes: 1 << 20}
	if edit != nil {
		edit(&h.c)
	}
	h.handler, err = New(h.c)
	h.must(err)
	h.handler.clock = func() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }
	for login := range h.accounts {
		h.must(h.boxes.Create(ctx, h.box(login)))
	}
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// checkAll holds the store to every invariant.
func (h *house) checkAll() {
	ctx := context.Background()
	report := func(p store.Problem) { h.t.Errorf("%s %s: %s", p.Table, p.Key, p.Text) }
	h.must(h.store.Check(ctx, report))
	h.must(h.boxes.Check(ctx, report))
	h.must(Check(ctx, h.store, h.people, report))
	h.must(h.blobs.Audit(ctx, blob.Audit{References: func(tx *store.Tx, count func(blob.Ref)) error {
		if err := h.boxes.References(tx, count); err != nil {
			return err
		}
		for _, more := range h.references {
			if err := more(tx, count); err != nil {
				return err
			}
		}
		return References(tx, count)
	}}, report))
}

func (h *house) box(login string) mail.MailboxID { return mail.MailboxOf(h.accounts[login].ID) }

// answer is one answer.
type answer struct {
	*http.Response
	body string
}

// do asks. Headers are pairs of a name and a value.
func (h *house) do(method, path, body string, header ...string) *answer {
	h.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RequestURI = ""
	if body != "" && strings.HasPrefix(body, "<") {
		r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.Serve(w, r, h.accounts[h.user])
	a := &answer{Response: w.Result()}
	b, err := io.ReadAll(a.Body)
	h.must(err)
	a.body = string(b)
	if strings.HasPrefix(a.Header.Get("Content-Type"), "application/xml") {
		if _, err := readXML(b); err != nil {
			h.t.Errorf("%s %s answers what is no XML: %v\n%s", method, path, err, b)
		}
	}
	return a
}

// want is do for an answer with a status.
func (h *house) want(status int, method, path, body string, header ...string) *answer {
	h.t.Helper()
	a := h.do(method, path, body, header...)
	if a.StatusCode != status {
		h.t.Errorf("%s %s answers %d, want %d: %s", method, path, a.StatusCode, status, a.body)
	}
	return a
}

// says fails unless the answer has all of some texts in it.
func (a *answer) says(t testing.TB, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(a.body, s) {
			t.Errorf("the answer has no %q:\n%s", s, a.body)
		}
	}
}

func (a *answer) saysNothingOf(t testing.TB, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if strings.Contains(a.body, s) {
			t.Errorf("the answer has %q:\n%s", s, a.body)
		}
	}
}

// token is the answer's sync-token.
func (a *answer) token() string {
	_, s, _ := strings.Cut(a.body, "<D:sync-token>")
	s, _, _ = strings.Cut(s, "</D:sync-token>")
	return s
}

// event is an event with some properties.
func event(uid string, lines ...string) string {
	all := append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//EN", "BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20260101T000000Z"}, lines...)
	return strings.Join(append(all, "END:VEVENT", "END:VCALENDAR", ""), "\r\n")
}

func contact(uid string, lines ...string) string {
	all := append([]string{"BEGIN:VCARD", "VERSION:3.0", "UID:" + uid}, lines...)
	return strings.Join(append(all, "END:VCARD", ""), "\r\n")
}

// day4 is the 4th of May.
var day4 = time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)

const (
	calendars = "/dav/calendars/robin@example.org/"
	books     = "/dav/addressbooks/robin@example.org/"
)
