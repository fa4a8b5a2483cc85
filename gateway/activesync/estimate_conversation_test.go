package activesync_test

import (
	"testing"
)

// MS-ASCON_R332, R211: an estimate counts whole conversations where its own
// request asks for them, whatever the folder was synced with before.
func TestAnEstimateCountsConversations(t *testing.T) {
	for _, version := range conversationVersions {
		h := build(t)
		h.deliver(t, 1, letterOf("a", ""), daysAgo(40))
		h.deliver(t, 1, letterOf("b", "a"), daysAgo(20))
		h.deliver(t, 1, letterOf("other", ""), daysAgo(20))
		p := newPhone(t, h, "phone", version)
		p.provision()
		p.folderSync()
		key := element(p.sync("0", "1", ""), "SyncKey")
		h.deliver(t, 1, letterOf("c", "b"), daysAgo(0))
		for mode, want := range map[string]string{
			"": "1",
			`<ConversationMode xmlns="AirSync">0</ConversationMode>`: "1",
			`<ConversationMode xmlns="AirSync">1</ConversationMode>`: "3",
		} {
			doc := p.send("GetItemEstimate", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">`+key+
				`</SyncKey><CollectionId>1</CollectionId>`+mode+`<Options xmlns="AirSync"><FilterType>1</FilterType></Options></Collection></Collections></GetItemEstimate>`)
			if got := element(doc, "Estimate"); got != want {
				t.Errorf("%s, %q: %s, want %s", version, mode, got, want)
			}
		}
	}
}
