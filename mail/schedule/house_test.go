package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/mailbox"
	"martlet/mail/message"
	"martlet/mail/queue"
	"martlet/mail/route"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

const neighbours = `
[[domain]]
name = "example.org"
plus_addressing = true
[[user]]
login = "ann@example.org"
name = "Ann Ärger"
aliases = ["ann.alias@example.org"]
[[user]]
login = "bob@example.org"
name = "Bob"
[[user]]
login = "cat@example.org"
name = "Cat"
[[user]]
login = "dan@example.org"
name = "Dan"
[[group]]
address = "team@example.org"
members = ["bob@example.org", "cat@example.org"]
`

// house has people with calendars, and a clock that its tests turn.
type house struct {
	testing.TB
	dir       string
	store     *store.Store
	blobs     *blob.Blobs
	directory *directory.Directory
	mailboxes *mailbox.Mailboxes
	queue     *queue.Queue
	router    *route.Router
	s         *Scheduler
	people    map[string]directory.AccountID
	delegates map[directory.AccountID][]directory.AccountID
	clock     time.Time
}

func openHouse(t testing.TB) *house {
	t.Helper()
	h := &house{TB: t, dir: t.TempDir(), people: map[string]directory.AccountID{}, delegates: map[directory.AccountID][]directory.AccountID{},
		clock: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	h.open()
	file, err := directory.ParseFile(strings.NewReader(neighbours), "people.toml")
	h.must(err)
	_, err = h.directory.Apply(context.Background(), file, false)
	h.must(err)
	for a, err := range h.directory.Accounts(context.Background()) {
		h.must(err)
		h.people[strings.TrimSuffix(a.Login, "@example.org")] = a.ID
	}
	t.Cleanup(h.close)
	return h
}

func (h *house) open() {
	h.Helper()
	log := slog.New(slog.DiscardHandler)
	var err error
	h.store, err = store.Open(store.Config{Path: filepath.Join(h.dir, "store"), Logger: log})
	h.must(err)
	h.blobs, err = blob.Open(blob.Config{Store: h.store, Path: filepath.Join(h.dir, "blobs"), Logger: log})
	h.must(err)
	h.directory, err = directory.New(directory.Config{Store: h.store})
	h.must(err)
	h.mailboxes = mailbox.New(mailbox.Config{Store: h.store, Blobs: h.blobs, Hub: push.NewHub(), Logger: log})
	h.queue = queue.New(queue.Config{Store: h.store, Blobs: h.blobs, Logger: log})
	h.router = route.New(route.Config{Store: h.store, Directory: h.directory, Mailboxes: h.mailboxes, Queue: h.queue, Hostname: "mx.example.org", Logger: log})
	h.s = New(Config{
		Store: h.store, Mailboxes: h.mailboxes, Directory: h.directory, Router: h.router, Zone: time.UTC, Logger: log,
		Delegates: func(_ context.Context, id directory.AccountID) ([]directory.AccountID, error) {
			return h.delegates[id], nil
		},
	})
	h.s.now = func() time.Time { return h.clock }
}

// close checks every invariant and closes the house.
func (h *house) close() {
	h.Helper()
	h.must(h.router.Close())
	h.must(h.s.Close())
	report := func(p store.Problem) { h.Errorf("at the end: %s %s: %s", p.Table, p.Key, p.Text) }
	ctx := context.Background()
	h.must(h.store.Check(ctx, report))
	h.must(h.mailboxes.Check(ctx, report))
	h.must(h.router.Check(ctx, report))
	h.must(h.s.Check(ctx, report))
	h.must(h.blobs.Audit(ctx, blob.Audit{Deep: true, References: func(tx *store.Tx, count func(blob.Ref)) error {
		for _, each := range []func(*store.Tx, func(blob.Ref)) error{h.mailboxes.References, h.queue.References, h.router.References, h.s.References} {
			if err := each(tx, count); err != nil {
				return err
			}
		}
		return nil
	}}, report))
	h.must(h.blobs.Close())
	h.must(h.store.Close())
}

// restart is a crash and a new start.
func (h *house) restart() {
	h.Helper()
	h.must(h.router.Close())
	h.must(h.s.Close())
	h.must(h.blobs.Close())
	h.must(h.store.Close())
	h.open()
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) view(fn func(tx *store.Tx) error) {
	h.Helper()
	h.must(h.store.View(context.Background(), fn))
}

func (h *house) update(fn func(tx *store.Tx) error) {
	h.Helper()
	h.must(h.store.Update(context.Background(), fn))
}

func (h *house) box(who string) mail.MailboxID {
	h.Helper()
	id, ok := h.people[who]
	if !ok {
		h.Fatalf("nobody is called %s", who)
	}
	return mail.MailboxOf(id)
}

// tick lets time pass.
func (h *house) tick(d time.Duration) { h.clock = h.clock.Add(d) }

func (h *house) settle() {
	h.Helper()
	h.must(h.s.Settle(context.Background()))
}

// item is where somebody has a meeting; ok is false if they have it not.
func (h *house) item(who, uid string) (it mail.Item, ok bool) {
	h.Helper()
	h.view(func(tx *store.Tx) error {
		places, err := h.mailboxes.ByUID(tx, h.box(who), mail.ClassCalendar, uid)
		if err != nil || len(places) == 0 {
			return err
		}
		if len(places) > 1 {
			h.Errorf("%s has %s %d times", who, uid, len(places))
		}
		ok = true
		it, err = h.mailboxes.Item(tx, h.box(who), places[0].Folder, places[0].Item)
		return err
	})
	return it, ok
}

func (h *house) read(ref blob.Ref) []byte {
	h.Helper()
	raw, err := h.blobs.Read(context.Background(), ref)
	h.must(err)
	return raw
}

// has is somebody's copy of a meeting, nil if they have none.
func (h *house) has(who, uid string) *calendar.Object {
	h.Helper()
	it, ok := h.item(who, uid)
	if !ok {
		return nil
	}
	o, err := calendar.Parse(h.read(it.Blob))
	h.must(err)
	return o
}

// change writes somebody's object as a door does; new nil deletes it.
func (h *house) change(who, uid string, wanted []byte, with ...func(*Change)) (messages int) {
	h.Helper()
	messages, err := h.tryChange(who, uid, wanted, with...)
	h.must(err)
	return messages
}

func (h *house) tryChange(who, uid string, wanted []byte, with ...func(*Change)) (messages int, err error) {
	h.Helper()
	ctx, box := context.Background(), h.box(who)
	var folder mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		if err := h.mailboxes.Ensure(tx, box); err != nil {
			return err
		}
		folder, err = h.mailboxes.FolderByRole(tx, box, mail.RoleCalendar)
		return err
	})
	c := Change{Account: h.people[who], Box: box, Folder: folder.ID, New: wanted}
	it, there := h.item(who, uid)
	if there {
		c.Item, c.Old = it.ID, h.read(it.Blob)
	}
	for _, w := range with {
		w(&c)
	}
	plan, err := h.s.Plan(ctx, c)
	if err != nil {
		return 0, err
	}
	var body mail.Body
	if plan.New != nil {
		body, err = h.mailboxes.PrepareObject(ctx, mail.ClassCalendar, plan.New)
		h.must(err)
	}
	h.update(func(tx *store.Tx) (err error) {
		switch {
		case plan.New == nil:
			_, err = h.mailboxes.Delete(tx, box, it.Folder, it.ID)
		case there:
			_, err = h.mailboxes.ReplaceBody(tx, box, it.Folder, it.ID, body, nil)
		default:
			_, err = h.mailboxes.Append(tx, box, folder.ID, mail.NewItem{Class: mail.ClassCalendar, Body: body})
		}
		if err != nil {
			return err
		}
		return plan.Commit(tx)
	})
	plan.Done()
	return plan.Messages, nil
}

