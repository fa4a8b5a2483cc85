package activesync_test

import "testing"

// MS-ASPROV_R650, R662: the key that comes with the policy is good for the
// acknowledgment alone, also for a phone that has a key; the key for all further
// requests is another one and stays good until a new policy is acknowledged.
func TestTheKeyOfAnOfferIsForItsAcknowledgmentAlone(t *testing.T) {
	h := build(t)
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(t, h, "v"+version, version)
		const policy = `<Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType>`
		about := ""
		if version != "12.1" {
			about = aboutPhone
		}
		body := mustXML(t, `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`)
		isGood := func(key string) bool {
			p.policy = key
			a := p.post("FolderSync", wbxmlType, body)
			return a.status == 200 && element(a.xml, "Status") == "1"
		}
		old := ""
		for round := range 2 {
			p.policy = old
			offer := element(p.send("Provision", `<Provision xmlns="Provision">`+about+policy+`</Policy></Policies></Provision>`), "PolicyKey")
			if isGood(offer) {
				t.Errorf("%s, round %d: the key of the offer is good before the acknowledgment", version, round)
			}
			if round == 1 && !isGood(old) {
				t.Errorf("%s: an offer takes the key away", version)
			}
			key := element(p.send("Provision", `<Provision xmlns="Provision">`+policy+`<PolicyKey>`+offer+`</PolicyKey><Status>1</Status></Policy></Policies></Provision>`), "PolicyKey")
			if !isGood(key) || isGood(offer) || round == 1 && isGood(old) {
				t.Errorf("%s, round %d: %t with the new key, %t with that of the offer", version, round, isGood(key), isGood(offer))
			}
			old = key
		}
	}
}
