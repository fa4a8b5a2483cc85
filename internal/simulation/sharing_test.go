package simulation

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/gateway"
	"martlet/internal/phone"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/object"
	"martlet/mail/queue"
	"martlet/mail/route"
	"martlet/mail/share"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/device"
	"martlet/sync/engine"
)

var sharingSeeds = flag.Int("simulation.sharing", 3, "how many simulations of shared calendars to run")

// circle is a server with people who share calendars with each other: they grant
// and revoke, come into groups and leave them, while their phones work on a bad
// network and the server is killed now and then. Each event has a number, which
// is in its subject, and a version.
type circle struct {
	t    *testing.T
	rng  *rand.Rand
	root string
	dir  string

	store  *store.Store
	blobs  *blob.Blobs
	boxes  *mailbox.Mailboxes
	dirs   *directory.Directory
	shares *share.Shares
	router *route.Router
	door   *gateway.Server

	people []*sharer
	calm   bool
	events int          // the last number
	names  int          // of folders
	sure   map[int]bool // events of which somebody knows that they were made
	doomed map[int]bool // those that somebody wanted to delete
	trace  []string

	crashes, lost, moved, blanked int
}

// sharer is one person with a phone.
type sharer struct {
	*phone.Phone
	login  string
	id     directory.AccountID
	merges bool // the phone has one calendar
	repeat map[string]phone.SyncOptions
	moves  []move // whose answer was lost
	member bool   // of the team

	undeleted map[string]bool // items whose Delete was refused: they are given again
	wrote     map[string]bool // subjects that the phone wrote itself: it knows what is private of them
}

// move is what a MoveItems asked for.
type move struct{ from, to, item string }

func (c *circle) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("%v\n%s", err, strings.Join(c.trace[max(0, len(c.trace)-60):], "\n"))
	}
}

func (c *circle) say(format string, args ...any) {
	c.trace = append(c.trace, fmt.Sprintf(format, args...))
}

// RoundTrip hands a request to the server as it is at the moment.
func (c *circle) RoundTrip(req *http.Request) (*http.Response, error) {
	return arrive(c.door.Handler(), req)
}

func (c *circle) open() {
	c.t.Helper()
	log := slog.New(slog.DiscardHandler)
	var err error
	c.store, err = store.Open(store.Config{Path: filepath.Join(c.dir, "store"), Logger: log, Reserve: 1, NoCompaction: true})
	c.must(err)
	c.blobs, err = blob.Open(blob.Config{Store: c.store, Path: filepath.Join(c.dir, "blob"), Logger: log})
	c.must(err)
	hub := push.NewHub()
	c.dirs, err = directory.New(directory.Config{Store: c.store, Logger: log, HashCost: directory.HashCost{Memory: 8, Time: 1, Threads: 1}})
	c.must(err)
	c.boxes = mailbox.New(mailbox.Config{Store: c.store, Blobs: c.blobs, Hub: hub, Logger: log})
	c.shares = share.New(share.Config{Store: c.store, Directory: c.dirs, Mailboxes: c.boxes, Logger: log})
	devs := device.New(device.Config{Store: c.store})
	c.router = route.New(route.Config{
		Store: c.store, Directory: c.dirs, Mailboxes: c.boxes, Queue: queue.New(queue.Config{Store: c.store, Blobs: c.blobs}),
		Hostname: "mail.example.org", Logger: log,
	})
	c.door, err = gateway.New(gateway.Config{
		Store: c.store, Directory: c.dirs, Devices: devs, Mailboxes: c.boxes, Router: c.router, Hub: hub, Logger: log, Shares: c.shares,
		Engine: engine.New(engine.Config{Store: c.store, Devices: devs, Source: c.boxes}),
	})
	c.must(err)
	c.must(c.boxes.Sweep(context.Background()))
}

func (c *circle) close() {
	c.t.Helper()
	if n := c.door.Panics(); n > 0 {
		c.t.Errorf("%d requests panicked", n)
	}
	report := func(p store.Problem) { c.t.Errorf("check: %s %s: %s", p.Table, p.Key, p.Text) }
	ctx := context.Background()
	c.must(errors.Join(c.boxes.Check(ctx, report), c.shares.Check(ctx, report), c.router.Close(), c.blobs.Close(), c.store.Close()))
}

