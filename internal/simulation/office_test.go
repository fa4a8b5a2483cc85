package simulation

import (
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/gateway"
	"martlet/internal/phone"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/mailbox"
	"martlet/mail/message"
	"martlet/mail/queue"
	"martlet/mail/route"
	"martlet/mail/schedule"
	"martlet/mail/share"
	"martlet/protocol/eas"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/class"
	"martlet/sync/device"
	"martlet/sync/engine"
)

var officeSeeds = flag.Int("simulation.office", 4, "how many simulations of an office to run")

// office is a server with people who have a phone and a calendar program each,
// and meet with each other and with somebody elsewhere.
type office struct {
	t   *testing.T
	rng *rand.Rand

	store    *store.Store
	blobs    *blob.Blobs
	boxes    *mailbox.Mailboxes
	router   *route.Router
	queue    *queue.Queue
	schedule *schedule.Scheduler
	door     *gateway.Server

	people []*person
	guest  *peer
	made   int
}

// person has a phone and a calendar program, which see one calendar.
type person struct {
	o       *office
	login   string
	account directory.Account
	phone   *phone.Phone // changes meetings
	tablet  *phone.Phone // shows them
	folder  string       // the calendar's, on both

	token   string            // of the calendar program
	entries map[string]string // its copies, by their path
}

const guest = "guest@example.net"

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// RoundTrip hands a request to the server.
func (o *office) RoundTrip(req *http.Request) (*http.Response, error) {
	return arrive(o.door.Handler(), req)
}

func openOffice(t *testing.T, seed uint64) *office {
	o := &office{t: t, rng: rand.New(rand.NewPCG(seed, 5))}
	ctx, dir, log := context.Background(), t.TempDir(), slog.New(slog.DiscardHandler)
	var err error
	o.store, err = store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: log, Reserve: 1, NoCompaction: true})
	o.must(err)
	o.blobs, err = blob.Open(blob.Config{Store: o.store, Path: filepath.Join(dir, "blob"), Logger: log})
	o.must(err)
	hub := push.NewHub()
	dirs, err := directory.New(directory.Config{Store: o.store, Logger: log, HashCost: directory.HashCost{Memory: 8, Time: 1, Threads: 1}})
	o.must(err)
	o.boxes = mailbox.New(mailbox.Config{Store: o.store, Blobs: o.blobs, Hub: hub, Logger: log})
	devs := device.New(device.Config{Store: o.store})
	o.queue = queue.New(queue.Config{Store: o.store, Blobs: o.blobs, Logger: log})
	o.router = route.New(route.Config{Store: o.store, Directory: dirs, Mailboxes: o.boxes, Queue: o.queue, Hostname: "mail.example.org", Logger: log})
	o.schedule = schedule.New(schedule.Config{Store: o.store, Mailboxes: o.boxes, Directory: dirs, Router: o.router, Zone: time.UTC, Logger: log})
	o.door, err = gateway.New(gateway.Config{
		Store: o.store, Directory: dirs, Devices: devs, Mailboxes: o.boxes, Router: o.router, Hub: hub, Logger: log, Schedule: o.schedule,
		Shares: share.New(share.Config{Store: o.store, Directory: dirs, Mailboxes: o.boxes, Logger: log}),
		Engine: engine.New(engine.Config{Store: o.store, Devices: devs, Source: o.boxes}),
	})
	o.must(err)
	t.Cleanup(o.close)
	o.must(dirs.AddDomain(ctx, directory.Domain{Name: "example.org"}))
	for i, version := range []eas.Version{eas.V161, eas.V160, eas.V161} { // those that have the server invite
		p := &person{o: o, login: fmt.Sprintf("user%d@example.org", i), entries: map[string]string{}}
		p.account, err = dirs.AddUser(ctx, directory.Account{Login: p.login, Name: fmt.Sprintf("User %d", i), ActiveSync: true}, "secret")
		o.must(err)
		p.phone = p.device("phone", version)
		p.tablet = p.device("tablet", []eas.Version{eas.V141, eas.V121, eas.V161}[i])
		o.people = append(o.people, p)
	}
	o.guest = newPeer(o)
	return o
}

