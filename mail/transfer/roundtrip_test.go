package transfer

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/internal/corpus"
	"martlet/mail"
	"martlet/mail/object"
)

// exported is what a folder holds, by UID: each object as it is, or as a file of
// all of them has it.
func (h *house) exported(from Target) (alone map[string]string, together []byte) {
	h.t.Helper()
	alone = map[string]string{}
	for o, err := range h.Each(context.Background(), from) {
		if err != nil {
			h.t.Fatal(err)
		}
		read, err := object.Read(from.Class, o.Raw)
		if err != nil {
			h.t.Fatal(err)
		}
		alone[read.Facts.UID] = string(o.Raw)
	}
	var file bytes.Buffer
	if _, err := h.Write(context.Background(), from, &file); err != nil {
		h.t.Fatal(err)
	}
	return alone, file.Bytes()
}

// tellObject is what an object says: its components without the zones, and when it is.
func tellObject(t *testing.T, class mail.Class, raw []byte) string {
	t.Helper()
	o, err := object.Read(class, raw)
	if err != nil {
		t.Fatal(err)
	}
	if o.Card != nil {
		return string(o.Raw)
	}
	var b strings.Builder
	for _, c := range o.Calendar.Root.Children {
		if c.Name != "VTIMEZONE" {
			b.Write(c.Append(nil))
		}
	}
	fmt.Fprintf(&b, "%d %x", o.Facts.At, o.Facts.Brief)
	return strings.ReplaceAll(b.String(), " (2);", ";") // a zone under another name
}

// Everything that real programs have written goes in, comes out in one file and
// goes in elsewhere as the same; and what goes in twice is there once.
func TestWhatIsExportedIsImportedAsItWas(t *testing.T) {
	h := open(t)
	for class, files := range map[mail.Class][]corpus.File{
		mail.ClassCalendar: corpus.Calendars(t), mail.ClassTasks: corpus.Calendars(t), mail.ClassNotes: corpus.Calendars(t), mail.ClassContacts: corpus.Contacts(t),
	} {
		here := h.folder("", class)
		there, err := h.Find(context.Background(), 2, "", class)
		if err != nil {
			t.Fatal(err)
		}
		var all [][]byte
		for _, f := range files {
			for p, err := range object.Split(f.Raw) {
				if err == nil && p.Class == class {
					all = append(all, p.Raw)
				}
			}
		}
		if _, err := h.Put(context.Background(), here, all, Options{}); err != nil {
			t.Fatal(err)
		}
		alone, file := h.exported(here)
		for range 2 {
			results, err := h.Put(context.Background(), here, values(alone), Options{})
			if err != nil || slices.ContainsFunc(results, func(r Result) bool { return r.Outcome != Unchanged }) {
				t.Errorf("class %d: %v, %v", class, results, err)
			}
		}
		var parts [][]byte
		for p, err := range object.Split(file) {
			if err != nil {
				t.Errorf("class %d: line %d of the export: %v", class, p.Line, err)
				continue
			}
			parts = append(parts, p.Raw)
		}
		results, err := h.Put(context.Background(), there, parts, Options{})
		if err != nil || len(results) != len(alone) || slices.ContainsFunc(results, func(r Result) bool { return r.Outcome != Added }) {
			t.Errorf("class %d: %d of %d: %v, %v", class, len(results), len(alone), results, err)
		}
		other, _ := h.exported(there)
		for uid, raw := range alone {
			if a, b := tellObject(t, class, []byte(raw)), tellObject(t, class, []byte(other[uid])); a != b {
				t.Errorf("class %d: %s\n%s\nbecame\n%s", class, uid, a, b)
			}
		}
		t.Logf("class %d: %d objects", class, len(alone))
	}
}

func values(m map[string]string) (out [][]byte) {
	for _, v := range m {
		out = append(out, []byte(v))
	}
	return out
}
