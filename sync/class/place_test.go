package class

import (
	"strings"
	"testing"

	"martlet/protocol/eas"
)

// MS-ASEMAIL_R527: a place has at most 32,768 characters.
func TestAPlaceIsNotTooLong(t *testing.T) {
	for _, length := range []int{32768, 32769} {
		m := meetingOf(t, meetingMail("REQUEST", "UID:1\nDTSTART:20260610T100000Z\nLOCATION:"+strings.Repeat("x", length)), eas.V141)
		if m == nil || m.LocationText != strings.Repeat("x", 32768) {
			t.Errorf("of %d characters: %+v", length, m)
		}
	}
}