// crash goes on from a copy of the files of the running server.
func (c *circle) crash() {
	c.t.Helper()
	c.say("crash")
	old := c.dir
	c.crashes++
	c.dir = filepath.Join(c.root, strconv.Itoa(c.crashes))
	c.must(crashCopy(old, c.dir))
	c.close()
	c.must(os.RemoveAll(old))
	c.open()
}

func (c *circle) fate(command string) phone.Fate {
	if c.calm || command == "Provision" {
		return phone.Delivered
	}
	switch c.rng.IntN(8) {
	case 0:
		c.lost++
		return phone.AnswerLost
	case 1:
		return phone.Repeated
	case 2:
		return phone.RequestLost
	}
	return phone.Delivered
}

// join adds somebody with a phone.
func (c *circle) join(login, kind string, version eas.Version) {
	c.t.Helper()
	ctx := context.Background()
	a, err := c.dirs.AddUser(ctx, directory.Account{Login: login + "@example.org", Name: login, ActiveSync: true}, "secret")
	c.must(err)
	s := &sharer{login: login, id: a.ID, merges: strings.HasPrefix(kind, "Samsung"), repeat: map[string]phone.SyncOptions{}, undeleted: map[string]bool{}, wrote: map[string]bool{}}
	s.Phone, err = phone.New(phone.Config{
		URL: "http://mail.example.org", User: a.Login, Password: "secret", DeviceID: "phone" + login, DeviceType: kind,
		Version: version, HTTPClient: &http.Client{Transport: c}, Fate: c.fate,
	})
	c.must(err)
	_, err = s.Provision(ctx)
	c.must(err)
	c.must(c.boxes.Create(ctx, s.box()))
	c.people = append(c.people, s)
}

func (s *sharer) box() mail.MailboxID { return mail.MailboxOf(s.id) }

// shelf is a calendar as it really is.
type shelf struct {
	box    mail.MailboxID
	folder mail.Folder
	owner  string // "" of a public one
}

// shelves are all calendars, in a fixed order.
func (c *circle) shelves() (all []shelf) {
	c.t.Helper()
	c.must(c.store.View(context.Background(), func(tx *store.Tx) error {
		all = nil
		add := func(box mail.MailboxID, owner string) error {
			folders, err := c.boxes.Folders(tx, box)
			for _, f := range folders {
				if f.Class == mail.ClassCalendar && f.Link.IsZero() {
					all = append(all, shelf{box, f, owner})
				}
			}
			return err
		}
		for _, p := range c.people {
			if err := add(p.box(), p.login); err != nil {
				return err
			}
		}
		public, err := c.shares.PublicMailbox(tx)
		if err != nil {
			return err
		}
		return add(public, "")
	}))
	return all
}

// team writes who is in the group.
func (c *circle) team() {
	c.t.Helper()
	var in []string
	for _, p := range c.people {
		if p.member {
			in = append(in, strconv.Quote(p.login+"@example.org"))
		}
	}
	f, err := directory.ParseFile(strings.NewReader("[[group]]\naddress = \"team@example.org\"\nmembers = ["+strings.Join(in, ", ")+"]\n"), "directory.toml")
	c.must(err)
	_, err = c.dirs.Apply(context.Background(), f, false)
	c.must(err)
}

// administer changes who may what.
func (c *circle) administer() {
	c.t.Helper()
	ctx := context.Background()
	all := c.shelves()
	at := all[c.rng.IntN(len(all))]
	switch n := c.rng.IntN(12); {
	case n < 6:
		g := share.Grant{Box: at.box, Folder: at.folder.ID, To: c.anybody()}
		g.Rights = []mail.Rights{mail.MayRead, mail.MayRead | mail.MaySee, mail.MayWrite, mail.MayWrite | mail.MaySee}[c.rng.IntN(4)]
		err := c.shares.Grant(ctx, g)
		c.say("%s grants %d to %+v: %#x, %v", at.owner, at.folder.ID, g.To, g.Rights, err)
		c.must(unless(err, share.ErrOwner))
	case n < 9:
		var grants []share.Grant
		c.must(c.store.View(ctx, func(tx *store.Tx) (err error) { grants, err = c.shares.Grants(tx, 0, 0); return err }))
		if len(grants) > 0 {
			g := grants[c.rng.IntN(len(grants))]
			c.say("revoke of %+v", g)
			c.must(c.shares.Revoke(ctx, g.Box, g.Folder, g.To))
		}
	case n == 9:
		p := c.people[c.rng.IntN(len(c.people))]
		p.member = !p.member
		c.say("%s in the team: %t", p.login, p.member)
		c.team()
	case n == 10:
		c.names++
		c.say("%s makes calendar %d", at.owner, c.names)
		c.must(c.store.Update(ctx, func(tx *store.Tx) error {
			_, err := c.boxes.CreateFolder(tx, at.box, 0, fmt.Sprint("calendar ", c.names), mail.ClassCalendar)
			return err
		}))
	default:
		c.names++
		rename := c.rng.IntN(2) == 0
		c.say("%s renames (%t) or deletes %d", at.owner, rename, at.folder.ID)
		doomed := slices.Collect(maps.Values(c.kept(at)))
		err := c.store.Update(ctx, func(tx *store.Tx) error {
			if rename {
				_, err := c.boxes.UpdateFolder(tx, at.box, at.folder.ID, 0, fmt.Sprint("renamed ", c.names))
				return err
			}
			return c.boxes.DeleteFolder(tx, at.box, at.folder.ID)
		})
		c.must(unless(err, mail.ErrSystemFolder))
		if err == nil && !rename {
			for _, e := range doomed {
				c.doomed[numberOf(e.subject)] = true
			}
		}
	}
}

