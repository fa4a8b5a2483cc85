package device

import (
	"bytes"
	"testing"
	"time"
)

// FuzzCollection feeds rows as a damaged disk might hold them: no panic, and
// what can be read is written the same way again.
func FuzzCollection(f *testing.F) {
	f.Add(appendCollection(nil, Collection{
		Class: 1, Version: 2, Confirmed: Generation{Key: 3, Cursor: 4, Added: []Added{{"c", 5}}},
		Pending: Generation{Key: 4, More: true}, Own: []OwnWrite{{Item: 1, ModSeq: 2, Added: true}}, Options: []byte{1},
		Sent: Sent{Items: 2, List: []uint32{3, 9}}, Trouble: Trouble{Failures: 2, Limit: 1, Anew: true, Zone: []uint32{3}}, Broken: true,
	}))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCollection(b)
		if err != nil {
			return
		}
		row := appendCollection(nil, c)
		again, err := parseCollection(row)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(row, appendCollection(nil, again)) {
			t.Error("a row changes when it is written again")
		}
	})
}

// FuzzDevice does the same for devices.
func FuzzDevice(f *testing.F) {
	f.Add(appendDevice(nil, Device{Type: "iPhone", PolicyKey: 1, PingFolders: []PingFolder{{"1", "Email"}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseDevice(b)
		if err != nil {
			return
		}
		row := appendDevice(nil, d)
		again, err := parseDevice(row)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(row, appendDevice(nil, again)) {
			t.Error("a row changes when it is written again")
		}
	})
}

// FuzzID holds the keys to their order and their form.
func FuzzID(f *testing.F) {
	f.Add(appendCollectionKey(nil, collectionKey{ID{7, "a\x00b"}, 9}))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := parseCollectionKey(b)
		if err == nil && !bytes.Equal(appendCollectionKey(nil, k), b) {
			t.Errorf("%x is written as %x", b, appendCollectionKey(nil, k))
		}
	})
}

// FuzzBroken feeds rows and keys as a damaged disk might hold them.
func FuzzBroken(f *testing.F) {
	f.Add(appendBroken(nil, Broken{Box: 1, Object: 2, ModSeq: 3, When: time.UnixMilli(4), Why: "x", Had: true, Again: true, Offered: 9}))
	f.Add(appendBrokenKey(nil, brokenKey{ID{7, "a"}, 1, 2}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := parseBrokenKey(b); err == nil && !bytes.Equal(appendBrokenKey(nil, k), b) {
			t.Errorf("the key %x is written as %x", b, appendBrokenKey(nil, k))
		}
		row, err := parseBroken(b)
		if err != nil {
			return
		}
		first := appendBroken(nil, row)
		again, err := parseBroken(first)
		if err != nil || !bytes.Equal(first, appendBroken(nil, again)) {
			t.Errorf("a row changes when it is written again: %v", err)
		}
	})
}
