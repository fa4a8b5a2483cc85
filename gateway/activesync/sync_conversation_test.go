package activesync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// daysAgo is a time of receipt some days ago.
func daysAgo(ago int) int64 { return time.Now().AddDate(0, 0, -ago).UnixMilli() }

const oneDayWhole = `<GetChanges/><ConversationMode>1</ConversationMode><Options><FilterType>1</FilterType>` +
	`<BodyPreference xmlns="AirSyncBase"><Type>1</Type><Preview>50</Preview></BodyPreference></Options>`

// MS-ASCMD_R2107, R2108, R2110, R2111, MS-ASCON_R180: with a message in the
// filter's window comes all of its conversation that is in the folder, the old
// ones without their bodies.
func TestAConversationComesWhole(t *testing.T) {
	for _, version := range []string{"14.0", "14.1", "16.0", "16.1"} {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			h.deliver(t, 1, letterOf("a", ""), daysAgo(40))
			h.deliver(t, 4, letterOf("elsewhere", "a"), daysAgo(41))
			h.deliver(t, 1, letterOf("b", "a"), daysAgo(20))
			h.deliver(t, 1, letterOf("other", ""), daysAgo(20))
			p := newPhone(t, h, "phone", version)
			p.provision()
			p.folderSync()
			key := element(p.sync("0", "1", ""), "SyncKey")
			doc := p.sync(key, "1", oneDayWhole)
			if got := subjects(doc); len(got) != 0 {
				t.Fatalf("nothing is recent, and %v come", got)
			}
			if next := element(doc, "SyncKey"); next != "" {
				key = next
			}
			h.deliver(t, 1, letterOf("c", "b"), daysAgo(0))
			// MS-ASCON_R332, R211: and so says the estimate.
			estimate := p.send("GetItemEstimate", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">`+key+
				`</SyncKey><CollectionId>1</CollectionId><ConversationMode xmlns="AirSync">1</ConversationMode><Options xmlns="AirSync"><FilterType>1</FilterType></Options></Collection></Collections></GetItemEstimate>`)
			if element(estimate, "Estimate") != "3" {
				t.Errorf("the estimate is\n%s", estimate)
			}
			doc = p.sync(key, "1", oneDayWhole)
			got := subjects(doc)
			slices.Sort(got)
			if fmt.Sprint(got) != "[a b c]" {
				t.Fatalf("%v come in\n%s", got, doc)
			}
			if n := strings.Count(doc, "<Data>"); n != 1 {
				t.Errorf("%d have a body in\n%s", n, doc)
			}
			if n := len(elements(doc, "Preview")); n != 2 {
				t.Errorf("%d have a preview in\n%s", n, doc)
			}
			// A request that does not say goes on in the same mode; when the only
			// recent message goes, so do the old ones.
			key = element(doc, "SyncKey")
			p.send("MoveItems", `<MoveItems xmlns="Move"><Move><SrcMsgId>1:5</SrcMsgId><SrcFldId>1</SrcFldId><DstFldId>4</DstFldId></Move></MoveItems>`)
			doc = p.sync(key, "1", "")
			if strings.Count(doc, "<SoftDelete>") != 2 || strings.Count(doc, "<Delete>") != 1 {
				t.Errorf("after the recent one went:\n%s", doc)
			}
		})
	}
}

// A phone that changes its mind gets all anew, in as many answers as it takes.
func TestConversationModeMayBeSwitched(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, letterOf("a", ""), daysAgo(40))
	h.deliver(t, 1, letterOf("b", "a"), daysAgo(0))
	p := newPhone(t, h, "phone", "16.1")
	p.provision()
	p.folderSync()
	key := element(p.sync("0", "1", ""), "SyncKey")
	view := map[string]bool{}
	settle := func(mode string) string {
		t.Helper()
		rest := `<GetChanges/><ConversationMode>` + mode + `</ConversationMode><Options><FilterType>1</FilterType></Options>`
		for range 9 {
			doc := p.sync(key, "1", rest)
			if element(doc, "SyncKey") == "" {
				break
			}
			key = element(doc, "SyncKey")
			for _, part := range strings.Split(doc, "<Commands>")[1:] {
				for _, c := range strings.SplitAfter(part, "</ServerId>") {
					id := element(c, "ServerId")
					switch {
					case strings.Contains(c, "<Add>"):
						view[id] = true
					case strings.Contains(c, "Delete>"):
						delete(view, id)
					}
				}
			}
			if !strings.Contains(doc, "<MoreAvailable/>") {
				break
			}
		}
		return fmt.Sprint(view)
	}
	for _, tc := range []struct{ mode, want string }{
		{"0", "map[1:2:true]"}, {"1", "map[1:1:true 1:2:true]"}, {"0", "map[1:2:true]"},
	} {
		if got := settle(tc.mode); got != tc.want {
			t.Errorf("mode %s: the phone has %s, want %s", tc.mode, got, tc.want)
		}
	}
}
