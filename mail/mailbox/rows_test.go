package mailbox

import (
	"bytes"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"martlet/mail"
	"martlet/store/blob"
)

func drawTime(t *rapid.T, label string) time.Time {
	ms := rapid.Int64Range(-1e13, 1e13).Draw(t, label)
	if ms%3 == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func drawItem(t *rapid.T) mail.Item {
	it := mail.Item{
		Class:    mail.Class(rapid.Uint8().Draw(t, "class")),
		Created:  mail.ModSeq(rapid.Uint64().Draw(t, "created")),
		ModSeq:   mail.ModSeq(rapid.Uint64().Draw(t, "modseq")),
		Object:   rapid.Uint64().Draw(t, "object"),
		Received: rapid.Int64Range(0, math.MaxInt64).Draw(t, "received"),
		Flags:    mail.Flags(rapid.Uint16().Draw(t, "flags")),
		Keywords: rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, "keywords"),
		LastVerb: rapid.Uint8().Draw(t, "verb"),
		VerbTime: drawTime(t, "verb time"),
		Own:      rapid.Bool().Draw(t, "own"),
		Parts:    mail.PartSeqs{mail.ModSeq(rapid.Uint64().Draw(t, "part")), 0, 1, 2},
	}
	if rapid.Bool().Draw(t, "saved") {
		it.Saved = rapid.Int64Range(1, 1<<50).Draw(t, "saved at")
	}
	if rapid.Bool().Draw(t, "flagged") {
		it.FollowUp = mail.FollowUp{
			Status: mail.FollowUpStatus(rapid.Uint8().Draw(t, "status")), Type: rapid.String().Draw(t, "type"),
			Subject: rapid.String().Draw(t, "subject"), SubOrdinal: rapid.String().Draw(t, "sub"),
			Start: drawTime(t, "start"), Due: drawTime(t, "due"), UTCStart: drawTime(t, "utc start"),
			UTCDue: drawTime(t, "utc due"), Completed: drawTime(t, "completed"),
			DateComplete: drawTime(t, "date complete"), ReminderSet: rapid.Bool().Draw(t, "reminder"),
			ReminderTime: drawTime(t, "reminder time"), Ordinal: drawTime(t, "ordinal"),
		}
	}
	if rapid.Bool().Draw(t, "body") {
		copy(it.Blob.Hash[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		it.Blob.Size = rapid.Int64Range(0, 1<<30).Draw(t, "size")
	}
	return it
}

func TestItemRowKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		it := drawItem(t)
		if err := normalise(&it); err != nil {
			t.Skip("too large")
		}
		got, err := parseItem(appendItem(nil, it))
		if err != nil || !reflect.DeepEqual(got, it) {
			t.Fatalf("wrote %+v\nread %+v, %v", it, got, err)
		}
		if !sameItem(&it, &got) {
			t.Fatal("an item differs from itself")
		}
	})
}

func TestOtherRowsKeepEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(label string) uint64 { return rapid.Uint64().Draw(t, label) }
		f := mail.Folder{
			Parent: mail.FolderID(n("parent")), Name: rapid.String().Draw(t, "name"), Class: mail.Class(n("class")),
			Role: mail.Role(n("role")), Created: mail.ModSeq(n("created")), ModSeq: mail.ModSeq(n("modseq")),
			Highest: mail.ModSeq(n("highest")), Items: uint32(n("items")), Unread: uint32(n("unread")), Bytes: n("bytes"),
		}
		if got, err := parseFolder(appendFolder(nil, f)); err != nil || got != f {
			t.Fatalf("wrote %+v, read %+v, %v", f, got, err)
		}
		c := mail.Change{
			Item: mail.ItemID(n("item")), Created: mail.ModSeq(n("c")), Received: int64(n("r") >> 1), Deleted: n("d")%2 == 0,
			MovedTo: mail.Place{Folder: mail.FolderID(n("mf")), Item: mail.ItemID(n("mi"))},
			Away:    mail.Away{Box: mail.MailboxID(n("ab")), At: mail.Place{Folder: mail.FolderID(n("af")), Item: mail.ItemID(n("ai"))}},
		}
		if got, err := parseChange(appendChange(nil, c)); err != nil || !reflect.DeepEqual(got, c) {
			t.Fatalf("wrote %+v, read %+v, %v", c, got, err)
		}
		s := state{
			ModSeq: mail.ModSeq(n("m")), Hierarchy: mail.ModSeq(n("h")), Folder: mail.FolderID(n("f")),
			Item: mail.ItemID(n("i")), Object: n("o"), Folders: uint32(n("fs")), Removed: n("rm")%2 == 0,
		}
		if got, err := parseState(appendState(nil, s)); err != nil || got != s {
			t.Fatalf("wrote %+v, read %+v, %v", s, got, err)
		}
	})
}

