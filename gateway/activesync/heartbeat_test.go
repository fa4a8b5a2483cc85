package activesync

import (
	"fmt"
	"testing"
	"time"

	"martlet/sync/device"
)

func TestRequestsThatEndAtOneAgeAreNoticed(t *testing.T) {
	id := device.ID{Account: 1, Device: "phone"}
	s := time.Second
	kept := func(age time.Duration) time.Duration { return -age }
	for name, c := range map[string]struct {
		ends []time.Duration // negative: answered at that age
		want time.Duration
	}{
		"three of a proxy":        {[]time.Duration{60*s + 12, 60*s + 3, 61 * s}, 60 * s},
		"two":                     {[]time.Duration{60 * s, 60 * s}, 0},
		"five minutes, about":     {[]time.Duration{301 * s, 300 * s, 304 * s}, 300 * s},
		"any age":                 {[]time.Duration{60 * s, 200 * s, 61 * s, 500 * s, 60 * s, 300 * s}, 0},
		"mail in between":         {[]time.Duration{60 * s, kept(20 * s), 60 * s, kept(10 * s), 60 * s}, 60 * s},
		"one lives on":            {[]time.Duration{60 * s, 60 * s, kept(200 * s), 60 * s, 60 * s}, 0},
		"a busy user":             {[]time.Duration{s, s, s, 2 * s, s, s}, 0},
		"a busy user and a proxy": {[]time.Duration{60 * s, s, 60 * s, 2 * s, 61 * s}, 60 * s},
		"worse than before":       {[]time.Duration{300 * s, 300 * s, 300 * s, 60 * s, 60 * s, 60 * s}, 60 * s},
	} {
		l, got := newCuts(), time.Duration(0)
		for _, age := range c.ends {
			if age < 0 {
				l.kept(id, -age)
			} else if limit, _, news := l.lost(id, age, time.Time{}); news {
				got = limit
			}
		}
		if got != c.want {
			t.Errorf("%s: learned %v, want %v", name, got, c.want)
		}
	}
}

// Only a change is written: what is known is no news.
func TestAKnownCutIsNoNews(t *testing.T) {
	l, id, now := newCuts(), device.ID{Account: 1, Device: "phone"}, time.Unix(0, 0)
	news := 0
	for range 20 {
		if _, _, n := l.lost(id, 5*time.Minute, now); n {
			news++
		}
	}
	if news != 1 {
		t.Errorf("told %d times", news)
	}
	// Another process knows it from the record.
	l = newCuts()
	l.allow(id, time.Hour, 5*time.Minute, "n", now)
	for range 20 {
		if _, _, n := l.lost(id, 5*time.Minute, now); n {
			t.Fatal("told again after a restart")
		}
	}
	if !l.kept(id, time.Hour) || l.kept(id, time.Hour) {
		t.Error("that it is over is not told once")
	}
	if len(l.devices) != 0 {
		t.Error("a phone that is well is remembered")
	}
}

func TestARequestIsAnsweredBeforeItIsCut(t *testing.T) {
	l, id, now := newCuts(), device.ID{Account: 1, Device: "phone"}, time.Unix(1e9, 0)
	if got := l.allow(id, time.Hour, 0, "n", now); got != time.Hour || len(l.devices) != 0 {
		t.Errorf("a phone that is well is held %v", got)
	}
	if got := l.allow(id, time.Hour, 5*time.Minute, "n", now); got != time.Hour {
		t.Errorf("after a restart it is tried for once: %v", got)
	}
	for _, c := range [][3]time.Duration{ // asked, limit, allowed
		{time.Hour, 5 * time.Minute, 285 * time.Second}, {time.Hour, time.Minute, 55 * time.Second},
		{100 * time.Second, 5 * time.Minute, 100 * time.Second}, {time.Hour, 16 * time.Second, 11 * time.Second},
	} {
		if got := l.allow(id, c[0], c[1], "n", now.Add(time.Hour)); got != c[2] {
			t.Errorf("asked for %v where %v live: %v, want %v", c[0], c[1], got, c[2])
		}
	}
	if got := l.allow(id, time.Hour, 5*time.Minute, "n", now.Add(probeEvery)); got != time.Hour {
		t.Errorf("it is not tried again: %v", got)
	}
}

func TestWhatIsRememberedOfCutsIsBounded(t *testing.T) {
	l := newCuts()
	for i := range maxCut + 100 {
		l.lost(device.ID{Account: 1, Device: fmt.Sprint(i)}, time.Minute, time.Time{})
	}
	if len(l.devices) > maxCut {
		t.Errorf("%d devices", len(l.devices))
	}
}

func TestANetworkStaysWhenTheAddressChangesWithinIt(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1": "192.0.2.0/24", "192.0.2.200:99": "192.0.2.0/24", "[2001:db8:1:2::3]:1": "2001:db8:1::/48",
		"10.1.2.3:1": "10.1.2.3/32", "[::1]:1": "::/48", "127.0.0.1:5": "127.0.0.1/32", "@": "",
	} {
		if got := network(remote); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}
