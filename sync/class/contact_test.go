package class

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/internal/corpus"
	"martlet/mail"
	"martlet/mail/vcard"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// cards are the fixtures: what each of some programs makes of a contact.
func cards(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/contacts/*.vcf")
	if err != nil || len(files) == 0 {
		t.Fatal("no cards: ", err)
	}
	all := map[string][]byte{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".vcf")] = raw
	}
	return all
}

func card30(lines ...string) []byte {
	return []byte("BEGIN:VCARD\r\nVERSION:3.0\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n")
}

func card40(lines ...string) []byte {
	return []byte("BEGIN:VCARD\r\nVERSION:4.0\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n")
}

// wholeBody is what phones ask for.
func wholeBody(v eas.Version) *Options {
	return &Options{Version: v, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(1))}}}
}

func contactOf(t testing.TB, raw []byte, opt *Options) *eas.Contact {
	t.Helper()
	got, err := RenderObject(&mail.Item{Class: mail.ClassContacts}, raw, opt)
	if err != nil {
		t.Fatal(err)
	}
	return got.(*eas.Contact)
}

func editedContact(t testing.TB, old []byte, c *eas.Contact, o *EditOptions) []byte {
	t.Helper()
	raw, err := wbxml.MarshalRaw(c)
	if err != nil {
		t.Fatal(err)
	}
	out, err := EditObject(mail.ClassContacts, old, raw, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vcard.Parse(out); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return out
}

func at141() *EditOptions { return &EditOptions{Version: eas.V141} }

func dumpObject(t testing.TB, v any) string {
	t.Helper()
	b, err := wbxml.Marshal(&eas.SyncResponse{Collections: []eas.SyncResponseCollection{{SyncKey: "2", CollectionID: "5", Status: 1,
		Commands: []eas.SyncResponseCommand{{Add: &eas.SyncServerAdd{ServerID: "5:7", ApplicationData: v}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return wbxml.Dump(b)
}

// golden compares with a file of testdata.
func golden(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: %s", name, d)
	}
}

func TestContactsAreRenderedAsTheGoldenFiles(t *testing.T) {
	for name, raw := range cards(t) {
		for _, v := range []eas.Version{eas.V25, eas.V121, eas.V161} {
			golden(t, "contacts/"+name+"-"+v.String()+".xml", dumpObject(t, contactOf(t, raw, wholeBody(v))))
		}
	}
}

// fullContact has every element.
func fullContact() *eas.Contact {
	c := &eas.Contact{
		Birthday:    ptr(time.Date(1980, 3, 22, 0, 0, 0, 0, time.UTC)),
		Anniversary: ptr(time.Date(2010, 5, 1, 0, 0, 0, 0, time.UTC)),
		Children:    []string{"Cora", "Dan; the younger"},
		Categories:  []string{"Birds, rare", "Friends"},
		Picture:     ptr("/9j/4AAQSkZJRgABAQAAAQABAAD/2Q=="),
		Body:        &eas.Body{Type: 1, Data: ptr("Flies at dawn,\r\nnever lands; they say \\o/")},
	}
	for i := range contactElements {
		e := &contactElements[i]
		text := localName(e.tag) + ", \"1\"; x"
		if e.slot >= slotEmail1 && e.slot <= slotEmail3 {
			text = strings.ToLower(localName(e.tag)) + "@example.org"
		}
		*e.field(c) = &text
	}
	return c
}

func TestAContactFromAPhoneIsWrittenAsTheGoldenFile(t *testing.T) {
	golden(t, "contacts/added.golden", strings.ReplaceAll(string(editedContact(t, nil, fullContact(), at141())), "\r\n", "\n"))
	golden(t, "contacts/added-4.0.golden", strings.ReplaceAll(string(editedContact(t, card40("UID:1", "FN:x"), fullContact(), at141())), "\r\n", "\n"))
}

// asShown is what a client has after a Sync of what it sent.
func asShown(c *eas.Contact) *eas.Contact {
	out := *c
	out.Body = &eas.Body{Type: 1, EstimatedDataSize: uint32(len(*c.Body.Data)), Data: c.Body.Data}
	for _, day := range []**time.Time{&out.Birthday, &out.Anniversary} {
		if *day != nil {
			*day = ptr((*day).Truncate(24 * time.Hour).Add(contactHour*time.Hour + contactMinute*time.Minute))
		}
	}
	return &out
}

// MS-ASCNTC_R97 to R429: each element is kept and comes back.
func TestEveryElementOfAContactComesBack(t *testing.T) {
	for _, v := range eas.Versions()[1:] {
		for name, old := range map[string][]byte{"new": nil, "3.0": card30("FN:x", "UID:1"), "4.0": card40("FN:x", "UID:1")} {
			out := editedContact(t, old, fullContact(), &EditOptions{Version: v})
			if d := cmp.Diff(asShown(fullContact()), contactOf(t, out, wholeBody(v))); d != "" {
				t.Errorf("%s, %s: %s\n%s", v, name, d, out)
			}
		}
	}
}

// One element at a time, so that none leans on another.
func TestEachElementOfAContactComesBackAlone(t *testing.T) {
	for i := range contactElements {
		e := &contactElements[i]
		in := &eas.Contact{}
		*e.field(in) = *e.field(fullContact())
		for _, old := range [][]byte{nil, card40("UID:1")} {
			got := contactOf(t, editedContact(t, old, in, at141()), wholeBody(eas.V141))
			want := *in
			want.Body = &eas.Body{Type: 1}
			if want.FileAs == nil {
				want.FileAs = *e.field(in)
			}
			if d := cmp.Diff(&want, got); d != "" {
				t.Errorf("%s: %s", e.tag, d)
			}
			if e.slot == slotFileAs {
				continue
			}
			gone := contactOf(t, editedContact(t, editedContact(t, old, in, at141()), &eas.Contact{}, at141()), wholeBody(eas.V141))
			if *e.field(gone) != nil {
				t.Errorf("%s: it is not taken away: %q", e.tag, **e.field(gone))
			}
		}
	}
}

// The same of a contact that others share, behind whose name stands whose it is.
func TestAMarkedContactThatIsSentBackStaysAsItIs(t *testing.T) {
	for name, raw := range cards(t) {
		o, e := wholeBody(eas.V141), at141()
		o.Viewer.Mark, e.Mark = "Ada", "Ada"
		c := contactOf(t, raw, o)
		if got := editedContact(t, raw, c, e); !bytes.Equal(got, raw) || !strings.HasSuffix(*c.FileAs, " (Ada)") {
			t.Errorf("%s: %s: %s", name, *c.FileAs, cmp.Diff(string(raw), string(got)))
		}
		c.FileAs = ptr("Another (Ada)")
		if got := contactOf(t, editedContact(t, raw, c, e), wholeBody(eas.V141)); *got.FileAs != "Another" {
			t.Errorf("%s: filed as %s", name, *got.FileAs)
		}
	}
}

// What a client sends back as it got it changes nothing, not a byte.
func TestChangingNothingOfAContactKeepsItsBytes(t *testing.T) {
	check := func(name string, raw []byte) {
		t.Helper()
		for _, v := range eas.Versions() {
			shown := contactOf(t, raw, wholeBody(v))
			if out := editedContact(t, raw, shown, &EditOptions{Version: v, Now: time.Now()}); string(out) != string(raw) {
				t.Errorf("%s, %s: %s", name, v, cmp.Diff(string(raw), string(out)))
			}
		}
	}
	for name, raw := range cards(t) {
		check(name, raw)
	}
	for _, f := range corpus.Contacts(t) {
		for rest := f.Raw; ; {
			c, more, err := vcard.Next(rest)
			if err != nil {
				break
			}
			check(f.Name, c.Bytes())
			rest = more
		}
	}
}

// Whatever of a card ActiveSync does not know outlives a change of all that it
// knows.
func TestNothingThatActiveSyncDoesNotKnowIsLost(t *testing.T) {
	for name, raw := range cards(t) {
		before, err := vcard.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		out := editedContact(t, raw, &eas.Contact{Body: &eas.Body{Type: 1, Data: ptr("")}}, at141())
		after, err := vcard.Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		known := takeApart(before)
		gone := append(slices.Clone(known.at[:]), known.children...)
		gone = append(append(gone, known.notes...), known.chats...)
		for i, p := range before.Properties {
			if slices.Contains(gone, i) || p.Name == "CATEGORIES" || p.Name == "LABEL" || p.Name == "FN" || strings.HasPrefix(p.Name, "X-AB") || p.Name == "X-AIM" || p.Name == "IMPP" {
				continue
			}
			if !slices.ContainsFunc(after.Properties, func(q vcard.Property) bool {
				q.SetParam(markParam)
				return cmp.Equal(p, q)
			}) {
				t.Errorf("%s: lost %+v", name, p)
			}
		}
		shown := contactOf(t, out, wholeBody(eas.V141))
		shown.Body, shown.FileAs, shown.Picture = nil, nil, nil
		if d := cmp.Diff(&eas.Contact{}, shown); d != "" {
			t.Errorf("%s: what was taken away came back, or what was hidden came up: %s\n%s", name, d, out)
		}
	}
}

// Taking one element away leaves all others as they were, and nothing comes up in
// its place that the client does not know of.
func TestTakingOneElementAwayMovesNoOther(t *testing.T) {
	for name, raw := range cards(t) {
		for i := range contactElements {
			e := &contactElements[i]
			shown := contactOf(t, raw, wholeBody(eas.V141))
			if *e.field(shown) == nil || e.slot == slotFileAs {
				continue
			}
			*e.field(shown) = nil
			got := contactOf(t, editedContact(t, raw, shown, at141()), wholeBody(eas.V141))
			got.FileAs = shown.FileAs // which may be made of the others
			if d := cmp.Diff(shown, got); d != "" {
				t.Errorf("%s without %s: %s", name, e.tag, d)
			}
		}
	}
}

// The same with a value of its own for each element that there is.
func TestChangingOneElementMovesNoOther(t *testing.T) {
	for name, raw := range cards(t) {
		for i := range contactElements {
			e := &contactElements[i]
			shown := contactOf(t, raw, wholeBody(eas.V141))
			*e.field(shown) = ptr("another")
			out := editedContact(t, raw, shown, at141())
			got := contactOf(t, out, wholeBody(eas.V141))
			if e.slot == slotName || e.slot == slotOrg {
				got.FileAs = shown.FileAs
			}
			if d := cmp.Diff(shown, got); d != "" {
				t.Errorf("%s with another %s: %s", name, e.tag, d)
			}
			again := contactOf(t, editedContact(t, out, got, at141()), wholeBody(eas.V141))
			if d := cmp.Diff(got, again); d != "" {
				t.Errorf("%s with another %s, again: %s", name, e.tag, d)
			}
		}
	}
}

// MS-ASCMD_R5906 to R5909, R5911, R5912, MS-ASCNTC_R499, and "can be ghosted" of
// every element.
func TestGhostedElementsOfAContactStay(t *testing.T) {
	raw := editedContact(t, nil, fullContact(), at141())
	before := contactOf(t, raw, wholeBody(eas.V141))
	tag := func(name string) wbxml.Tag {
		tag, ok := wbxml.ParseTag(name)
		if !ok {
			t.Fatal(name)
		}
		return tag
	}
	first := &eas.Contact{FirstName: ptr("Another")}
	for _, tc := range []struct {
		name      string
		supported []wbxml.Tag
		stays     bool
	}{
		{"none was said", nil, false},
		{"an empty Supported", []wbxml.Tag{}, true},
		{"others", []wbxml.Tag{tag("Contacts:FirstName"), tag("Contacts:Birthday"), tag("Contacts:Categories"), tag("Contacts:Children")}, true},
	} {
		got := contactOf(t, editedContact(t, raw, first, &EditOptions{Version: eas.V141, Supported: tc.supported}), wholeBody(eas.V141))
		for i := range contactElements {
			e := &contactElements[i]
			if e.slot == slotFileAs || e.tag == "Contacts:FirstName" {
				continue
			}
			if stayed := *e.field(got) != nil; stayed != tc.stays {
				t.Errorf("%s: %s stayed: %t", tc.name, e.tag, stayed)
			}
		}
		if *got.FirstName != "Another" || got.Picture == nil || *got.Body.Data != *before.Body.Data {
			t.Errorf("%s: FirstName %q, Picture %v, Body %v", tc.name, *got.FirstName, got.Picture, got.Body)
		}
		keeps := tc.supported != nil && len(tc.supported) == 0
		if stayed := got.Birthday != nil && got.Children != nil && got.Categories != nil; stayed != keeps {
			t.Errorf("%s: Birthday %v, Children %v, Categories %v", tc.name, got.Birthday, got.Children, got.Categories)
		}
	}
}

func TestAPrivateContactIsBlankForOthers(t *testing.T) {
	raw := cards(t)["company"]
	opt := wholeBody(eas.V161)
	opt.Viewer.Blank = true
	if d := cmp.Diff(&eas.Contact{FileAs: ptr(privateSubject)}, contactOf(t, raw, opt)); d != "" {
		t.Error(d)
	}
	if c := contactOf(t, cards(t)["apple"], opt); c.FirstName == nil {
		t.Error("a contact that is not private is blank")
	}
}

func TestAContactOfTooManyPartsIsRefused(t *testing.T) {
	many := make([]string, maxEntries+1)
	for i := range many {
		many[i] = "x"
	}
	for name, c := range map[string]*eas.Contact{
		"children": {Children: many}, "categories": {Categories: many}, "a large picture": {Picture: ptr(strings.Repeat("A", maxPicture+4))},
		"a picture that is none": {Picture: ptr("!!!")},
	} {
		raw, err := wbxml.MarshalRaw(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := EditObject(mail.ClassContacts, nil, raw, at141()); err == nil || !strings.Contains(err.Error(), ErrBadValue.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	shown := contactOf(t, card30("FN:x", "CATEGORIES:"+strings.Join(numbered(400), ",")), wholeBody(eas.V141))
	if len(shown.Categories) != maxEntries {
		t.Errorf("%d categories are shown", len(shown.Categories))
	}
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = string(rune('a'+i%26)) + string(rune('a'+i/26))
	}
	return out
}

// Every field of the struct is an element that is rendered and read.
func TestNoElementOfAContactIsForgotten(t *testing.T) {
	full := reflect.ValueOf(fullContact()).Elem()
	for i := range full.NumField() {
		if f := full.Type().Field(i); f.Name != "LegacyContactBody" && full.Field(i).IsZero() {
			t.Errorf("%s is not tested", f.Name)
		}
	}
	for i := range contactElements {
		if _, ok := wbxml.ParseTag(contactElements[i].tag); !ok {
			t.Errorf("there is no %s", contactElements[i].tag)
		}
	}
}
