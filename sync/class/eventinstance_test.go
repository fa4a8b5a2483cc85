package class_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/sync/class"
)

// shownIDs are the InstanceIds under which a client since 16.0 knows the
// occurrences of a series: where its rule has them, or the exceptions that it is
// shown.
func shownIDs(t *testing.T, raw []byte) (ids []time.Time) {
	t.Helper()
	c := showEvent(t, raw, eas.V161, ada)
	if c.Recurrence == nil {
		return nil
	}
	obj, err := calendar.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	master := obj.Master()
	if *c.Recurrence.Type == 0 && master.Rule == nil || len(c.Exceptions) > 3 { // in steps
		for _, x := range c.Exceptions {
			if x.Deleted == nil {
				ids = append(ids, *x.InstanceID)
			}
		}
		return ids
	}
	for o := range master.Occurrences() {
		if ids = append(ids, o.In(time.UTC)); len(ids) == 12 {
			break
		}
	}
	return ids
}

// What a client does to one occurrence is done to that one, whatever the series and
// however it is shown, and done twice it is the same.
func TestOneOccurrenceIsChangedAndNoOther(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(4, 16))}
	var all [][]byte
	for _, name := range []string{"series", "birthday", "floating", "fortnight", "custom"} {
		all = append(all, eventFile(t, name))
	}
	for _, name := range []string{"dates alone", "two rules", "last but one", "what is left out"} {
		all = append(all, irregularEvent(irregular[name]))
	}
	changed, deleted := 0, 0
	for n := range 180 {
		raw := all[n%len(all)]
		o := editOptions(eas.V161, ada)
		for range 3 {
			ids := shownIDs(t, raw)
			if len(ids) == 0 {
				break
			}
			o.Instance = ids[d.IntN(len(ids))].Format("20060102T150405Z")
			before := occurrencesOf(t, raw, 30)
			if d.one(3) {
				got, err := class.DeleteOccurrence(raw, o)
				if err != nil {
					t.Fatalf("%d: %s: %v\n%s", n, o.Instance, err, raw)
				}
				after := occurrencesOf(t, got, 30)
				if len(before) < 30 && len(after) != len(before)-1 {
					t.Fatalf("%d: without %s: %v is %v", n, o.Instance, before, after)
				}
				raw = got
				deleted++
				continue
			}
			in := d.event(eas.V161)
			in.Recurrence, in.AllDayEvent, in.Timezone, in.MeetingStatus = nil, nil, nil, nil
			got, err := class.EditObject(eventItem.Class, raw, eventRaw(t, in), o)
			if err != nil {
				break
			}
			after := occurrencesOf(t, got, 30)
			other := 0
			for _, day := range before {
				if !slices.Contains(after, day) {
					other++
				}
			}
			if other > 1 || len(before) != len(after) {
				t.Fatalf("%d: %s changed by %s: %v is %v", n, o.Instance, dump(t, in), before, after)
			}
			if again, err := class.EditObject(eventItem.Class, got, eventRaw(t, in), o); err != nil || !bytes.Equal(again, got) {
				t.Fatalf("%d: twice, %s changes %q (%v)", n, dump(t, in), changes(got, again), err)
			}
			if back := changeEvent(t, got, clientData(showEvent(t, got, eas.V141, ada), eas.V141), editOptions(eas.V141, ada)); !bytes.Equal(back, got) {
				t.Fatalf("%d: sent back at 14.1 it changes %q in\n%s", n, changes(got, back), got)
			}
			raw = got
			changed++
		}
	}
	if changed < 50 || deleted < 50 {
		t.Errorf("%d changed, %d deleted", changed, deleted)
	}
}
