package acceptance

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// syncEvolution keeps two folders of files alike with a calendar and an address
// book of the server's: Debian's SyncEvolution, which knows the server only by
// its address.
type syncEvolution struct {
	h   *house
	dir string
}

func newSyncEvolution(t *testing.T) *syncEvolution {
	if _, err := exec.LookPath("syncevolution"); err != nil {
		t.Skip("syncevolution is not installed")
	}
	s := &syncEvolution{h: newHouse(t, ""), dir: t.TempDir()}
	for _, name := range []string{"calendar", "addressbook"} {
		if err := os.Mkdir(filepath.Join(s.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.run("--configure", "--template", "webdav", "syncURL=http://"+s.h.HTTP+"/dav/", "username="+robin, "password="+password,
		"calendar/backend=caldav", "addressbook/backend=carddav", "target-config@webdav", "calendar", "addressbook")
	s.run("--configure", "--template", "SyncEvolution_Client", "syncURL=local://@webdav", "username=", "password=",
		"calendar/backend=file", "addressbook/backend=file", "calendar/databaseFormat=text/calendar", "addressbook/databaseFormat=text/vcard",
		"calendar/database=file://"+filepath.Join(s.dir, "calendar"), "addressbook/database=file://"+filepath.Join(s.dir, "addressbook"),
		"robin@files", "calendar", "addressbook")
	return s
}

func (s *syncEvolution) run(args ...string) {
	s.h.t.Helper()
	cmd := exec.CommandContext(s.h.t.Context(), "syncevolution", append([]string{"--daemon=no", "--keyring=no"}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_CONFIG_HOME="+filepath.Join(s.dir, "config"), "XDG_CACHE_HOME="+filepath.Join(s.dir, "cache"), "XDG_DATA_HOME="+filepath.Join(s.dir, "data"))
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "ERROR") {
		s.h.t.Fatalf("syncevolution %v: %v\n%s", args, err, out)
	}
}

// here are the texts in a folder, all together.
func (s *syncEvolution) here(folder string) string { return texts(s.h.t, filepath.Join(s.dir, folder)) }

func texts(t *testing.T, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

const davSeries = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:series
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20261019T090000
DTEND;TZID=Europe/Berlin:20261019T100000
RRULE:FREQ=WEEKLY;COUNT=4
SUMMARY:Jour fixe
END:VEVENT
END:VCALENDAR
`

// A series made by SyncEvolution is on the phone over a change of clocks, an
// occurrence that another program moves comes back to it, and a contact that the
// phone changes does, too.
func TestSyncEvolutionFindsAndKeepsBothBooks(t *testing.T) {
	s := newSyncEvolution(t)
	h := s.h
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(strings.ReplaceAll(text, "\n", "\r\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("calendar/1", davSeries)
	write("addressbook/1", "BEGIN:VCARD\nVERSION:3.0\nUID:ada\nFN:Ada Ash\nN:Ash;Ada;;;\nEMAIL;TYPE=WORK:ada@example.com\nTEL;TYPE=CELL:+1 555 0100\nEND:VCARD\n")
	s.run("--sync", "slow", "robin@files")

	p, _ := h.settled("EVOLUTION1", eas.V161)
	calendar, contacts := h.folder(p, eas.FolderCalendar), h.folder(p, eas.FolderContacts)
	events := h.sync(p, calendar, phone.SyncOptions{}).Added
	people := h.sync(p, contacts, phone.SyncOptions{}).Added
	if len(events) != 1 || len(people) != 1 {
		t.Fatalf("the phone has %d events and %d contacts", len(events), len(people))
	}
	var e eas.Calendar
	if err := events[0].Decode(&e); err != nil || e.StartTime == nil || e.StartTime.Format("0102T1504") != "1019T0700" || e.Recurrence == nil {
		t.Errorf("%v, %+v", err, e)
	}
	var c eas.Contact
	if err := people[0].Decode(&c); err != nil || c.MobilePhoneNumber == nil || *c.MobilePhoneNumber != "+1 555 0100" {
		t.Errorf("%v, %+v", err, c)
	}

	// Another program moves the occurrence behind the change of clocks.
	const path = "/dav/calendars/" + robin + "/calendar/series.ics"
	status, body := h.dav("GET", path, "")
	if status != http.StatusOK {
		t.Fatalf("GET: %d", status)
	}
	const moved = "BEGIN:VEVENT\r\nUID:series\r\nRECURRENCE-ID;TZID=Europe/Berlin:20261026T090000\r\nDTSTAMP:20260102T000000Z\r\n" +
		"DTSTART;TZID=Europe/Berlin:20261027T110000\r\nDTEND;TZID=Europe/Berlin:20261027T120000\r\nSUMMARY:Moved one\r\nEND:VEVENT\r\nEND:VCALENDAR"
	if status, answer := h.dav("PUT", path, strings.ReplaceAll(body, "END:VCALENDAR", moved), "Content-Type", "text/calendar"); status/100 != 2 {
		t.Fatalf("PUT: %d %s", status, answer)
	}
	job := "Botanist"
	c.JobTitle = &job
	data, err := wbxml.MarshalRaw(&c)
	if err != nil {
		t.Fatal(err)
	}
	change := eas.SyncChange{ServerID: people[0].ServerID, ApplicationData: data}
	if _, err := p.Sync(t.Context(), contacts, phone.SyncOptions{Commands: []eas.SyncCommand{{Change: &change}}}); err != nil {
		t.Fatal(err)
	}
	s.run("robin@files")
	if got := s.here("calendar"); !strings.Contains(got, "SUMMARY:Moved one") || !strings.Contains(got, "RECURRENCE-ID;TZID=Europe/Berlin:20261026T090000") || !strings.Contains(got, "SUMMARY:Jour fixe") {
		t.Errorf("here are:\n%s", got)
	}
	if got := s.here("addressbook"); !strings.Contains(got, "TITLE:Botanist") || !strings.Contains(got, "ada@example.com") {
		t.Errorf("here are:\n%s", got)
	}
	h.stop()
	h.fsck()
}

// Calcurse's client takes the calendar over and puts back what was changed in
// its file.
func TestCalcurseTakesTheCalendarOver(t *testing.T) {
	script, err := exec.LookPath("calcurse-caldav")
	if err == nil {
		err = exec.Command("/usr/bin/python3", "-c", "import httplib2").Run() // Debian's own, for Debian's module
	}
	if err != nil {
		t.Skip("calcurse-caldav and its module httplib2 are not installed")
	}
	h := newHouse(t, "")
	dir := t.TempDir()
	const home = "/dav/calendars/" + robin + "/calendar/"
	if status, body := h.dav("PUT", home+"a.ics", fmt.Sprintf(davEvent, "a", "made there"), "Content-Type", "text/calendar"); status != http.StatusCreated {
		t.Fatalf("PUT: %d %s", status, body)
	}
	config := filepath.Join(dir, "config")
	text := fmt.Sprintf("[General]\nBinary = calcurse\nHostname = %s\nPath = %s\nAuthMethod = basic\nHTTPS = No\nDryRun = No\nSyncFilter = cal\n[Auth]\nUsername = %s\nPassword = %s\n", h.HTTP, home, robin, password)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sync := func(args ...string) {
		t.Helper()
		args = append([]string{script, "--config", config, "--datadir", filepath.Join(dir, "data"), "--lockfile", filepath.Join(dir, "lock"), "--syncdb", filepath.Join(dir, "db"), "--hookdir", filepath.Join(dir, "hooks")}, args...)
		cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", args...)
		cmd.Env = append(os.Environ(), "HOME="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	sync("--init", "keep-remote")
	appointments := filepath.Join(dir, "data", "apts")
	b, err := os.ReadFile(appointments)
	if err != nil || !strings.Contains(string(b), "made there") {
		t.Fatalf("%v: %s", err, b)
	}
	if err := os.WriteFile(appointments, []byte(strings.ReplaceAll(string(b), "made there", "changed here")), 0o600); err != nil {
		t.Fatal(err)
	}
	sync()
	if _, body := h.dav("GET", home, ""); !strings.Contains(body, "SUMMARY:changed here") || strings.Contains(body, "made there") {
		t.Errorf("there are:\n%s", body)
	}
	h.stop()
	h.fsck()
}