// anybody is to whom something is granted.
func (c *circle) anybody() share.Principal {
	switch n := c.rng.IntN(len(c.people) + 2); n {
	case 0:
		return share.Principal{}
	case 1:
		return share.Principal{Group: "team@example.org"}
	default:
		return share.Principal{Account: c.people[n-2].id}
	}
}

// kept are the events of a calendar by their item's number.
func (c *circle) kept(at shelf) map[mail.ItemID]entry {
	c.t.Helper()
	all := map[mail.ItemID]entry{}
	var items []mail.Item
	c.must(c.store.View(context.Background(), func(tx *store.Tx) error {
		items = nil
		for it, err := range c.boxes.Items(tx, at.box, at.folder.ID, 0) {
			if err != nil {
				return err
			}
			items = append(items, it)
		}
		return nil
	}))
	for _, it := range items {
		raw, err := c.blobs.Read(context.Background(), it.Blob)
		c.must(err)
		m := regexp.MustCompile(`SUMMARY:(.*)\r\n`).FindStringSubmatch(string(raw))
		if m == nil {
			c.t.Fatalf("an event without a subject:\n%s", raw)
		}
		all[it.ID] = entry{m[1], object.Hidden(it.Brief)}
	}
	return all
}

// entry is one event.
type entry struct {
	subject string
	hidden  bool
}

// numberOf is the number of the event that a subject names, zero of none.
func numberOf(subject string) int {
	m := regexp.MustCompile(`event (\d+) `).FindStringSubmatch(subject)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// numberAt is the number of the event that a phone names, whatever it shows of it.
func (c *circle) numberAt(p *sharer, item string) int {
	c.t.Helper()
	folder, id, _ := strings.Cut(item, ":")
	f, _ := strconv.Atoi(folder)
	n, _ := strconv.Atoi(id)
	var at shelf
	err := c.store.View(context.Background(), func(tx *store.Tx) (err error) {
		_, at.box, at.folder.ID, err = c.boxes.Resolve(tx, p.box(), mail.FolderID(f))
		return err
	})
	if errors.Is(err, mail.ErrNoFolder) {
		return 0
	}
	c.must(err)
	return numberOf(c.kept(at)[mail.ItemID(n)].subject)
}

// disturb lets an owner's other program write.
func (c *circle) disturb() {
	c.t.Helper()
	ctx := context.Background()
	all := c.shelves()
	at := all[c.rng.IntN(len(all))]
	c.events++
	class := []string{"PUBLIC", "PUBLIC", "PRIVATE", "CONFIDENTIAL"}[c.rng.IntN(4)]
	write := func(n int) mail.Body {
		body, err := c.boxes.PrepareObject(ctx, mail.ClassCalendar, fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:server-%d\r\nDTSTAMP:20260101T000000Z\r\n"+
			"DTSTART:20270301T%02d0000Z\r\nDTEND:20270301T%02d3000Z\r\nCLASS:%s\r\nSUMMARY:event %d v%d\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", n, n%24, n%24, class, n, c.events))
		c.must(err)
		return body
	}
	there := c.kept(at)
	ids := slices.Sorted(maps.Keys(there))
	if len(ids) == 0 || c.rng.IntN(2) == 0 {
		body := write(c.events)
		c.say("%q adds %d in %d", at.owner, c.events, at.folder.ID)
		c.must(c.store.Update(ctx, func(tx *store.Tx) error {
			_, err := c.boxes.Append(tx, at.box, at.folder.ID, mail.NewItem{Class: mail.ClassCalendar, Body: body})
			return err
		}))
		c.sure[c.events] = true
		return
	}
	id := ids[c.rng.IntN(len(ids))]
	n := numberOf(there[id].subject)
	if c.rng.IntN(3) == 0 {
		c.say("%q deletes %d", at.owner, n)
		c.must(c.store.Update(ctx, func(tx *store.Tx) error { _, err := c.boxes.Delete(tx, at.box, at.folder.ID, id); return err }))
		c.doomed[n] = true
		return
	}
	body := write(n)
	c.say("%q changes %d: %s", at.owner, n, class)
	c.must(c.store.Update(ctx, func(tx *store.Tx) error {
		_, err := c.boxes.ReplaceBody(tx, at.box, at.folder.ID, id, body, nil)
		return err
	}))
}

