package sieve

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"martlet/mail"
)

// Action is something that a script wants to be done: Keep, FileInto, Redirect,
// Discard, Reject, Vacation or Notify. Header, where there is one, is the
// message's header as the script had edited it by then, with the empty line
// behind it; nil: it is unchanged.
type Action interface{ action() }

// Keep puts the message where it goes without rules (RFC 5228 4.3).
type Keep struct {
	Flags    []string // of IMAP (RFC 5232)
	Header   []byte
	Implicit bool // nothing has said so
}

// FileInto puts the message into a mailbox (RFC 5228 4.1).
type FileInto struct {
	Mailbox    string
	SpecialUse string // the mailbox with this attribute goes before Mailbox (RFC 8579 4)
	Create     bool   // Mailbox is made if it is not there (RFC 5490 3.2)
	Flags      []string
	Header     []byte
}

// Redirect sends the message to somebody else (RFC 5228 4.2).
type Redirect struct {
	Address string
	Header  []byte
}

// Discard drops the message (RFC 5228 4.4).
type Discard struct{}

// Reject gives the message back to its sender (RFC 5429).
type Reject struct {
	Text     string
	Protocol bool // the sender's server is told, if it is still there (ereject)
}

// Vacation tells the sender something, once in a while (RFC 5230).
type Vacation struct {
	Text      string // with MIME a whole entity: its header, too
	MIME      bool
	Subject   string // empty: one that is made from the message's
	From      string // empty: the user's own
	Addresses []string
	Handle    string // what the answer is remembered by
	Every     time.Duration
}

// Notify tells the user something by other ways (RFC 5435).
type Notify struct {
	Method     string // a URI
	From       string
	Importance int // 1 high, 2, 3 low
	Options    []string
	Message    string
}

func (Keep) action()     {}
func (FileInto) action() {}
func (Redirect) action() {}
func (Discard) action()  {}
func (Reject) action()   {}
func (Vacation) action() {}
func (Notify) action()   {}

// conflict refuses actions that exclude each other (RFC 5429 2.4, RFC 5230 4.7).
func conflict(a, b Action) error {
	_, reject := a.(Reject)
	_, again := b.(Reject)
	if !reject && !again {
		if _, one := a.(Vacation); one {
			if _, two := b.(Vacation); two {
				return errors.New("vacation answers a message only once")
			}
		}
		return nil
	}
	if reject && again {
		return errors.New("a message is rejected only once")
	}
	if reject {
		a, b = b, a
	}
	switch a.(type) {
	case Keep, FileInto, Redirect, Vacation:
		return errors.New("a message that is rejected is not kept, filed, redirected or answered")
	}
	return nil
}

// same tells whether two actions do the same.
func same(a, b Action) bool {
	switch a := a.(type) {
	case Keep:
		_, ok := b.(Keep)
		return ok
	case Discard:
		_, ok := b.(Discard)
		return ok
	case FileInto:
		b, ok := b.(FileInto)
		return ok && a.Mailbox == b.Mailbox && a.SpecialUse == b.SpecialUse
	case Redirect:
		b, ok := b.(Redirect)
		return ok && strings.EqualFold(a.Address, b.Address)
	}
	return false
}

func keep(a *arguments) (statement, error) {
	flags, err := a.tagTexts("flags")
	if err != nil {
		return nil, err
	}
	given := a.has("flags")
	return func(m *machine) error {
		f, err := m.flagsOf(flags, given)
		if err != nil {
			return err
		}
		m.implicit = false
		return m.act(Keep{Flags: f, Header: m.header.edited(m.msg)})
	}, nil
}

func discard(*arguments) (statement, error) {
	return func(m *machine) error {
		m.implicit = false
		return m.act(Discard{})
	}, nil
}

func fileInto(a *arguments) (statement, error) {
	mailbox, err := a.text(0)
	if err != nil {
		return nil, err
	}
	flags, err := a.tagTexts("flags")
	if err != nil {
		return nil, err
	}
	use, _, err := a.tagText("specialuse")
	if err != nil {
		return nil, err
	}
	given, copied, create := a.has("flags"), a.has("copy"), a.has("create")
	return func(m *machine) (err error) {
		f := FileInto{Create: create, Header: m.header.edited(m.msg)}
		if f.Mailbox, err = m.text(&mailbox); err != nil {
			return err
		}
		if f.SpecialUse, err = m.text(&use); err != nil {
			return err
		}
		if f.Flags, err = m.flagsOf(flags, given); err != nil {
			return err
		}
		m.implicit = m.implicit && copied
		return m.act(f)
	}, nil
}

func redirect(a *arguments) (statement, error) {
	address, err := a.text(0)
	if err != nil {
		return nil, err
	}
	if address.pieces == nil {
		if _, err := mail.ParseAddress(address.constant); err != nil {
			return nil, a.slots[0].at.errorf("%q is not an address", address.constant)
		}
	}
	copied := a.has("copy")
	return func(m *machine) error {
		s, err := m.text(&address)
		if err != nil {
			return err
		}
		to, err := mail.ParseAddress(s)
		if err != nil {
			return fmt.Errorf("%q is not an address", s)
		}
		m.implicit = m.implicit && copied
		if err := m.act(Redirect{Address: to, Header: m.header.edited(m.msg)}); err != nil {
			return err
		}
		n := 0
		for _, other := range m.actions {
			if _, ok := other.(Redirect); ok {
				n++
			}
		}
		if n > MaxRedirects {
			return fmt.Errorf("%w: a message is redirected to at most %d addresses", ErrLimit, MaxRedirects)
		}
		return nil
	}, nil
}

// reject is reject and ereject (RFC 5429 2.1 and 2.2).
func reject(protocol bool) func(*arguments) (statement, error) {
	return func(a *arguments) (statement, error) {
		reason, err := a.text(0)
		if err != nil {
			return nil, err
		}
		return func(m *machine) error {
			s, err := m.text(&reason)
			if err != nil {
				return err
			}
			m.implicit = false
			return m.act(Reject{Text: s, Protocol: protocol})
		}, nil
	}
}
