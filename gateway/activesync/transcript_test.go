package activesync_test

import (
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"martlet/mail"
	"martlet/protocol/wbxml"
	"martlet/store"
)

var update = flag.Bool("update", false, "write the answers into the transcripts")

// A transcript is a conversation in a txtar file: what is said about it, and
// then its steps as files, in order.
//
//	-- phone NAME VERSION [new] --  who speaks from here on; new: not provisioned
//	-- deliver ROLE [DATE] --       a message enters a folder
//	-- header NAME --               a header of the phone's requests; empty: none
//	-- move|delete|read|unread --   "item" or "item role", done by someone else
//	-- directory --                 what the directory shall say, as TOML
//	-- publish FILE [DATE] --       a file in a published folder
//	-- card --                      a vCard enters the contacts
//	-- trust --                     an authority of certificates, in base64
//	-- COMMAND [PARAM=VALUE ...] -- a request as XML; empty: no body
//	-- message COMMAND [PARAM=VALUE ...] -- a request that is a message
//	-- http METHOD PATH --          a request of another kind, with what it sends
//	-- 200 --                       what is answered, as XML; empty: no body
//
// {{name}} stands for a value: in an answer it takes what is there the first
// time and must be the same afterwards; in a request it is filled in. Keys of
// two names differ.
func TestTranscripts(t *testing.T) {
	for file, a := range transcripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			tr := &transcript{t: t, house: build(t), vars: map[string]string{"now": "now"}, count: map[string]int{}, phones: map[string]*phone{}}
			for i := range a.Files {
				tr.step(&a.Files[i])
			}
			if *update && !t.Failed() {
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// transcripts reads all transcripts, in the order of their names.
func transcripts(t testing.TB) iter.Seq2[string, *txtar.Archive] {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	return func(yield func(string, *txtar.Archive) bool) {
		for _, file := range files {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !yield(file, a) {
				return
			}
		}
	}
}

type transcript struct {
	t       *testing.T
	house   *house
	phone   *phone
	phones  map[string]*phone
	vars    map[string]string
	count   map[string]int // of names given by -update
	last    answer
	command string
}

func (tr *transcript) step(f *txtar.File) {
	t := tr.t
	t.Helper()
	words := strings.Fields(f.Name)
	text := strings.TrimSpace(string(f.Data))
	if _, err := strconv.Atoi(words[0]); err == nil {
		tr.answered(f, words[0], text)
		return
	}
	switch words[0] {
	case "phone":
		p := tr.phones[words[1]]
		if p == nil {
			p = newPhone(t, tr.house, words[1], words[2])
			tr.phones[words[1]] = p
			if len(words) < 4 {
				p.provision()
			}
		}
		tr.phone = p
	case "header":
		if text == "" {
			tr.phone.header.Del(words[1])
		} else {
			tr.phone.header.Set(words[1], tr.fill(text))
		}
	case "message":
		tr.command = words[1]
		tr.last = tr.phone.post(words[1], "message/rfc822", []byte(crlf(string(f.Data))), tr.params(words[2:])...)
	case "http":
		tr.command = words[2]
		tr.last = tr.phone.read(tr.house.do(tr.phone.elsewhere(words[1], words[2], text)))
	case "deliver":
		tr.deliver(words[1:], string(f.Data))
	case "directory":
		tr.house.apply(t, text)
	case "publish":
		tr.house.publish(t, words[1], text, day(t, words[2:]))
	case "card":
		tr.house.addCard(t, text)
	case "trust":
		tr.house.trust(t, &authority{cert: parsed(t, text)})
	case "read", "unread", "move", "delete":
		tr.act(words[0], strings.Fields(tr.fill(text)))
	default:
		tr.request(words, text)
	}
}

func (tr *transcript) request(words []string, text string) {
	tr.t.Helper()
	tr.command = words[0]
	params := tr.params(words[1:])
	var body []byte
	if text != "" {
		var err error
		if body, err = fromXML(tr.fill(text)); err != nil {
			tr.t.Fatalf("%s: %v", words[0], err)
		}
	}
	tr.last = tr.phone.post(words[0], "application/vnd.ms-sync.wbxml", body, params...)
	if key := element(tr.last.xml, "PolicyKey"); words[0] == "Provision" && key != "" {
		tr.phone.policy = key
	}
}

// params are the parameters of a request line.
func (tr *transcript) params(words []string) (params []string) {
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		params = append(params, name, tr.fill(value))
	}
	return params
}

func (tr *transcript) answered(f *txtar.File, status, want string) {
	tr.t.Helper()
	got := tr.last.xml
	if got == "" && len(tr.last.body) > 0 {
		got = string(tr.last.body)
	}
	got = withoutNow(got)
	if strconv.Itoa(tr.last.status) != status {
		tr.t.Fatalf("%s: HTTP %d, want %s\n%s", tr.command, tr.last.status, status, tr.house.log)
	}
	if *update {
		f.Data = []byte(tr.named(got) + "\n")
		if got == "" {
			f.Data = nil
		}
		return
	}
	if d := cmp.Diff(strings.Split(tr.fillOrTake(want, got), "\n"), strings.Split(got, "\n")); d != "" {
		tr.t.Fatalf("%s: the answer differs:\n%s\nwhole:\n%s", tr.command, d, got)
	}
}

// stamped are the times at which the server has written something.
var stamped = regexp.MustCompile(`(<(?:DtStamp|LastModifiedDate)(?: [^>]*)?>)([^<]+)(</)`)

// withoutNow writes "now" for what was written a moment ago.
func withoutNow(s string) string {
	return stamped.ReplaceAllStringFunc(s, func(element string) string {
		m := stamped.FindStringSubmatch(element)
		at, err := wbxml.ParseTime(m[2])
		if err != nil || time.Since(at).Abs() > 10*time.Minute {
			return element
		}
		return m[1] + "now" + m[3]
	})
}

var placeholder = regexp.MustCompile(`\{\{(\w+)\}\}`)

// fill puts values in for their names.
func (tr *transcript) fill(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(m string) string {
		v, ok := tr.vars[m[2:len(m)-2]]
		if !ok {
			tr.t.Fatalf("%s has no value yet; the last answer was %d\n%s", m, tr.last.status, tr.last.xml)
		}
		return v
	})
}

