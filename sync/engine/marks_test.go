package engine

import (
	"testing"
	"time"

	"martlet/mail"
	"martlet/sync/device"
)

func TestCutoffIsTheBeginningOfADay(t *testing.T) {
	now := time.Date(2026, 3, 31, 23, 59, 0, 0, time.FixedZone("", 5*3600))
	for filter, want := range map[uint8]string{1: "2026-03-30", 2: "2026-03-28", 3: "2026-03-24", 4: "2026-03-17", 5: "2026-03-03"} {
		if got := time.UnixMilli(cutoff(now, mail.ClassEmail, filter)).UTC(); got.Format(time.DateTime) != want+" 00:00:00" {
			t.Errorf("filter %d: %s", filter, got)
		}
	}
	for _, filter := range []uint8{0, 6, 7, 8, 200} {
		if got := cutoff(now, mail.ClassEmail, filter); got != noCutoff {
			t.Errorf("filter %d: %d", filter, got)
		}
	}
}

func TestTheWindowDoesNotFollowAClockThatStepsBackALittle(t *testing.T) {
	day := clockSlack.Milliseconds()
	g := device.Generation{Filter: 1, Cutoff: 10 * day}
	moveCutoff(&g, 1, 9*day)
	if g.Cutoff != 10*day {
		t.Error("what was soft-deleted comes back")
	}
	moveCutoff(&g, 1, 11*day)
	if g.Cutoff != 11*day {
		t.Error("the window does not move on")
	}
	moveCutoff(&g, 2, 10*day+1)
	if g.Cutoff != 10*day+1 || g.Filter != 2 {
		t.Error("another filter is another window")
	}
	moveCutoff(&g, 2, 2*day)
	if g.Cutoff != 2*day {
		t.Error("a clock that was far wrong leaves its mark for ever")
	}
}
