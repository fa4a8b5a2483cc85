package calendar

import (
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// LoadZone finds a time zone by a name of the IANA, of Windows, or one that
// programs have made of either. The error is ErrBadZone.
func LoadZone(name string) (*time.Location, error) {
	name = strings.Trim(strings.TrimSpace(name), `"`)
	if len(name) > 200 {
		return nil, ErrBadZone
	}
	if loc, ok := loaded.Load(name); ok {
		return loc.(*time.Location), nil
	}
	switch strings.ToUpper(name) {
	case "UTC", "Z", "GMT", "ETC/UTC", "COORDINATED UNIVERSAL TIME", "GREENWICH MEAN TIME":
		return time.UTC, nil
	case "", "LOCAL":
		return nil, ErrBadZone
	}
	if iana := lookup(windowsZones[:], name); iana != "" {
		return world(iana)
	}
	if loc := offsetZone(name); loc != nil {
		return loc, nil
	}
	// Some write a path before the name: /citadel.org/20070227_1/Europe/Berlin.
	rest := strings.TrimPrefix(name, "/")
	for n := 0; rest != "" && n < maxZonePath; n++ {
		if strings.EqualFold(rest, "utc") { // tzone://Microsoft/Utc
			return time.UTC, nil
		}
		if loc, err := world(rest); err == nil {
			return loc, nil
		}
		_, after, ok := strings.Cut(rest, "/")
		if !ok {
			break
		}
		rest = after
	}
	if iana := zoneName(strings.ReplaceAll(name, " ", "_")); iana != "" {
		return world(iana)
	}
	return nil, ErrBadZone
}

// loaded are the zones of the world that were asked for: to read one takes
// longer than to read an event.
var loaded sync.Map // name → *time.Location

// world is a zone of the world by its name.
func world(name string) (*time.Location, error) {
	if loc, ok := loaded.Load(name); ok {
		return loc.(*time.Location), nil
	}
	if !isZoneName(name) {
		return nil, ErrBadZone
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, ErrBadZone
	}
	loaded.Store(name, loc)
	return loc, nil
}

// offsetZone reads a zone that is named by its offset: GMT+1, UTC-03:30, +0100.
func offsetZone(name string) *time.Location {
	s := strings.ToUpper(name)
	s = strings.TrimPrefix(strings.TrimPrefix(s, "GMT"), "UTC")
	s = strings.ReplaceAll(strings.TrimSpace(s), ":", "")
	if len(s) < 2 || s[0] != '+' && s[0] != '-' {
		return nil
	}
	switch len(s) {
	case 2: // one digit of an hour
		s = s[:1] + "0" + s[1:] + "00"
	case 3:
		s += "00"
	case 4:
		s = s[:1] + "0" + s[1:]
	}
	seconds, err := parseOffset(s)
	if err != nil {
		return nil
	}
	return time.FixedZone(name, seconds)
}

// isZoneName refuses what is no zone of the world but the machine's own.
func isZoneName(name string) bool {
	switch strings.ToLower(name) {
	case "local", "localtime", "posixrules", "factory":
		return false
	}
	return name[0] != '.' && path.Clean(name) == name // else a name would have any number of others
}

// WindowsName returns the Windows name of an IANA zone, or nothing.
func WindowsName(iana string) string { return lookup(windowsNames[:], iana) }

// zoneName is a name of the IANA in its own letters, or nothing: some write small
// ones for large ones.
func zoneName(name string) string {
	if i, ok := find(windowsNames[:], name); ok {
		return windowsNames[i][0]
	}
	return ""
}

// lookup finds a name in a generated table.
func lookup(table [][2]string, name string) string {
	if i, ok := find(table, name); ok {
		return table[i][1]
	}
	return ""
}

func find(table [][2]string, name string) (int, bool) {
	return slices.BinarySearchFunc(table, strings.ToLower(name), func(row [2]string, name string) int {
		return strings.Compare(strings.ToLower(row[0]), name)
	})
}

// zones are the zones that a calendar object defines or names, by TZID; nil for
// one that nobody knows.
type zones map[string]*time.Location

// maxMatched is of how many definitions the like is looked for in the world.
const maxMatched = 20

// readZones reads the object's VTIMEZONEs. A zone whose name the world knows is
// the world's: definitions are often cut to one year, or wrong.
func readZones(root *Component) zones {
	z := zones{}
	left, year, matched, defined := maxObservances, 0, 0, 0
	for _, c := range root.Children {
		if c.Name != "VTIMEZONE" {
			continue
		}
		if defined++; defined > maxZones {
			break
		}
		id := c.TZID()
		if id == "" || z[id] != nil {
			continue
		}
		loc := worldZone(id, c)
		if loc == nil {
			loc = worldZone(c.Text("X-LIC-LOCATION"), c)
		}
		if loc == nil {
			var err error
			loc, err = defineZone(c, &left)
			if matched++; err == nil && matched <= maxMatched {
				if year == 0 {
					year = firstYear(root)
				}
				if known := namesake(loc, year); known != nil {
					loc = known
				}
			}
		}
		if loc != nil {
			z[id] = loc
		}
	}
	return z
}

// TZID is the name of a zone that the component defines, as others refer to it:
// some write it in quotes, as in a parameter.
func (c *Component) TZID() string { return strings.Trim(c.Text("TZID"), `"`) }

// worldZone is the zone of the world that the name of a definition stands for;
// nil if there is none, or one that tells less than the definition.
func worldZone(name string, c *Component) *time.Location {
	loc, err := LoadZone(name)
	if err != nil || isFixed(loc) && hasSummer(c) {
		return nil
	}
	return loc
}

// isFixed tells whether a zone has one offset for ever: those that are named by
// it, or by nothing better. Of one that is named by letters, as EST, only what
// holds now counts.
func isFixed(loc *time.Location) bool {
	start, end := time.Unix(0, 0).In(loc).ZoneBounds()
	return end.IsZero() && (start.IsZero() || !strings.Contains(loc.String(), "/"))
}

// hasSummer tells whether a definition has both halves of a year.
func hasSummer(c *Component) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(c.Children, func(k *Component) bool { return k.Name == name })
	}
	return has("STANDARD") && has("DAYLIGHT")
}

