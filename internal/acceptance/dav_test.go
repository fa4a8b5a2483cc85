package acceptance

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// dav is a request of a calendar program.
func (h *house) dav(method, path, body string, header ...string) (status int, answer string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+h.HTTP+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.SetBasicAuth(robin, password)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := h.client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, b.String()
}

// TestLitmusFindsNoFault runs the suites of litmus, Debian's test of WebDAV
// servers, over the files of a user. Locks are class 2, which the server does not
// claim; litmus passes over them.
func TestLitmusFindsNoFault(t *testing.T) {
	path, err := exec.LookPath("litmus")
	if err != nil {
		t.Skip("litmus is not installed")
	}
	h := newHouse(t, "[dav]\nfiles = \"50 MiB\"\n")
	for _, suite := range []string{"basic", "copymove", "props", "http", "locks"} {
		cmd := exec.CommandContext(t.Context(), path, "-k", "http://"+h.HTTP+"/dav/files/"+robin+"/", robin, password)
		cmd.Dir = t.TempDir() // it writes debug.log
		cmd.Env = append(os.Environ(), "TESTS="+suite)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), " 0 failed. 100.0%") {
			t.Errorf("%s: %v\n%s", suite, err, out)
		}
	}
	h.stop()
	h.fsck()
}

// vdirsyncer is a calendar and an address book in folders, kept alike with the
// server's by Debian's vdirsyncer.
type vdirsyncer struct {
	h   *house
	dir string
}

