package calendar

import (
	"io"
	"mime/quotedprintable"
	"strconv"
	"strings"
	"time"
)

// vCalendar 1.0, which phones and programs of twenty years wrote: it becomes
// iCalendar when it is read.

// unquote undoes quoted-printable, and has more of the value from the lines that
// follow it. What it says then is text.
func (d *decoder) unquote(p *Property) {
	d.odd = true
	for strings.HasSuffix(p.Value, "=") && len(p.Value) < maxValue && len(d.rest) > 0 {
		p.Value = p.Value[:len(p.Value)-1] + string(d.physical())
	}
	b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(p.Value)))
	if err != nil {
		b = []byte(p.Value)
	}
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(b)), "\n")
	for i := range lines {
		lines[i] = UnescapeText(d.text([]byte(lines[i])))
	}
	p.Value = EscapeText(strings.Join(lines, "\n"))
	p.SetParam("ENCODING", "")
	p.SetParam("CHARSET", "")
}

// upgrade makes a calendar of 1.0 one of 2.0.
func upgrade(root *Component) {
	root.SetValue("VERSION", "2.0")
	root.Remove("TZ") // its times are UTC
	root.Remove("DAYLIGHT")
	for _, c := range root.Children {
		if !isItem(c.Name) {
			continue
		}
		for i := range c.Props {
			c.Props[i].upgrade()
		}
		for _, name := range [...]string{"AALARM", "DALARM", "MALARM"} {
			for p := range c.All(name) {
				c.addAlarm(p)
			}
			c.Remove(name)
		}
	}
}

func (p *Property) upgrade() {
	switch p.Name {
	case "RRULE", "EXRULE":
		if r, err := parseRule1(p.Value); err == nil {
			p.Value = r.String()
		}
	case "EXDATE", "RDATE", "CATEGORIES", "RESOURCES":
		p.Value = strings.ReplaceAll(p.Value, ";", ",")
	case "STATUS":
		p.Value = strings.ReplaceAll(strings.TrimSpace(p.Value), " ", "-")
	case "TRANSP":
		if n, err := strconv.Atoi(strings.TrimSpace(p.Value)); err == nil {
			if p.Value = "OPAQUE"; n > 0 {
				p.Value = "TRANSPARENT"
			}
		}
	case "ATTENDEE":
		p.upgradeAttendee()
	}
}

// upgradeAttendee reads "Anna Ash <anna@example.org>".
func (p *Property) upgradeAttendee() {
	if p.Param("ROLE") == "ORGANIZER" {
		p.Name = "ORGANIZER"
	}
	if name, rest, ok := strings.Cut(UnescapeText(p.Value), "<"); ok {
		if address, _, ok := strings.Cut(rest, ">"); ok {
			p.Value = address
			p.SetParam("CN", strings.TrimSpace(name))
		}
	}
	if strings.Contains(p.Value, "@") && !strings.Contains(p.Value, ":") {
		p.Value = "mailto:" + strings.TrimSpace(p.Value)
	}
	if status := strings.ToUpper(p.Param("STATUS")); status != "" {
		p.SetParam("STATUS", "")
		p.SetParam("PARTSTAT", strings.ReplaceAll(strings.Replace(status, "CONFIRMED", "ACCEPTED", 1), " ", "-"))
	}
	p.SetParam("ROLE", "")
	p.SetParam("EXPECT", "")
}

// addAlarm makes an alarm of "when;snooze;repeat;text".
func (c *Component) addAlarm(p *Property) {
	fields := strings.SplitN(p.Value, ";", 4)
	at, date, err := parseWall(fields[0])
	if err != nil || date {
		return
	}
	k := &Component{Name: "VALARM"}
	k.SetValue("ACTION", "DISPLAY")
	text := "Reminder"
	if p.Name == "DALARM" && len(fields) > 3 && fields[3] != "" {
		text = UnescapeText(fields[3])
	}
	k.SetText("DESCRIPTION", text)
	trigger := UTC(at).property("TRIGGER")
	trigger.SetParam("VALUE", "DATE-TIME")
	k.Add(trigger)
	c.Children = append(c.Children, k)
}

// parseRule1 reads a rule of vCalendar 1.0: "W2 MO WE #10", "MP1 1- FR #0".
func parseRule1(s string) (*Rule, error) {
	words := strings.Fields(strings.ToUpper(s))
	if len(words) == 0 || len(words) > maxList {
		return nil, ErrBadRule
	}
	kind := strings.TrimRight(words[0], "0123456789")
	r := &Rule{Count: 2, WeekStart: time.Monday} // twice, if nothing is said
	var err error
	if r.Interval, err = strconv.Atoi(words[0][len(kind):]); err != nil || r.Interval < 1 || r.Interval > 10_000 {
		return nil, ErrBadRule
	}
	r.Freq = map[string]Freq{"D": Daily, "W": Weekly, "MP": Monthly, "MD": Monthly, "YM": Yearly, "YD": Yearly}[kind]
	place := 0
	for _, w := range words[1:] {
		n, number := strconv.Atoi(strings.TrimRight(w, "+-"))
		if strings.HasSuffix(w, "-") {
			n = -n
		}
		switch {
		case w[0] == '#':
			r.Count, err = strconv.Atoi(w[1:])
		case len(w) >= 8:
			r.Until, r.UntilDate, err = parseWall(w)
			r.Count, r.UntilLocal = 0, !r.UntilDate && !strings.HasSuffix(w, "Z")
		case kind == "MP" && number == nil:
			place = n
		case kind == "W":
			err = r.setDays(w)
		case kind == "MP":
			err = r.setDays(strconv.Itoa(place) + w)
		case kind == "MD" && w == "LD":
			r.ByMonthDay = append(r.ByMonthDay, -1)
		case kind == "MD" && number == nil && n != 0 && n >= -31 && n <= 31:
			r.ByMonthDay = append(r.ByMonthDay, n)
		case kind == "YM" && number == nil && n > 0 && n <= 12:
			r.ByMonth = append(r.ByMonth, n)
		case kind == "YD" && number == nil && n > 0 && n <= 366:
			r.ByYearDay = append(r.ByYearDay, n)
		default:
			err = ErrBadRule
		}
		if err != nil {
			return nil, ErrBadRule
		}
	}
	if r.Freq == 0 || r.Count < 0 {
		return nil, ErrBadRule
	}
	return ParseRule(r.String())
}
