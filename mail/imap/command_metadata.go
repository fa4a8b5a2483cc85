package imap

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"martlet/store"
)

// metadataArgs is what GETMETADATA asks for.
type metadataArgs struct {
	maxSize int64 // of values that are shown
	depth   int   // 0: the entries, 1: those just below them too, 2: all below them
	entries []string
}

// options takes MAXSIZE and DEPTH (RFC 5464 4.2.1, 4.2.2).
func (a *metadataArgs) options(p *parser) {
	p.list(false, func() {
		switch p.name() {
		case "MAXSIZE":
			p.sp()
			a.maxSize = p.digits(math.MaxUint32)
		case "DEPTH":
			p.sp()
			switch p.name() {
			case "0":
				a.depth = 0
			case "1":
				a.depth = 1
			case "INFINITY":
				a.depth = 2
			default:
				p.fail()
			}
		default:
			p.fail()
		}
	})
}

func (p *parser) annotation() string {
	name, ok := annotationName(p.astring())
	if !ok {
		p.fail()
	}
	return name
}

// getMetadata answers GETMETADATA (RFC 5464 4.2).
func (s *session) getMetadata(ctx context.Context, p *parser) error {
	a := metadataArgs{maxSize: math.MaxInt64}
	p.sp()
	if p.peek() == '(' {
		a.options(p)
		p.sp()
	}
	name := p.mailbox()
	p.sp()
	if p.peek() == '(' {
		p.list(false, func() {
			if a.entries = append(a.entries, p.annotation()); len(a.entries) > maxItems {
				p.fail()
			}
		})
	} else {
		a.entries = []string{p.annotation()}
	}
	if err := p.end(); err != nil {
		return err
	}
	longest := 0
	err := s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		at, err := s.annotated(tx, name)
		if err != nil {
			return err
		}
		found, err := s.annotations(tx, at, &a)
		if err == nil {
			longest = s.tellMetadata(name, found, &a)
		}
		return err
	})
	if err == nil && longest > 0 { // RFC 5464 4.2.1
		return ok("METADATA LONGENTRIES "+strconv.Itoa(longest), "GETMETADATA completed")
	}
	return err
}

// annotated is an annotation that is asked for; a nil value: there is none.
type annotated struct {
	name  string
	value []byte
}

func (s *session) annotations(tx *store.Tx, at place, a *metadataArgs) (found []annotated, err error) {
	values := map[string][]byte{}
	for _, under := range []string{privateAnnotations, sharedAnnotations} {
		err := s.srv.notes.of(tx, at.key(under), func(name string, value []byte) { values[name] = value })
		if err != nil {
			return nil, err
		}
	}
	wanted := func(name string) bool {
		return slices.ContainsFunc(a.entries, func(e string) bool {
			below, is := strings.CutPrefix(name, e+"/")
			return name == e || is && (a.depth == 2 || a.depth == 1 && !strings.Contains(below, "/"))
		})
	}
	for name, value := range values {
		if wanted(name) {
			found = append(found, annotated{name, value})
		}
	}
	if a.depth == 0 {
		for _, e := range a.entries {
			if _, there := values[e]; !there {
				found = append(found, annotated{name: e})
			}
		}
	}
	slices.SortFunc(found, func(x, y annotated) int { return strings.Compare(x.name, y.name) })
	return found, nil
}

// tellMetadata writes a METADATA response with values (RFC 5464 4.4.1). It returns the
// size of the largest value that was left out.
func (s *session) tellMetadata(mailbox string, found []annotated, a *metadataArgs) (longest int) {
	first := true
	for _, f := range found {
		if int64(len(f.value)) > a.maxSize {
			longest = max(longest, len(f.value))
			continue
		}
		if first {
			s.out.raw("* METADATA ").string(s.encodeName(mailbox)).raw(" (")
		} else {
			s.out.raw(" ")
		}
		first = false
		s.out.raw(f.name).raw(" ")
		switch {
		case f.value == nil:
			s.out.raw("NIL")
		default:
			s.out.string(string(f.value))
		}
	}
	if !first {
		s.out.raw(")\r\n")
	}
	return longest
}

// setMetadata answers SETMETADATA (RFC 5464 4.3): all of it or nothing.
func (s *session) setMetadata(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	p.sp()
	var set []annotated
	tooLong := false
	p.list(false, func() {
		e := annotated{name: p.annotation()}
		p.sp()
		p.try('~') // literal8
		if value, isNil := p.nstring(); !isNil {
			e.value = append([]byte{}, value...)
		}
		tooLong = tooLong || len(e.value) > maxAnnotation
		if set = append(set, e); len(set) > maxItems {
			p.fail()
		}
	})
	if err := p.end(); err != nil {
		return err
	}
	if tooLong {
		return no("METADATA MAXSIZE "+strconv.Itoa(maxAnnotation), "The value is too long")
	}
	return s.srv.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		at, err := s.annotated(tx, name)
		if err != nil {
			return err
		}
		for _, e := range set {
			if strings.HasPrefix(e.name, sharedAnnotations) && !at.writes {
				return no("NOPERM", "What is shared here is not yours to change")
			}
			if err := s.srv.notes.set(tx, at.key(e.name), e.value); err != nil {
				return err
			}
		}
		return nil
	})
}
