package migrate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/mail"
)

// there is what a mailbox has got, as a Target that remembers.
type there struct {
	folders []string
	roles   map[string]mail.Role
	items   map[string][]Item // by folder
	seen    map[string]string // flags of what came, by source, folder and key
	puts    int
	fail    int // the number of the put that fails, if not zero
}

func newThere() *there {
	return &there{roles: map[string]mail.Role{}, items: map[string][]Item{}, seen: map[string]string{}}
}

func flagsText(h *Head) string { return fmt.Sprint(h.Flags, h.Flagged, h.Keywords) }

func (th *there) target() Target {
	return Target{
		Compare: func(_ context.Context, source string, f *Folder, heads []Head) ([]State, error) {
			states := make([]State, len(heads))
			for i := range heads {
				was, ok := th.seen[source+f.String()+heads[i].Key]
				switch {
				case ok && was == flagsText(&heads[i]):
					states[i] = Present
				case ok:
					states[i] = Changed
				}
			}
			return states, nil
		},
		Put: func(_ context.Context, source string, f *Folder, items []Item) (map[int]string, error) {
			if !slices.Contains(th.folders, f.String()) {
				th.folders = append(th.folders, f.String())
				th.roles[f.String()] = f.Role
			}
			if len(items) == 0 {
				return nil, nil
			}
			if th.puts++; th.puts == th.fail {
				return nil, context.Canceled
			}
			for i := range items {
				th.seen[source+f.String()+items[i].Key] = flagsText(&items[i].Head)
				if items[i].Raw != nil {
					th.items[f.String()] = append(th.items[f.String()], items[i])
				}
			}
			return nil, nil
		},
	}
}