// device sets up a phone.
func (p *person) device(kind string, version eas.Version) *phone.Phone {
	o, ctx := p.o, context.Background()
	o.t.Helper()
	d, err := phone.New(phone.Config{
		URL: "http://mail.example.org", User: p.login, Password: "secret", DeviceID: kind, DeviceType: "TestPhone",
		Version: version, HTTPClient: &http.Client{Transport: o},
	})
	o.must(err)
	_, err = d.Provision(ctx)
	o.must(err)
	folders, err := d.FolderSync(ctx)
	o.must(err)
	for _, f := range folders.Adds {
		if f.Type == eas.FolderCalendar {
			p.folder = f.ServerID
		}
	}
	return d
}

func (o *office) close() {
	if n := o.door.Panics(); n > 0 {
		o.t.Errorf("%d requests panicked", n)
	}
	ctx := context.Background()
	report := func(p store.Problem) { o.t.Errorf("check: %s %s: %s", p.Table, p.Key, p.Text) }
	err := errors.Join(o.boxes.Check(ctx, report), o.schedule.Check(ctx, report), o.schedule.Close(), o.router.Close(), o.blobs.Close(), o.store.Close())
	if err != nil {
		o.t.Error(err)
	}
}

// dav sends a request of a calendar program.
func (p *person) dav(method, path, body string, header ...string) (int, string) {
	p.o.t.Helper()
	r, err := http.NewRequest(method, "http://mail.example.org"+path, strings.NewReader(body))
	p.o.must(err)
	r.SetBasicAuth(p.login, "secret")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := p.o.RoundTrip(r)
	p.o.must(err)
	b, err := io.ReadAll(resp.Body)
	p.o.must(err)
	return resp.StatusCode, string(b)
}

// home is the path of the person's calendar.
func (p *person) home() string { return "/dav/calendars/" + p.login + "/calendar/" }

// multistatus is what a sync-collection answers (RFC 6578 3.2).
type multistatus struct {
	Responses []struct {
		Href   string `xml:"href"`
		Status string `xml:"status"`
		Data   string `xml:"propstat>prop>calendar-data"`
	} `xml:"response"`
	Token string `xml:"sync-token"`
}

// refresh brings the calendar program up to date by what has changed.
func (p *person) refresh() {
	p.o.t.Helper()
	status, body := p.dav("REPORT", p.home(), `<sync-collection xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><sync-token>`+p.token+
		`</sync-token><sync-level>1</sync-level><prop><getetag/><C:calendar-data/></prop></sync-collection>`)
	var m multistatus
	if err := xml.Unmarshal([]byte(body), &m); status != http.StatusMultiStatus || err != nil {
		p.o.t.Fatalf("sync-collection: %d, %v\n%s", status, err, body)
	}
	for _, r := range m.Responses {
		if strings.Contains(r.Status, "404") {
			delete(p.entries, r.Href)
		} else {
			p.entries[r.Href] = r.Data
		}
	}
	p.token = m.Token
}

// sync brings the phone up to date, with what it has to say.
func (p *person) sync(commands ...eas.SyncCommand) *phone.SyncResult {
	p.o.t.Helper()
	res, err := p.phone.Sync(context.Background(), p.folder, phone.SyncOptions{Commands: commands, All: true, Class: phone.Calendar})
	p.o.must(err)
	return res
}

// look brings the tablet up to date.
func (p *person) look() {
	p.o.t.Helper()
	_, err := p.tablet.Sync(context.Background(), p.folder, phone.SyncOptions{All: true, Class: phone.Calendar})
	p.o.must(err)
}

// some chooses up to n of the others, and now and then the guest.
func (p *person) some(n int) (who []string) {
	for _, q := range p.o.people {
		if q != p && len(who) < n && p.o.rng.IntN(2) == 0 {
			who = append(who, q.login)
		}
	}
	if p.o.rng.IntN(3) == 0 {
		who = append(who, guest)
	}
	return who
}

// hour is some hour of the next weeks.
func (o *office) hour() time.Time {
	return time.Date(2027, 3, 1+o.rng.IntN(40), 8+o.rng.IntN(9), 0, 0, 0, time.UTC)
}

