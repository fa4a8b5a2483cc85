package activesync_test

import (
	"fmt"
	"strings"
	"testing"
)

// Which filter a class has, and what is said to one that it has not: the tables
// of MS-ASCMD 2.2.3.68.1 (MS-ASCMD_R2999 to R3025, R2973, R2984) and 2.2.3.68.2
// (MS-ASCMD_R3035 to R3061, R3079, R3080).
func TestEveryFilterOfEveryClass(t *testing.T) {
	has := map[string]string{ // by collection; a place for each filter
		"1": "yyyyyynnn", // Email
		"7": "ynnnyyyyn", // Calendar
		"8": "yyyyyyyyy", // Contacts mind no filter
		"9": "ynnnnnnny", // Tasks
	}
	for _, version := range []string{"12.1", "14.0", "14.1", "16.0", "16.1"} {
		t.Run(version, func(t *testing.T) {
			p := newPhone(t, build(t), "filters", version)
			p.provision()
			p.folderSync()
			for collection, filters := range has {
				key := element(p.sync("0", collection, ""), "SyncKey")
				for filter := range 10 {
					ok := filter < len(filters) && filters[filter] == 'y'
					options := fmt.Sprintf("<Options><FilterType>%d</FilterType></Options>", filter)
					name := fmt.Sprintf("filter %d of collection %s", filter, collection)

					answer := p.post("Sync", "application/vnd.ms-sync.wbxml", mustXML(t, syncOf(collection, key, options)))
					status := element(answer.xml, "Status")
					if got := answer.status == 200 && (answer.xml == "" || status == "1"); got != ok {
						t.Errorf("Sync, %s: HTTP %d, status %q", name, answer.status, status)
					}
					if !ok && answer.status == 200 && status != "4" { // MS-ASCMD_R3080
						t.Errorf("Sync, %s: status %q", name, status)
					}
					if k := element(answer.xml, "SyncKey"); ok && k != "" {
						key = k
					}

					estimate := p.post("GetItemEstimate", "application/vnd.ms-sync.wbxml", mustXML(t, `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection>`+
						`<SyncKey xmlns="AirSync">`+key+`</SyncKey><CollectionId>`+collection+`</CollectionId><Options xmlns="AirSync"><FilterType>`+
						fmt.Sprint(filter)+`</FilterType></Options></Collection></Collections></GetItemEstimate>`))
					want := "1"
					switch {
					case filter == 9:
						want = "103"
					case !ok:
						want = "110"
					}
					got := element(estimate.xml, "Status")
					if version < "14" && want != "1" {
						if estimate.status != 400 {
							t.Errorf("GetItemEstimate, %s: HTTP %d", name, estimate.status)
						}
					} else if got != want {
						t.Errorf("GetItemEstimate, %s: status %q, want %s", name, got, want)
					}
				}
			}
		})
	}
}

func syncOf(collection, key, rest string) string {
	return strings.Replace(syncRequest(key, rest), "<CollectionId>1<", "<CollectionId>"+collection+"<", 1)
}

func mustXML(t testing.TB, doc string) []byte {
	t.Helper()
	b, err := fromXML(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// MS-ASCMD_R3543: without Options 512 are counted at most, with them all.
func TestWithoutOptionsNoMoreThan512AreEstimated(t *testing.T) {
	h := build(t)
	h.fill(t, 520)
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(t, h, "v"+version, version)
		p.provision()
		key := element(p.sync("0", "1", ""), "SyncKey")
		for options, want := range map[string]string{
			"": "512",
			`<Options xmlns="AirSync"><FilterType>0</FilterType></Options>`: "520",
		} {
			doc := p.send("GetItemEstimate", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">`+key+`</SyncKey><CollectionId>1</CollectionId>`+options+`</Collection></Collections></GetItemEstimate>`)
			if got := element(doc, "Estimate"); got != want {
				t.Errorf("%s: %q: %s, want %s\n%s", version, options, got, want, doc)
			}
		}
	}
}
