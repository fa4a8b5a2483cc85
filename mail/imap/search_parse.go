package imap

import (
	"math"
	"sort"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
)

// criterion is one condition of a search. Those that need less are asked first.
type criterion struct {
	needs need
	match func(c *candidate) bool
	first func(c *candidate) bool // what of it needs the place alone; nil: nothing
}

// need is what has to be known of a message.
type need uint8

const (
	needsPlace need = iota // nothing: where it stands tells
	needsItem              // its row
	needsIndex             // its index too
	needsText              // its bytes
)

// searchArgs is what SEARCH asks for (RFC 9051 6.4.4).
type searchArgs struct {
	goimap.SearchOptions
	extended bool    // RETURN was given
	partial  *window // PARTIAL (RFC 9394)
	update   bool    // the result is kept up to date (RFC 5267 4.3)
	charset  string
	all      criterion
	modSeq   bool // the result comes with its highest ModSeq
	numbers  bool // it depends on sequence numbers, or on a result that was kept
	within   bool // it depends on when it is asked (RFC 5032)
}

// check refuses what cannot be searched for.
func (a *searchArgs) check() error {
	switch a.charset {
	case "", "US-ASCII", "UTF-8":
	default:
		return no("BADCHARSET (US-ASCII UTF-8)", "Not a charset that is read here")
	}
	switch {
	case a.partial != nil && a.ReturnAll: // RFC 9394 3.1
		return bad("PARTIAL or ALL, not both")
	case a.update && a.numbers: // they name other messages later
		return bad("Use UIDs for what is to be kept up to date")
	}
	return nil
}

// searchParser reads the keys of a search.
type searchParser struct {
	*parser
	view  *view
	count int
	seqs  bool  // MODSEQ was asked for
	err2  error // a mistake with a reply of its own
	now   time.Time

	numbers, within bool // see searchArgs
}

// parseSearch reads a search. What follows the command's name and a space is
// left.
func parseSearch(p *parser, v *view) (a searchArgs, err error) {
	start := p.pos
	word := p.peekName()
	if word == "RETURN" {
		a.returns(p)
		start = p.pos
		word = p.peekName()
	}
	p.pos = start
	if word == "CHARSET" {
		p.name()
		p.sp()
		a.charset = strings.ToUpper(p.astring())
		p.sp()
	}
	return a, a.keys(p, v)
}

// keys takes the keys of a search up to the end of the command.
func (a *searchArgs) keys(p *parser, v *view) error {
	sp := &searchParser{parser: p, view: v, now: time.Now()}
	a.all = sp.and(0, func() bool { return p.try(' ') })
	if a.modSeq = sp.seqs; a.modSeq { // it is told of all that are found
		a.all.needs = max(a.all.needs, needsItem)
	}
	a.numbers, a.within = sp.numbers, sp.within
	if p.end() == nil && sp.err2 != nil {
		return sp.err2
	}
	return p.err
}

// peekName looks at the next name.
func (p *parser) peekName() string {
	start := p.pos
	for p.pos < len(p.b) && isName(p.b[p.pos]) {
		p.pos++
	}
	name := strings.ToUpper(string(p.b[start:p.pos]))
	p.pos = start
	return name
}

// returns takes the search-return-opts (RFC 9051 6.4.4).
func (a *searchArgs) returns(p *parser) {
	p.name()
	p.sp()
	a.extended = true
	p.list(true, func() { a.option(p) })
	p.sp()
}

// option takes a search-return-opt (RFC 9051 6.4.4).
func (a *searchArgs) option(p *parser) {
	switch p.name() {
	case "MIN":
		a.ReturnMin = true
	case "MAX":
		a.ReturnMax = true
	case "ALL":
		a.ReturnAll = true
	case "COUNT":
		a.ReturnCount = true
	case "SAVE": // RFC 5182
		a.ReturnSave = true
	case "PARTIAL": // once (RFC 9394 3.1)
		if a.partial != nil {
			p.fail()
		}
		p.sp()
		w := p.window()
		a.partial = &w
	case "UPDATE": // RFC 5267 4.3
		a.update = true
	case "CONTEXT": // a hint (RFC 5267 4.2), which nothing here wants
	default:
		p.fail()
	}
}