// fillOrTake fills in what is known, and takes what is not from the answer.
func (tr *transcript) fillOrTake(want, got string) string {
	wantLines, gotLines := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i, line := range wantLines {
		if m := placeholder.FindStringSubmatch(line); m != nil && i < len(gotLines) && tr.vars[m[1]] == "" {
			pattern := regexp.QuoteMeta(strings.Replace(line, m[0], "\x00", 1))
			pattern = "^" + strings.Replace(pattern, "\x00", "(.*)", 1) + "$"
			if v := regexp.MustCompile(pattern).FindStringSubmatch(gotLines[i]); v != nil {
				tr.isNew(m[1], v[1])
				tr.vars[m[1]] = v[1]
			}
		}
	}
	return tr.fill(strings.Join(wantLines, "\n"))
}

var keyName = regexp.MustCompile(`^(?:key|policy)\d+$`)

// isNew wants another value of a key than all those that have another name: a
// server that gives the old one again has confirmed nothing.
func (tr *transcript) isNew(name, value string) {
	tr.t.Helper()
	for other, v := range tr.vars {
		if v == value && keyName.MatchString(name) && keyName.MatchString(other) {
			tr.t.Fatalf("%s: {{%s}} is {{%s}} again", tr.command, name, other)
		}
	}
}

// shortNames are how the names of changing values begin.
var shortNames = map[string]string{"SyncKey": "key", "PolicyKey": "policy", "ConversationId": "conversation", "ConversationIndex": "index", "LastVerbExecutionTime": "time", "WeightedRank": "rank", "UID": "uid"}

// givenUID is a UID that the server has made up.
var givenUID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// named is an answer with names for its values: what -update writes.
func (tr *transcript) named(got string) string {
	for _, name := range []string{"SyncKey", "PolicyKey", "ConversationId", "ConversationIndex", "LastVerbExecutionTime", "WeightedRank", "UID"} {
		for _, v := range elements(got, name) {
			if name == "UID" && !givenUID.MatchString(v) {
				continue
			}
			if short := shortNames[name]; v != "0" && tr.nameOf(v) == "" {
				tr.count[short]++
				tr.vars[fmt.Sprintf("%s%d", short, tr.count[short])] = v
			}
		}
	}
	lines := strings.Split(strings.ReplaceAll(got, ">now<", ">{{now}}<"), "\n")
	for i, line := range lines {
		if m := regexp.MustCompile(`^(\s*<(?:SyncKey|PolicyKey|ConversationId|ConversationIndex|LastVerbExecutionTime|WeightedRank|UID)(?: [^>]*)?>)([^<]+)(<.*)$`).FindStringSubmatch(line); m != nil {
			if name := tr.nameOf(m[2]); name != "" {
				lines[i] = m[1] + "{{" + name + "}}" + m[3]
			}
		}
	}
	return strings.Join(lines, "\n")
}

func (tr *transcript) nameOf(value string) string {
	for name, v := range tr.vars {
		if v == value {
			return name
		}
	}
	return ""
}

var roles = map[string]mail.Role{
	"inbox": mail.RoleInbox, "drafts": mail.RoleDrafts, "sent": mail.RoleSent, "deleted": mail.RoleDeletedItems,
	"outbox": mail.RoleOutbox, "junk": mail.RoleJunk,
}

// day is the date among a step's words, or a fixed one.
func day(t testing.TB, words []string) time.Time {
	t.Helper()
	if len(words) == 0 {
		return time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	}
	d, err := time.Parse(time.DateOnly, words[0])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// deliver puts a message into a folder; its date is that of its receipt.
func (tr *transcript) deliver(words []string, raw string) {
	tr.t.Helper()
	received := day(tr.t, words[1:])
	it := tr.house.deliver(tr.t, tr.house.folder(tr.t, roles[words[0]]), crlf(raw), received.UnixMilli())
	tr.vars[fmt.Sprintf("mail%d", it.ID)] = fmt.Sprintf("%d:%d", it.Folder, it.ID)
}

// act does what another phone or an IMAP client might do.
func (tr *transcript) act(what string, words []string) {
	tr.t.Helper()
	var f, n int
	if _, err := fmt.Sscanf(words[0], "%d:%d", &f, &n); err != nil {
		tr.t.Fatal(err)
	}
	folder, item := mail.FolderID(f), mail.ItemID(n)
	h := tr.house
	h.update(tr.t, func(tx *store.Tx) error {
		var err error
		switch what {
		case "delete":
			_, err = h.mailboxes.Delete(tx, h.box, folder, item)
		case "move":
			dst, ferr := h.mailboxes.FolderByRole(tx, h.box, roles[words[1]])
			if ferr != nil {
				return ferr
			}
			_, err = h.mailboxes.Move(tx, h.box, folder, item, dst.ID)
		default:
			_, err = h.mailboxes.UpdateItem(tx, h.box, folder, item, func(it *mail.Item) {
				it.Flags &^= mail.FlagSeen
				if what == "read" {
					it.Flags |= mail.FlagSeen
				}
			})
		}
		return err
	})
}