// calendars are those that a phone shows.
func (s *sharer) calendars() (ids []string) {
	for _, f := range s.Folders() {
		if f.Type == eas.FolderCalendar || f.Type == eas.FolderUserCalendar {
			ids = append(ids, f.ServerID)
		}
	}
	return ids
}

// folderSync fetches the folders.
func (c *circle) folderSync(p *sharer) {
	c.t.Helper()
	_, err := p.FolderSync(context.Background())
	if !errors.Is(err, phone.ErrLost) {
		c.must(err)
	}
	for id := range p.repeat {
		if !slices.Contains(p.calendars(), id) {
			delete(p.repeat, id)
		}
	}
}

// sync synchronizes a calendar once; a lost request is repeated as it was.
func (c *circle) sync(p *sharer, id string, opt phone.SyncOptions) {
	c.t.Helper()
	if again, ok := p.repeat[id]; ok {
		opt = again
	}
	opt.Class = phone.Calendar
	res, err := p.Sync(context.Background(), id, opt)
	delete(p.repeat, id)
	var status *phone.StatusError
	c.say("%s syncs %s with %s: %d adds, %d changes, %d deletes, more %t, %v", p.login, id, spell(opt.Commands), res.Adds, len(res.Changed), len(res.Deleted), res.More, err)
	switch {
	case errors.Is(err, phone.ErrLost):
		p.repeat[id] = opt
	case errors.As(err, &status) && slices.Contains([]uint16{uint16(eas.SyncStatusInvalidSyncKey), uint16(eas.SyncStatusObjectNotFound), uint16(eas.SyncStatusFolderHierarchyChanged)}, status.Status):
		p.Forget(id) // a FolderSync says what has become of it
	default:
		c.must(err)
		for _, r := range res.Replies {
			if r.Add != nil && r.Add.Status == eas.SyncStatusSuccess {
				n, _ := strconv.Atoi(strings.TrimPrefix(r.Add.ClientID, "c"))
				c.sure[n] = true
			}
			if r.Delete != nil && r.Delete.Status != eas.SyncStatusSuccess {
				p.undeleted[r.Delete.ServerID] = true
			}
		}
	}
}

// spell shows commands.
func spell(all []eas.SyncCommand) string {
	var out []string
	for _, w := range all {
		var e eas.Calendar
		switch {
		case w.Add != nil:
			_ = wbxml.UnmarshalRaw(w.Add.ApplicationData, &e)
			out = append(out, "+"+*e.Subject)
		case w.Change != nil:
			_ = wbxml.UnmarshalRaw(w.Change.ApplicationData, &e)
			out = append(out, "~"+w.Change.ServerID+" "+*e.Subject)
		case w.Delete != nil:
			out = append(out, "-"+w.Delete.ServerID)
		}
	}
	return fmt.Sprint(out)
}

