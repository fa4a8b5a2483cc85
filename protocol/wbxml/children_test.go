package wbxml_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"martlet/protocol/wbxml"
)

func TestChildrenAreTheElementsAtTheTop(t *testing.T) {
	var got struct {
		_       struct{}  `wbxml:"AirSync:Sync"`
		Content wbxml.Raw `wbxml:"AirSync:Supported"`
	}
	// Supported holds Contacts:JobTitle, AirSync:Collection with a child, and
	// Email:Subject.
	doc := unhex(t, "03016a0045"+"60"+"000128"+"00004f1201"+"000214"+"01"+"000001")
	if err := wbxml.Unmarshal(doc, &got); err != nil {
		t.Fatal(err)
	}
	tags, err := wbxml.Children(got.Content)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tag := range tags {
		names = append(names, tag.String())
	}
	if d := cmp.Diff([]string{"Contacts:JobTitle", "AirSync:Collection", "Email:Subject"}, names); d != "" {
		t.Error(d)
	}
	for _, raw := range []wbxml.Raw{nil, wbxml.EmptyRaw()} {
		if tags, err := wbxml.Children(raw); len(tags) != 0 || err != nil {
			t.Errorf("%x: %v, %v", raw, tags, err)
		}
	}
	if _, err := wbxml.Children(wbxml.Raw{0, 0, 0x4f, 0x12}); err == nil {
		t.Error("content that is cut off was read")
	}
}