// makeOnPhone adds a meeting on the phone.
func (p *person) makeOnPhone() {
	p.o.made++
	at := p.o.hour()
	end, subject, busy := at.Add(time.Hour), fmt.Sprint("Phone ", p.o.made), uint8(2)
	c := &eas.Calendar{StartTime: &at, EndTime: &end, Subject: &subject, BusyStatus: &busy}
	for _, a := range p.some(2) {
		c.Attendees = append(c.Attendees, eas.CalendarAttendee{Email: a, Name: a})
	}
	if len(c.Attendees) > 0 {
		status := uint8(1)
		c.MeetingStatus = &status
	}
	p.sync(phone.Add("add"+strconv.Itoa(p.o.made), c))
}

// makeInProgram adds a meeting in the calendar program.
func (p *person) makeInProgram() {
	p.o.made++
	uid := fmt.Sprintf("program-%d@example.org", p.o.made)
	e := &calendar.Event{UID: uid, Summary: fmt.Sprint("Program ", p.o.made), Stamp: time.Now().UTC()}
	at := p.o.hour()
	e.Start, e.End = calendar.UTC(at), calendar.UTC(at.Add(time.Hour))
	if p.o.rng.IntN(3) == 0 {
		e.Rule = &calendar.Rule{Freq: calendar.Weekly, Interval: 1, Count: 4, WeekStart: time.Monday}
	}
	if who := p.some(2); len(who) > 0 {
		e.Organizer = &calendar.Person{Address: p.login}
		for _, a := range append([]string{p.login}, who...) {
			status := "NEEDS-ACTION"
			if a == p.login {
				status = "ACCEPTED"
			}
			e.Attendees = append(e.Attendees, calendar.Attendee{Person: calendar.Person{Address: a}, Role: "REQ-PARTICIPANT", Status: status, RSVP: true})
		}
	}
	status, body := p.dav("PUT", p.home()+uid+".ics", string(calendar.NewObject("", e).Encode()), "Content-Type", "text/calendar", "If-None-Match", "*")
	if status != http.StatusCreated && status != http.StatusNoContent {
		p.o.t.Fatalf("PUT: %d\n%s", status, body)
	}
}

// one is an entry of the calendar program, and the event in it.
func (p *person) one() (path string, o *calendar.Object) {
	p.refresh()
	paths := make([]string, 0, len(p.entries))
	for path := range p.entries {
		paths = append(paths, path)
	}
	if len(paths) == 0 {
		return "", nil
	}
	slices.Sort(paths)
	path = paths[p.o.rng.IntN(len(paths))]
	o, err := calendar.Parse([]byte(p.entries[path]))
	p.o.must(err)
	return path, o
}

// changeInProgram moves a meeting of the person's own, answers one of another's,
// or deletes one.
func (p *person) changeInProgram() {
	path, o := p.one()
	if o == nil {
		return
	}
	e := o.Master()
	own := e.Organizer == nil || strings.EqualFold(e.Organizer.Address, p.login)
	switch me := e.Attendee(p.login); {
	case p.o.rng.IntN(5) == 0:
		status, body := p.dav("DELETE", path, "")
		if status >= 300 && status != http.StatusNotFound {
			p.o.t.Fatalf("DELETE %s: %d\n%s", path, status, body)
		}
		return
	case own:
		at := p.o.hour()
		e.Start, e.End = calendar.UTC(at), calendar.UTC(at.Add(2*time.Hour))
	case me != nil:
		me.Status = []string{"ACCEPTED", "DECLINED", "TENTATIVE"}[p.o.rng.IntN(3)]
	default:
		return
	}
	e.Write()
	if p.o.rng.IntN(3) == 0 {
		p.forget(e)
	}
	status, body := p.dav("PUT", path, string(o.Encode()), "Content-Type", "text/calendar")
	if status >= 300 {
		p.o.t.Fatalf("PUT %s: %d\n%s\n%s", path, status, body, o.Encode())
	}
}

