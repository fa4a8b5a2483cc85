package activesync_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"martlet/internal/conformance"
)

const (
	specTables = "../../../shared/spec/requirements"
	ledger     = "../../docs/conformance"
	shownHere  = "gateway/activesync TestTranscriptsKeepTheShapes"
)

// spoken is one answer of a transcript.
type spoken struct {
	file, version string
	root          *conformance.Element
}

// answers reads all answers that the transcripts hold.
func answers(t *testing.T) (all []spoken) {
	for file, a := range transcripts(t) {
		version := ""
		versions := map[string]string{}
		for _, f := range a.Files {
			words := strings.Fields(f.Name)
			if words[0] == "phone" {
				if len(words) > 2 {
					versions[words[1]] = words[2]
				}
				version = versions[words[1]]
			}
			text := strings.TrimSpace(string(f.Data))
			if words[0] != "200" || !strings.HasPrefix(text, "<") {
				continue
			}
			root, err := conformance.ParseXML(text)
			if err != nil {
				t.Errorf("%s: %v in\n%s", file, err, text)
				continue
			}
			all = append(all, spoken{file, version, root})
		}
	}
	return all
}

// A third of the measured requirements say where an element of a response
// stands, how often, and what it holds. Every answer in a transcript keeps
// them, and those that the ledger calls shown are shown by one.
func TestTranscriptsKeepTheShapes(t *testing.T) {
	said := answers(t)
	for _, d := range conformance.Documents() {
		rows, err := conformance.Requirements(specTables, d)
		if errors.Is(err, fs.ErrNotExist) {
			t.Skip("the tables of requirements are not here")
		}
		if err != nil {
			t.Fatal(err)
		}
		entries, err := conformance.Ledger(ledger, d)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 { // it has no ledger yet
			continue
		}
		void := map[string]bool{} // what the documents say otherwise elsewhere
		for _, e := range entries {
			void[e.ID] = e.State == conformance.Void
		}
		shown := map[string]bool{}
		for _, r := range rows {
			s, ok := conformance.ShapeOf(r)
			if !ok || void[r.ID] {
				continue
			}
			for _, a := range said {
				if foreign(d, a) || until(r.ID, a.version) {
					continue
				}
				yes, err := s.Check(a.root, a.version)
				if err != nil {
					t.Errorf("%s: %v\n%s", a.file, err, r.Text)
				}
				shown[r.ID] = shown[r.ID] || yes
			}
		}
		compareShapes(t, d, shown)
	}
}

// foreign tells whether a document says nothing of an answer, though names in it
// may be the same: 2.5 has no AirSyncBase and attachments of its own, and
// Autodiscover speaks in other namespaces.
func foreign(document string, a spoken) bool {
	return document == "MS-ASAIRS" && a.version == "2.5" || document != "MS-ASCMD" && a.root.Name == "Autodiscover"
}

// until tells whether a requirement is not one of a version any more: since 16.0
// an exception has an InstanceId instead (MS-ASCAL_R2098).
func until(id, version string) bool {
	return id == "MS-ASCAL_R264" && (version == "16.0" || version == "16.1")
}

func compareShapes(t *testing.T, document string, shown map[string]bool) {
	entries, err := conformance.Ledger(ledger, document)
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		e := &entries[i]
		switch {
		case e.State == conformance.Shaped && !shown[e.ID]:
			t.Errorf("no transcript shows %s", e.ID)
		case *update && e.State == conformance.Left && shown[e.ID]:
			e.State, e.Shown = conformance.Shaped, shownHere
		}
	}
	if *update && len(entries) > 0 {
		if err := conformance.WriteLedger(ledger, document, entries); err != nil {
			t.Fatal(err)
		}
	}
}