func (th *there) run(t *testing.T, s Source, o Options) *Report {
	t.Helper()
	r, err := Run(t.Context(), s, th.target(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (th *there) texts(folder string) (all []string) {
	for _, it := range th.items[folder] {
		all = append(all, string(it.Raw))
	}
	return all
}

func write(t *testing.T, name, text string, at time.Time) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

func TestAMaildirComesWithFoldersFlagsAndDates(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "cur", "1700000000.M1.host,S=12:2,RSFa"), "Subject: one\n\n", noon)
	write(t, filepath.Join(root, "new", "1700000001.M2.host"), "Subject: two\r\n\r\n", noon.Add(time.Hour))
	write(t, filepath.Join(root, "dovecot-keywords"), "0 $label1\n1 other\n", noon)
	write(t, filepath.Join(root, ".Gesendet", "cur", "a:2,S"), "Subject: sent\n\n", noon)
	write(t, filepath.Join(root, ".Arbeit.Entw&APw-rfe.2024", "cur", "b:2,DPT"), "Subject: deep\n\n", noon)
	write(t, filepath.Join(root, "tmp", "half"), "Subject: half\n", noon)
	write(t, filepath.Join(root, "cur", ".hidden"), "", noon)
	s, err := OpenMaildir(root)
	if err != nil {
		t.Fatal(err)
	}
	th := newThere()
	r := th.run(t, s, Options{})
	if r.Added != 4 || r.Folders != 3 || len(r.Refused) != 0 {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff(map[string]mail.Role{"INBOX": mail.RoleInbox, "Gesendet": mail.RoleSent, "Arbeit/Entwürfe/2024": mail.RoleNone}, th.roles); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	in := th.items["INBOX"]
	if len(in) != 2 || string(in[0].Raw) != "Subject: one\r\n\r\n" || in[0].Flags != mail.FlagSeen|mail.FlagAnswered || !in[0].Flagged || !slices.Equal(in[0].Keywords, []string{"$label1"}) || !in[0].Received.Equal(noon) {
		t.Errorf("inbox: %+v", in)
	}
	if deep := th.items["Arbeit/Entwürfe/2024"][0]; deep.Flags != mail.FlagDraft|mail.FlagForwarded|mail.FlagDeleted {
		t.Errorf("deep: %+v", deep)
	}

	// The next run brings what is new, and flags that changed.
	write(t, filepath.Join(root, "new", "c"), "Subject: three\n\n", noon.Add(2*time.Hour))
	if err := os.Rename(filepath.Join(root, "new", "1700000001.M2.host"), filepath.Join(root, "cur", "1700000001.M2.host:2,S")); err != nil {
		t.Fatal(err)
	}
	r = th.run(t, s, Options{})
	if r.Added != 1 || r.Updated != 1 || r.Present != 3 {
		t.Errorf("again: %+v", r)
	}
	if got := th.texts("INBOX"); len(got) != 3 || got[2] != "Subject: three\r\n\r\n" {
		t.Errorf("inbox: %q", got)
	}
}

func TestMaildirsInFoldersAreFolders(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "Inbox", "cur", "a"), "x\n", noon)
	write(t, filepath.Join(root, "Work", "Plans", "new", "b"), "y\n", noon)
	if err := os.MkdirAll(filepath.Join(root, "Work", "Plans", "cur"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := OpenMaildir(root)
	if err != nil {
		t.Fatal(err)
	}
	th := newThere()
	th.run(t, s, Options{})
	if th.roles["Inbox"] != mail.RoleInbox || len(th.items["Work/Plans"]) != 1 {
		t.Errorf("%v %v", th.roles, th.items)
	}
	if _, err := OpenMaildir(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no Maildir") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestARunThatWasCutShortIsRepeated(t *testing.T) {
	root := t.TempDir()
	for i := range 3*putItems + 10 {
		write(t, filepath.Join(root, "cur", fmt.Sprintf("%05d", i)), fmt.Sprintf("Subject: %d\n\n", i), noon)
	}
	s, err := OpenMaildir(root)
	if err != nil {
		t.Fatal(err)
	}
	th := newThere()
	th.fail = 2
	if _, err := Run(t.Context(), s, th.target(), Options{}); err == nil {
		t.Fatal("it did not fail")
	}
	r := th.run(t, s, Options{})
	got := th.texts("INBOX")
	slices.Sort(got)
	if len(got) != 3*putItems+10 || len(slices.Compact(got)) != len(got) {
		t.Errorf("%d messages: %+v", len(got), r)
	}
}

func TestADryRunTakesNothing(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "cur", "a"), "x\n", noon)
	s, _ := OpenMaildir(root)
	th := newThere()
	if r := th.run(t, s, Options{DryRun: true}); r.Added != 1 || r.Bytes != 2 || len(th.items)+len(th.folders) != 0 {
		t.Errorf("%+v %+v", r, th)
	}
}

func TestFoldersAreChosen(t *testing.T) {
	o := Options{Only: []string{"work"}, Without: []string{"Work/Old"}}
	for path, want := range map[string]bool{"Work": true, "Work/New": true, "Work/Old": false, "Work/Old/er": false, "Workshop": false, "INBOX": false} {
		if got := o.wants(&Folder{Path: strings.Split(path, "/")}); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestAnMboxIsTakenApart(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "Trash"), strings.Join([]string{
		"From a@b.example Thu Feb 29 12:00:00 2024",
		"Subject: one",
		"Status: RO",
		"X-Status: AF",
		"X-Keywords: $label1",
		"   folded",
		"",
		"text",
		"From the hills it came",
		"",
		">From here",
		">>From there",
		"",
		"From - Thu Feb 29 13:00:00 2024",
		"X-Mozilla-Status: 1001",
		"X-Mozilla-Status2: 00000000",
		"Subject: no body",
		"",
		"",
		"From MAILER-DAEMON Thu Feb 29 14:00:00 2024",
		"From: Mail System Internal Data <MAILER-DAEMON@host>",
		"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA",
		"X-IMAP: 1 2",
		"",
		"none",
		"",
		"From c@d.example Thu Feb 29 15:00 2024",
		"Subject: last",
		"",
		"no line behind it",
	}, "\n"), noon)
	write(t, filepath.Join(root, "Work.sbd", "Plans"), "From x Thu Feb 29 12:00:00 2024\nSubject: p\n\n", noon)
	write(t, filepath.Join(root, "Trash.msf"), "// an index", noon)
	s, err := OpenMbox(root)
	if err != nil {
		t.Fatal(err)
	}
	th := newThere()
	r := th.run(t, s, Options{})
	if diff := cmp.Diff(map[string]mail.Role{"Trash": mail.RoleDeletedItems, "Work/Plans": mail.RoleNone}, th.roles); diff != "" || r.Added != 4 {
		t.Errorf("%+v, -want +got:\n%s", r, diff)
	}
	in := th.items["Trash"]
	want := []string{
		"Subject: one\r\n\r\ntext\r\nFrom the hills it came\r\n\r\nFrom here\r\n>From there\r\n",
		"Subject: no body\r\n\r\n",
		"Subject: last\r\n\r\nno line behind it",
	}
	if diff := cmp.Diff(want, th.texts("Trash")); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	if in[0].Flags != mail.FlagSeen|mail.FlagAnswered || !in[0].Flagged || !slices.Equal(in[0].Keywords, []string{"$label1"}) || !in[0].Received.Equal(noon) {
		t.Errorf("one: %+v", in[0])
	}
	if in[1].Flags != mail.FlagSeen|mail.FlagForwarded || !in[1].Received.Equal(noon.Add(time.Hour)) {
		t.Errorf("no body: %+v", in[1])
	}

	// Flags that change make no other message of it.
	raw, _ := os.ReadFile(filepath.Join(root, "Trash"))
	write(t, filepath.Join(root, "Trash"), strings.Replace(string(raw), "X-Status: AF", "X-Status: A", 1), noon)
	if r := th.run(t, s, Options{}); r.Added != 0 || r.Updated != 1 || r.Present != 3 {
		t.Errorf("again: %+v", r)
	}
}

// What is written is read again as it was, flags and dates included, by both ways
// and however often.
func TestWhatIsWrittenIsReadAsItWas(t *testing.T) {
	items := map[string][]Item{
		"Inbox": {
			{Head{Key: "1", Flags: mail.FlagSeen | mail.FlagForwarded, Keywords: []string{"a", "b"}, Received: noon}, []byte("Return-Path: <x@y.example>\r\nSubject: 1\r\n\r\nFrom me\r\n>From you\r\n\r\n\r\n")},
			{Head{Key: "2", Flagged: true, Received: noon.Add(time.Hour)}, []byte("Subject: 2\r\n\r\n")},
			{Head{Key: "3", Received: noon.Add(2 * time.Hour)}, []byte("Status: mine\r\nSubject: 3\r\n\r\nlong " + strings.Repeat("From ", 30_000) + "\r\n")},
		},
		"Grün/a.b": {{Head{Key: "4", Flags: mail.FlagDraft, Received: noon}, []byte("Subject: 4\r\n\r\n")}},
	}
	folders := []Folder{{Path: []string{"Inbox"}, Role: mail.RoleInbox}, {Path: []string{"Grün", "a.b"}}}
	for _, c := range []struct {
		name   string
		writer func(string) (Writer, error)
		source func(string) (Source, error)
		names  map[string]string
	}{
		{"maildir", func(p string) (Writer, error) { return NewMaildirWriter(p) }, func(p string) (Source, error) { return OpenMaildir(p) }, map[string]string{"Inbox": "INBOX", "Grün/a.b": "Grün/a_b"}},
		{"mbox", func(p string) (Writer, error) { return NewMboxWriter(p) }, func(p string) (Source, error) { return OpenMbox(p) }, map[string]string{"Inbox": "Inbox", "Grün/a.b": "Grün/a.b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "out")
			for range 2 {
				w, err := c.writer(root)
				if err != nil {
					t.Fatal(err)
				}
				for i := range folders {
					if err := w.Begin(&folders[i]); err != nil {
						t.Fatal(err)
					}
					for j := range items[folders[i].String()] {
						if err := w.Write(&items[folders[i].String()][j]); err != nil {
							t.Fatal(err)
						}
					}
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
			}
			s, err := c.source(root)
			if err != nil {
				t.Fatal(err)
			}
			th := newThere()
			th.run(t, s, Options{})
			for name, want := range items {
				got := th.items[c.names[name]]
				if len(got) != len(want) {
					t.Fatalf("%s: %d messages of %d in %v", name, len(got), len(want), th.folders)
				}
				for i := range want {
					raw := string(want[i].Raw)
					if c.name == "mbox" {
						raw = strings.Replace(raw, "Status: mine\r\n", "", 1) // the field belongs to the file
					}
					if string(got[i].Raw) != raw || flagsText(&got[i].Head) != flagsText(&want[i].Head) || !got[i].Received.Equal(want[i].Received) {
						t.Errorf("%s %d: %+v, want %+v", name, i, got[i].Head, want[i].Head)
					}
				}
			}
		})
	}
}

// Whatever lies in a file, reading ends, and what is read lies in it.
func FuzzMbox(f *testing.F) {
	f.Add("From a Thu Feb 29 12:00:00 2024\nSubject: x\n\ntext\n\nFrom b Thu Feb 29 12:00:00 2024\n\n\n")
	f.Add("From 12:00")
	f.Add("From a 1:00:00\n From b 1:00:00\n\nFrom c 1:00:00\n")
	f.Fuzz(func(t *testing.T, text string) {
		name := filepath.Join(t.TempDir(), "box")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m, folder := &Mbox{root: name}, &Folder{Path: []string{"box"}, at: name}
		var heads []Head
		keys := map[string]bool{}
		for h, err := range m.Heads(t.Context(), folder) {
			if err != nil {
				t.Fatal(err)
			}
			if keys[h.Key] || h.start < 0 || h.Size <= 0 || h.start+h.Size > int64(len(text)) {
				t.Fatalf("%+v in %d bytes", h, len(text))
			}
			keys[h.Key] = true
			heads = append(heads, h)
		}
		n := 0
		if err := m.Fetch(t.Context(), folder, heads, func(_ int, raw []byte, err error) error { n++; return err }); err != nil || n != len(heads) {
			t.Fatalf("%d of %d: %v", n, len(heads), err)
		}
	})
}
