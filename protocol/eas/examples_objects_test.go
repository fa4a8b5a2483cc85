package eas_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// exampleContact has every element of a contact.
func exampleContact() *eas.Contact {
	c := &eas.Contact{
		Birthday: ptr(exampleTime()), Anniversary: ptr(exampleTime()), Children: []string{"Cora", "Dan"}, Categories: []string{"Birds"},
		Body: &eas.Body{Type: eas.BodyPlain, EstimatedDataSize: 2, Data: ptr("hi")},
	}
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if text, ok := v.Field(i).Addr().Interface().(**string); ok {
			*text = ptr(v.Type().Field(i).Name)
		}
	}
	return c
}

func exampleNote() *eas.Note {
	return &eas.Note{
		Subject: ptr("Nest"), Body: &eas.Body{Type: eas.BodyPlain, EstimatedDataSize: 2, Data: ptr("hi")},
		LastModifiedDate: ptr(exampleTime().Truncate(time.Second)), MessageClass: ptr(eas.NoteClass), Categories: []string{"Birds"},
	}
}

func exampleTask() *eas.Task {
	at := ptr(exampleTime())
	return &eas.Task{
		Subject: ptr("Fly south"), Importance: ptr(uint8(2)), UtcStartDate: at, StartDate: at, UtcDueDate: at, DueDate: at, Categories: []string{"Birds"},
		Recurrence: &eas.TaskRecurrence{
			Type: ptr(uint8(6)), Start: at, Until: at, Occurrences: ptr(uint16(3)), Interval: ptr(uint16(1)), DayOfWeek: ptr(uint8(2)), DayOfMonth: ptr(uint8(1)),
			WeekOfMonth: ptr(uint8(1)), MonthOfYear: ptr(uint8(1)), Regenerate: ptr(uint8(0)), DeadOccur: ptr(uint8(0)), CalendarType: ptr(uint8(0)),
			IsLeapMonth: ptr(uint8(0)), FirstDayOfWeek: ptr(uint8(1)),
		},
		Complete: ptr(uint8(1)), DateCompleted: at, Sensitivity: ptr(eas.SensitivityConfidential), ReminderTime: at, ReminderSet: ptr(uint8(1)),
		OrdinalDate: at, SubOrdinalDate: ptr("5"), Body: &eas.Body{Type: eas.BodyPlain, EstimatedDataSize: 2, Data: ptr("hi")},
	}
}

// exampleObjects brings contacts, notes and tasks, those of 2.5 too.
func exampleObjects() *eas.SyncResponse {
	var commands []eas.SyncResponseCommand
	for _, data := range []any{
		exampleContact(), exampleNote(), exampleTask(),
		&eas.Contact{LegacyContactBody: eas.LegacyContactBody{PlainBody: ptr("x"), BodySize: ptr(uint32(1)), BodyTruncated: ptr(false)}},
		&eas.Task{LegacyTaskBody: eas.LegacyTaskBody{PlainBody: ptr("x"), BodySize: ptr(uint32(1)), BodyTruncated: ptr(false)}},
	} {
		commands = append(commands, eas.SyncResponseCommand{Add: &eas.SyncServerAdd{ServerID: "5:1", ApplicationData: data}})
	}
	return &eas.SyncResponse{Collections: []eas.SyncResponseCollection{{SyncKey: "2", CollectionID: "5", Status: 1, Commands: commands}}}
}

// In what a client writes, absent, empty and a value are three things.
func TestAbsentAndEmptyElementsOfObjectsDiffer(t *testing.T) {
	for name, in := range map[string]any{
		"contact":       exampleContact(),
		"note":          exampleNote(),
		"task":          exampleTask(),
		"empty contact": &eas.Contact{FirstName: ptr(""), Picture: ptr(""), Birthday: &time.Time{}, Children: []string{}, Body: &eas.Body{Data: ptr("")}},
		"empty note":    &eas.Note{Subject: ptr(""), Categories: []string{}},
		"empty task":    &eas.Task{Subject: ptr(""), DueDate: &time.Time{}, Recurrence: &eas.TaskRecurrence{}, Categories: []string{}},
		"absent":        &eas.Task{},
	} {
		raw, err := wbxml.MarshalRaw(in)
		if err != nil {
			t.Fatal(err)
		}
		got := reflect.New(reflect.TypeOf(in).Elem()).Interface()
		d := wbxml.Decoder{Strict: true}
		if err := d.UnmarshalRaw(raw, got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(in, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
