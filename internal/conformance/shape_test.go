package conformance_test

import (
	"errors"
	"io/fs"
	"testing"

	"martlet/internal/conformance"
)

// tables is where the requirements are, outside of the repository.
const tables = "../../../shared/spec/requirements"

func TestShapesOfRequirements(t *testing.T) {
	for _, c := range []struct {
		text string
		want conformance.Shape
	}{
		{"[In Limit] Element Limit in Sync command response (section 2.2.2.20), the number allowed is 0...1 (optional).",
			conformance.Shape{Element: "Limit", Command: "Sync", Kind: "number", Max: 1}},
		{"[In Properties(ItemOperations)] Element Properties in ItemOperations command response (section 2.2.2.9) fetch operation, the parent element is Fetch (section 2.2.3.63.1).",
			conformance.Shape{Element: "Properties", Command: "ItemOperations", Within: "Fetch", Kind: "parent", Parents: []string{"Fetch"}}},
		{"[In Data (BodyPart)] Protocol version 16.0 supports this [Data (BodyPart)] element.",
			conformance.Shape{Element: "Data", Within: "BodyPart", Kind: "version"}},
		{"[In AllowCamera] The AllowCamera element cannot have child elements.",
			conformance.Shape{Element: "AllowCamera", Kind: "leaf"}},
		{"[In Picture(Search)] The gal:Picture element is an optional child element of the Properties element in Search command responses that contains the data.",
			conformance.Shape{Element: "Picture", Command: "Search", Kind: "optional", Parents: []string{"Properties"}}},
	} {
		got, ok := conformance.ShapeOf(conformance.Requirement{Text: c.text})
		if !ok || got.Element != c.want.Element || got.Command != c.want.Command || got.Kind != c.want.Kind ||
			got.Within != c.want.Within || got.Max != c.want.Max || len(got.Parents) != len(c.want.Parents) {
			t.Errorf("%s\n%+v", c.text, got)
		}
	}
}

func TestBrokenShapesAreSeen(t *testing.T) {
	doc := func(s string) *conformance.Element {
		e, err := conformance.ParseXML(s)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	limit := conformance.Shape{ID: "x", Element: "Limit", Command: "Sync", Kind: "number", Max: 1}
	if shown, err := limit.Check(doc("<Sync><Limit>1</Limit></Sync>"), "16.1"); !shown || err != nil {
		t.Error(shown, err)
	}
	if _, err := limit.Check(doc("<Sync><Limit>1</Limit><Limit>2</Limit></Sync>"), "16.1"); err == nil {
		t.Error("two limits pass")
	}
	number := conformance.Shape{ID: "x", Element: "Limit", Kind: "type", Type: "integer"}
	if _, err := number.Check(doc("<Sync><Limit>many</Limit></Sync>"), "16.1"); err == nil {
		t.Error("a word passes for a number")
	}
	for kind, text := range map[string]string{"unsignedbyte": "256", "unsigned": "-1", "boolean": "true", "datetime": "2026-06-01T10:00:00Z", "container": "text"} {
		typed := conformance.Shape{ID: "x", Element: "Limit", Kind: "type", Type: kind}
		if kind == "container" {
			text += "<A/>"
		}
		if _, err := typed.Check(doc("<Sync><Limit>"+text+"</Limit></Sync>"), "16.1"); err == nil {
			t.Errorf("%q passes for %s", text, kind)
		}
	}
	leaf := conformance.Shape{ID: "x", Element: "Limit", Kind: "leaf"}
	if _, err := leaf.Check(doc("<Sync><Limit><A/></Limit></Sync>"), "16.1"); err == nil {
		t.Error("a child passes")
	}
	must := conformance.Shape{ID: "x", Element: "Status", Kind: "required", Parents: []string{"Sync"}}
	if _, err := must.Check(doc("<Sync><Limit>1</Limit></Sync>"), "16.1"); err == nil {
		t.Error("a missing element passes")
	}
}

func TestMostStructuralRequirementsAreRead(t *testing.T) {
	n, all := 0, 0
	for _, d := range conformance.Documents() {
		rows, err := conformance.Requirements(tables, d)
		if errors.Is(err, fs.ErrNotExist) {
			t.Skip("the tables of requirements are not here")
		}
		if err != nil {
			t.Fatal(err)
		}
		shapes := 0
		for _, r := range rows {
			if _, ok := conformance.ShapeOf(r); ok {
				shapes++
			}
		}
		t.Log(d, len(rows), shapes)
		n, all = n+shapes, all+len(rows)
	}
	if all < 3000 || n < 900 {
		t.Errorf("%d shapes of %d requirements", n, all)
	}
}