// edit changes somebody's copy by replacing texts in it.
func (h *house) edit(who, uid string, replace ...string) (messages int) {
	h.Helper()
	it, ok := h.item(who, uid)
	if !ok {
		h.Fatalf("%s does not have %s", who, uid)
	}
	raw := string(h.read(it.Blob))
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(raw, replace[i]) {
			h.Fatalf("%q is not in %s", replace[i], raw)
		}
		raw = strings.ReplaceAll(raw, replace[i], replace[i+1])
	}
	return h.change(who, uid, []byte(raw))
}

// letters are the messages in a folder of somebody's, the oldest first.
func (h *house) letters(who string, role mail.Role) (all []*letterIn) {
	h.Helper()
	var items []mail.Item
	h.update(func(tx *store.Tx) error {
		box := h.box(who)
		if err := h.mailboxes.Ensure(tx, box); err != nil {
			return err
		}
		f, err := h.mailboxes.FolderByRole(tx, box, role)
		if err != nil {
			return err
		}
		for it, err := range h.mailboxes.Items(tx, box, f.ID, 0) {
			if err != nil {
				return err
			}
			items = append(items, it)
		}
		return nil
	})
	slices.SortFunc(items, func(a, b mail.Item) int { return int(a.ID) - int(b.ID) })
	for _, it := range items {
		l := readLetter(h, h.read(it.Blob))
		l.item = it
		all = append(all, l)
	}
	return all
}

