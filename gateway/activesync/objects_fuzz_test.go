package activesync_test

import (
	"net/http"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/store"
)

// FuzzObjectsAtTheDoor lets a phone add, change and delete whatever it likes in
// the folders of all classes, each request twice as if the answer had been lost.
// Nothing may panic, a repeated request changes nothing, every request is
// answered, and what is kept can be shown to a phone of another version.
func FuzzObjectsAtTheDoor(f *testing.F) {
	h := build(f)
	phones := map[string]*collector{}
	for _, version := range []string{"2.5", "12.1", "14.1", "16.1"} {
		for _, k := range kinds() {
			if !k.knows(version) {
				continue
			}
			phones[version+k.name] = newCollector(f, h, "fuzz"+strings.ReplaceAll(version, ".", "")+k.name, version, k.collection)
			data, err := fromXML(`<ApplicationData xmlns="AirSync">` + k.data(version, "a") + `</ApplicationData>`)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(version, k.name, uint8(0), "", data)
			f.Add(version, k.name, uint8(1), "20261201T090000Z", data)
		}
	}
	for _, version := range []string{"14.1", "16.1"} {
		data, err := fromXML(`<ApplicationData xmlns="AirSync">` + tuesdays(version, "a") + attachments(attach("f", "f.txt", "x")) + `</ApplicationData>`)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(version, "Calendar", uint8(1), "20261208T090000Z", data)
		f.Add(version, "Calendar", uint8(2), "20261208T090000Z", data)
	}
	f.Fuzz(func(t *testing.T, version, class string, command uint8, instance string, document []byte) {
		made := phones[version+class]
		if made == nil {
			return
		}
		one, ph := *made, *made.phone
		ph.t, one.phone = t, &ph
		k := kinds()[strings.Index("Cal Con Tas Not", class[:3])/4]
		data, err := dataOf(document)
		if err != nil {
			return
		}
		one.restart("")
		one.do("")
		before := tuesdays(version, "old")
		if k.class != mail.ClassCalendar {
			before = k.data(version, "old")
		}
		id := element(inner(one.do(addItem("first", before)), "Responses"), "ServerId")
		var cmd eas.SyncCommand
		switch command % 3 {
		case 0:
			cmd.Add = &eas.SyncAdd{ClientID: "c", ApplicationData: data}
		case 1:
			cmd.Change = &eas.SyncChange{ServerID: id, InstanceID: instance, ApplicationData: data}
		case 2:
			cmd.Delete = &eas.SyncDelete{ServerID: id, InstanceID: instance}
		}
		state := func() (n int, last mail.ModSeq) {
			for _, w := range h.kept(t, k.role) {
				n, last = n+1, max(last, w.ModSeq)
			}
			return n, last
		}
		var n int
		var last mail.ModSeq
		for i := range 2 {
			request, err := wbxml.Marshal(&eas.Sync{Collections: []eas.SyncCollection{{SyncKey: one.key, CollectionID: k.collection, Commands: []eas.SyncCommand{cmd}}}})
			if err != nil {
				return
			}
			a := ph.post("Sync", "application/vnd.ms-sync.wbxml", request)
			if a.status != http.StatusOK || h.server.Panics() > 0 || strings.Contains(a.xml, "<!--") || element(a.xml, "Status") == "5" || strings.Contains(h.log.String(), "cannot be written") {
				t.Fatalf("HTTP %d\n%s\n%s", a.status, a.xml, h.log)
			}
			if i == 0 {
				n, last = state()
			} else if again, then := state(); again != n || then != last {
				t.Errorf("%d items up to %d, and %d up to %d when the request is repeated", n, last, again, then)
			}
		}
		for _, other := range []string{"2.5", "14.1", "16.1"} {
			q := phones[other+class]
			if q == nil {
				continue
			}
			reader, ph := *q, *q.phone
			ph.t, reader.phone = t, &ph
			reader.restart("")
			if got := strings.Count(reader.do(""), "<Add>"); got != n || h.server.Panics() > 0 {
				t.Errorf("a phone of %s is shown %d of %d items\n%s", other, got, n, h.log)
			}
		}
		for _, w := range h.kept(t, k.role) {
			if strings.ContainsAny(strings.ReplaceAll(w.raw, "\r\n", ""), "\r") {
				t.Errorf("a line end stands alone in %q", w.raw)
			}
			h.update(t, func(tx *store.Tx) error {
				_, err := h.mailboxes.Delete(tx, h.box, w.Folder, w.ID)
				return err
			})
		}
	})
}

// dataOf is the content of a document's root.
func dataOf(document []byte) (wbxml.Raw, error) {
	var d struct {
		_    struct{}  `wbxml:"AirSync:Sync"`
		Data wbxml.Raw `wbxml:"AirSync:ApplicationData"`
	}
	whole := append([]byte{0x03, 0x01, 0x6A, 0x00, 0x45}, document[min(4, len(document)):]...)
	err := wbxml.Unmarshal(append(whole, 0x01), &d)
	return d.Data, err
}