// The keys of a folder lie together, and positions in the order of time.
func TestKeysSortAsTheirParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) dateKey {
			return dateKey{
				Box: mail.MailboxID(rapid.Uint64Range(0, 2).Draw(t, label)), Folder: mail.FolderID(rapid.Uint32Range(0, 2).Draw(t, label)),
				At: mail.Position{
					Received: rapid.Int64Range(0, math.MaxInt64).Draw(t, label), Item: mail.ItemID(rapid.Uint32().Draw(t, label)),
				},
			}
		}
		a, b := draw("a"), draw("b")
		less := a.Box < b.Box || a.Box == b.Box && (a.Folder < b.Folder || a.Folder == b.Folder && a.At.Before(b.At))
		if got := bytes.Compare(appendDateKey(nil, a), appendDateKey(nil, b)) < 0; got != less {
			t.Fatalf("%+v before %+v: %t by bytes, %t by parts", a, b, got, less)
		}
		if back, err := parseDateKey(appendDateKey(nil, a)); err != nil || back != a {
			t.Fatalf("wrote %+v, read %+v, %v", a, back, err)
		}
	})
}

func FuzzParseRows(f *testing.F) {
	f.Add(appendItem(nil, sampleItem()))
	f.Add(appendChange(nil, mail.Change{Item: 1, Created: 2, Deleted: true, MovedTo: mail.Place{Folder: 1, Item: 2}}))
	f.Add(appendFolder(nil, mail.Folder{Name: "Inbox", Role: mail.RoleInbox, Items: 3}))
	f.Add(appendState(nil, state{ModSeq: 12, Folders: 3}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if it, err := parseItem(b); err == nil {
			again, err := parseItem(appendItem(nil, it))
			if err != nil || !reflect.DeepEqual(again, it) {
				t.Errorf("read %+v, then %+v, %v", it, again, err)
			}
		}
		_, _ = parseChange(b)
		_, _ = parseFolder(b)
		_, _ = parseState(b)
		_, _ = parseIndexRow(b)
		_, _ = parseDateKey(b)
		_, _ = parseLogKey(b)
		_, _ = parseItemKey(b)
	})
}

// sampleItem is a message as most are: read, with one category.
func sampleItem() mail.Item {
	return mail.Item{
		Class: mail.ClassEmail, Created: 123456, ModSeq: 123789, Object: 99999, Received: 1_700_000_000_000, Saved: 1_700_000_000_123,
		Blob: blob.Ref{Hash: [32]byte{1, 2, 3}, Size: 30_000}, Flags: mail.FlagSeen,
	}
}

func BenchmarkParseItem(b *testing.B) {
	flagged := sampleItem()
	flagged.Keywords = []string{"Red Category", "Customers"}
	flagged.FollowUp = mail.FollowUp{Status: mail.FollowUpActive, Type: "Flag for follow up", Due: time.UnixMilli(1_700_000_000_000)}
	for name, it := range map[string]mail.Item{"plain": sampleItem(), "flagged": flagged} {
		b.Run(name, func(b *testing.B) {
			row := appendItem(nil, it)
			b.ReportAllocs()
			b.ReportMetric(float64(len(row)), "bytes/row")
			for b.Loop() {
				if got, err := parseItem(row); err != nil || got.Object != it.Object {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(row)), "bytes/row")
		})
	}
}

func BenchmarkAppendItem(b *testing.B) {
	it := sampleItem()
	row := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		row = appendItem(row[:0], it)
	}
}