// use is the user of a phone.
func (c *circle) use(p *sharer) {
	c.t.Helper()
	ids := p.calendars()
	if len(ids) == 0 || c.rng.IntN(8) == 0 {
		c.folderSync(p)
		return
	}
	id := ids[c.rng.IntN(len(ids))]
	opt := phone.SyncOptions{Window: uint(1 + c.rng.IntN(5))}
	view := p.View(id)
	items := slices.Sorted(maps.Keys(view))
	_, waiting := p.repeat[id]
	kind := c.rng.IntN(8)
	switch {
	case waiting || p.SyncKey(id) == "" || kind > 5:
	case kind == 0 || len(items) == 0:
		c.events++
		subject := fmt.Sprintf("event %d v%[1]d", c.events)
		p.wrote[subject] = true
		opt.Commands = []eas.SyncCommand{phone.Add(fmt.Sprint("c", c.events), c.event(subject))}
	case kind < 3:
		it := view[items[c.rng.IntN(len(items))]]
		c.events++
		subject := regexp.MustCompile(`v\d+$`).ReplaceAllString(it.Subject, fmt.Sprint("v", c.events))
		p.wrote[subject] = true
		opt.Commands = []eas.SyncCommand{phone.ChangeTo(it.ServerID, c.event(subject))}
	case kind == 3:
		it := view[items[c.rng.IntN(len(items))]]
		c.doomed[c.numberAt(p, it.ServerID)] = true
		opt.Commands = []eas.SyncCommand{phone.Delete(it.ServerID)}
	default:
		c.move(p, move{id, ids[c.rng.IntN(len(ids))], items[c.rng.IntN(len(items))]})
		return
	}
	c.sync(p, id, opt)
}

// event is what a phone writes.
func (c *circle) event(subject string) *eas.Calendar {
	at := time.Date(2027, 3, 1+c.rng.IntN(28), c.rng.IntN(24), 0, 0, 0, time.UTC)
	end, busy, normal, uid := at.Add(time.Hour), uint8(2), uint8(c.rng.IntN(2)*2), (*string)(nil)
	return &eas.Calendar{StartTime: &at, EndTime: &end, Subject: &subject, BusyStatus: &busy, Sensitivity: &normal, UID: uid}
}

// move moves an event to another calendar.
func (c *circle) move(p *sharer, m move) {
	c.t.Helper()
	subject := p.View(m.from)[m.item].Subject
	got, err := p.MoveItems(context.Background(), m.from, m.to, m.item)
	c.say("%s moves %s (%s) from %s to %s: %+v, %v", p.login, m.item, subject, m.from, m.to, got, err)
	if errors.Is(err, phone.ErrLost) {
		p.moves = append(p.moves, m)
		return
	}
	c.must(err)
	if len(got) == 1 && got[0].Status == eas.MoveItemsStatusSuccess {
		c.moved++
	}
}

// rest lets a phone finish on a good network.
func (c *circle) rest(p *sharer) {
	c.t.Helper()
	c.folderSync(p)
	for _, m := range p.moves {
		c.move(p, m)
	}
	p.moves = nil
	for _, id := range p.calendars() {
		for range 3 { // what was to be repeated, a new beginning, and all that there is
			c.sync(p, id, phone.SyncOptions{All: true, Window: 4})
		}
	}
}

// quiet lets everything come to rest and holds each phone against the rights of
// its user.
func (c *circle) quiet() {
	c.t.Helper()
	c.calm = true
	defer func() { c.calm = false }()
	c.say("quiet")
	c.must(c.shares.Settle(context.Background()))
	for range 2 { // what one does is news to the others
		for _, p := range c.people {
			c.rest(p)
		}
	}
	c.once()
	for _, p := range c.people {
		c.compare(p)
	}
}

// once looks that no event is there twice, and that none is lost.
func (c *circle) once() {
	c.t.Helper()
	places := map[int]int{}
	for _, at := range c.shelves() {
		for _, e := range c.kept(at) {
			places[numberOf(e.subject)]++
		}
	}
	for n, count := range places {
		if n != 0 && count > 1 {
			c.t.Errorf("event %d is there %d times", n, count)
		}
	}
	for n := range c.sure {
		if places[n] == 0 && !c.doomed[n] {
			c.t.Errorf("event %d is lost", n)
		}
	}
	if c.t.Failed() {
		c.t.Fatal(strings.Join(c.trace[max(0, len(c.trace)-200):], "\n"))
	}
}

