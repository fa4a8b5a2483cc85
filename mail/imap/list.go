package imap

import (
	"slices"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/store"
)

const (
	maxPattern   = 512
	maxWildcards = 20
)

// listArgs is what LIST asks for (RFC 9051 6.3.9).
type listArgs struct {
	ref      string
	patterns []string
	goimap.ListOptions
	status   *statusArgs // STATUS was asked for with it (RFC 5819)
	extended bool        // selection or return options were given
}

// parseList reads the arguments of LIST.
func parseList(p *parser) (a listArgs) {
	p.sp()
	if p.peek() == '(' {
		a.extended = true
		p.list(true, func() { a.selectOption(p) })
		p.sp()
	}
	// RECURSIVEMATCH says nothing of its own (RFC 9051 6.3.9.1).
	if a.SelectRecursiveMatch && !a.SelectSubscribed && !a.SelectSpecialUse {
		p.fail()
	}
	a.ref = p.mailbox()
	p.sp()
	if p.peek() == '(' {
		a.extended = true
		p.list(false, func() { a.patterns = append(a.patterns, p.pattern()) })
	} else {
		a.patterns = []string{p.pattern()}
	}
	if p.peek() == ' ' {
		p.sp()
		if p.name() != "RETURN" {
			p.fail()
		}
		p.sp()
		a.extended = true
		p.list(true, func() { a.returnOption(p) })
	}
	if len(a.patterns) > maxPatterns {
		p.fail()
	}
	return a
}

func (a *listArgs) selectOption(p *parser) {
	switch p.name() {
	case "SUBSCRIBED":
		a.SelectSubscribed, a.ReturnSubscribed = true, true
	case "REMOTE": // there are none elsewhere
		a.SelectRemote = true
	case "RECURSIVEMATCH":
		a.SelectRecursiveMatch = true
	case "SPECIAL-USE":
		a.SelectSpecialUse = true
	default:
		p.fail()
	}
}

func (a *listArgs) returnOption(p *parser) {
	switch p.name() {
	case "SUBSCRIBED":
		a.ReturnSubscribed = true
	case "CHILDREN":
		a.ReturnChildren = true
	case "SPECIAL-USE":
		a.ReturnSpecialUse = true
	case "STATUS": // RFC 5819
		p.sp()
		o := p.statusItems()
		a.status = &o
	default:
		p.fail()
	}
}

// pattern takes a list-mailbox.
func (p *parser) pattern() string {
	s := ""
	if c := p.peek(); c == '"' || c == '{' {
		s = p.string()
	} else {
		s = p.run(isList)
	}
	if len(s) > maxPattern {
		p.fail()
	}
	s = p.mailboxOf(s)
	if strings.Count(s, "*")+strings.Count(s, "%") > maxWildcards {
		p.fail()
	}
	return s
}

// matches tells whether a name matches a pattern: "*" is anything, "%" anything
// without the delimiter (RFC 9051 6.3.9). INBOX matches in any case.
func matches(pattern, name string) bool {
	if name == inbox && match(strings.ToUpper(pattern), name) {
		return true
	}
	return match(canonical(pattern), name)
}

func match(pattern, name string) bool {
	// at[i]: what was read of the name so far is matched by pattern[:i].
	at := make([]bool, len(pattern)+1)
	skip := func() { // a wildcard may be nothing
		for i := range len(pattern) {
			if at[i] && (pattern[i] == '*' || pattern[i] == '%') {
				at[i+1] = true
			}
		}
	}
	at[0] = true
	skip()
	for j := range len(name) {
		c := name[j]
		for i := len(pattern); i > 0; i-- {
			at[i] = at[i-1] && pattern[i-1] == c && c != '*' && c != '%' ||
				at[i] && (pattern[i-1] == '*' || pattern[i-1] == '%' && c != delimiter[0])
		}
		at[0] = false
		skip()
	}
	return at[len(pattern)]
}

// entry is one line that LIST answers.
type entry struct {
	node
	nonexistent bool // only subscribed to
	subscribed  bool
	below       bool // something below it is subscribed to
}

// entries are all names that there are, with what is known of them.
func (s *session) entries(tx *store.Tx) ([]entry, error) {
	nodes, err := s.tree(tx)
	if err != nil {
		return nil, err
	}
	said, err := s.srv.names.all(tx, s.box)
	if err != nil {
		return nil, err
	}
	var all []entry
	for _, n := range nodes {
		v := said[n.name]
		delete(said, n.name)
		if n.shown {
			all = append(all, entry{node: n, subscribed: v == subscribed || v == 0 && !n.noselect})
		}
	}
	for name, v := range said {
		if v == subscribed {
			all = append(all, entry{node: node{name: name, noselect: true}, nonexistent: true, subscribed: true})
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int {
		if (a.name == inbox) != (b.name == inbox) {
			if a.name == inbox {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	above := map[string]bool{}
	for _, e := range all {
		if e.subscribed {
			for parent, _ := splitName(e.name); parent != "" && !above[parent]; parent, _ = splitName(parent) {
				above[parent] = true
			}
		}
	}
	for i := range all {
		all[i].below = above[all[i].name]
	}
	return all, nil
}

// attributes are those of a LIST response (RFC 9051 7.3.1).
func (e *entry) attributes(o *goimap.ListOptions) string {
	var all []string
	add := func(a goimap.MailboxAttr) { all = append(all, string(a)) }
	switch {
	case e.nonexistent:
		add(goimap.MailboxAttrNonExistent)
	case e.noselect:
		add(goimap.MailboxAttrNoSelect)
	}
	if !e.nonexistent {
		if e.children {
			add(goimap.MailboxAttrHasChildren)
		} else {
			add(goimap.MailboxAttrHasNoChildren)
		}
	}
	if o.ReturnSubscribed && e.subscribed {
		add(goimap.MailboxAttrSubscribed)
	}
	if use := specialUse(e.Role); use != "" {
		add(use)
	}
	return strings.Join(all, " ")
}
