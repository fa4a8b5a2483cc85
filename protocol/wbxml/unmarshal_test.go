package wbxml_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"martlet/protocol/wbxml"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHostileInputIsRefusedWithATypedError(t *testing.T) {
	for name, tc := range map[string]struct {
		in   []byte
		want error
	}{
		"empty":                {nil, wbxml.ErrMalformed},
		"XML":                  {[]byte("<?xml version='1.0'?>"), wbxml.ErrMalformed},
		"header only":          {unhex(t, "03016a00"), wbxml.ErrMalformed},
		"charset Latin-1":      {unhex(t, "0301040005"), wbxml.ErrMalformed},
		"table cut off":        {unhex(t, "03016a8f7f"), wbxml.ErrMalformed},
		"number too long":      {unhex(t, "03ffffffffff7f"), wbxml.ErrMalformed},
		"cut off":              {unhex(t, "03016a004545"), wbxml.ErrMalformed},
		"string cut off":       {unhex(t, "03016a00454b0361"), wbxml.ErrMalformed},
		"opaque cut off":       {unhex(t, "03016a00454bc38fffffff7f"), wbxml.ErrMalformed},
		"page switch cut off":  {unhex(t, "03016a004500"), wbxml.ErrMalformed},
		"trailing bytes":       {unhex(t, "03016a000501"), wbxml.ErrMalformed},
		"second root":          {unhex(t, "03016a000505"), wbxml.ErrMalformed},
		"text at the top":      {unhex(t, "03016a0003610005"), wbxml.ErrMalformed},
		"attributes":           {unhex(t, "03016a00c5010101"), wbxml.ErrMalformed},
		"literal tag":          {unhex(t, "03016a00450401"), wbxml.ErrMalformed},
		"processing":           {unhex(t, "03016a004543"), wbxml.ErrMalformed},
		"reference past table": {unhex(t, "03016a00454b83050101"), wbxml.ErrMalformed},
		"entity no character":  {unhex(t, "03016a00454b0283b0000101"), wbxml.ErrMalformed},
		"a million levels":     {append(unhex(t, "03016a00"), bytes.Repeat([]byte{0x45}, 1<<20)...), wbxml.ErrTooDeep},
		"a million elements":   {append(unhex(t, "03016a0045"), bytes.Repeat([]byte{0x17}, 1<<20)...), wbxml.ErrTooLarge},
		"references added up":  {tableBomb(), wbxml.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			var got document
			if err := wbxml.Unmarshal(tc.in, &got); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if len(wbxml.Dump(tc.in)) > 64<<20 {
				t.Error("the dump is out of proportion")
			}
		})
	}
}

// tableBomb names one long string of the table again and again.
func tableBomb() []byte {
	b := append([]byte{0x03, 0x01, 0x6A, 0xA0, 0x00}, bytes.Repeat([]byte{'x'}, 4095)...)
	b = append(b, 0, 0x45, 0x4B)
	return append(b, bytes.Repeat([]byte{0x83, 0x00}, 1<<16)...)
}

func TestWrongContentTellsTheElement(t *testing.T) {
	var got document
	var value *wbxml.ValueError
	for _, in := range []string{"5503780001", "550339393939393939393939393939393939393939390001", "53036e6f0001"} {
		err := wbxml.Unmarshal(unhex(t, "03016a0045"+in+"01"), &got)
		if !errors.As(err, &value) {
			t.Errorf("%s: got %v, want a ValueError", in, err)
		}
	}
	var unknown *wbxml.UnknownTagError
	if err := wbxml.Unmarshal(unhex(t, "03016a00453f01"), &got); !errors.As(err, &unknown) || unknown.Token != 0x3F {
		t.Errorf("unknown token: %v", err)
	}
	if err := wbxml.Unmarshal(unhex(t, "03016a0045003f0501"), &got); !errors.As(err, &unknown) || unknown.Page != 0x3F {
		t.Errorf("unknown page: %v", err)
	}
	var root *wbxml.RootError
	if err := wbxml.Unmarshal(unhex(t, "03016a00000d05"), &got); !errors.As(err, &root) || root.Got.String() != "Ping:Ping" {
		t.Errorf("other document: %v", err)
	}
	var unexpected *wbxml.UnexpectedError
	if err := wbxml.Unmarshal(unhex(t, "03016a00454b0b0101"), &got); !errors.As(err, &unexpected) {
		t.Errorf("element in a string: %v", err)
	}
}

