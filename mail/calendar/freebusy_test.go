package calendar

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// RFC 5545 3.6.4, 3.8.2.6.
func TestFreeAndBusyTimes(t *testing.T) {
	const in = "BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VFREEBUSY\nUID:1\nDTSTAMP:20260601T080000Z\nDTSTART:20260610T000000Z\nDTEND:20260612T000000Z\n" +
		"ORGANIZER:mailto:ben@example.org\nATTENDEE;CN=Anna Ash:mailto:anna@example.org\nX-A:b\n" +
		"FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260611T090000Z/PT8H30M,20260610T120000Z/20260610T130000Z\n" +
		"FREEBUSY:20260610T080000Z/PT1H\nFREEBUSY;FBTYPE=BUSY-TENTATIVE:nonsense,20260610T080000Z,20260610T080000Z/20260610T070000Z,20260610T230000Z/P1D\nEND:VFREEBUSY\nEND:VCALENDAR\n"
	o, err := Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	all := o.FreeBusy()
	if len(all) != 1 {
		t.Fatalf("%d", len(all))
	}
	f := all[0]
	tell := func(f *FreeBusy) string {
		var b strings.Builder
		for _, x := range f.Busy {
			b.WriteString(x.Start.Format("02T15:04-") + x.End.Format("02T15:04 ") + x.Type + "\n")
		}
		return b.String()
	}
	if d := cmp.Diff("10T08:00-10T09:00 BUSY\n10T12:00-10T13:00 BUSY-UNAVAILABLE\n10T23:00-11T23:00 BUSY-TENTATIVE\n11T09:00-11T17:30 BUSY-UNAVAILABLE\n", tell(f)); d != "" {
		t.Error(d)
	}
	if f.Organizer.Address != "ben@example.org" || len(f.Attendees) != 1 || f.Attendees[0].Name != "Anna Ash" || !f.To.Equal(time.Date(2026, 6, 12, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", f)
	}
	f.Write()
	again, err := Parse(o.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(tell(f), tell(again.FreeBusy()[0])); d != "" || again.FreeBusy()[0].Component.Prop("X-A") == nil {
		t.Errorf("%s\n%s", d, again.Encode())
	}
}