// find resolves a TZID.
func (z zones) find(id string) (*time.Location, error) {
	loc, known := z[id]
	if !known && len(z) < maxZones {
		loc, _ = LoadZone(id) // nil is remembered, too: looking for nothing takes longest
		z[id] = loc
	}
	if loc == nil {
		return nil, ErrBadZone
	}
	return loc, nil
}

const (
	// maxOnsets bounds the changes of offset that a VTIMEZONE defines one by one;
	// what is later follows its last rules.
	maxOnsets = 500
	// maxObservances bounds the halves of a year that a VTIMEZONE is made of, and
	// those of all of them: real ones have two, those of a long history hundreds.
	maxObservances = 1000
	// lastOnset is the year until which rules are followed one by one.
	lastOnset = 2075
)

// onset is when another offset begins to hold.
type onset struct {
	at     int64 // UTC, seconds since 1970
	offset int   // seconds east
	dst    bool
	name   string
}

// defineZone makes a zone of a VTIMEZONE (RFC 5545 3.6.5). What it is made of is
// taken off from what is left.
func defineZone(c *Component, left *int) (*time.Location, error) {
	var all []onset
	var last [2]*observance // standard, daylight: those that go on for ever
	for _, k := range c.Children {
		if k.Name != "STANDARD" && k.Name != "DAYLIGHT" {
			continue
		}
		if *left--; *left < 0 {
			break
		}
		o, err := readObservance(k)
		if err != nil {
			continue
		}
		all = append(all, o.onsets()...)
		if o.forever() {
			i := 0
			if o.dst {
				i = 1
			}
			if last[i] == nil || o.start.After(last[i].start) {
				last[i] = o
			}
		}
		if len(all) > 4*maxOnsets {
			break
		}
	}
	if len(all) == 0 {
		return nil, ErrBadZone
	}
	slices.SortStableFunc(all, func(a, b onset) int { return int(min(max(a.at-b.at, -1), 1)) })
	if len(all) > maxOnsets {
		all = all[:maxOnsets]
	}
	footer := ""
	if last[0] != nil && last[1] != nil && last[0].to != last[1].to {
		footer = posix(last[0], last[1])
	}
	return buildZone(c.Text("TZID"), all, footer)
}

