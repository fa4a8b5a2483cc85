package activesync_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/store"
)

// benchCard is a contact as a phone or an address book writes it.
func benchCard(n int) string {
	return crlf(fmt.Sprintf(`BEGIN:VCARD
VERSION:3.0
UID:card-%d@example.org
N:Birch%d;Eve;;Dr.;
FN:Dr. Eve Birch%d
ORG:Harbour Office;Pilots
TITLE:Pilot
EMAIL;TYPE=INTERNET,WORK:eve%d@example.net
EMAIL;TYPE=INTERNET,HOME:birch%d@example.org
TEL;TYPE=CELL:+49 151 %07d
TEL;TYPE=WORK,VOICE:+49 30 %06d
ADR;TYPE=WORK:;;Quay %d;Hamburg;;20457;Germany
ADR;TYPE=HOME:;;Lane %d;Bremen;;28195;Germany
BDAY:1980-05-%02d
NOTE:met at the harbour\, berth %d
CATEGORIES:Pilots,Harbour
REV:20260101T000000Z
END:VCARD
`, n, n, n, n, n, n, n, n%200, n%90, 1+n%28, n%40))
}

// benchEvent is an event of an hour; every fifth recurs each week, with an
// exception and a deleted occurrence.
func benchEvent(n int) string {
	day, hour := 1+n%28, 8+n%10
	date := fmt.Sprintf("2026%02d%02dT%02d", 1+n%12, day, hour)
	var b strings.Builder
	fmt.Fprintf(&b, "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//bench//EN\n%s", berlin)
	event := func(rest string) {
		fmt.Fprintf(&b, "BEGIN:VEVENT\nUID:event-%d@example.org\nDTSTAMP:20260101T000000Z\nSUMMARY:Berth %d\nLOCATION:Tower\nDESCRIPTION:The draught is %d m – call before you move.\nORGANIZER;CN=Anna Ash:mailto:anna@example.org\nATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:mailto:bob@example.org\nATTENDEE;CN=Eve;PARTSTAT=NEEDS-ACTION:mailto:eve@example.net\n%sBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nDESCRIPTION:x\nEND:VALARM\nEND:VEVENT\n", n, n%40, n%13, rest)
	}
	times := fmt.Sprintf("DTSTART;TZID=Europe/Berlin:%s0000\nDTEND;TZID=Europe/Berlin:%s4500\n", date, date)
	if n%5 == 0 {
		event(times + fmt.Sprintf("RRULE:FREQ=WEEKLY;INTERVAL=2\nEXDATE;TZID=Europe/Berlin:%s0000\n", date))
	} else {
		event(times)
	}
	b.WriteString("END:VCALENDAR\n")
	return crlf(b.String())
}

const berlin = `BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
`

// fillObjects puts n objects into a folder, a hundred a transaction.
func fillObjects(b testing.TB, h *house, role mail.Role, class mail.Class, n int, object func(int) string) {
	b.Helper()
	folder := h.folder(b, role)
	for at := 0; at < n; at += 100 {
		var batch []mail.NewItem
		for i := at; i < min(n, at+100); i++ {
			body, err := h.mailboxes.PrepareObject(context.Background(), class, []byte(object(i)))
			if err != nil {
				b.Fatal(err)
			}
			batch = append(batch, mail.NewItem{Class: class, Body: body})
		}
		h.update(b, func(tx *store.Tx) error {
			for _, it := range batch {
				if _, err := h.mailboxes.Append(tx, h.box, folder, it); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// BenchmarkInitialSyncOfObjects is a new phone's first Sync of 5,000 contacts and
// of 5,000 events, of which 1,000 recur, WindowSize 512, on one core.
func BenchmarkInitialSyncOfObjects(b *testing.B) {
	const objects = 5000
	for _, version := range []string{"14.1", "16.1"} {
		for _, part := range []struct {
			name  string
			kinds []kind
		}{{"contacts", kinds()[1:2]}, {"events", kinds()[:1]}} {
			b.Run(version+"/"+part.name, func(b *testing.B) {
				h := build(b)
				for _, k := range part.kinds {
					object := benchCard
					if k.class == mail.ClassCalendar {
						object = benchEvent
					}
					fillObjects(b, h, k.role, k.class, objects, object)
				}
				p := &benchPhone{b: b, h: h, device: "BENCH", version: version}
				p.provision()
				p.folderSync("0")
				oneCore(b)
				b.ReportAllocs()
				for b.Loop() {
					for _, k := range part.kinds {
						p.first(k.collection, objects)
					}
				}
				b.ReportMetric(float64(b.N*objects)/b.Elapsed().Seconds(), "items/s")
			})
		}
	}
}

// first is a first Sync of a collection.
func (p *benchPhone) first(collection string, left int) {
	b := p.b.(*testing.B)
	b.StopTimer()
	key, _, _ := p.sync(collection, "0")
	b.StartTimer()
	for left > 0 {
		w := httptest.NewRecorder()
		b.StopTimer()
		body, err := wbxml.Marshal(p.syncRequest(collection, key))
		if err != nil {
			b.Fatal(err)
		}
		w.Body.Grow(4 << 20)
		r := p.request("Sync", body)
		b.StartTimer()
		p.h.handler.ServeHTTP(w, r)
		b.StopTimer()
		var resp eas.SyncResponse
		if err := wbxml.Unmarshal(w.Body.Bytes(), &resp); err != nil || len(resp.Collections) == 0 || len(resp.Collections[0].Commands) == 0 {
			b.Fatalf("%d items are missing: %v\n%s", left, err, p.h.log)
		}
		key, left = resp.Collections[0].SyncKey, left-len(resp.Collections[0].Commands)
		b.StartTimer()
	}
	b.StopTimer()
	p.sync(collection, key) // what came is confirmed
	b.StartTimer()
}
