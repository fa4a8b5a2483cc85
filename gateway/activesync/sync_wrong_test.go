package activesync_test

import (
	"fmt"
	"strings"
	"testing"
)

// What clients add and send, by version and folder: the status of the command, or
// of the collection where the command cannot be named.
func TestWhatIsAddedByVersion(t *testing.T) {
	const (
		inbox, drafts, sent, calendar = "1", "2", "3", "7"

		subject = `<ApplicationData><Subject xmlns="Email">a</Subject></ApplicationData>`
		letter  = `<ApplicationData><To xmlns="Email">anna@example.org</To></ApplicationData>`
		send    = `<Send xmlns="Email2"/>`
	)
	add := func(rest string) string { return `<Add><ClientId>1</ClientId>` + rest + `</Add>` }
	versions := []string{"2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"}
	for _, c := range []struct {
		name, folder, command string
		want                  [7]int
	}{
		{"a draft", drafts, add(subject), [7]int{6, 6, 6, 6, 6, 1, 1}},
		{"a draft that is sent", drafts, add(send + letter), [7]int{6, 6, 6, 6, 6, 1, 1}},
		{"a draft that is sent to nobody", drafts, add(send + subject), [7]int{6, 6, 6, 6, 6, 183, 183}},
		{"mail in the inbox", inbox, add(subject), [7]int{6, 6, 6, 6, 6, 6, 6}},
		{"mail in Sent Items", sent, add(letter), [7]int{6, 6, 6, 6, 6, 6, 6}},
		{"mail that is sent from the inbox", inbox, add(send + letter), [7]int{6, 6, 6, 6, 6, 6, 6}},
		{"a draft in the calendar", calendar, add(subject), [7]int{6, 6, 6, 6, 6, 6, 6}},
		{"a short message", inbox, add(`<Class>SMS</Class>` + subject), [7]int{6, 6, 6, 1, 1, 1, 1}},
		{"a short message in Drafts", drafts, add(`<Class>SMS</Class>` + subject), [7]int{6, 6, 6, 6, 1, 1, 1}},
		{"a short message in the calendar", calendar, add(`<Class>SMS</Class>` + subject), [7]int{6, 6, 6, 6, 6, 6, 6}},
		{"without a ClientId", drafts, `<Add>` + subject + `</Add>`, [7]int{4, 4, 4, 4, 4, 4, 4}},
		{"a ClientId too long", drafts, `<Add><ClientId>` + strings.Repeat("x", 65) + `</ClientId>` + subject + `</Add>`, [7]int{4, 4, 4, 4, 4, 4, 4}},
		{"no such draft is sent", drafts, `<Change><ServerId>2:99</ServerId>` + send + `<ApplicationData/></Change>`, [7]int{6, 6, 6, 6, 6, 8, 8}},
		{"a draft of another folder is sent", drafts, `<Change><ServerId>1:1</ServerId>` + send + `<ApplicationData/></Change>`, [7]int{8, 8, 8, 8, 8, 8, 8}},
		{"mail is sent by a change", inbox, `<Change><ServerId>1:1</ServerId>` + send + `<ApplicationData/></Change>`, [7]int{6, 6, 6, 6, 6, 6, 6}},
		{"an occurrence of a draft", drafts, `<Change><ServerId>2:1</ServerId><InstanceId xmlns="AirSyncBase">20261123T080000Z</InstanceId><ApplicationData/></Change>`, [7]int{6, 6, 6, 6, 6, 6, 6}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			h := build(t)
			for i, version := range versions {
				p := newPhone(t, h, fmt.Sprintf("p%d", i), version)
				p.provision()
				key := element(p.sync("0", c.folder, ""), "SyncKey")
				doc := p.sync(key, c.folder, "<Commands>"+c.command+"</Commands>")
				_, replies, item := strings.Cut(doc, "<Responses>")
				if !item {
					replies = doc
				}
				if got := element(replies, "Status"); got != fmt.Sprint(c.want[i]) {
					t.Errorf("%s: status %q, want %d in\n%s", version, got, c.want[i], doc)
				}
			}
		})
	}
}

// Options of short messages by version and folder: the status of the collection.
func TestOptionsOfShortMessagesByVersion(t *testing.T) {
	const both = `<Options><Class>Email</Class></Options><Options><Class>SMS</Class></Options>`
	for _, c := range []struct {
		name, folder, options string
		want                  map[string]string
	}{
		{"both", "1", both, map[string]string{"12.1": "4", "14.0": "1", "14.1": "1", "16.1": "1"}},
		{"in Drafts", "2", both, map[string]string{"12.1": "4", "14.0": "4", "14.1": "1", "16.1": "1"}},
		{"in the calendar", "7", `<Options><Class>SMS</Class></Options>`, map[string]string{"12.1": "4", "14.0": "4", "14.1": "4", "16.1": "4"}},
		{"twice", "1", `<Options><Class>SMS</Class></Options><Options><Class>SMS</Class></Options>`, map[string]string{"14.1": "4", "16.1": "4"}},
		{"an unknown filter", "1", `<Options><FilterType>9</FilterType><Class>SMS</Class></Options>`, map[string]string{"14.1": "4", "16.1": "4"}},
		{"a filter of tasks", "1", `<Options><FilterType>8</FilterType><Class>SMS</Class></Options>`, map[string]string{"14.1": "4", "16.1": "4"}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			h := build(t)
			for version, want := range c.want {
				p := newPhone(t, h, "p"+strings.ReplaceAll(version, ".", ""), version)
				p.provision()
				if doc := p.sync("0", c.folder, c.options); element(doc, "Status") != want {
					t.Errorf("%s: want %s in\n%s", version, want, doc)
				}
			}
		})
	}
}