// forget has an event as programs write it that know little: without what is not
// in the standard, with a date and a number of their own. Some leave out who has
// invited the user.
func (p *person) forget(e *calendar.Event) {
	c := e.Component
	c.Props = slices.DeleteFunc(c.Props, func(q calendar.Property) bool { return strings.HasPrefix(q.Name, "X-") })
	for q := range c.All("ATTENDEE") {
		q.Params = slices.DeleteFunc(q.Params, func(r calendar.Param) bool { return strings.HasPrefix(r.Name, "X-") })
	}
	c.SetValue("DTSTAMP", time.Now().Add(time.Duration(p.o.rng.IntN(48))*time.Hour).UTC().Format("20060102T150405Z"))
	if e.Organizer != nil && strings.EqualFold(e.Organizer.Address, p.login) {
		c.Remove("SEQUENCE")
		return
	}
	c.SetValue("SEQUENCE", strconv.Itoa(e.Sequence+p.o.rng.IntN(3)))
	if p.o.rng.IntN(2) == 0 {
		c.Remove("ORGANIZER")
	}
}

// changeOnPhone moves a meeting of the person's own, or deletes one.
func (p *person) changeOnPhone() {
	p.sync()
	items := p.phone.View(p.folder)
	if len(items) == 0 {
		return
	}
	it := items[slices.Sorted(maps.Keys(items))[p.o.rng.IntN(len(items))]]
	p.look()
	known := p.tablet.View(p.folder)[it.ServerID]
	var c eas.Calendar
	p.o.must(known.Decode(&c))
	if p.o.rng.IntN(5) == 0 {
		p.sync(phone.Delete(it.ServerID))
		return
	}
	if c.OrganizerEmail != nil && !strings.EqualFold(*c.OrganizerEmail, p.login) {
		return
	}
	at := p.o.hour()
	end := at.Add(90 * time.Minute)
	p.sync(phone.ChangeTo(it.ServerID, &eas.Calendar{StartTime: &at, EndTime: &end}))
}

// settle lets everything come to rest.
func (o *office) settle() {
	o.t.Helper()
	for range 3 { // a message, its answer, and what that calls for
		o.guest.read()
		o.guest.arrive(true)
		o.must(o.schedule.Settle(context.Background()))
	}
	for _, p := range o.people {
		p.sync()
		p.look()
		p.refresh()
		if here, there := len(p.phone.View(p.folder)), len(p.tablet.View(p.folder)); here != there {
			o.t.Errorf("%s: the phone has %d events, the tablet %d", p.login, here, there)
		}
	}
}

// seen is what anybody sees of an event.
type seen struct{ uid, subject, start, end string }

// compare holds each person's phone against the calendar program, and the
// attendees' calendars against the organizer's.
func (o *office) compare() {
	o.t.Helper()
	organized := map[string]*calendar.Event{}
	for _, p := range o.people {
		var onPhone, inProgram []seen
		for _, it := range p.tablet.View(p.folder) {
			var c eas.Calendar
			o.must(it.Decode(&c))
			if c.StartTime == nil || c.EndTime == nil || c.UID == nil {
				o.t.Fatalf("%s: an event without times or UID: %+v", p.login, c)
			}
			onPhone = append(onPhone, seen{*c.UID, *c.Subject, c.StartTime.Format(time.RFC3339), c.EndTime.Format(time.RFC3339)})
		}
		for _, text := range p.entries {
			cal, err := calendar.Parse([]byte(text))
			o.must(err)
			e := cal.Master()
			inProgram = append(inProgram, seen{e.UID, e.Summary, e.Start.UTC().Format(time.RFC3339), e.End.UTC().Format(time.RFC3339)})
			if e.Organizer != nil && strings.EqualFold(e.Organizer.Address, p.login) {
				organized[e.UID] = e
			}
		}
		order := func(a, b seen) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
		slices.SortFunc(onPhone, order)
		slices.SortFunc(inProgram, order)
		for i := range onPhone { // a phone may be shown more in front of the subject of a cancelled meeting
			if i < len(inProgram) && strings.HasSuffix(onPhone[i].subject, inProgram[i].subject) {
				onPhone[i].subject = inProgram[i].subject
			}
		}
		if !slices.Equal(onPhone, inProgram) {
			o.t.Errorf("%s: the tablet shows\n%v\nthe program\n%v", p.login, onPhone, inProgram)
		}
	}
	for _, p := range o.people {
		for _, text := range p.entries {
			cal, err := calendar.Parse([]byte(text))
			o.must(err)
			e := cal.Master()
			if e.Organizer == nil || strings.EqualFold(e.Organizer.Address, p.login) || e.Status == "CANCELLED" {
				continue
			}
			theirs := organized[e.UID]
			if e.Organizer.Address == guest {
				continue
			}
			if theirs == nil {
				o.t.Errorf("%s has %s, which its organizer has not any more", p.login, e.Summary)
				continue
			}
			if !theirs.Start.Same(e.Start) || !theirs.End.Same(e.End) {
				o.t.Errorf("%s has %s at %v, its organizer at %v", p.login, e.Summary, e.Start, theirs.Start)
			}
			mine, there := e.Attendee(p.login), theirs.Attendee(p.login)
			if mine == nil || there == nil || mine.Status != there.Status {
				o.t.Errorf("%s: %s: answered %+v, the organizer has %+v", p.login, e.Summary, mine, there)
			}
		}
	}
}

