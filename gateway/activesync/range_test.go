package activesync_test

import (
	"strings"
	"testing"
	"time"
)

// A range may end far behind the content (MS-ASCMD_R3713): as much as there is
// comes, however large the numbers are.
func TestRangesThatEndFarBehind(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, withFile, 0)
	h.publish(t, "shelf/a.txt", "hello terms", time.Now())
	fetch := func(p *phone, what, r string) string {
		return p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch>`+what+`<Options><Range>`+r+`</Range></Options></Fetch></ItemOperations>`)
	}
	for _, version := range []string{"12.0", "12.1", "14.1", "16.1"} {
		p := newPhone(t, h, "v"+version, version)
		p.provision()
		for name, what := range map[string]string{
			"attachment": `<Store>Mailbox</Store><FileReference xmlns="AirSyncBase">1:1:2</FileReference>`,
			"document":   `<Store>DocumentLibrary</Store><LinkId xmlns="DocumentLibrary">\\files\shelf\a.txt</LinkId>`,
		} {
			for r, want := range map[string]string{
				"0-99": "0-10", "3-9223372036854775806": "3-10", "0-9223372036854775807": "0-10", "0-9223372036854775808": "0-10", "1-18446744073709551615": "1-10",
			} {
				if doc := fetch(p, what, r); statuses(doc) != "1 1" || element(doc, "Range") != want || element(doc, "Total") != "11" {
					t.Errorf("%s, %s, range %s:\n%s", version, name, r, doc)
				}
			}
			for _, r := range []string{"11-12", "9223372036854775807-9223372036854775807", "18446744073709551615-18446744073709551615", "0-18446744073709551616", "-1-5", "5-4", "0", "-", "0-", "1-2-3", "0x0-0x9", "+1-2", strings.Repeat("9", 999)} {
				if doc := fetch(p, what, r); statuses(doc) != "1 8" {
					t.Errorf("%s, %s, range %.30s:\n%s", version, name, r, doc)
				}
			}
		}
	}
}
