package calendar

import (
	"iter"
	"time"
)

// matchedYears is for how many years a definition must agree with a zone of the
// world to be taken for it.
const matchedYears = 10

// namesake is the zone of the world that has the offsets of a defined one from a
// year on; nil if there is none. Definitions are cut to some years, or wrong in
// others: the world's rules are better where both agree.
func namesake(defined *time.Location, year int) *time.Location {
	at := time.Date(year, 1, 1, 12, 0, 0, 0, time.UTC)
	_, offset := at.In(defined).Zone()
	for name := range zoneNames() {
		loc, err := world(name)
		if err != nil {
			continue
		}
		if _, o := at.In(loc).Zone(); o == offset && agree(loc, defined, year) {
			return loc
		}
	}
	return nil
}

// zoneNames ranges over the zones of the world that stand for others, those of
// most people first.
func zoneNames() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, name := range preferred {
			if !yield(name) {
				return
			}
		}
		for i := range windowsZones {
			if !yield(windowsZones[i][1]) {
				return
			}
		}
	}
}

// agree tells whether two zones have the same offsets from a year on.
func agree(a, b *time.Location, year int) bool {
	from, to := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year+matchedYears, 1, 1, 0, 0, 0, 0, time.UTC)
	_, x := from.In(a).Zone()
	_, y := from.In(b).Zone()
	if x != y {
		return false
	}
	next, stop := iter.Pull(changes(b, from))
	defer stop()
	for c := range changes(a, from) {
		if !c.at.Before(to) {
			break
		}
		if d, ok := next(); !ok || !d.at.Equal(c.at) || d.to != c.to {
			return false
		}
	}
	d, ok := next()
	return !ok || !d.at.Before(to)
}

// firstYear is the year in which the first of a calendar's items begins.
func firstYear(root *Component) int {
	year := 2037
	for _, c := range root.Children {
		if !isItem(c.Name) {
			continue
		}
		for _, name := range [...]string{"DTSTART", "DUE"} {
			if p := c.Prop(name); p != nil {
				if t, _, err := parseWall(p.Value); err == nil && t.Year() < year {
					year = t.Year()
				}
			}
		}
	}
	return max(year, 1970)
}
