package class

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/mail"
	"martlet/mail/vcard"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Native Android writes 08:00 UTC, Samsung, Gmail, iOS and Nine midnight,
// BlackBerry 11:00, Exchange 11:59, old programs midnight on their own clock: the
// day must not move, on the server or on any other phone.
func TestABirthdayKeepsItsDayWhoeverWritesIt(t *testing.T) {
	want := vcard.Date{Year: 1980, Month: 3, Day: 22}
	for client, sent := range map[string]string{
		"native Android":                        "1980-03-22T08:00:00.000Z",
		"Samsung, Gmail, iOS and Nine":          "1980-03-22T00:00:00.000Z",
		"BlackBerry":                            "1980-03-22T11:00:00.000Z",
		"Exchange":                              "1980-03-22T11:59:00.000Z",
		"midnight in Berlin":                    "1980-03-21T23:00:00.000Z",
		"midnight in Berlin, in summer":         "1980-03-21T22:00:00.000Z",
		"midnight in Tokyo":                     "1980-03-21T15:00:00.000Z",
		"midnight in Auckland, in summer":       "1980-03-21T11:00:00.000Z",
		"midnight in San Francisco":             "1980-03-22T08:00:00.000Z",
		"midnight in Honolulu":                  "1980-03-22T10:00:00.000Z",
		"noon":                                  "1980-03-22T12:00:00.000Z",
		"TbSync, in the compact form of a date": "19800322T000000Z",
	} {
		at, err := wbxml.ParseTime(sent)
		if err != nil {
			t.Fatal(err)
		}
		if client == "midnight in Auckland, in summer" {
			continue // 13 hours ahead: no other reading of 11:00 than BlackBerry's
		}
		out := editedContact(t, nil, &eas.Contact{FirstName: ptr("Robin"), Birthday: &at, Anniversary: &at}, at141())
		card, err := vcard.Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := card.Get("BDAY").Date(); !ok || got != want {
			t.Errorf("%s: the birthday is kept as %+v", client, got)
		}
		if got, ok := card.Get("X-ABDATE").Date(); !ok || got != want {
			t.Errorf("%s: the anniversary is kept as %+v", client, got)
		}
		shown := contactOf(t, out, wholeBody(eas.V161))
		for _, hours := range []int{-11, -8, -5, 0, 1, 2, 5, 9, 12} {
			local := shown.Birthday.In(time.FixedZone("", hours*3600))
			if local.Year() != 1980 || local.Month() != 3 || local.Day() != 22 {
				t.Errorf("%s: %d hours from Greenwich it is %s", client, hours, local)
			}
		}
		// Each writes it back its own way, which is no change.
		for _, back := range []string{"1980-03-22T08:00:00.000Z", "1980-03-22T00:00:00.000Z", "1980-03-22T11:00:00.000Z"} {
			again, _ := wbxml.ParseTime(back)
			shown.Birthday, shown.Anniversary = &again, &again
			if second := editedContact(t, out, shown, at141()); !bytes.Equal(out, second) {
				t.Errorf("%s, then %s: %s", client, back, cmp.Diff(string(out), string(second)))
			}
		}
	}
}

// iOS keeps birthdays without a year in 1604, over ActiveSync as in its cards.
func TestABirthdayWithoutAYearStaysWithoutOne(t *testing.T) {
	at := time.Date(1604, 2, 29, 0, 0, 0, 0, time.UTC)
	for want, old := range map[string][]byte{"BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-29\r\n": nil, "BDAY:--0229\r\n": card40("FN:x", "UID:1")} {
		out := editedContact(t, old, &eas.Contact{Birthday: &at}, at141())
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in %s", want, out)
		}
		if shown := contactOf(t, out, wholeBody(eas.V161)); shown.Birthday.Format(time.DateOnly) != "1604-02-29" {
			t.Errorf("shown as %s", shown.Birthday)
		}
	}
}

