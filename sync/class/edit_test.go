package class

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

var (
	day  = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	next = day.AddDate(0, 0, 1)
)

func rawOf(t testing.TB, e *eas.Email) wbxml.Raw {
	t.Helper()
	raw, err := wbxml.MarshalRaw(e)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func activeFlag() *eas.Flag {
	return &eas.Flag{
		Status: ptr(eas.FlagActive), FlagType: "Flag for follow up", Subject: "Call", StartDate: day, DueDate: next, UtcStartDate: day, UtcDueDate: next,
		ReminderSet: ptr(true), ReminderTime: day, OrdinalDate: day, SubOrdinalDate: "5",
	}
}

func TestEditsChangeWhatTheyName(t *testing.T) {
	active := mail.FollowUp{
		Status: mail.FollowUpActive, Type: "Flag for follow up", Subject: "Call", Start: day, Due: next, UTCStart: day, UTCDue: next,
		ReminderSet: true, ReminderTime: day, Ordinal: day, SubOrdinal: "5",
	}
	complete := active
	complete.Status, complete.ReminderSet, complete.Completed, complete.DateComplete = mail.FollowUpComplete, false, next, day
	retitled := active
	retitled.Subject = "Write"
	for _, c := range []struct {
		name   string
		edit   eas.Email
		before mail.Item
		want   mail.Item
	}{
		{"read", eas.Email{Read: ptr(true)}, mail.Item{Flags: mail.FlagAnswered}, mail.Item{Flags: mail.FlagAnswered | mail.FlagSeen}},
		{"unread", eas.Email{Read: ptr(false)}, mail.Item{Flags: mail.FlagSeen, FollowUp: active}, mail.Item{FollowUp: active}},
		{"nothing", eas.Email{}, mail.Item{Flags: mail.FlagSeen}, mail.Item{Flags: mail.FlagSeen}},
		{"flagged with all its elements", eas.Email{Flag: activeFlag()}, mail.Item{}, mail.Item{FollowUp: active}},
		{"flagged without dates", eas.Email{Flag: &eas.Flag{Status: ptr(eas.FlagActive)}}, mail.Item{FollowUp: complete},
			mail.Item{FollowUp: mail.FollowUp{Status: mail.FollowUpActive, Type: "Flag for follow up"}}},
		{"flag completed", eas.Email{Flag: &eas.Flag{Status: ptr(eas.FlagComplete), CompleteTime: next, DateCompleted: day}}, mail.Item{FollowUp: active}, mail.Item{FollowUp: complete}},
		{"flag cleared by its status", eas.Email{Flag: &eas.Flag{Status: ptr(eas.FlagCleared)}}, mail.Item{FollowUp: active}, mail.Item{}},
		{"flag cleared by the empty element", eas.Email{Flag: &eas.Flag{}}, mail.Item{FollowUp: active, Flags: mail.FlagSeen}, mail.Item{Flags: mail.FlagSeen}},
		{"flag's metadata", eas.Email{Flag: &eas.Flag{Subject: "Write"}}, mail.Item{FollowUp: active}, mail.Item{FollowUp: retitled}},
		{"categories", eas.Email{Categories: []string{"Red", " Travel ", "Red", ""}}, mail.Item{Keywords: []string{"$MDNSent", "Blue"}}, mail.Item{Keywords: []string{"$MDNSent", "Red", "Travel"}}},
		{"no categories (MS-ASEMAIL_R319)", eas.Email{Categories: []string{}}, mail.Item{Keywords: []string{"$MDNSent", "Blue"}}, mail.Item{Keywords: []string{"$MDNSent"}}},
		{"categories not named (MS-ASEMAIL_R320)", eas.Email{Read: ptr(true)}, mail.Item{Keywords: []string{"Blue"}}, mail.Item{Keywords: []string{"Blue"}, Flags: mail.FlagSeen}},
	} {
		t.Run(c.name, func(t *testing.T) {
			edit, err := EditEmail(rawOf(t, &c.edit), eas.V161)
			if err != nil {
				t.Fatal(err)
			}
			it := c.before
			for range 2 { // engines may run an edit again
				if err := edit(&it); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, it); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEditsThatMustNotBeAreRefused(t *testing.T) {
	change := func(edit func(*eas.Flag)) eas.Email {
		f := activeFlag()
		edit(f)
		return eas.Email{Flag: f}
	}
	for _, c := range []struct {
		name    string
		version eas.Version
		edit    eas.Email
		want    error
	}{
		{"caller (MS-ASEMAIL_R817)", eas.V141, eas.Email{UmCallerID: "x"}, ErrReadOnly},
		{"notes (MS-ASEMAIL_R835)", eas.V141, eas.Email{UmUserNotes: "x"}, ErrReadOnly},
		{"a draft to be sent", eas.V161, eas.Email{Send: true}, ErrReadOnly},
		{"conversation (MS-ASEMAIL_R347)", eas.V141, eas.Email{ConversationID: []byte{1}}, ErrReadOnly},
		{"sender (MS-ASEMAIL_R723)", eas.V141, eas.Email{Sender: "x@example.org"}, ErrReadOnly},
		{"received as Bcc (MS-ASEMAIL_R648)", eas.V141, eas.Email{ReceivedAsBcc: ptr(true)}, ErrReadOnly},
		{"flag in 2.5", eas.V25, eas.Email{Flag: &eas.Flag{}}, ErrReadOnly},
		{"categories in 12.1", eas.V121, eas.Email{Categories: []string{"x"}}, ErrReadOnly},
		{"flag status 3 (MS-ASEMAIL_R757)", eas.V141, change(func(f *eas.Flag) { f.Status = ptr(uint8(3)) }), ErrBadFlag},
		{"three dates (MS-ASEMAIL_R740)", eas.V141, change(func(f *eas.Flag) { f.UtcDueDate = time.Time{} }), ErrBadFlag},
		{"start after due (MS-ASEMAIL_R739)", eas.V141, change(func(f *eas.Flag) { f.StartDate = next.AddDate(0, 0, 1) }), ErrBadFlag},
		{"reminder without time (MS-ASEMAIL_R702)", eas.V141, change(func(f *eas.Flag) { f.ReminderTime = time.Time{} }), ErrBadFlag},
		{"complete without time (MS-ASEMAIL_R92)", eas.V141, eas.Email{Flag: &eas.Flag{Status: ptr(eas.FlagComplete)}}, ErrBadFlag},
		{"complete without its day (MS-ASEMAIL_R86)", eas.V141, eas.Email{Flag: &eas.Flag{Status: ptr(eas.FlagComplete), CompleteTime: next}}, ErrBadFlag},
		{"long flag", eas.V141, change(func(f *eas.Flag) { f.Subject = strings.Repeat("x", maxFlagSubject+1) }), ErrBadValue},
		{"too many categories", eas.V141, eas.Email{Categories: make([]string, maxCategories+1)}, ErrBadValue},
		{"long category", eas.V141, eas.Email{Categories: []string{strings.Repeat("x", 300)}}, ErrBadValue},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := EditEmail(rawOf(t, &c.edit), c.version); !errors.Is(err, c.want) {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := EditEmail(wbxml.Raw{0, 0, 0x45, 0x45}, eas.V141); !errors.Is(err, ErrBadValue) {
		t.Errorf("malformed: %v", err)
	}
	edit, err := EditEmail(rawOf(t, &eas.Email{Flag: &eas.Flag{Subject: "x"}}), eas.V141)
	if err != nil {
		t.Fatal(err)
	}
	if err := edit(&mail.Item{}); !errors.Is(err, ErrBadFlag) {
		t.Errorf("metadata of no flag: %v", err)
	}
}

// A flag that a client sets comes back to it as it was.
func TestFlagsSurviveTheRoundTrip(t *testing.T) {
	edit, err := EditEmail(rawOf(t, &eas.Email{Flag: activeFlag()}), eas.V161)
	if err != nil {
		t.Fatal(err)
	}
	var it mail.Item
	if err := edit(&it); err != nil {
		t.Fatal(err)
	}
	var e eas.Email
	RenderEmailChange(&it, mail.AllParts, nil, &Options{Version: eas.V161}, &e)
	if diff := cmp.Diff(activeFlag(), e.Flag); diff != "" {
		t.Error(diff)
	}
}

// MS-ASEMAIL 3.2.5.4.1: a change of state must not send the message again.
func TestAChangeCarriesOnlyWhatCanChange(t *testing.T) {
	it := &mail.Item{Flags: mail.FlagSeen, Keywords: []string{"Red"}}
	for _, v := range eas.Versions() {
		var e eas.Email
		RenderEmailChange(it, mail.AllParts, nil, &Options{Version: v}, &e)
		if e.Read == nil || !*e.Read || (e.Flag != nil) != (v >= eas.V120) || (e.Categories != nil) != (v >= eas.V140) {
			t.Errorf("%v: %+v", v, e)
		}
		if e.Subject != nil || e.Body != nil || e.MessageClass != "" || e.BodySize != nil {
			t.Errorf("%v: the message came again: %+v", v, e)
		}
	}
}

// MS-ASCMD_R875: of a message that was received, the rest of it may be sent
// along. The change of a draft would be lost.
func TestTheRestOfAMessageMayComeWithItsChange(t *testing.T) {
	edit, err := EditEmail(rawOf(t, &eas.Email{Read: ptr(true), Subject: ptr("x"), To: "x@example.org"}), eas.V141)
	if err != nil {
		t.Fatal(err)
	}
	var it mail.Item
	if err := edit(&it); err != nil || it.Flags&mail.FlagSeen == 0 {
		t.Errorf("%+v, %v", it, err)
	}
	it = mail.Item{Flags: mail.FlagDraft}
	if err := edit(&it); !errors.Is(err, ErrReadOnly) || it.Flags&mail.FlagSeen != 0 {
		t.Errorf("%+v, %v", it, err)
	}
}

// MS-ASEMAIL_R10604, R100, R96, R10612, R93.
func TestAChangeNamesOnlyWhatChanged(t *testing.T) {
	it := &mail.Item{Flags: mail.FlagSeen, FollowUp: mail.FollowUp{Status: mail.FollowUpActive}, LastVerb: 1}
	for parts, want := range map[mail.Parts]string{
		mail.PartRead:                     "Read",
		mail.PartFollowUp:                 "Flag",
		mail.PartKeywords:                 "Categories",
		mail.PartRead | mail.PartFollowUp: "Read Flag",
		mail.PartRead | mail.PartKeywords: "Read Categories",
		mail.PartOther:                    "LastVerbExecuted IsDraft",
		0:                                 "",
	} {
		var e eas.Email
		told := RenderEmailChange(it, parts, &message.Index{Subject: "hello"}, &Options{Version: eas.V161}, &e)
		raw, err := wbxml.MarshalRaw(&e)
		if err != nil {
			t.Fatal(err)
		}
		tags, err := wbxml.Children(raw)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, tag := range tags {
			names = append(names, tag.Name())
		}
		if got := strings.Join(names, " "); got != want || told != (want != "") {
			t.Errorf("%b: %q, %v, want %q", parts, got, told, want)
		}
		if e.Flag != nil && e.Flag.Subject != "hello" { // MS-ASEMAIL_R1053
			t.Errorf("the flag's subject is %q", e.Flag.Subject)
		}
	}
}

func TestFileReferencesAreReadBack(t *testing.T) {
	f, it, part, err := ParseFileReference(FileReference(5, 4294967295, 999))
	if err != nil || f != 5 || it != 4294967295 || part != 999 {
		t.Errorf("%d, %d, %d, %v", f, it, part, err)
	}
	for _, s := range []string{"", "5", "5:7", "5:7:", "5:7:x", "-5:7:1", "5:7:1:2", "5:99999999999:1", "5:7:-1"} {
		if _, _, _, err := ParseFileReference(s); !errors.Is(err, ErrBadReference) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzEditEmail(f *testing.F) {
	for _, e := range []eas.Email{{Read: ptr(true)}, {Flag: activeFlag()}, {Categories: []string{"Red"}}, {Subject: ptr("x")}} {
		f.Add([]byte(rawOf(f, &e)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		edit, err := EditEmail(b, eas.V161)
		if err != nil {
			return
		}
		it := mail.Item{FollowUp: mail.FollowUp{Status: mail.FollowUpActive}}
		if err := edit(&it); err != nil {
			return
		}
		var e eas.Email
		RenderEmailChange(&it, mail.AllParts, nil, &Options{Version: eas.V161}, &e)
		if _, err := wbxml.MarshalRaw(&e); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzParseFileReference(f *testing.F) {
	f.Add("5:7:3")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		folder, it, part, err := ParseFileReference(s)
		if err != nil {
			return
		}
		if a, b, c, err := ParseFileReference(FileReference(folder, it, part)); err != nil || a != folder || b != it || c != part {
			t.Fatal(s)
		}
	})
}

func ExampleFileReference() {
	fmt.Println(FileReference(5, 7, 3))
	// Output: 5:7:3
}
