package directory

import (
	"fmt"
	"maps"
	"slices"
)

// validate checks the state that would come about as a whole: it may not hold
// an address twice, nor one that leads nowhere.
func (p *planner) validate() {
	accounts := p.validateUsers()
	all := p.validateGroups(accounts)
	p.validateBookings(all)
	for _, name := range slices.Sorted(maps.Keys(p.want.domains)) {
		c := p.want.domains[name].CatchAll
		if c != "" && all[keyOf(c)] == "" {
			p.reject(fmt.Errorf("%w: catch-all %s", ErrNoAddress, c), "domain "+name, "catch_all")
		}
	}
	for _, k := range sortedKeys(p.want.delegates) {
		g := p.want.delegates[k]
		if _, ok := p.want.accounts[k.delegate]; !ok {
			p.reject(fmt.Errorf("%w: %s is nobody's login", ErrNoAccount, g.Delegate), "delegation "+k.String(), "delegate")
		}
		_, user := p.want.accounts[k.owner]
		if _, group := p.want.groups[k.owner]; !user && !group {
			p.reject(fmt.Errorf("%w: %s is neither a login nor a group", ErrNoAccount, g.Owner), "delegation "+k.String(), "owner")
		}
	}
	p.validateContacts(all)
}

// validateBookings refuses resources that name somebody who is not here.
func (p *planner) validateBookings(owner map[addressKey]string) {
	for _, k := range slices.Sorted(maps.Keys(p.want.accounts)) {
		b := p.want.accounts[k].Booking
		if b.Decision == DecideDelegates && len(b.Delegates) == 0 {
			p.reject(fmt.Errorf("%w: delegates decide, and there are none", ErrBadValue), "user "+string(k), "booking")
		}
		for _, list := range []struct {
			key string
			of  []string
		}{{"delegates", b.Delegates}, {"may_book", b.Bookers}} {
			for j, s := range list.of {
				if owner[keyOf(s)] == "" {
					p.reject(fmt.Errorf("%w: %s; only users and groups of this directory", ErrNoAddress, s), "user "+string(k), list.key, j)
				}
			}
		}
	}
}

// validateUsers returns who has which address.
func (p *planner) validateUsers() map[addressKey]string {
	owner := map[addressKey]string{}
	for _, k := range slices.Sorted(maps.Keys(p.want.accounts)) {
		a := p.want.accounts[k]
		who := "user " + string(k)
		for i, s := range addressesOf(&a) {
			path := []any{"login"}
			if i > 0 {
				path = []any{"aliases", i - 1}
			}
			p.validateDomain(s, who, path...)
			p.claim(owner, s, who, path...)
		}
	}
	return owner
}

func (p *planner) validateDomain(s, who string, path ...any) {
	a, err := parseAddress(s)
	if err != nil {
		p.reject(err, who, path...)
		return
	}
	if _, ok := p.want.domains[a.domain]; !ok {
		p.reject(fmt.Errorf("%w: %s: add [[domain]] name = %q", ErrNoDomain, s, a.domain), who, path...)
	}
}

// claim gives an address to one of those who want it. When the file gives to
// one what the store has given to another, the file is told.
func (p *planner) claim(owner map[addressKey]string, s, who string, path ...any) {
	k := keyOf(s)
	other := owner[k]
	if other == "" {
		owner[k] = who
		return
	}
	if p.origin[who] == nil && p.origin[other] != nil {
		who, other, path = other, who, nil
	}
	p.reject(fmt.Errorf("%w: %s belongs to %s", ErrExists, s, other), who, path...)
}

func (p *planner) validateGroups(owner map[addressKey]string) map[addressKey]string {
	keys := slices.Sorted(maps.Keys(p.want.groups))
	for _, k := range keys {
		s := p.want.groups[k].Address
		p.validateDomain(s, "group "+string(k), "address")
		p.claim(owner, s, "group "+string(k), "address")
	}
	for _, k := range keys {
		for j, m := range p.want.groups[k].Members {
			if owner[keyOf(m)] == "" {
				p.reject(fmt.Errorf("%w: %s; a group's members are users and groups of this directory", ErrNoAddress, m), "group "+string(k), "members", j)
			}
		}
	}
	if !p.findLoops(keys) {
		p.findLarge(keys, owner)
	}
	return owner
}

// findLoops refuses a group that lies within itself, and a chain of groups
// longer than a delivery would follow.
func (p *planner) findLoops(keys []addressKey) (found bool) {
	done := map[addressKey]bool{}
	above := map[addressKey]bool{}
	var walk func(k addressKey) bool
	walk = func(k addressKey) bool {
		if above[k] || len(above) > maxGroups {
			return false
		}
		if done[k] {
			return true
		}
		above[k] = true
		defer delete(above, k)
		for _, m := range p.want.groups[k].Members {
			if _, ok := p.want.groups[keyOf(m)]; ok && !walk(keyOf(m)) {
				return false
			}
		}
		done[k] = true
		return true
	}
	for _, k := range keys {
		if !done[k] && !walk(k) {
			p.reject(fmt.Errorf("%w: the group lies within itself", ErrBadValue), "group "+string(k), "members")
			return true
		}
	}
	return false
}

// findLarge refuses a group of which expand would say that it is too large: who
// asks for its members would get no answer, whatever it is for. There are no
// loops.
func (p *planner) findLarge(keys []addressKey, owner map[addressKey]string) {
	type size struct{ people, groups int }
	sizes := map[addressKey]size{} // where who is there twice counts twice
	var atMost func(k addressKey) size
	atMost = func(k addressKey) size {
		s, known := sizes[k]
		if known {
			return s
		}
		s.groups = 1
		for _, m := range p.want.groups[k].Members {
			if _, ok := p.want.groups[keyOf(m)]; !ok {
				s.people++
				continue
			}
			within := atMost(keyOf(m))
			s.people, s.groups = min(s.people+within.people, maxMembers+1), min(s.groups+within.groups, maxGroups+1)
		}
		sizes[k] = s
		return s
	}
	for _, k := range keys {
		if s := atMost(k); (s.people > maxMembers || s.groups > maxGroups) && p.tooLarge(k, owner) {
			p.reject(errTooManyMembers, "group "+string(k), "members")
		}
	}
}

// tooLarge counts everybody in a group once, as expand does.
func (p *planner) tooLarge(k addressKey, owner map[addressKey]string) bool {
	people, groups := map[string]bool{}, map[addressKey]bool{k: true}
	open := []addressKey{k}
	for len(open) > 0 {
		for _, m := range p.want.groups[open[0]].Members {
			m := keyOf(m)
			if _, ok := p.want.groups[m]; !ok {
				people[owner[m]] = true
			} else if !groups[m] {
				groups[m] = true
				open = append(open, m)
			}
			if len(people) > maxMembers || len(groups) > maxGroups {
				return true
			}
		}
		open = open[1:]
	}
	return false
}

// reject reports what is wrong with an entry: at its place in the file, or by
// its name when only the store has it.
func (p *planner) reject(err error, who string, path ...any) {
	at := p.origin[who]
	if at == nil {
		p.fail(fmt.Errorf("%s in the store: %w", who, err))
		return
	}
	if at[0] == "resource" && len(path) > 0 && path[0] == "login" {
		path = []any{"address"}
	}
	p.fail(err, append(slices.Clone(at), path...)...)
}
