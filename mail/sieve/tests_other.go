package sieve

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"time"
)

// stringTest is string (RFC 5229 5).
func stringTest(a *arguments) (test, error) {
	sources, err := a.texts(0)
	if err != nil {
		return nil, err
	}
	keys, err := a.keys(1)
	if err != nil {
		return nil, err
	}
	match := a.match
	return func(m *machine) (bool, error) {
		values, err := m.texts(sources)
		if err != nil {
			return false, err
		}
		if match.how == matchCount { // of those that are not empty
			some := values[:0]
			for _, v := range values {
				if v != "" {
					some = append(some, v)
				}
			}
			values = some
		}
		return m.any(&match, values, keys)
	}, nil
}

// environmentTest is environment (RFC 5183 4).
func environmentTest(a *arguments) (test, error) {
	item, err := a.text(0)
	if err != nil {
		return nil, err
	}
	keys, err := a.keys(1)
	if err != nil {
		return nil, err
	}
	match := a.match
	return func(m *machine) (bool, error) {
		name, err := m.text(&item)
		if err != nil {
			return false, err
		}
		v, ok := m.s.Environment[strings.ToLower(name)]
		if !ok {
			return false, nil
		}
		return m.any(&match, []string{v}, keys)
	}, nil
}

// ihaveTest is ihave (RFC 5463 4). What is there may be used from here on.
func ihaveTest(a *arguments) (test, error) {
	all := true
	for _, l := range a.slots[0].strings {
		if all = all && Knows(l.text); !all {
			break
		}
	}
	if all {
		for _, l := range a.slots[0].strings {
			a.c.enable(l.text)
		}
	}
	return func(*machine) (bool, error) { return all, nil }, nil
}

// spamTest is spamtest (RFC 5235 2.1): from 1, surely no junk, to 10, or as a
// percentage; 0 is not tested.
func spamTest(a *arguments) (test, error) {
	keys, err := a.keys(0)
	if err != nil {
		return nil, err
	}
	match, percent := a.match, a.has("percent")
	return func(m *machine) (bool, error) {
		value := 0
		if m.msg.Spam.Tested {
			value = m.msg.Spam.Percent
			if !percent {
				value = 1 + value*9/100
			}
		} else if match.how == matchCount { // RFC 5235 2.1: nothing counts as nothing
			return m.any(&match, nil, keys)
		}
		return m.any(&match, []string{strconv.Itoa(value)}, keys)
	}, nil
}

// virusTest is virustest (RFC 5235 2.2).
func virusTest(a *arguments) (test, error) {
	keys, err := a.keys(0)
	if err != nil {
		return nil, err
	}
	match := a.match
	return func(m *machine) (bool, error) {
		return m.any(&match, []string{strconv.Itoa(m.msg.Virus)}, keys)
	}, nil
}

// mailboxExistsTest is mailboxexists (RFC 5490 3.1).
func mailboxExistsTest(a *arguments) (test, error) {
	names, err := a.texts(0)
	if err != nil {
		return nil, err
	}
	return func(m *machine) (bool, error) {
		all, err := m.texts(names)
		if err != nil || m.s.MailboxExists == nil {
			return false, err
		}
		for _, name := range all {
			if yes, err := m.s.MailboxExists(name); !yes || err != nil {
				return false, err
			}
		}
		return true, nil
	}, nil
}

// specialUseTest is specialuse_exists (RFC 8579 3.1).
func specialUseTest(a *arguments) (test, error) {
	mailbox, err := a.texts(0)
	if err != nil {
		return nil, err
	}
	attributes, err := a.texts(1)
	if err != nil {
		return nil, err
	}
	return func(m *machine) (bool, error) {
		name := ""
		if mailbox != nil {
			var err error
			if name, err = m.text(&mailbox[0]); err != nil {
				return false, err
			}
		}
		all, err := m.texts(attributes)
		if err != nil || m.s.SpecialUse == nil {
			return false, err
		}
		for _, attribute := range all {
			if yes, err := m.s.SpecialUse(name, attribute); !yes || err != nil {
				return false, err
			}
		}
		return true, nil
	}, nil
}

// Duplicate is something that a script remembers of messages (RFC 7352).
type Duplicate struct {
	ID  [sha256.Size]byte // of the handle and what is unique of the message
	For time.Duration     // how long it is remembered
	// Again says that the time begins anew each time.
	Again bool
}

// Limits of what is remembered.
const (
	defaultDuplicate = 7 * 24 * time.Hour
	maxDuplicate     = 90 * 24 * time.Hour
)

// duplicateTest is duplicate (RFC 7352 3).
func duplicateTest(a *arguments) (test, error) {
	which, err := a.only("header", "uniqueid")
	if err != nil {
		return nil, err
	}
	handle, _, err := a.tagText("handle")
	if err != nil {
		return nil, err
	}
	source, _, err := a.tagText(which)
	if err != nil {
		return nil, err
	}
	d := Duplicate{For: defaultDuplicate, Again: a.has("last")}
	if a.has("seconds") {
		d.For = time.Duration(min(a.number("seconds", 0), uint64(maxDuplicate/time.Second))) * time.Second
	}
	return func(m *machine) (bool, error) {
		unique, err := m.text(&source)
		if err != nil {
			return false, err
		}
		if which != "uniqueid" {
			if which == "" {
				unique = "message-id"
			}
			fields := m.header.named(unique)
			if len(fields) == 0 {
				return false, nil
			}
			unique = fields[0].text()
		}
		h, err := m.text(&handle)
		if err != nil || unique == "" {
			return false, err
		}
		one := d
		one.ID = sha256.Sum256([]byte(strconv.Itoa(len(h)) + " " + h + unique))
		return m.duplicate(one)
	}, nil
}

// duplicate asks whether something came before, and has it remembered. In one run
// the answer stays the same.
func (m *machine) duplicate(d Duplicate) (seen bool, err error) {
	if m.s.Seen != nil {
		if seen, err = m.s.Seen(d); err != nil {
			return false, err
		}
	}
	for i := range m.duplicates {
		if m.duplicates[i].ID == d.ID {
			m.duplicates[i] = d
			return seen, nil
		}
	}
	if !seen || d.Again {
		m.duplicates = append(m.duplicates, d)
	}
	return seen, nil
}
