package schedule

import (
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/store"
)

// zoeSays is an answer of Zoë's to a meeting of Ann's.
func (h *house) zoeSays(uid, status, stamp string, more ...string) {
	h.Helper()
	h.deliver("ann", "zoe@peer.example", proven, itip("REPLY", uid, 0, stamp, append([]string{"ORGANIZER:mailto:ann@example.org", "ATTENDEE;PARTSTAT=" + status + ":mailto:zoe@peer.example"}, more...)...))
	h.settle()
}

func TestALateAnswerDoesNotBringSomebodyBack(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.tick(time.Hour)
	raw := string(h.has("ann", "1").Encode())
	var kept []string
	for _, line := range strings.Split(strings.ReplaceAll(raw, "\r\n ", ""), "\r\n") {
		if !strings.Contains(line, "zoe@") {
			kept = append(kept, line)
		}
	}
	h.change("ann", "1", []byte(strings.Join(kept, "\r\n")))
	h.zoeSays("1", "ACCEPTED", "20261103T100000Z")
	h.expect("Zoë", h.statusOf("ann", "1", "zoe@peer.example"), "?")
}

func TestAnAnswerToTheWholeLeavesThatToOneOccurrence(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", weekly...))
	h.zoeSays("1", "TENTATIVE", "20261103T100000Z", "RECURRENCE-ID:20261116T080000Z")
	h.zoeSays("1", "DECLINED", "20261103T110000Z", "RECURRENCE-ID:20261123T080000Z")
	h.zoeSays("1", "ACCEPTED", "20261103T120000Z")
	o := h.has("ann", "1")
	for i, want := range []string{accepted, tentative, declined} {
		h.expect("event", o.Events[i].Attendee("zoe@peer.example").Status, want)
	}
	// An answer from before the last one changes nothing.
	h.zoeSays("1", "DECLINED", "20261103T113000Z")
	h.expect("the whole", h.statusOf("ann", "1", "zoe@peer.example"), accepted)
}

func TestWhatWasAttendedToIsNotAttendedToAgain(t *testing.T) {
	h := openHouse(t)
	h.delegates[h.people["bob"]] = []directory.AccountID{h.people["cat"]}
	h.change("ann", "1", event("1", lunch...))
	var n uint64
	var a arrival
	h.view(func(tx *store.Tx) error {
		for row, err := range h.s.rows.Scan(tx, store.TableRange[uint64]{}) {
			if err != nil {
				return err
			}
			n, a = row.Key, row.Value
		}
		return nil
	})
	for range 2 {
		h.must(h.s.attendTo(t.Context(), n, &a))
	}
	h.expect("the delegate's inbox", h.got("cat"), "REQUEST Lunch; with a comma, and ü")
}