// letterIn is scheduling mail that somebody has got.
type letterIn struct {
	item   mail.Item
	raw    []byte
	index  *message.Index
	object *calendar.Object // nil if it is none
	to     string           // of the envelope, when it is in the queue
}

func readLetter(h *house, raw []byte) *letterIn {
	l := &letterIn{raw: raw, index: message.Parse(raw)}
	l.object = readMeeting(l.index, raw)
	return l
}

// String is its method and subject.
func (l *letterIn) String() string {
	if l.object == nil {
		return "- " + l.index.Subject
	}
	return l.object.Method + " " + l.index.Subject
}

// got are the inbox's messages in short.
func (h *house) got(who string) string {
	h.Helper()
	var all []string
	for _, l := range h.letters(who, mail.RoleInbox) {
		all = append(all, l.String())
	}
	return strings.Join(all, " | ")
}

// queued are the messages for others, each with its recipients.
func (h *house) queued() (all []*letterIn) {
	h.Helper()
	for e, err := range h.queue.List(context.Background()) {
		h.must(err)
		l := readLetter(h, h.read(e.Blob))
		var to []string
		for _, r := range e.Envelope.To {
			to = append(to, r.Address)
		}
		l.to = strings.Join(to, " ")
		all = append(all, l)
	}
	return all
}

func (h *house) sent() string {
	h.Helper()
	var all []string
	for _, l := range h.queued() {
		all = append(all, l.to+": "+l.String())
	}
	slices.Sort(all)
	return strings.Join(all, " | ")
}

// deliver brings mail from elsewhere; results are what our filter has found out.
func (h *house) deliver(to, from, results string, ics string) {
	h.Helper()
	method, _, _ := strings.Cut(ics[strings.Index(ics, "METHOD:")+7:], "\n")
	raw := "From: " + from + "\nTo: " + to + "@example.org\nSubject: about a meeting\nMIME-Version: 1.0\nContent-Type: text/calendar; charset=utf-8; method=" +
		strings.TrimSpace(method) + "\n\n" + ics
	h.must(h.router.Deliver(context.Background(), mail.Envelope{
		From: from, To: []mail.Recipient{{Address: to + "@example.org", Local: true, Accounts: []directory.AccountID{h.people[to]}}},
		Trace: mail.Trace{Results: results},
	}, []byte(strings.ReplaceAll(raw, "\n", "\r\n"))))
}

const proven = "dmarc=pass header.from=peer.example"

// event writes an object; lines may have more events between END and BEGIN.
func event(uid string, lines ...string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20261101T000000Z\r\n" +
		strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

// itip writes a scheduling message.
func itip(method, uid string, sequence int, stamp string, lines ...string) string {
	return "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//peer//EN\nMETHOD:" + method + "\nBEGIN:VEVENT\nUID:" + uid + "\nSEQUENCE:" + fmt.Sprint(sequence) +
		"\nDTSTAMP:" + stamp + "\n" + strings.Join(lines, "\n") + "\nEND:VEVENT\nEND:VCALENDAR\n"
}

// statusOf is what somebody's copy says of an attendee.
func (h *house) statusOf(who, uid, attendee string) string {
	h.Helper()
	o := h.has(who, uid)
	if o == nil {
		return "-"
	}
	if a := o.Master().Attendee(attendee); a != nil {
		return a.Status
	}
	return "?"
}

// answer answers the last invitation in somebody's inbox.
func (h *house) answer(who, uid, status string, with ...func(*Answer)) *Answered {
	h.Helper()
	out, err := h.tryAnswer(who, uid, status, with...)
	h.must(err)
	return out
}

func (h *house) tryAnswer(who, uid, status string, with ...func(*Answer)) (*Answered, error) {
	h.Helper()
	a := Answer{Account: h.people[who], Status: status, Tell: true}
	all := h.letters(who, mail.RoleInbox)
	for _, l := range all {
		if l.object != nil && l.object.Method == methodRequest && l.object.Master().UID == uid {
			a.Message, a.Index = l.item.Blob, l.index
		}
	}
	for _, w := range with {
		w(&a)
	}
	out, err := h.s.Answer(context.Background(), a)
	if err != nil {
		return nil, err
	}
	if err := h.store.Update(context.Background(), out.Commit); err != nil {
		return nil, err
	}
	out.Done()
	return out, nil
}
