package activesync

import (
	"testing"
	"time"
)

func TestWhatIsOutOfRangeIsToldTheNearestBound(t *testing.T) {
	for _, c := range []struct {
		rules     Rules
		heartbeat map[uint]uint // asked: limit, or 0 when it is in range
		wait      map[uint]uint
	}{
		{Rules{}, map[uint]uint{0: 60, 59: 60, 60: 0, 3540: 0, 3541: 3540, 1 << 40: 3540}, map[uint]uint{0: 1, 1: 0, 59: 0, 60: 59}},
		{Rules{MinHeartbeat: 90 * time.Second, MaxHeartbeat: 20 * time.Minute}, map[uint]uint{89: 90, 90: 0, 1200: 0, 1201: 1200}, map[uint]uint{1: 2, 2: 0, 20: 0, 21: 20}},
		{Rules{MaxHeartbeat: 30 * time.Second}, map[uint]uint{29: 30, 30: 0, 31: 30}, map[uint]uint{0: 1, 1: 0, 2: 1}},
		{Rules{MinHeartbeat: 5 * time.Second}, map[uint]uint{4: 5, 5: 0}, map[uint]uint{0: 1, 1: 0}},
		{Rules{MinHeartbeat: 61 * time.Second, MaxHeartbeat: 119 * time.Second}, map[uint]uint{60: 61, 120: 119}, map[uint]uint{1: 0, 2: 1}},
	} {
		for asked, want := range c.heartbeat {
			if limit, ok := c.rules.heartbeatLimit(asked); limit != want || ok != (want == 0) {
				t.Errorf("%+v: a heartbeat of %d: %d, %v; want %d", c.rules, asked, limit, ok, want)
			}
		}
		for asked, want := range c.wait {
			if limit, ok := c.rules.waitLimit(asked); limit != want || ok != (want == 0) {
				t.Errorf("%+v: a wait of %d: %d, %v; want %d", c.rules, asked, limit, ok, want)
			}
		}
	}
}