func photo(t testing.TB, side int, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	img := image.NewRGBA(image.Rect(0, 0, side, side*3/4))
	for y := range img.Bounds().Dy() {
		for x := range side {
			n := uint8(r.IntN(32))
			img.Set(x, y, color.RGBA{uint8(x*200/side) + n, uint8(y*200/side) + n, n, 255})
		}
	}
	var b bytes.Buffer
	if err := encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(b *bytes.Buffer, img image.Image) error {
	return jpeg.Encode(b, img, &jpeg.Options{Quality: 95})
}

func asPNG(b *bytes.Buffer, img image.Image) error { return png.Encode(b, img) }

func withPhoto(data []byte) []byte {
	return card30("FN:Robin", "UID:1", "PHOTO;ENCODING=b;TYPE=JPEG:"+base64.StdEncoding.EncodeToString(data))
}

// iOS sends an empty Picture when it changes a contact: the photo stays. Without
// a Picture it stays for everybody (MS-ASCMD_R878).
func TestAnEmptyPictureOfAnIPhoneKeepsThePhoto(t *testing.T) {
	raw := withPhoto(photo(t, 64, asJPEG))
	for name, tc := range map[string]struct {
		sent  *string
		drop  bool
		stays bool
	}{
		"iOS, empty": {ptr(""), false, true}, "left out": {nil, true, true}, "others, empty": {ptr(""), true, false},
	} {
		out := editedContact(t, raw, &eas.Contact{FirstName: ptr("Robin"), Picture: tc.sent}, &EditOptions{Version: eas.V161, DropPicture: tc.drop})
		if stays := strings.Contains(string(out), "PHOTO"); stays != tc.stays {
			t.Errorf("%s: the photo stays: %t", name, stays)
		}
	}
}

// MS-ASCNTC_R381, R384, R1021: a picture has 48 KB of base64 at most. A larger one
// of a card is scaled, and what a phone sends back of it is no change.
func TestALargePhotoIsScaledForPhones(t *testing.T) {
	for name, data := range map[string][]byte{"JPEG": photo(t, 800, asJPEG), "PNG": photo(t, 300, asPNG)} {
		if len(data) < maxPicture {
			t.Fatalf("%s: %d bytes are not too large", name, len(data))
		}
		raw := withPhoto(data)
		shown := contactOf(t, raw, wholeBody(eas.V161))
		if shown.Picture == nil || len(*shown.Picture) > maxPicture {
			t.Fatalf("%s: no picture, or one that is too large", name)
		}
		small, err := base64.StdEncoding.DecodeString(*shown.Picture)
		if err != nil {
			t.Fatal(err)
		}
		img, kind, err := image.Decode(bytes.NewReader(small))
		if err != nil || kind != "jpeg" || img.Bounds().Dx() != pictureSide || img.Bounds().Dy() != pictureSide*3/4 {
			t.Errorf("%s: %v, %s of %v", name, err, kind, img.Bounds())
		}
		shown.LastName = ptr("Swift")
		out := editedContact(t, raw, shown, at141())
		if !bytes.Contains(bytes.ReplaceAll(out, []byte("\r\n "), nil), []byte(base64.StdEncoding.EncodeToString(data))) {
			t.Errorf("%s: the large photo is gone", name)
		}
	}
}

// What cannot be scaled in a bounded time is left out; the contact is there.
func TestAPhotoThatIsTooLargeIsLeftOut(t *testing.T) {
	huge := append([]byte("\xff\xd8\xff\xe0"), bytes.Repeat([]byte("x"), 10<<20)...)
	many := photo(t, 2700, asJPEG)
	broken := photo(t, 800, asJPEG)
	for name, data := range map[string][]byte{"10 MB": huge, "many pixels": many, "cut off": broken[:60_000]} {
		raw := withPhoto(data)
		shown := contactOf(t, raw, wholeBody(eas.V161))
		if shown.Picture != nil || *shown.FileAs != "Robin" {
			t.Errorf("%s: it is shown", name)
		}
		shown.LastName = ptr("Swift")
		if out := editedContact(t, raw, shown, at141()); len(out) < len(raw) {
			t.Errorf("%s: it is gone", name)
		}
	}
}

func TestAPhotoThatLiesOnItsSideIsTurned(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 2, 3))
	img.Set(0, 0, color.RGBA{255, 0, 0, 255})
	for orientation, want := range map[int]image.Point{1: {0, 0}, 2: {1, 0}, 3: {1, 2}, 4: {0, 2}, 5: {0, 0}, 6: {2, 0}, 7: {2, 1}, 8: {0, 1}} {
		if got := upright(img, orientation); got.RGBAAt(want.X, want.Y).R != 255 || orientation >= 5 && got.Bounds().Dx() != 3 {
			t.Errorf("%d: %v", orientation, got.Pix)
		}
	}
	for order, tiff := range map[string]string{
		"II": "II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00",
		"MM": "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00",
	} {
		data := "\xff\xd8\xff\xe0\x00\x04xx\xff\xe1" + string([]byte{0, byte(len(tiff) + 8)}) + "Exif\x00\x00" + tiff
		if got := orientation([]byte(data)); got != 6 {
			t.Errorf("%s: %d", order, got)
		}
		for n := range data {
			orientation([]byte(data[:n]))
		}
	}
}

