package class

import (
	"errors"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

func rawDraft(t testing.TB, d *eas.Draft) wbxml.Raw {
	t.Helper()
	raw, err := wbxml.MarshalRaw(d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestNumbersComeBackAsTheirClientWroteThem(t *testing.T) {
	for written, want := range map[string]string{
		`"Bob, of next door" [MOBILE:+49 30 1234]`: "+49301234",
		`+49 (30) 12-34`:        "+49301234",
		`[MOBILE: 555]`:         "555",
		`O2`:                    "2",
		`Bank "of" \ the north`: "unknown",
		`Größe <0123>`:          "0123",
	} {
		list := message.ParseAddressList(numberList(written))
		if len(list) != 1 || list[0].Address != want+"@"+smsDomain || numbers(list) != written {
			t.Errorf("%s became %+v and %s", written, list, numbers(list))
		}
	}
	if got := numbers(message.ParseAddressList(numberList(`"a; b" [MOBILE:1,2]; 3,4 ;; `))); got != `"a; b" [MOBILE:1,2]; 3; 4` {
		t.Errorf("a list became %s", got)
	}
}

func TestWhatIsNoShortMessageIsRefused(t *testing.T) {
	html, tooMuch := eas.BodyHTML, strings.Repeat("x", maxSMSText+1)
	for name, d := range map[string]*eas.Draft{
		"html":       {Body: &eas.DraftBody{Type: &html, Data: []byte("x")}},
		"no type":    {Body: &eas.DraftBody{Data: []byte("x")}},
		"long":       {Body: &eas.DraftBody{Type: ptr(eas.BodyPlain), Data: []byte(tooMuch)}},
		"file":       {Attachments: []eas.AttachmentItem{{Add: &eas.AttachmentAdd{ClientID: "1", DisplayName: "a"}}}},
		"importance": {Importance: ptr(uint8(3))},
	} {
		if _, _, err := ReadSMS(rawDraft(t, d), eas.V141); !errors.Is(err, ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A draft's references outlive what happens to its other files, and one that
// names nothing finds nothing.
func TestReferencesOfADraftsFiles(t *testing.T) {
	part := "--b\r\nContent-Disposition: attachment; filename=x\r\n\r\nx\r\n"
	ix := message.Parse([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n" + part + part + "--b--"))
	item := &mail.Item{Flags: mail.FlagDraft}
	first, second := fileNumber(item, ix, 2), fileNumber(item, ix, 3)
	if first == second || first < firstDraftFile {
		t.Errorf("numbers %d and %d", first, second)
	}
	less := message.Parse([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n" + part + "--b--"))
	for number, want := range map[int]int{first: 2, second: 2, 1: 1, 2: 2} {
		if got, ok := FindPart(less, number); !ok || got != want {
			t.Errorf("%d is part %d, %t", number, got, ok)
		}
	}
	for _, number := range []int{-1, 3, firstDraftFile, firstDraftFile | 12345} {
		if got, ok := FindPart(less, number); ok {
			t.Errorf("%d is part %d", number, got)
		}
	}
}

// FuzzDrafts reads anything as a draft and as a short message.
func FuzzDrafts(f *testing.F) {
	f.Add([]byte(rawDraft(f, &eas.Draft{To: ptr("a"), Send: true, Body: &eas.DraftBody{Type: ptr(eas.BodyMIME), Data: []byte("x")},
		Attachments: []eas.AttachmentItem{{Add: &eas.AttachmentAdd{ClientID: "1", DisplayName: "a", Content: []byte{0}}}, {Delete: &eas.AttachmentDelete{FileReference: "1:2:3"}}}})))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, v := range []eas.Version{eas.V140, eas.V161} {
			if _, state, err := EditDraft(raw, v, v == eas.V140); err == nil {
				_ = state(&mail.Item{})
			}
			m, state, err := ReadSMS(raw, v)
			if err != nil {
				continue
			}
			_ = state(&mail.Item{})
			if strings.ContainsAny(m.From+m.To, "\x00") {
				t.Errorf("%+v", m)
			}
		}
	})
}

// MS-ASEMAIL 2.2.2.59, R649: only who got a blind copy is told so, from 14.0 on.
func TestABlindCopyIsShown(t *testing.T) {
	raw := message.Bytes("Subject: a\r\n\r\nx")
	for v, want := range map[eas.Version]bool{eas.V121: false, eas.V140: true, eas.V161: true} {
		for _, flags := range []mail.Flags{mail.FlagSeen, mail.FlagBcc} {
			var e eas.Email
			if err := RenderEmail(&mail.Item{Flags: flags}, message.Parse(raw), raw, &Options{Version: v}, &e); err != nil {
				t.Fatal(err)
			}
			if got := e.ReceivedAsBcc != nil; got != (want && flags == mail.FlagBcc) || got && !*e.ReceivedAsBcc {
				t.Errorf("%v with %v: there is one, %t", v, flags, got)
			}
		}
	}
}
