package wbxml_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"martlet/protocol/wbxml"
)

// The global tokens (MS-ASWBXML 1.6): the algorithm writes four of them, reads
// two more that older writers use, and refuses the others, which have no meaning
// in it. MS-ASWBXML_R801 to MS-ASWBXML_R820.
func TestGlobalTokens(t *testing.T) {
	type value struct {
		_     struct{} `wbxml:"AirSync:Sync"`
		Class string   `wbxml:"AirSync:Class"`
		Data  []byte   `wbxml:"Email2:ConversationId"`
	}
	b, err := wbxml.Marshal(&value{Class: "Email", Data: []byte{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	const want = "03016a0045" + "5003456d61696c0001" /* STR_I, END */ + "0016" /* SWITCH_PAGE */ + "49c302010201" /* OPAQUE */ + "01"
	if got := unhex(t, want); string(got) != string(b) {
		t.Errorf("written % x\nwant    % x", b, got)
	}
	// MS-ASDTYPE_R97: the length is a multi-byte integer.
	long := strings.Repeat("01", 200)
	if b, err := wbxml.Marshal(&value{Data: unhex(t, long)}); err != nil || !strings.Contains(hex.EncodeToString(b), "49c38148"+long+"01") {
		t.Errorf("200 bytes: % x, %v", b, err)
	}
	for name, in := range map[string]string{
		"ENTITY": "03016a004550024101" + "01",
		"STR_T":  "03016a02410045508300" + "0101",
	} {
		var v value
		if err := wbxml.Unmarshal(unhex(t, in), &v); err != nil || v.Class != "A" {
			t.Errorf("%s: %q, %v", name, v.Class, err)
		}
	}
	for name, token := range map[string]string{
		"LITERAL": "04", "EXT_I_0": "40", "EXT_I_1": "41", "EXT_I_2": "42", "PI": "43", "LITERAL_C": "44",
		"EXT_T_0": "80", "EXT_T_1": "81", "EXT_T_2": "82", "LITERAL_A": "84",
		"EXT_0": "c0", "EXT_1": "c1", "EXT_2": "c2", "LITERAL_AC": "c4",
	} {
		var v value
		if err := wbxml.Unmarshal(unhex(t, "03016a004550"+token+"000101"), &v); !errors.Is(err, wbxml.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// MS-ASDTYPE_R7, R15, R20, R87, R91: booleans, numbers, times and strings are
// inline strings, a time in UTC with milliseconds.
func TestValuesAreInlineStrings(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	for want, in := range map[string]any{
		"1":                        &document{Text: "k", Flag: ptr(true)},
		"0":                        &document{Text: "k", Flag: ptr(false)},
		"512":                      &document{Text: "k", Number: ptr(uint(512))},
		"-3":                       &document{Text: "k", Signed: -3},
		"-12.5":                    &document{Text: "k", Degrees: ptr(-12.5)},
		"2026-11-23T05:13:00.120Z": &document{Text: "k", When: time.Date(2026, 11, 23, 6, 13, 0, 120e6, berlin)},
		"20261123T051300Z":         &document{Text: "k", Compact: time.Date(2026, 11, 23, 6, 13, 0, 0, berlin)},
		"99991231T235959Z":         &document{Text: "k", Compact: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, // a year has four digits
		"0001-01-02T00:00:00.000Z": &document{Text: "k", When: time.Date(-40, 1, 1, 0, 0, 0, 0, time.UTC)},
		"Grüße, 東京":                &document{Text: "Grüße, 東京"},
	} {
		b, err := wbxml.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if inline := "\x03" + want + "\x00\x01"; strings.Count(string(b), inline) != 1 {
			t.Errorf("%s: % x", want, b)
		}
	}
}
