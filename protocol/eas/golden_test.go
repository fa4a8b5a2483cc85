package eas_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

var update = flag.Bool("update", false, "write the golden files")

func examples() map[string]any {
	all := map[string]any{}
	for i, r := range exampleRequests() {
		all[fmt.Sprintf("request-%02d-%s", i, strings.ToLower(reflect.TypeOf(r).Elem().Name()))] = r
	}
	for name, r := range exampleResponses() {
		all["response-"+strings.ToLower(strings.ReplaceAll(name, " ", "-"))] = r
	}
	return all
}

// The golden files are kept as WBXML and, to be read, as XML.
func TestExamplesAreWrittenAndReadAsTheGoldenFiles(t *testing.T) {
	for name, v := range examples() {
		t.Run(name, func(t *testing.T) {
			b, err := wbxml.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path+".wbxml", b, 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path+".xml", []byte(wbxml.Dump(b)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path + ".wbxml")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b, want) {
				t.Errorf("written differently:\n%s", cmp.Diff(wbxml.Dump(want), wbxml.Dump(b)))
			}
			out := reflect.New(reflect.TypeOf(v).Elem())
			d := wbxml.Decoder{Strict: true}
			if err := d.Unmarshal(want, out.Interface()); err != nil {
				t.Fatal(err)
			}
			again, err := wbxml.Marshal(out.Interface())
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, want) {
				t.Errorf("read differently:\n%s", cmp.Diff(wbxml.Dump(want), wbxml.Dump(again)))
			}
		})
	}
	files, err := filepath.Glob("testdata/*.wbxml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(examples()) {
		t.Errorf("%d golden files, %d examples", len(files), len(examples()))
	}
}

func TestRequestsAreReadAsTheyWereWritten(t *testing.T) {
	for i, v := range exampleRequests() {
		b, err := wbxml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		if err := wbxml.Unmarshal(b, out); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if diff := cmp.Diff(v, out, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
			t.Errorf("%T: %s", v, diff)
		}
	}
}

func TestEmailComesBackFromApplicationData(t *testing.T) {
	b, err := wbxml.Marshal(exampleSync())
	if err != nil {
		t.Fatal(err)
	}
	var out eas.SyncResponse
	if err := wbxml.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	commands := out.Collections[0].Commands
	for i, want := range []*eas.Email{exampleEmail(), exampleInvitation(), exampleLegacyEmail()} {
		var got eas.Email
		if err := wbxml.UnmarshalRaw(commands[i+1].Add.ApplicationData.(wbxml.Raw), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, &got); diff != "" {
			t.Errorf("email %d: %s", i, diff)
		}
	}
	if commands[4].SoftDelete == nil || commands[5].Change == nil {
		t.Error("the commands lost their order")
	}
}

// A client may leave everything out; a door must be able to tell.
func TestAbsentAndEmptyOptionsDiffer(t *testing.T) {
	for want, in := range map[string]eas.Sync{
		"absent":  {Collections: []eas.SyncCollection{{SyncKey: "1"}}},
		"empty":   {Collections: []eas.SyncCollection{{SyncKey: "1", Options: []eas.SyncOptions{{}}}}},
		"set":     {Collections: []eas.SyncCollection{{SyncKey: "1", Options: []eas.SyncOptions{{FilterType: ptr(uint(0))}}}}},
		"partial": {Partial: true},
		"none":    {Collections: []eas.SyncCollection{}},
	} {
		b, err := wbxml.Marshal(&in)
		if err != nil {
			t.Fatal(err)
		}
		var got eas.Sync
		if err := wbxml.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, got, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
			t.Errorf("%s: %s", want, diff)
		}
	}
}

func TestStatusesHaveNamesAndTakeCommonValues(t *testing.T) {
	if s := eas.SyncStatusInvalidSyncKey; s != 3 || s.String() != "InvalidSyncKey" {
		t.Errorf("%d %s", s, s)
	}
	if s := eas.SyncStatus(eas.StatusCommandNotSupported); s.String() != "CommandNotSupported" {
		t.Error(s)
	}
	if s := eas.PingStatus(999); s.String() != "999" {
		t.Error(s)
	}
}

func TestVersionsCompareAndParse(t *testing.T) {
	if !slices.IsSorted(eas.Versions()) {
		t.Error("versions are not in order")
	}
	for _, v := range eas.Versions() {
		if got, err := eas.ParseVersion(v.String()); err != nil || got != v {
			t.Errorf("%s: %v, %v", v, got, err)
		}
	}
	if _, err := eas.ParseVersion("13.0"); err == nil {
		t.Error("13.0 exists")
	}
}

func FuzzSync(f *testing.F) {
	for _, name := range slices.Sorted(maps.Keys(examples())) {
		b, err := os.ReadFile(filepath.Join("testdata", name+".wbxml"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var req eas.Sync
		if wbxml.Unmarshal(b, &req) != nil {
			return
		}
		for _, c := range req.Collections {
			for _, command := range c.Commands {
				if command.Change != nil {
					var email eas.Email
					_ = wbxml.UnmarshalRaw(command.Change.ApplicationData, &email)
				}
			}
		}
		if _, err := wbxml.Marshal(&req); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