// observance is a STANDARD or DAYLIGHT component.
type observance struct {
	start    time.Time // wall clock, as if UTC
	from, to int       // seconds east of UTC
	dst      bool
	name     string
	rule     *Rule
	dates    []time.Time
}

func readObservance(c *Component) (*observance, error) {
	o := &observance{dst: c.Name == "DAYLIGHT", name: c.Text("TZNAME")}
	var err error
	if o.from, err = parseOffset(c.Text("TZOFFSETFROM")); err != nil {
		return nil, err
	}
	if o.to, err = parseOffset(c.Text("TZOFFSETTO")); err != nil {
		return nil, err
	}
	if o.start, _, err = parseWall(c.Value("DTSTART")); err != nil {
		return nil, err
	}
	if p := c.Prop("RRULE"); p != nil {
		o.rule = zoneRule(p.Value, o.start)
	}
	for p := range c.All("RDATE") {
		for _, v := range splitList(p.Value, maxOnsets-len(o.dates)) {
			if t, _, err := parseWall(v); err == nil {
				o.dates = append(o.dates, t)
			}
		}
	}
	return o, nil
}

// zoneRule reads the rule of a season; nil for one as no zone of the world has,
// which may cost much.
func zoneRule(s string, start time.Time) *Rule {
	r, err := ParseAnyRule(s)
	if err != nil {
		return nil
	}
	if r.Freq == Monthly && r.Interval%12 == 0 && len(r.ByMonth) == 0 { // as SyncML programs say it
		r.Freq, r.Interval, r.ByMonth = Yearly, r.Interval/12, []int{int(start.Month())}
	}
	if r.plainAt(start); !r.plain() || r.Freq != Yearly || len(r.ByWeekNo) > 0 || !r.simple() && len(r.ByMonth) != 1 {
		return nil
	}
	return r
}

// forever tells whether the observance comes back each year without end.
func (o *observance) forever() bool {
	return o.rule != nil && o.rule.Until.IsZero() && o.rule.Count == 0 && len(o.rule.ByMonth) == 1 && len(o.rule.ByDay) == 1
}

// onsets lists when it begins, up to lastOnset: what Outlook and others wrote from
// 1601 on begins in 1970.
func (o *observance) onsets() (out []onset) {
	add := func(t time.Time) {
		out = append(out, onset{t.Unix() - int64(o.from), o.to, o.dst, o.name})
	}
	if o.rule == nil {
		add(o.start)
	}
	for _, t := range o.dates {
		add(t)
	}
	if o.rule != nil {
		start := o.start
		if start.Year() < 1970 {
			start = time.Date(1970, start.Month(), start.Day(), start.Hour(), start.Minute(), start.Second(), 0, time.UTC)
		}
		rule := *o.rule
		if !rule.Until.IsZero() && !rule.UntilDate && !rule.UntilLocal {
			rule.Until = rule.Until.Add(time.Duration(o.from) * time.Second) // UTC to wall clock
		}
		for t := range rule.until(start, lastOnset) { // also where it never comes round
			if t.Year() > lastOnset || len(out) >= maxOnsets {
				break
			}
			add(t)
		}
	}
	return out
}

// parseOffset reads "+0100", in seconds.
func parseOffset(s string) (int, error) {
	s = strings.TrimSpace(s)
	if len(s) != 5 && len(s) != 7 || s[0] != '+' && s[0] != '-' {
		return 0, ErrBadZone
	}
	n := [3]int{}
	for i := 1; i+1 < len(s); i += 2 {
		a, b := s[i]-'0', s[i+1]-'0'
		if a > 9 || b > 9 {
			return 0, ErrBadZone
		}
		n[i/2] = int(a)*10 + int(b)
	}
	offset := n[0]*3600 + n[1]*60 + n[2]
	if n[0] > 15 || n[1] > 59 || n[2] > 59 {
		return 0, ErrBadZone
	}
	if s[0] == '-' {
		offset = -offset
	}
	return offset, nil
}
