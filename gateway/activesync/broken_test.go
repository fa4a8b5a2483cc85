package activesync_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// damage spoils a text in the stored bodies, as a bad disk might.
func (h *house) damage(t *testing.T, text string) {
	t.Helper()
	found := false
	err := filepath.Walk(filepath.Join(h.dir, "blobs"), func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		at := bytes.Index(b, []byte(text))
		if at < 0 {
			return nil
		}
		found = true
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteAt([]byte{b[at] ^ 0xff}, int64(at))
		return err
	})
	if err != nil || !found {
		t.Fatalf("%q: found %v, %v", text, found, err)
	}
}

// One item that cannot be read must not keep the others from the phone.
func TestABrokenItemDoesNotBlockTheFolder(t *testing.T) {
	h := build(t)
	for _, s := range []string{"one", "two", "three"} {
		h.deliver(t, 1, "Subject: "+s+"\r\n\r\nthe body of "+s+"\r\n", 0)
	}
	h.damage(t, "the body of two")
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	key := element(p.sync("0", "1", ""), "SyncKey")
	doc := p.sync(key, "1", `<Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options>`)
	if got := fmt.Sprint(subjects(doc)); got != "[three one]" {
		t.Errorf("got %s of\n%s", got, doc)
	}
	if !strings.Contains(h.log.String(), "cannot be rendered") || strings.Contains(h.log.String(), "the body") {
		t.Errorf("the log says\n%s", h.log)
	}
	if doc := p.sync(element(doc, "SyncKey"), "1", ""); doc != "" {
		t.Errorf("and then\n%s", doc)
	}
	fetched := p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">1</CollectionId><ServerId xmlns="AirSync">1:2</ServerId><Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options></Fetch></ItemOperations>`)
	if got := fmt.Sprint(elements(fetched, "Status")); got != "[1 14]" {
		t.Errorf("a fetch of it: %s\n%s", got, fetched)
	}
}

// Versions before 12.1 know no empty answer.
func TestNothingNewHasABodyForOldVersions(t *testing.T) {
	h := build(t)
	for version, want := range map[string]bool{"2.5": true, "12.0": true, "12.1": false, "16.1": false} {
		p := newPhone(t, h, "v"+strings.ReplaceAll(version, ".", ""), version)
		key := p.ready()
		doc := p.sync(key, "1", "")
		if (doc != "") != want || want && (element(doc, "SyncKey") != key || element(doc, "Status") != "1" || element(doc, "Class") != "Email") {
			t.Errorf("%s got\n%s", version, doc)
		}
	}
}