// invitations counts what came to each person's inbox: no invitation comes twice.
func (o *office) invitations() {
	o.t.Helper()
	for _, p := range o.people {
		count := map[string]int{}
		box := mail.MailboxOf(p.account.ID)
		o.must(o.store.View(context.Background(), func(tx *store.Tx) error {
			inbox, err := o.boxes.FolderByRole(tx, box, mail.RoleInbox)
			if err != nil {
				return err
			}
			for it, err := range o.boxes.Items(tx, box, inbox.ID, 0) {
				if err != nil {
					return err
				}
				ix, err := o.boxes.Index(tx, it.Blob)
				if err != nil {
					return err
				}
				if key := o.meetingOf(ix, it); key != "" {
					count[key]++
				}
			}
			return nil
		}))
		for key, n := range count {
			if n > 1 {
				o.t.Errorf("%s got %s %d times", p.login, key, n)
			}
		}
	}
}

// meetingOf names the version of a meeting that a REQUEST speaks of.
func (o *office) meetingOf(ix *message.Index, it mail.Item) string {
	raw, err := o.blobs.Read(context.Background(), it.Blob)
	o.must(err)
	text := strings.ReplaceAll(string(raw), "\r\n ", "")
	if !strings.Contains(text, "method=REQUEST") {
		return ""
	}
	cal := class.ReadMeeting(ix, strings.NewReader(string(raw)))
	if cal == nil || cal.Method != "REQUEST" {
		return ""
	}
	e := cal.Master()
	if e.Organizer != nil && e.Organizer.Address == guest { // who repeats some
		return ""
	}
	return fmt.Sprintf("%s sequence %d at %v", e.UID, e.Sequence, e.Start)
}

func TestPhonesAndCalendarProgramsAgreeOnTheirMeetings(t *testing.T) {
	for seed := range *officeSeeds {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			o := openOffice(t, uint64(seed))
			for range 5 {
				for range 25 {
					p := o.people[o.rng.IntN(len(o.people))]
					switch o.rng.IntN(9) {
					case 7:
						o.guest.act()
					case 8:
						o.guest.read()
						o.guest.arrive(false)
					case 0:
						p.makeOnPhone()
					case 1:
						p.makeInProgram()
					case 2, 3:
						p.changeInProgram()
					case 4:
						p.changeOnPhone()
					default:
						if o.rng.IntN(2) == 0 {
							o.must(o.schedule.Settle(context.Background()))
						}
					}
				}
				o.settle()
				o.compare()
				o.guest.compare()
				o.invitations()
				if t.Failed() {
					return
				}
			}
			n := 0
			for _, p := range o.people {
				n += len(p.entries)
			}
			if n == 0 || len(o.guest.meetings) == 0 || len(o.guest.answers) == 0 {
				t.Errorf("too little happened: %d entries, %d meetings of the guest, who answered %d", n, len(o.guest.meetings), len(o.guest.answers))
			}
		})
	}
}