func newVdirsyncer(t *testing.T) *vdirsyncer {
	if _, err := exec.LookPath("vdirsyncer"); err != nil {
		t.Skip("vdirsyncer is not installed")
	}
	v := &vdirsyncer{h: newHouse(t, ""), dir: t.TempDir()}
	config := fmt.Sprintf("[general]\nstatus_path = %q\n", filepath.Join(v.dir, "status"))
	for _, p := range []struct{ name, kind, ext string }{{"calendars", "caldav", ".ics"}, {"books", "carddav", ".vcf"}} {
		local := filepath.Join(v.dir, p.name)
		if err := os.Mkdir(local, 0o700); err != nil {
			t.Fatal(err)
		}
		config += fmt.Sprintf("[pair %[1]s]\na = \"%[1]s_here\"\nb = \"%[1]s_there\"\ncollections = [\"from a\", \"from b\"]\nmetadata = [\"displayname\"]\nconflict_resolution = \"b wins\"\n"+
			"[storage %[1]s_here]\ntype = \"filesystem\"\npath = %[2]q\nfileext = %[3]q\n[storage %[1]s_there]\ntype = %[4]q\nurl = \"http://%[5]s/\"\nusername = %[6]q\npassword = %[7]q\n",
			p.name, local, p.ext, p.kind, v.h.HTTP, robin, password)
	}
	if err := os.WriteFile(filepath.Join(v.dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	v.run(strings.Repeat("y\n", 20), "discover")
	return v
}

func (v *vdirsyncer) run(stdin string, args ...string) {
	v.h.t.Helper()
	cmd := exec.CommandContext(v.h.t.Context(), "vdirsyncer", append([]string{"-c", filepath.Join(v.dir, "config")}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		v.h.t.Fatalf("vdirsyncer %v: %v\n%s", args, err, out)
	}
}

func (v *vdirsyncer) sync() { v.h.t.Helper(); v.run("", "sync") }

func (v *vdirsyncer) write(name, text string) {
	v.h.t.Helper()
	if err := os.WriteFile(filepath.Join(v.dir, name), []byte(strings.ReplaceAll(text, "\n", "\r\n")), 0o600); err != nil {
		v.h.t.Fatal(err)
	}
}

// here are the texts in a folder, all together.
func (v *vdirsyncer) here(folder string) string {
	v.h.t.Helper()
	entries, err := os.ReadDir(filepath.Join(v.dir, folder))
	if err != nil {
		v.h.t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !strings.Contains(e.Name(), ".") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(v.dir, folder, e.Name()))
		if err != nil {
			v.h.t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

// there is what the server has in a collection.
func (v *vdirsyncer) there(path string) string {
	v.h.t.Helper()
	status, body := v.h.dav("GET", path, "")
	if status != http.StatusOK {
		v.h.t.Fatalf("GET %s: %d", path, status)
	}
	return body
}

const davEvent = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//EN\nBEGIN:VEVENT\nUID:%s\nDTSTAMP:20260101T000000Z\nDTSTART:20260505T100000Z\nSUMMARY:%s\nX-TWIG:kept\nEND:VEVENT\nEND:VCALENDAR\n"

func TestVdirsyncerKeepsACalendarAlikeOnBothSides(t *testing.T) {
	v := newVdirsyncer(t)
	const home = "/dav/calendars/" + robin + "/calendar/"
	put := func(uid, summary string) {
		t.Helper()
		if status, body := v.h.dav("PUT", home+uid+".ics", fmt.Sprintf(davEvent, uid, summary), "Content-Type", "text/calendar"); status/100 != 2 {
			t.Fatalf("PUT: %d %s", status, body)
		}
	}
	v.write("calendars/calendar/a.ics", fmt.Sprintf(davEvent, "a", "made here"))
	put("b", "made there")
	v.sync()
	v.want("calendars/calendar", home, []string{"made here", "made there", "X-TWIG:kept"}, nil)

	v.write("calendars/calendar/a.ics", fmt.Sprintf(davEvent, "a", "changed here"))
	put("b", "changed there")
	v.sync()
	v.want("calendars/calendar", home, []string{"changed here", "changed there"}, []string{"made here", "made there"})

	if err := os.Remove(filepath.Join(v.dir, "calendars/calendar/a.ics")); err != nil {
		t.Fatal(err)
	}
	if status, _ := v.h.dav("DELETE", home+"b.ics", ""); status != http.StatusNoContent {
		t.Fatalf("DELETE: %d", status)
	}
	put("c", "the last")
	v.sync()
	v.want("calendars/calendar", home, []string{"the last"}, []string{"changed"})
	v.h.stop()
	v.h.fsck()
}

// want fails unless both sides have some texts and have not others.
func (v *vdirsyncer) want(folder, path string, texts, gone []string) {
	v.h.t.Helper()
	for side, all := range map[string]string{"here": v.here(folder), "there": v.there(path)} {
		for _, s := range texts {
			if !strings.Contains(all, s) {
				v.h.t.Errorf("%s there is no %q:\n%s", side, s, all)
			}
		}
		for _, s := range gone {
			if strings.Contains(all, s) {
				v.h.t.Errorf("%s there is still %q:\n%s", side, s, all)
			}
		}
	}
}

func TestVdirsyncerKeepsAnAddressBookAlikeOnBothSides(t *testing.T) {
	v := newVdirsyncer(t)
	const home = "/dav/addressbooks/" + robin + "/contacts/"
	card := func(uid, name string) string {
		return "BEGIN:VCARD\nVERSION:3.0\nUID:" + uid + "\nFN:" + name + "\nN:" + name + ";;;;\nX-TWIG:kept\nEND:VCARD\n"
	}
	put := func(uid, name string) {
		t.Helper()
		if status, body := v.h.dav("PUT", home+uid+".vcf", card(uid, name), "Content-Type", "text/vcard"); status/100 != 2 {
			t.Fatalf("PUT: %d %s", status, body)
		}
	}
	v.write("books/contacts/a.vcf", card("a", "Made Here"))
	put("b", "Made There")
	v.sync()
	v.want("books/contacts", home, []string{"Made Here", "Made There", "X-TWIG:kept"}, nil)

	v.write("books/contacts/a.vcf", card("a", "Changed Here"))
	put("b", "Changed There")
	v.sync()
	v.want("books/contacts", home, []string{"Changed Here", "Changed There"}, []string{"Made"})

	if err := os.Remove(filepath.Join(v.dir, "books/contacts/a.vcf")); err != nil {
		t.Fatal(err)
	}
	if status, _ := v.h.dav("DELETE", home+"b.vcf", ""); status != http.StatusNoContent {
		t.Fatalf("DELETE: %d", status)
	}
	put("c", "The Last")
	v.sync()
	v.want("books/contacts", home, []string{"The Last"}, []string{"Changed"})
	v.h.stop()
	v.h.fsck()
}

// What a calendar program does wakes a phone, and what the phone does comes with
// the program's next synchronisation.
func TestAPhoneAndACalendarProgramHaveOneCalendar(t *testing.T) {
	h := newHouse(t, "")
	p, _ := h.settled("DAVPHONE1", eas.V161)
	folder := h.folder(p, eas.FolderCalendar)
	h.sync(p, folder, phone.SyncOptions{})
	const home = "/dav/calendars/" + robin + "/calendar/"

	for path, want := range map[string]int{"/dav/": http.StatusUnauthorized, "/.well-known/caldav": http.StatusMovedPermanently, "/.well-known/carddav": http.StatusMovedPermanently} {
		resp, err := (&http.Client{Transport: h.client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get("http://" + h.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want || want == http.StatusMovedPermanently && resp.Header.Get("Location") != "/dav/" {
			t.Errorf("%s without a login answers %d %v, want %d", path, resp.StatusCode, resp.Header, want)
		}
	}

	woken := make(chan error, 1)
	go func() {
		_, err := p.Ping(t.Context(), 10*time.Minute, folder)
		woken <- err
	}()
	h.held(1)
	if status, body := h.dav("PUT", home+"a.ics", strings.ReplaceAll(fmt.Sprintf(davEvent, "a", "from a program"), "\n", "\r\n"), "Content-Type", "text/calendar"); status != http.StatusCreated {
		t.Fatalf("PUT: %d %s", status, body)
	}
	if err := <-woken; err != nil {
		t.Fatal(err)
	}
	added := h.sync(p, folder, phone.SyncOptions{}).Added
	if len(added) != 1 {
		t.Fatalf("the phone has %d events", len(added))
	}
	var got eas.Calendar
	if err := added[0].Decode(&got); err != nil || got.Subject == nil || *got.Subject != "from a program" {
		t.Errorf("%v, %+v", err, got)
	}

	const sync = `<sync-collection xmlns="DAV:"><sync-token>%s</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`
	_, first := h.dav("REPORT", home, fmt.Sprintf(sync, ""))
	_, token, _ := strings.Cut(first, "<D:sync-token>")
	token, _, _ = strings.Cut(token, "</D:sync-token>")
	if _, err := p.Sync(t.Context(), folder, phone.SyncOptions{Commands: []eas.SyncCommand{{Delete: &eas.SyncDelete{ServerID: added[0].ServerID}}}, Permanent: true}); err != nil {
		t.Fatal(err)
	}
	if _, second := h.dav("REPORT", home, fmt.Sprintf(sync, token)); !strings.Contains(second, home+"a.ics</D:href><D:status>HTTP/1.1 404") {
		t.Errorf("the program does not hear of it: %s", second)
	}
}
