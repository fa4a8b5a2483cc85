package wbxml_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/protocol/wbxml"
)

var update = flag.Bool("update", false, "write the golden files")

// document has a field of every kind.
type document struct {
	_        struct{}   `wbxml:"AirSync:Sync"`
	Text     string     `wbxml:"AirSync:SyncKey"`
	Optional *string    `wbxml:"AirSync:ClientId"`
	Number   *uint      `wbxml:"AirSync:WindowSize"`
	Signed   int32      `wbxml:"AirSync:Wait,omitempty"`
	Flag     *bool      `wbxml:"AirSync:GetChanges"`
	Present  bool       `wbxml:"AirSync:MoreAvailable,empty"`
	Items    []item     `wbxml:"AirSync:Collections>Collection"`
	Ordered  []choice   `wbxml:"AirSync:Commands,choice"`
	Words    []string   `wbxml:"AirSync:Class"`
	Data     []byte     `wbxml:"ComposeMail:Mime"`
	Base     []byte     `wbxml:"ItemOperations:Data,base64"`
	When     time.Time  `wbxml:"Email:DateReceived,omitempty"`
	Compact  time.Time  `wbxml:"Email:Until,omitempty,compact"`
	Kept     wbxml.Raw  `wbxml:"AirSync:Supported"`
	Any      any        `wbxml:"AirSync:ApplicationData"`
	Degrees  *float64   `wbxml:"AirSyncBase:Latitude"`
	Options  []struct{} `wbxml:"AirSync:Options"`
}

type item struct {
	ID   string `wbxml:"AirSync:CollectionId"`
	Body *body  `wbxml:"AirSyncBase:Body"`
}

type body struct {
	Data string `wbxml:"AirSyncBase:Data,omitempty"`
}

type choice struct {
	Add    *item        `wbxml:"AirSync:Add"`
	Delete *wbxml.Empty `wbxml:"AirSync:Delete"`
}

func ptr[T any](v T) *T { return &v }