func TestRequiredElements(t *testing.T) {
	type folderSync struct {
		_       struct{} `wbxml:"FolderHierarchy:FolderSync"`
		SyncKey string   `wbxml:"FolderHierarchy:SyncKey,required"`
	}
	var got folderSync
	var missing *wbxml.MissingError
	if err := wbxml.Unmarshal(unhex(t, "03016a00000716"), &got); !errors.As(err, &missing) {
		t.Fatalf("got %v, want a MissingError", err)
	}
	if missing.Tag.String() != "FolderHierarchy:SyncKey" {
		t.Errorf("missing %s", missing.Tag)
	}
	if err := wbxml.Unmarshal(unhex(t, "03016a000007561201"), &got); err != nil {
		t.Errorf("an empty element is there: %v", err)
	}
}

func TestStrictAndLenientReading(t *testing.T) {
	twice := unhex(t, "03016a00454b0361000"+"14b0362000101")
	var got document
	if err := wbxml.Unmarshal(twice, &got); err != nil || got.Text != "b" {
		t.Errorf("the last one counts: %q, %v", got.Text, err)
	}
	d := wbxml.Decoder{Strict: true}
	var duplicate *wbxml.DuplicateError
	if err := d.Unmarshal(twice, &got); !errors.As(err, &duplicate) {
		t.Errorf("got %v, want a DuplicateError", err)
	}
	alien := unhex(t, "03016a0045"+"000d"+"4945"+"0101"+"0000"+"4b0362000101") // Ping:Folders in a Sync
	lenient := wbxml.Decoder{}
	if err := lenient.Unmarshal(alien, &got); err != nil || got.Text != "b" {
		t.Fatalf("%q, %v", got.Text, err)
	}
	if len(lenient.Skipped) != 1 || lenient.Skipped[0].Tag.String() != "Ping:Folders" {
		t.Errorf("skipped %v", lenient.Skipped)
	}
	var unexpected *wbxml.UnexpectedError
	if err := d.Unmarshal(alien, &got); !errors.As(err, &unexpected) {
		t.Errorf("got %v, want an UnexpectedError", err)
	}
}

func TestExactReading(t *testing.T) {
	type sequence struct {
		_     struct{} `wbxml:"AirSync:Sync"`
		Key   string   `wbxml:"AirSync:SyncKey,ordered"`
		Class string   `wbxml:"AirSync:Class"`
		Ids   []string `wbxml:"AirSync:CollectionId,ordered"`
		Limit uint     `wbxml:"AirSync:WindowSize,repeats"`
	}
	const class, key, id = "50036300" + "01", "4b036b00" + "01", "52036900" + "01"
	const one, two = "55033100" + "01", "55033200" + "01"
	exact := wbxml.Decoder{Exact: true}
	var order *wbxml.OrderError
	var duplicate *wbxml.DuplicateError
	for _, tt := range []struct {
		content string
		as      any
	}{
		{class + key + id + id, nil},
		{key + id + class, nil},
		{id + key, &order},
		{id, nil},
		{class + class, &duplicate},
		{one + two, nil},
		{key + "0a", nil}, // an element that the struct does not name
	} {
		b := unhex(t, "03016a0045"+tt.content+"01")
		var got sequence
		if err := wbxml.Unmarshal(b, &got); err != nil {
			t.Errorf("%s: lenient: %v", tt.content, err)
		}
		err := exact.Unmarshal(b, &got)
		if tt.as == nil && err != nil || tt.as != nil && !errors.As(err, tt.as) {
			t.Errorf("%s: %v, want %T", tt.content, err, tt.as)
		}
		if tt.content == one+two && got.Limit != 2 {
			t.Errorf("of two the first counts: %d", got.Limit)
		}
	}
}