// Outlook and Exchange write "Name" <address>; what is kept is the address.
func TestAnAddressWithANameIsKeptAsAnAddress(t *testing.T) {
	for sent, want := range map[string]string{
		`"Robin Swift" <robin@example.org>`: "robin@example.org", "Robin <robin@example.org>": "robin@example.org", "<robin@example.org>": "robin@example.org",
		"robin@example.org": "robin@example.org", " robin@example.org\r\n": "robin@example.org", "not an address": "not an address", "a < b > c": "a < b > c",
	} {
		out := editedContact(t, nil, &eas.Contact{Email1Address: &sent}, at141())
		if got := contactOf(t, out, wholeBody(eas.V141)).Email1Address; got == nil || *got != want {
			t.Errorf("%s: %v", sent, got)
		}
	}
}

// A fourth address has no element. It does not come up in the place of one that
// was taken away, and it is not lost when the client, which does not know it,
// writes again.
func TestAFourthAddressOutlivesTheOthers(t *testing.T) {
	raw := card30("FN:x", "EMAIL:1@example.org", "EMAIL;TYPE=WORK;X-SPECIAL=y:2@example.org", "EMAIL:3@example.org", "item1.EMAIL:4@example.org", "item1.X-ABLABEL:club")
	view := contactOf(t, raw, wholeBody(eas.V141))
	view.Email1Address = nil
	for range 3 {
		raw = editedContact(t, raw, view, at141())
		got := contactOf(t, raw, wholeBody(eas.V141))
		if d := cmp.Diff(view, got); d != "" {
			t.Fatalf("%s\n%s", d, raw)
		}
		view.JobTitle = ptr(*view.FileAs + "y")
		view.FileAs = view.JobTitle
	}
	for _, want := range []string{"X-SPECIAL=y", "2@example.org", "3@example.org", "4@example.org", "club"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s is lost:\n%s", want, raw)
		}
	}
}

// Two addresses that change places take what is known of them along.
func TestAddressesThatChangePlacesKeepTheirTypes(t *testing.T) {
	raw := card30("FN:x", "EMAIL;TYPE=HOME:home@example.org", "EMAIL;TYPE=WORK:work@example.org")
	view := contactOf(t, raw, wholeBody(eas.V141))
	view.Email1Address, view.Email2Address = view.Email2Address, view.Email1Address
	raw = editedContact(t, raw, view, at141())
	if d := cmp.Diff(view, contactOf(t, raw, wholeBody(eas.V141))); d != "" {
		t.Error(d)
	}
	card, err := vcard.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range card.All("EMAIL") {
		if p.HasType("home") != strings.HasPrefix(p.Value, "home") {
			t.Errorf("%s has the types %v", p.Value, p.Types())
		}
	}
}

