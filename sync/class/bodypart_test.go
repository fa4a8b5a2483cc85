package class

import (
	"strings"
	"testing"

	"martlet/protocol/eas"
)

// MS-ASAIRS_R270: a text that is too large to tell what is new of it has status
// 176, its size, and nothing else.
func TestABodyPartOfATextThatIsTooLarge(t *testing.T) {
	kind := uint(eas.BodyHTML)
	opt := &Options{Version: eas.V161, BodyParts: []eas.BodyPartPreference{{Type: &kind}}}
	for size, status := range map[int]uint16{maxConvert - 100: 1, maxConvert + 100: 176} {
		for _, subtype := range []string{"html", "plain"} {
			raw := []byte("Subject: x\r\nContent-Type: text/" + subtype + "; charset=utf-8\r\n\r\n" + strings.Repeat("abcdefgh\r\n", size/10))
			p := render(t, itemOf(raw), raw, opt).BodyPart
			if p == nil || p.Status != status || (p.Data != nil) != (status == 1) || p.Preview != "" || p.Truncated || int(p.EstimatedDataSize) < size-20 {
				t.Errorf("%s of %d bytes: status %d, size %d, content %t", subtype, size, p.Status, p.EstimatedDataSize, p.Data != nil)
			}
		}
	}
}
