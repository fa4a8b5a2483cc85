package activesync_test

import (
	"strings"
	"testing"
)

// What a request fetches it may delete, too: the body is gone by the time it is
// shown, which concerns the fetched item alone.
func TestWhatIsFetchedAndDeletedAtOnce(t *testing.T) {
	for _, version := range allVersions {
		h := build(t)
		h.deliver(t, 1, plainMail, 0)
		h.deliver(t, 1, withFile, 0)
		p := newPhone(t, h, "phone", version)
		key := p.ready()
		doc := p.sync(key, "1", `<DeletesAsMoves>0</DeletesAsMoves><Commands><Fetch><ServerId>1:1</ServerId></Fetch><Delete><ServerId>1:1</ServerId></Delete><Fetch><ServerId>1:2</ServerId></Fetch></Commands>`)
		if got := strings.Join(elements(doc, "Status"), " "); got != "1 8 1" {
			t.Errorf("%s: statuses %s in\n%s", version, got, doc)
		}
	}
}