// FN and what is made of it follow the name; a name of its own stays.
func TestAFormattedNameFollowsTheName(t *testing.T) {
	for _, tc := range []struct {
		name   string
		old    []byte
		change func(*eas.Contact)
		fn     string
		file   string
	}{
		{"a new last name", card30("N:Swift;Robin;;;", "FN:Robin Swift"), func(c *eas.Contact) { c.LastName = ptr("Martin") }, "Robin Martin", "Robin Martin"},
		{"a name of its own stays with others' changes", card30("N:Swift;Robin;;;", "FN:The Bird"), func(c *eas.Contact) { c.JobTitle = ptr("x") }, "The Bird", "The Bird"},
		{"filed otherwise", card30("N:Swift;Robin;;;", "FN:Robin Swift"), func(c *eas.Contact) { c.FileAs = ptr("Swift, Robin") }, "Robin Swift", "Swift, Robin"},
		{"filed as called", card30("N:Swift;Robin;;;", "FN:Robin Swift", `X-EVOLUTION-FILE-AS:Swift\, Robin`), func(c *eas.Contact) { c.FileAs = ptr("Robin Swift") }, "Robin Swift", "Robin Swift"},
		{"a company", nil, func(c *eas.Contact) { c.CompanyName = ptr("Feather & Sons") }, "Feather & Sons", "Feather & Sons"},
		{"a company that is renamed", card30("N:;;;;", "FN:Feather", "ORG:Feather"), func(c *eas.Contact) { c.CompanyName = ptr("Quill") }, "Quill", "Quill"},
		{"a number", nil, func(c *eas.Contact) { c.MobilePhoneNumber = ptr("+1 555 0100") }, "+1 555 0100", "+1 555 0100"},
		{"only FileAs", nil, func(c *eas.Contact) { c.FileAs = ptr("Robin") }, "Robin", "Robin"},
		{"nothing", nil, func(*eas.Contact) {}, "", ""},
	} {
		view := &eas.Contact{}
		if tc.old != nil {
			view = contactOf(t, tc.old, wholeBody(eas.V141))
		}
		tc.change(view)
		out := editedContact(t, tc.old, view, at141())
		card, err := vcard.Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := card.Text("FN"); got != tc.fn {
			t.Errorf("%s: FN is %q, want %q", tc.name, got, tc.fn)
		}
		got := ""
		if c := contactOf(t, out, wholeBody(eas.V141)); c.FileAs != nil {
			got = *c.FileAs
		}
		if got != tc.file {
			t.Errorf("%s: FileAs is %q, want %q", tc.name, got, tc.file)
		}
	}
}

// MS-ASCNTC_R461, R512, R460: notes are cut as the client wants, and stay if it
// says nothing of them.
func TestNotesOfAContact(t *testing.T) {
	raw := card30("FN:x", "NOTE:"+strings.Repeat("0123456789", 10))
	opt := wholeBody(eas.V141)
	opt.BodyPreferences[0].TruncationSize = ptr(uint32(15))
	cut := contactOf(t, raw, opt)
	if !cut.Body.Truncated || *cut.Body.Data != "012345678901234" || cut.Body.EstimatedDataSize != 100 {
		t.Errorf("%+v", cut.Body)
	}
	if whole := contactOf(t, raw, wholeBody(eas.V141)); whole.Body.Truncated || len(*whole.Body.Data) != 100 {
		t.Errorf("%+v", whole.Body)
	}
	for name, body := range map[string]*eas.Body{"none": nil, "cut off": cut.Body, "no data": {Type: 1}} {
		out := editedContact(t, raw, &eas.Contact{FirstName: ptr("x"), Body: body}, at141())
		if got := contactOf(t, out, wholeBody(eas.V141)); got.Body.Data == nil || len(*got.Body.Data) != 100 {
			t.Errorf("%s: the notes are %+v", name, got.Body)
		}
	}
	html := editedContact(t, raw, &eas.Contact{Body: &eas.Body{Type: 2, Data: ptr("<p>one<br>two</p>")}}, at141())
	if got := contactOf(t, html, wholeBody(eas.V141)); *got.Body.Data != "one\r\ntwo" {
		t.Errorf("HTML: %q", *got.Body.Data)
	}
	legacy := editedContact(t, raw, &eas.Contact{LegacyContactBody: eas.LegacyContactBody{PlainBody: ptr("new")}}, &EditOptions{Version: eas.V25})
	if got := contactOf(t, legacy, wholeBody(eas.V25)); *got.PlainBody != "new" || *got.BodySize != 3 || *got.BodyTruncated {
		t.Errorf("2.5: %+v", got.LegacyContactBody)
	}
}

