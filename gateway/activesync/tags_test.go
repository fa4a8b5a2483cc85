package activesync_test

import (
	"encoding/xml"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tagVersions is, for each tag as "namespace tag", the versions that have it: the
// last column of the code pages (MS-ASWBXML 2.1.2.1).
var tagVersions = sync.OnceValue(func() map[string]string {
	b, err := os.ReadFile("../../protocol/wbxml/codepages.txt")
	if err != nil {
		return nil
	}
	all := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if col := strings.Split(strings.TrimSpace(line), "\t"); len(col) == 5 {
			all[col[1]+" "+col[3]] = col[4]
		}
	}
	return all
})

// foreignTags are the elements of an answer that its version does not have. A
// Find of an older version hears in its own document that there is none.
func foreignTags(doc, version string) (foreign []string) {
	if strings.Contains(doc, "<Find ") && element(doc, "Status") == "138" {
		return nil
	}
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		t, err := d.Token()
		if err != nil {
			return foreign
		}
		e, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		name := e.Name.Space + " " + e.Name.Local
		if v := tagVersions()[name]; v != "All" && !slices.Contains(strings.Split(v, ", "), version) {
			foreign = append(foreign, name)
		}
	}
}

// Every answer that any test of this package hears is held to the tags of its
// version; this one shows that a foreign tag is seen.
func TestForeignTagsAreSeen(t *testing.T) {
	for doc, want := range map[string]int{
		`<Sync xmlns="AirSync"><Status>1</Status></Sync>`: 0,
		`<Sync xmlns="AirSync"><Nothing/></Sync>`:         1,
		`<Sync xmlns="AirSync"><Collections><Collection><Commands><Add><ApplicationData><ConversationId xmlns="Email2"/><BodyPart xmlns="AirSyncBase"/></ApplicationData></Add></Commands></Collection></Collections></Sync>`: 1,
	} {
		if got := foreignTags(doc, "14.0"); len(got) != want {
			t.Errorf("%q in %s", got, doc)
		}
	}
	h := build(t)
	p := newPhone(t, h, "iphone", "14.0")
	p.provision()
	if h.heard.tags == 0 {
		t.Error("no answer was looked at")
	}
}