func fullDocument(t testing.TB) document {
	kept, err := wbxml.MarshalRaw(&item{ID: "kept", Body: &body{Data: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	return document{
		Text: "1", Optional: ptr("c"), Number: ptr(uint(512)), Signed: -3, Flag: ptr(false), Present: true,
		Items:   []item{{ID: "5", Body: &body{Data: "Grüße, 東京"}}, {ID: "6"}},
		Ordered: []choice{{Delete: &wbxml.Empty{}}, {Add: &item{ID: "n"}}, {Delete: &wbxml.Empty{}}},
		Words:   []string{"Email", "SMS"},
		Data:    []byte{0, 1, 2, 0xFF}, Base: []byte("attachment"),
		When:    time.Date(2026, 11, 23, 5, 13, 0, 120e6, time.UTC),
		Compact: time.Date(2026, 11, 23, 5, 13, 0, 0, time.UTC),
		Kept:    kept, Any: kept, Degrees: ptr(-12.5), Options: []struct{}{{}},
	}
}

func TestRoundTripKeepsEverything(t *testing.T) {
	in := fullDocument(t)
	b, err := wbxml.Marshal(&in)
	if err != nil {
		t.Fatal(err)
	}
	var out document
	if err := wbxml.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Error(diff)
	}
	again, err := wbxml.AppendMarshal([]byte("prefix"), out)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != "prefix"+string(b) {
		t.Errorf("second encoding differs:\n%x\n%x", again, b)
	}
}

func TestAbsentAndEmptyElementsAreTold(t *testing.T) {
	for name, tc := range map[string]struct {
		hex  string
		want document
	}{
		"nothing":             {"03016a0005", document{}},
		"empty GetChanges":    {"03016a00451301", document{Flag: ptr(true)}},
		"GetChanges 0":        {"03016a0045530330000101", document{Flag: ptr(false)}},
		"GetChanges 1":        {"03016a0045530331000101", document{Flag: ptr(true)}},
		"empty Options":       {"03016a00451701", document{Options: []struct{}{{}}}},
		"open empty Options":  {"03016a0045570101", document{Options: []struct{}{{}}}},
		"empty Collections":   {"03016a00451c01", document{Items: []item{}}},
		"empty Commands":      {"03016a00451601", document{Ordered: []choice{}}},
		"empty Supported":     {"03016a00452001", document{Kept: wbxml.EmptyRaw()}},
		"empty ClientId":      {"03016a00450c01", document{Optional: ptr("")}},
		"MoreAvailable":       {"03016a00451401", document{Present: true}},
		"entity":              {"03016a00454b02811c0101", document{Text: "\u009c"}},
		"string in pieces":    {"03016a00454b0361000362000101", document{Text: "ab"}},
		"string table":        {"03016a03616200454b83010101", document{Text: "b"}},
		"opaque as string":    {"03016a00454bc30261620101", document{Text: "ab"}},
		"trailing NUL, spare": {"03016a00454bc3036162000101", document{Text: "ab"}},
		"spaces and a number": {"03016a00455503203520000101", document{Number: ptr(uint(5))}},
	} {
		t.Run(name, func(t *testing.T) {
			var got document
			if err := wbxml.Unmarshal(unhex(t, tc.hex), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTextThatXMLCannotCarryIsCleaned(t *testing.T) {
	in := document{Text: "a\x00b\x0bc\xffd\te"}
	b, err := wbxml.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out document
	if err := wbxml.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if out.Text != "abc\uFFFDd\te" {
		t.Errorf("got %q", out.Text)
	}
}

func TestRawStandsAlone(t *testing.T) {
	// The content begins in page 0, changes to 17, and one string stands in the table.
	in := unhex(t, "03016a03616200"+"45"+"5d"+"528300"+"01"+"0011"+"4a"+"4b0378000101"+"01"+"0000"+"4b03310001"+"01")
	var got struct {
		_    struct{}  `wbxml:"AirSync:Sync"`
		Data wbxml.Raw `wbxml:"AirSync:ApplicationData"`
		Key  string    `wbxml:"AirSync:SyncKey"`
	}
	if err := wbxml.Unmarshal(in, &got); err != nil {
		t.Fatal(err)
	}
	if got.Key != "1" {
		t.Errorf("after the content: %q", got.Key)
	}
	var data item
	if err := wbxml.UnmarshalRaw(bytes.Clone(got.Data), &data); err != nil {
		t.Fatal(err)
	}
	want := item{ID: "ab", Body: &body{Data: "x"}}
	if diff := cmp.Diff(want, data); diff != "" {
		t.Error(diff)
	}
	b, err := wbxml.Marshal(&got)
	if err != nil {
		t.Fatal(err)
	}
	again := got
	if err := wbxml.Unmarshal(b, &again); err != nil || again.Key != "1" || !bytes.Equal(again.Data, got.Data) {
		t.Errorf("%v: %+v", err, again)
	}
	for n := range len(got.Data) {
		var cut item
		_ = wbxml.UnmarshalRaw(got.Data[:n], &cut) // must not panic
	}
}

func TestDump(t *testing.T) {
	in := fullDocument(t)
	b, err := wbxml.Marshal(&in)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "dump.xml", []byte(wbxml.Dump(b)))
	for n := range len(b) {
		if dump := wbxml.Dump(b[:n]); n < len(b) && !strings.Contains(dump, "<!--") {
			t.Fatalf("cut at %d: no comment in %s", n, dump)
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestBadStructsAreRefused(t *testing.T) {
	for _, v := range []any{
		3, struct{}{}, (*document)(nil),
		struct {
			_ struct{} `wbxml:"AirSync:Nothing"`
		}{},
		struct {
			_ struct{} `wbxml:"AirSync:Sync"`
			A string   `wbxml:"AirSync:SyncKey,wrong"`
		}{},
		struct {
			_ struct{}       `wbxml:"AirSync:Sync"`
			A map[string]int `wbxml:"AirSync:SyncKey"`
		}{},
		struct {
			_    struct{} `wbxml:"AirSync:Sync"`
			A, B string   `wbxml:"AirSync:SyncKey"`
		}{},
	} {
		if b, err := wbxml.AppendMarshal([]byte("x"), v); err == nil || string(b) != "x" {
			t.Errorf("%T: %q, %v", v, b, err)
		}
	}
}

func TestEveryControlCharacterIsFoundAtEveryPlace(t *testing.T) {
	for c := range byte(0x20) {
		for at := range 17 {
			in := document{Text: strings.Repeat("ab\xc3\xa9", 5)[:at&^3] + string(rune(c)) + strings.Repeat("x", 17-at)}
			b, err := wbxml.Marshal(in)
			if err != nil {
				t.Fatal(err)
			}
			var out document
			if err := wbxml.Unmarshal(b, &out); err != nil {
				t.Fatal(err)
			}
			want := in.Text
			if c != '\t' && c != '\n' && c != '\r' {
				want = strings.Replace(want, string(rune(c)), "", 1)
			}
			if out.Text != want {
				t.Errorf("0x%02X at %d: got %q, want %q", c, at, out.Text, want)
			}
		}
	}
}

func TestLengthsOfStrings(t *testing.T) {
	type document struct {
		_   struct{} `wbxml:"AirSync:Sync"`
		Key string   `wbxml:"AirSync:SyncKey,max=3"`
		ID  string   `wbxml:"AirSync:CollectionId,max=3,filled"`
	}
	for _, tt := range []struct {
		key, id string
		ok      bool
	}{{"", "1", true}, {"äöü", "abc", true}, {"abcd", "1", false}, {"äöüß", "1", false}, {"1", "abcd", false}, {"1", "", false}} {
		b, err := wbxml.Marshal(&document{Key: tt.key, ID: tt.id})
		if err != nil {
			t.Fatal(err)
		}
		var wrong *wbxml.ValueError
		if err := wbxml.Unmarshal(b, &document{}); tt.ok != (err == nil) || !tt.ok && !errors.As(err, &wrong) {
			t.Errorf("%q, %q: %v", tt.key, tt.id, err)
		}
	}
	type number struct {
		_    struct{} `wbxml:"AirSync:Sync"`
		Size uint     `wbxml:"AirSync:WindowSize,max=3"`
	}
	if err := wbxml.Unmarshal([]byte{3, 1, 0x6a, 0, 0x05}, &number{}); err == nil {
		t.Error("a number has no length")
	}
}