// Whatever a client writes makes no line of a card.
func TestAContactCannotWriteLinesOfACard(t *testing.T) {
	const bad = "x\r\nEND:VCARD\r\nBEGIN:VCARD\r\nFN:other\nTEL:1\r\n"
	c := &eas.Contact{Children: []string{bad}, Categories: []string{bad}, Body: &eas.Body{Type: 1, Data: ptr(bad)}}
	for i := range contactElements {
		*contactElements[i].field(c) = ptr(bad + localName(contactElements[i].tag))
	}
	for _, old := range [][]byte{nil, cards(t)["apple"], cards(t)["thunderbird"]} {
		out := editedContact(t, old, c, at141())
		_, rest, err := vcard.Next(out)
		if err != nil || len(rest) > 0 || bytes.Count(out, []byte("\r\nEND:VCARD\r\n")) != 1 {
			t.Errorf("%v, left over %q", err, rest)
		}
	}
}

// A card that is as large as it may be is not made larger than can be read.
func TestACardDoesNotOutgrowItself(t *testing.T) {
	raw := card30(slices.Repeat([]string{"X-UNKNOWN:1"}, vcard.MaxProperties-1)...)
	if _, err := EditObject(mail.ClassContacts, raw, dataOf(t, fullContact()), at141()); !errors.Is(err, ErrBadValue) {
		t.Errorf("%v", err)
	}
}

func FuzzEditContact(f *testing.F) {
	for _, raw := range cards(f) {
		full, err := wbxml.MarshalRaw(fullContact())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, []byte(full), uint8(3))
	}
	f.Fuzz(func(t *testing.T, old, data []byte, choice uint8) {
		if len(old) > 1<<16 || len(data) > 1<<16 {
			return
		}
		o := &EditOptions{Version: eas.Versions()[int(choice)%7], DropPicture: choice&8 != 0}
		if choice&16 != 0 {
			o.Supported = []wbxml.Tag{}
		}
		item := &mail.Item{Class: mail.ClassContacts}
		if choice&32 != 0 {
			old = nil
		}
		out, err := EditObject(mail.ClassContacts, old, wbxml.Raw(data), o)
		if err != nil {
			return
		}
		shown, err := RenderObject(item, out, wholeBody(eas.V161))
		if err != nil {
			t.Fatalf("%v: what was written cannot be shown:\n%q", err, out)
		}
		raw, err := wbxml.MarshalRaw(shown)
		if err != nil {
			t.Fatal(err)
		}
		again, err := EditObject(mail.ClassContacts, out, raw, o)
		if err != nil {
			t.Fatalf("%v: what is shown cannot be written", err)
		}
		if !bytes.Equal(out, again) {
			t.Fatalf("nothing changed, and the card did: %s", cmp.Diff(string(out), string(again)))
		}
	})
}

func FuzzRenderContact(f *testing.F) {
	for _, raw := range cards(f) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		shown, err := RenderObject(&mail.Item{Class: mail.ClassContacts}, raw, wholeBody(eas.V161))
		if err != nil {
			return
		}
		if _, err := wbxml.MarshalRaw(shown); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkRenderContact(b *testing.B) {
	for _, name := range []string{"apple", "thunderbird", "company"} {
		raw := cards(b)[name]
		b.Run(name, func(b *testing.B) {
			opt, item := wholeBody(eas.V161), &mail.Item{Class: mail.ClassContacts}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := RenderObject(item, raw, opt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkScalePhoto(b *testing.B) {
	raw := withPhoto(photo(b, 1024, asJPEG))
	opt, item := wholeBody(eas.V161), &mail.Item{Class: mail.ClassContacts}
	for b.Loop() {
		if _, err := RenderObject(item, raw, opt); err != nil {
			b.Fatal(err)
		}
	}
}
