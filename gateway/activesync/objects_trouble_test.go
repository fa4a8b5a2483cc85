package activesync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// A request may say the same twice, with something else in between: the last word
// counts, also when the request is repeated.
func TestTheLastChangeOfARequestCounts(t *testing.T) {
	for _, k := range kinds() {
		h := build(t)
		p := newCollector(t, h, "phone", "16.1", k.collection)
		id := p.add("1", k.data("16.1", "first"))
		a, b := changeItem(id, k.data("16.1", "alpha")), changeItem(id, k.data("16.1", "beta"))
		for range 2 {
			p.again(a + b + a)
			if got := h.kept(t, k.role)[0]; !strings.Contains(got.raw, "about alpha") {
				t.Errorf("%s: it is\n%s", k.name, got.raw)
			}
		}
		modseq := h.kept(t, k.role)[0].ModSeq
		if p.do(a + b + a); h.kept(t, k.role)[0].ModSeq != modseq {
			t.Errorf("%s: changed again", k.name)
		}
		for range 2 { // the first one changes nothing now
			p.again(a + b)
			if got := h.kept(t, k.role)[0]; !strings.Contains(got.raw, "about beta") {
				t.Errorf("%s: after a change that changes nothing it is\n%s", k.name, got.raw)
			}
		}
	}
}

// What is in a place that cannot be read any more is no reason to refuse a whole
// request: it is deleted as wanted, and a change of it is refused alone.
func TestAnObjectThatCannotBeReadIsDeleted(t *testing.T) {
	for _, k := range kinds() {
		for _, version := range []string{"14.1", "16.1"} {
			h := build(t)
			p := newCollector(t, h, "phone", version, k.collection)
			p.add("1", k.data(version, "one"))
			folder := h.folder(t, k.role)
			ref, err := h.blobs.Put(context.Background(), []byte("not an object"))
			if err != nil {
				t.Fatal(err)
			}
			var bad []mail.Item
			h.update(t, func(tx *store.Tx) (err error) {
				for _, body := range []mail.Body{{Blob: ref}, {}} {
					broken, err := h.mailboxes.Append(tx, h.box, folder, mail.NewItem{Class: k.class, Body: body})
					if err != nil {
						return err
					}
					bad = append(bad, broken)
				}
				return nil
			})
			p.do("")
			p.do("")
			one := fmt.Sprintf("%s:%d", k.collection, bad[0].ID)
			two := fmt.Sprintf("%s:%d", k.collection, bad[1].ID)
			doc := p.do(changeItem(one, k.data(version, "new")) + changeItem(two, k.data(version, "new")) + addItem("9", k.data(version, "nine")))
			if got := fmt.Sprint(elements(inner(doc, "Responses"), "Status")); strings.Count(got, "1") != 1 || strings.Count(got, "6") != 2 {
				t.Errorf("%s %s: changed: %s\n%s\n%s", k.name, version, got, doc, h.log)
			}
			doc = p.do(deleteItem(one) + deleteItem(two))
			if kept := h.kept(t, k.role); len(kept) != 2 || strings.Contains(doc, "<Responses>") {
				t.Errorf("%s %s: %d are left\n%s\n%s", k.name, version, len(kept), doc, h.log)
			}
		}
	}
}

// Several changes of what somebody else has changed in the meantime are refused
// each, and not the request.
func TestSeveralChangesOfAnObjectChangedElsewhere(t *testing.T) {
	for _, k := range kinds() {
		h := build(t)
		one, two := newCollector(t, h, "one", "16.1", k.collection), newCollector(t, h, "two", "16.1", k.collection)
		id := one.add("1", k.data("16.1", "a"))
		other := one.add("2", k.data("16.1", "z"))
		two.do("")
		two.do(changeItem(id, k.data("16.1", "b")))
		doc := one.do(changeItem(id, k.data("16.1", "c")) + changeItem(id, k.data("16.1", "d")) + changeItem(other, k.data("16.1", "y")))
		if got := fmt.Sprint(elements(inner(doc, "Responses"), "Status")); got != "[7 7]" || element(inner(doc, "Commands"), k.title) != "b" {
			t.Errorf("%s: %s\n%s\n%s", k.name, got, doc, h.log)
		}
		if got := h.kept(t, k.role); !strings.Contains(got[0].raw, "about b") || !strings.Contains(got[1].raw, "about y") {
			t.Errorf("%s: they are\n%s\n%s", k.name, got[0].raw, got[1].raw)
		}
		two.do("")
		two.do(changeItem(id, k.data("16.1", "e")))
		doc = one.do(changeItem(id, k.data("16.1", "f")) + deleteItem(id) + changeItem(other, k.data("16.1", "x")))
		if element(doc, "Status") != "1" || element(inner(doc, "Responses"), "Status") != "7" {
			t.Errorf("%s: changed and deleted:\n%s\n%s", k.name, doc, h.log)
		}
		if got := h.kept(t, k.role); len(got) != 1 || !strings.Contains(got[0].raw, "about x") {
			t.Errorf("%s: %d are there", k.name, len(got))
		}
		if doc := one.do(changeItem(other, k.data("16.1", "w")) + deleteItem(other)); element(doc, "Status") != "1" || len(h.kept(t, k.role)) != 0 {
			t.Errorf("%s: changed and deleted:\n%s", k.name, doc)
		}
	}
}
