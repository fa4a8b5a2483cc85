package sieve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"martlet/mail/message"
)

// Message is what a script looks at. Nothing of it is changed.
type Message struct {
	Raw   []byte
	Index *message.Index
	From  string // the envelope's sender, without brackets
	To    string // the envelope's recipient, as the sender wrote it

	Spam Spam
	// Virus is from 1, surely none, to 5, surely one; zero: nobody has looked (RFC
	// 5235 2.2).
	Virus int
}

// Spam is what is thought of the message.
type Spam struct {
	Tested  bool
	Percent int // 0 is surely no junk, 100 surely junk
}

// Surroundings are what a script may ask about besides the message. Any of the
// functions may be nil; then there is nothing of the kind.
type Surroundings struct {
	Now  time.Time
	Zone *time.Location // the user's; nil: that of Now
	// Environment is what RFC 5183 names, as "domain", "host", "remote-ip".
	Environment map[string]string

	// MailboxExists tells whether messages can be put into a mailbox (RFC 5490
	// 3.1), SpecialUse whether it has an attribute as "\Junk" (RFC 8579 3.1);
	// there, an empty name is any mailbox.
	MailboxExists func(name string) (bool, error)
	SpecialUse    func(name, attribute string) (bool, error)
	// Seen tells whether something of the kind came before (RFC 7352).
	Seen func(Duplicate) (bool, error)
	// Include is another script (RFC 6609); nil, if there is none.
	Include func(name string, global bool) (*Script, error)
	// NotifyMethod tells whether a method of notification can be used (RFC 5435
	// 4), beside mailto.
	NotifyMethod func(uri string) bool
}

// Result is what a script wants to be done, in order.
type Result struct {
	Actions []Action
	// Duplicates are to be remembered once all actions are done.
	Duplicates []Duplicate
	// Work is how much there was, of at most MaxWork.
	Work int
}

// MaxWork is the most work that a run may be.
const MaxWork = maxWork

// machine runs one script over one message.
type machine struct {
	ctx context.Context
	msg *Message
	s   *Surroundings

	work     int
	header   header
	body     *bodyTexts
	vars     map[string]string // of the script that runs
	globals  map[string]string
	captures []string
	patterns int
	flags    []string // the internal variable (RFC 5232 3)

	actions    []Action
	implicit   bool // the message is kept unless something took that away
	duplicates []Duplicate
	included   map[string]bool
	includes   int
	depth      int
}

// Run runs the script. If it fails, the result is what has to be done then: the
// message is kept as it came (RFC 5228 2.10.6). The error is an *Error with the
// place where it failed, or that of the context.
func (s *Script) Run(ctx context.Context, msg *Message, around *Surroundings) (Result, error) {
	m := &machine{ctx: ctx, msg: msg, s: around, vars: map[string]string{}, globals: map[string]string{}, implicit: true, included: map[string]bool{}}
	m.header.read(msg)
	err := m.block(s.body)
	if errors.Is(err, errStop) || errors.Is(err, errReturn) {
		err = nil
	}
	if err != nil {
		return Result{Actions: []Action{Keep{}}, Work: m.work}, err
	}
	if m.implicit {
		m.actions = append(m.actions, Keep{Flags: m.flags, Header: m.header.edited(msg), Implicit: true})
	}
	return Result{Actions: m.actions, Duplicates: m.duplicates, Work: m.work}, nil
}

// spend counts work.
func (m *machine) spend(n int) error {
	if m.work += n; m.work > maxWork || m.work < 0 {
		return fmt.Errorf("%w for one message", ErrLimit)
	}
	if m.work&0xff < n { // now and then
		return m.ctx.Err()
	}
	return nil
}

// look counts looking at so many bytes of text.
func (m *machine) look(n int) error { return m.spend((n + workBytes - 1) / workBytes) }

func (m *machine) block(b block) error {
	for _, s := range b {
		if err := s(m); err != nil {
			return err
		}
	}
	return nil
}

// text is a text with its variables filled in.
func (m *machine) text(t *text) (string, error) {
	if t.pieces == nil {
		return t.constant, nil
	}
	var b strings.Builder
	for _, p := range t.pieces {
		switch {
		case p.number:
			if p.capture < len(m.captures) {
				b.WriteString(m.captures[p.capture])
			}
		case p.global:
			b.WriteString(m.globals[p.variable])
		case p.variable != "":
			b.WriteString(m.value(p.variable))
		default:
			b.WriteString(p.constant)
		}
		if b.Len() > maxText {
			return "", fmt.Errorf("%w: a text of more than %d bytes", ErrLimit, maxText)
		}
	}
	return b.String(), m.look(b.Len())
}

func (m *machine) texts(all []text) ([]string, error) {
	out := make([]string, len(all))
	for i := range all {
		var err error
		if out[i], err = m.text(&all[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// globalMark is the value of a variable that stands for a global one (RFC 6609
// 3.4).
const globalMark = "\x00global"

// value is that of a variable, empty for one that was never set.
func (m *machine) value(name string) string {
	v := m.vars[name]
	if v == globalMark {
		return m.globals[name]
	}
	return v
}

// set gives a variable a value, cut if it is too long.
func (m *machine) set(name, value string, global bool) error {
	value = cut(strings.ReplaceAll(value, "\x00", ""), maxVariable)
	vars := m.vars
	if global || vars[name] == globalMark {
		vars = m.globals
	}
	if _, ok := vars[name]; !ok && len(m.vars)+len(m.globals) >= maxVariables {
		return fmt.Errorf("%w: more than %d variables", ErrLimit, maxVariables)
	}
	vars[name] = value
	return nil
}

// cut cuts a text at a character, at most n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// act notes an action.
func (m *machine) act(a Action) error {
	if len(m.actions) >= maxActions {
		return fmt.Errorf("%w: more than %d actions", ErrLimit, maxActions)
	}
	for i, other := range m.actions {
		if err := conflict(other, a); err != nil {
			return err
		}
		if same(other, a) { // once is enough (RFC 5228 2.10.3); the last flags count
			m.actions[i] = a
			return nil
		}
	}
	m.actions = append(m.actions, a)
	return nil
}
