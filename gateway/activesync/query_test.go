package activesync

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"martlet/protocol/eas"
)

// plainForm and encodedForm are the two examples of MS-ASHTTP 2.2.1.1.1, which
// are called equivalent there (MS-ASHTTP_R16).
const (
	plainForm   = "Cmd=Sync&User=rmjones&DeviceId=v140Device&DeviceType=SmartPhone"
	encodedForm = "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l"
)

func TestQueryForms(t *testing.T) {
	phone := func(q query) query {
		q.DeviceID, q.DeviceType = "v140Device", "SmartPhone"
		return q
	}
	tests := []struct {
		name, raw string
		want      query
	}{
		{"plain", plainForm, phone(query{Command: "Sync"})},
		{"plain in other case and order", "devicetype=SmartPhone&DEVICEID=v140Device&cmd=sync", phone(query{Command: "sync"})},
		{"plain with parameters", plainForm + "&SaveInSent=T&CollectionId=5&ItemId=5%3A7&LongId=a+b&Occurrence=x&AttachmentName=5%3a7:2",
			phone(query{Command: "Sync", SaveInSent: true, CollectionID: "5", ItemID: "5:7", LongID: "a b", Occurrence: "x", AttachmentName: "5:7:2"})},
		{"encoded", encodedForm, phone(query{Code: 0, Version: eas.V140})},
		{"encoded with policy key", "jAkJBAp2MTQwRGV2aWNlBHhWNBIKU21hcnRQaG9uZQ==",
			phone(query{Code: 9, Version: eas.V140, PolicyKey: 0x12345678, HasPolicyKey: true})},
		{"encoded, escaped padding", "jAkJBAp2MTQwRGV2aWNlBHhWNBIKU21hcnRQaG9uZQ%3D%3D",
			phone(query{Code: 9, Version: eas.V140, PolicyKey: 0x12345678, HasPolicyKey: true})},
		{"encoded, no padding", "jAkJBAp2MTQwRGV2aWNlBHhWNBIKU21hcnRQaG9uZQ",
			phone(query{Code: 9, Version: eas.V140, PolicyKey: 0x12345678, HasPolicyKey: true})},
		{"encoded with options", encode(161, 19, "v140Device", "SmartPhone", 7, "\x03", 1, "5", 3, "5:7"),
			phone(query{Code: 19, Version: eas.V161, SaveInSent: true, AcceptMultipart: true, CollectionID: "5", ItemID: "5:7"})},
		{"encoded, unknown tag skipped", encode(161, 19, "v140Device", "SmartPhone", 99, "zz", 1, "5"),
			phone(query{Code: 19, Version: eas.V161, CollectionID: "5"})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseQuery(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestADeviceIDOfBytesIsWrittenInHex(t *testing.T) {
	guid := "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\xff"
	q, err := parseQuery(encode(141, 0, guid, "WindowsOutlook15"))
	if err != nil || q.DeviceID != "000102030405060708090A0B0C0D0EFF" {
		t.Errorf("got %q, %v", q.DeviceID, err)
	}
}

func TestBadQueriesAreRefused(t *testing.T) {
	tests := []struct {
		name, raw string
		want      error
	}{
		{"empty", "", errBadQuery},
		{"no command", "DeviceId=a&DeviceType=b", errBadQuery},
		{"bad escape", "Cmd=Sync&DeviceId=%zz&DeviceType=b", errBadQuery},
		{"too long", "Cmd=Sync&DeviceId=a&DeviceType=b&x=" + strings.Repeat("y", maxQuery), errBadQuery},
		{"not base64", "!!!!", errBadQuery},
		{"truncated", encodedForm[:16], errBadQuery},
		{"policy key of 3 bytes", "jAkJBAp2MTQwRGV2aWNlA3hWNApTbWFydFBob25l", errBadQuery},
		{"no device id", "Cmd=Sync&DeviceType=b", errBadDeviceID},
		{"comma in device id", "Cmd=Sync&DeviceId=a,b&DeviceType=b", errBadDeviceID},
		{"long device id", "Cmd=Sync&DeviceType=b&DeviceId=" + strings.Repeat("a", maxDeviceID+1), errBadDeviceID},
		{"empty device id, encoded", encode(141, 0, "", "SmartPhone"), errBadDeviceID},
		{"no device type", "Cmd=Sync&DeviceId=a", errBadDeviceType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseQuery(tt.raw); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestPolicyKeyHeader(t *testing.T) {
	for in, want := range map[string]struct {
		key     uint32
		present bool
	}{
		"": {0, false}, "0": {0, true}, " 12 ": {12, true}, "4294967295": {4294967295, true},
		"-1": {4294967295, true}, "junk": {4294967295, true},
	} {
		if k, ok := policyKey(in); k != want.key || ok != want.present {
			t.Errorf("%q: got %d, %v", in, k, ok)
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{plainForm, encodedForm, "jAkJBAp2MTQwRGV2aWNlBHhWNBIKU21hcnRQaG9uZQ==", encode(161, 19, "v140Device", "SmartPhone", 7, "\x03", 1, "5"), "=", "Cmd=", "%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw)
		if err == nil && (!validDeviceID(q.DeviceID) || q.DeviceType == "" || len(q.DeviceType) > maxDeviceType) {
			t.Errorf("%q: accepted %+v", raw, q)
		}
	})
}