// and takes keys one after another while more says that there is another.
func (p *searchParser) and(depth int, more func() bool) criterion {
	var all []criterion
	for {
		all = append(all, p.key(depth))
		if p.err != nil || !more() {
			return allOf(all)
		}
	}
}

// allOf matches what all match. The cheap ones are asked first.
func allOf(all []criterion) criterion {
	if len(all) == 1 {
		return all[0]
	}
	var sorted []criterion
	needs, places := needsPlace, 0
	for n := needsPlace; n <= needsText; n++ {
		for _, c := range all {
			if c.needs == n {
				sorted = append(sorted, c)
				needs = n
			}
		}
		if n == needsPlace {
			places = len(sorted)
		}
	}
	whole := criterion{needs: needs, match: func(c *candidate) bool { return c.all(sorted) }}
	if places > 0 {
		whole.first = func(c *candidate) bool { return c.all(sorted[:places]) }
	}
	return whole
}

func (c *candidate) all(list []criterion) bool {
	for _, x := range list {
		if !c.may(x) {
			return false
		}
	}
	return true
}

func (p *searchParser) key(depth int) criterion {
	if p.count++; p.count > maxKeys || depth > maxDepth {
		p.fail()
		return criterion{}
	}
	switch c := p.peek(); {
	case c == '(':
		p.expect('(')
		all := p.and(depth+1, func() bool { return p.try(' ') })
		p.expect(')')
		return all
	case isDigit(c) || c == '*' || c == '$':
		return p.set(p.seqSet(), false)
	}
	name := p.name()
	switch name {
	case "NOT":
		p.sp()
		x := p.key(depth + 1)
		return criterion{needs: x.needs, match: func(c *candidate) bool { return !c.may(x) }}
	case "OR":
		p.sp()
		x := p.key(depth + 1)
		p.sp()
		y := p.key(depth + 1)
		if x.needs > y.needs {
			x, y = y, x
		}
		return criterion{needs: y.needs, match: func(c *candidate) bool { return c.may(x) || c.may(y) }}
	case "UID":
		p.sp()
		return p.set(p.seqSet(), true)
	}
	if c, ok := flagKey(name); ok {
		return c
	}
	p.sp()
	return p.argument(name)
}

func (p *searchParser) set(set numbers, uid bool) criterion {
	if p.err != nil {
		return criterion{}
	}
	p.numbers = p.numbers || !uid || set.saved
	spans, err := p.view.spans(set, uid)
	if err != nil {
		p.err2 = err
	}
	uids := set.uids()
	return criterion{needs: needsPlace, match: func(c *candidate) bool {
		if c.live { // the view has changed since
			return uids.has(c.id)
		}
		i := sort.Search(len(spans), func(i int) bool { return spans[i].to > c.at })
		return i < len(spans) && spans[i].from <= c.at
	}}
}

// flagKey is a key without an argument.
func flagKey(name string) (criterion, bool) {
	flag := func(f mail.Flags, want bool) (criterion, bool) {
		return criterion{needs: needsItem, match: func(c *candidate) bool { return (c.item.Flags&f != 0) == want }}, true
	}
	constant := func(v bool) (criterion, bool) {
		return criterion{needs: needsPlace, match: func(*candidate) bool { return v }}, true
	}
	bare, un := strings.CutPrefix(name, "UN")
	switch bare {
	case "ANSWERED":
		return flag(mail.FlagAnswered, !un)
	case "DELETED":
		return flag(mail.FlagDeleted, !un)
	case "DRAFT":
		return flag(mail.FlagDraft, !un)
	case "SEEN":
		return flag(mail.FlagSeen, !un)
	case "FLAGGED":
		return criterion{needs: needsItem, match: func(c *candidate) bool { return (c.item.FollowUp.Status == mail.FollowUpActive) != un }}, true
	}
	switch name {
	case "ALL", "OLD", "SAVEDATESUPPORTED": // RFC 8514 4.3
		return constant(true)
	case "NEW", "RECENT": // no message is \Recent here
		return constant(false)
	}
	return criterion{}, false
}