// compare holds a phone against what its user may see.
func (c *circle) compare(p *sharer) {
	c.t.Helper()
	want := map[string]map[string]string{} // folder, item: subject
	var own string
	c.must(c.store.View(context.Background(), func(tx *store.Tx) error {
		f, err := c.boxes.FolderByRole(tx, p.box(), mail.RoleCalendar)
		own = strconv.Itoa(int(f.ID))
		return err
	}))
	var links []mail.Folder
	c.must(c.store.View(context.Background(), func(tx *store.Tx) (err error) { links, err = c.boxes.Links(tx, p.box()); return err }))
	merged := 0
	for _, at := range c.shelves() {
		var rights mail.Rights
		c.must(c.store.View(context.Background(), func(tx *store.Tx) (err error) {
			rights, err = c.shares.Rights(tx, at.box, at.folder.ID, p.id)
			return err
		}))
		if rights == 0 {
			continue
		}
		as, in, mark := strconv.Itoa(int(at.folder.ID)), "", ""
		if at.box != p.box() {
			i := slices.IndexFunc(links, func(l mail.Folder) bool { return l.Link.Box == at.box && l.Link.Folder == at.folder.ID })
			if i < 0 {
				c.t.Errorf("%s has no link to %d of %q", p.login, at.folder.ID, at.owner)
				continue
			}
			if p.merges && i >= 5 {
				continue
			}
			if as = strconv.Itoa(int(links[i].ID)); p.merges {
				merged++
				if in = own; at.owner != "" {
					mark = at.owner + ": "
				}
			}
		}
		if in == "" {
			in = as
		}
		if want[in] == nil {
			want[in] = map[string]string{}
		}
		for id, e := range c.kept(at) {
			subject := mark + e.subject
			if e.hidden && rights&mail.MaySee == 0 {
				subject = mark + "Private"
				c.blanked++
			}
			want[in][fmt.Sprintf("%s:%d", as, id)] = subject
		}
	}
	if got := p.calendars(); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(maps.Keys(want))) {
		c.t.Errorf("%s has the calendars %v, want %v", p.login, got, slices.Sorted(maps.Keys(want)))
	}
	for _, id := range p.Collections() {
		view := map[string]string{}
		for item, it := range p.View(id) {
			if view[item] = it.Subject; p.wrote[it.Subject] && strings.HasSuffix(want[id][item], "Private") {
				view[item] = want[id][item]
			}
		}
		if !maps.Equal(view, want[id]) {
			c.t.Errorf("%s, calendar %s (%d merged): it shows\n%v\nthe server has\n%v", p.login, id, merged, view, want[id])
		}
	}
	for _, odd := range p.Odd() {
		if p.merges && strings.HasPrefix(odd, "FolderSync deletes folder") { // it never showed those
			continue
		}
		if m := regexp.MustCompile(`adds item (\S+) twice$`).FindStringSubmatch(odd); m != nil && p.undeleted[m[1]] {
			continue
		}
		if strings.Contains(odd, "deletes item") { // in doubt whether it has one, a phone is told to take it away before it is given it
			continue
		}
		c.t.Errorf("%s: %s", p.login, odd)
	}
	if c.t.Failed() {
		c.t.Fatal(strings.Join(c.trace[max(0, len(c.trace)-200):], "\n"))
	}
}

func TestPhonesShowExactlyWhatIsSharedWithThem(t *testing.T) {
	var happened [4]int
	for i := range *sharingSeeds {
		seed := *first + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := &circle{t: t, rng: rand.New(rand.NewPCG(seed, 9)), root: memory(t), sure: map[int]bool{}, doomed: map[int]bool{}}
			c.dir = filepath.Join(c.root, "0")
			c.open()
			ctx := context.Background()
			c.must(c.dirs.AddDomain(ctx, directory.Domain{Name: "example.org"}))
			c.join("anna", "TestPhone", eas.V161)
			c.join("bob", "TestPhone", eas.V141)
			c.join("carl", "SamsungDevice", eas.V141)
			c.join("dora", "SamsungDevice", eas.V161)
			c.team()
			_, err := c.shares.CreatePublic(ctx, "Rooms", mail.ClassCalendar)
			c.must(err)
			for range 600 {
				switch n := c.rng.IntN(60); {
				case n < 6:
					c.administer()
				case n < 14:
					c.disturb()
				case n < 58:
					c.use(c.people[c.rng.IntN(len(c.people))])
				case n == 58:
					c.quiet()
				default:
					c.crash()
				}
			}
			c.quiet()
			c.close()
			t.Logf("seed %d: %d events, %d moves, %d lost answers, %d crashes, %d blanked", seed, c.events, c.moved, c.lost, c.crashes, c.blanked)
			for i, n := range []int{c.moved, c.lost, c.crashes, c.blanked} {
				happened[i] += n
			}
		})
	}
	if slices.Contains(happened[:], 0) && *sharingSeeds >= 3 && !t.Failed() {
		t.Errorf("moves, lost answers, crashes, blanked events: %v", happened)
	}
}
