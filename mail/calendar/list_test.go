package calendar

import (
	"slices"
	"testing"
)

func TestListsOfTextsComeBack(t *testing.T) {
	c := &Component{Name: "VTODO"}
	c.Add(Property{Name: "CATEGORIES", Value: `a, b\,c,,`})
	c.Add(Property{Name: "CATEGORIES", Value: `d\;e`})
	want := []string{"a", "b,c", "d;e"}
	if got := c.Texts("CATEGORIES"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	c.SetTexts("CATEGORIES", want...)
	if got := c.Texts("CATEGORIES"); !slices.Equal(got, want) || len(c.Props) != 1 {
		t.Errorf("%q of %v", got, c.Props)
	}
	c.SetTexts("CATEGORIES")
	if len(c.Props) != 0 {
		t.Errorf("%v", c.Props)
	}
}