// argument takes a key's argument.
func (p *searchParser) argument(name string) criterion {
	switch name {
	case "BCC", "CC", "FROM", "TO", "SUBJECT":
		return inEnvelope(name, fold(p.astring()))
	case "BODY":
		return inText(fold(p.astring()), false)
	case "TEXT":
		return inText(fold(p.astring()), true)
	case "HEADER":
		field := p.astring()
		p.sp()
		return inHeader(field, fold(p.astring()))
	case "KEYWORD", "UNKEYWORD":
		flag := p.flag()
		return criterion{needs: needsItem, match: func(c *candidate) bool { return c.hasFlag(flag) == (name == "KEYWORD") }}
	case "LARGER", "SMALLER":
		n := p.digits(math.MaxInt64 / 10)
		return criterion{needs: needsItem, match: func(c *candidate) bool {
			if name == "LARGER" {
				return c.item.Blob.Size > n
			}
			return c.item.Blob.Size < n
		}}
	case "MODSEQ": // RFC 7162 3.1.5
		return p.modSeq()
	case "BEFORE", "ON", "SINCE":
		day := p.date()
		return criterion{needs: needsItem, match: func(c *candidate) bool { return compareDay(name, time.UnixMilli(c.item.Received).UTC(), day) }}
	case "SAVEDBEFORE", "SAVEDON", "SAVEDSINCE": // RFC 8514 4.3
		day := p.date()
		return criterion{needs: needsItem, match: func(c *candidate) bool {
			return compareDay(strings.TrimPrefix(name, "SAVED"), time.UnixMilli(savedAt(&c.item)).UTC(), day)
		}}
	case "OLDER", "YOUNGER": // RFC 5032
		return p.withinKey(name)
	case "EMAILID", "THREADID": // RFC 8474 6
		id := p.astring()
		if !isObjectID(id) {
			p.fail()
		}
		return criterion{needs: needsItem, match: func(c *candidate) bool {
			if name == "EMAILID" {
				return emailID(&c.item) == id
			}
			return threadID(&c.item) == id
		}}
	case "SENTBEFORE", "SENTON", "SENTSINCE":
		day := p.date()
		return sentOn(strings.TrimPrefix(name, "SENT"), day)
	}
	p.fail()
	return criterion{}
}

// modSeq takes a ModSeq, before which the name of one flag may stand: there is one
// ModSeq for all of them.
func (p *searchParser) modSeq() criterion {
	if p.peek() == '"' {
		p.quoted()
		p.sp()
		switch p.name() {
		case "PRIV", "SHARED", "ALL":
		default:
			p.fail()
		}
		p.sp()
	}
	n := mail.ModSeq(p.digits(maxModSeq))
	p.seqs = true
	return criterion{needs: needsItem, match: func(c *candidate) bool { return c.item.ModSeq >= n }}
}

// withinKey takes the seconds of YOUNGER or OLDER, which count from when a message
// was received.
func (p *searchParser) withinKey(name string) criterion {
	seconds := p.digits(math.MaxUint32)
	if seconds == 0 {
		p.fail()
	}
	p.within = true
	limit := p.now.UnixMilli() - seconds*1000
	return criterion{needs: needsItem, match: func(c *candidate) bool {
		if name == "OLDER" {
			return c.item.Received <= limit
		}
		return c.item.Received >= limit
	}}
}

// savedAt is when a message came into its mailbox, as well as it is known.
func savedAt(it *mail.Item) int64 {
	if it.Saved == 0 {
		return it.Received
	}
	return it.Saved
}

// compareDay compares dates without their times and zones.
func compareDay(how string, t, day time.Time) bool {
	y, m, d := t.Date()
	switch diff := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Compare(day); how {
	case "BEFORE":
		return diff < 0
	case "ON":
		return diff == 0
	default:
		return diff >= 0
	}
}
