package imap

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	goimap "github.com/emersion/go-imap/v2"
)

// capability lists what is there for the client now (RFC 9051 7.2.2): what is
// not done is not named.
func (s *session) capability() string {
	all := []goimap.Cap{goimap.CapIMAP4rev1, goimap.CapIMAP4rev2, goimap.CapLiteralPlus, goimap.CapSASLIR, goimap.CapID, goimap.CapEnable}
	if s.state == goimap.ConnStateNotAuthenticated {
		switch {
		case s.conn.Secure():
			for _, name := range s.visit().Offered() {
				all = append(all, goimap.AuthCap(name))
			}
		case s.srv.cfg.TLS != nil:
			all = append(all, goimap.CapStartTLS, goimap.CapLoginDisabled)
		default:
			all = append(all, goimap.CapLoginDisabled)
		}
	}
	all = append(all, goimap.CapIdle, goimap.CapNamespace, goimap.CapUnselect, goimap.CapUIDPlus, goimap.CapMove, goimap.CapChildren,
		goimap.CapSpecialUse, goimap.CapListExtended, goimap.CapListStatus, goimap.CapStatusSize, goimap.CapESearch, goimap.CapSearchRes, goimap.CapCondStore, goimap.CapQResync,
		goimap.CapSort, goimap.CapSortDisplay, goimap.CapESort, "THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES", "THREAD=REFS",
		"CONTEXT=SEARCH", "CONTEXT=SORT", "PARTIAL", goimap.CapWithin, goimap.CapObjectID, goimap.CapPreview, goimap.CapSaveDate,
		goimap.CapQuota, "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE", goimap.CapBinary, goimap.CapUnauthenticate,
		goimap.CapMultiAppend, goimap.CapCatenate, goimap.CapReplace, goimap.CapUTF8Accept, goimap.CapMetadata,
		goimap.Cap("APPENDLIMIT="+strconv.FormatInt(s.srv.cfg.MaxMessageBytes, 10)))
	if s.shares() {
		all = append(all, goimap.CapACL, "RIGHTS=kxte") // RFC 4314 2.2
	}
	if s.offersApple() {
		all = append(all, "XAPPLEPUSHSERVICE")
	}
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = string(c)
	}
	return strings.Join(words, " ")
}

func (s *session) capabilityCommand(_ context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	s.out.rawf("* CAPABILITY %s\r\n", s.capability())
	return nil
}

func (s *session) noop(_ context.Context, p *parser) error { return p.end() }

func (s *session) logout(_ context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	s.bye("Until next time")
	return nil
}

// id says who we are (RFC 2971). What the client says of itself is read and not
// kept.
func (s *session) id(_ context.Context, p *parser) error {
	p.sp()
	if p.peek() == '(' {
		p.list(true, func() {
			p.string()
			p.sp()
			p.nstring()
		})
	} else {
		p.nstring()
	}
	if err := p.end(); err != nil {
		return err
	}
	s.out.raw(`* ID ("name" "Martlet")` + "\r\n")
	return nil
}

// enable turns on extensions (RFC 9051 6.3.1).
func (s *session) enable(_ context.Context, p *parser) error {
	var on string
	for words := 0; words == 0 || p.peek() == ' '; words++ {
		p.sp()
		name := goimap.Cap(p.atom())
		if p.err != nil {
			return p.err
		}
		for _, known := range []goimap.Cap{goimap.CapIMAP4rev2, goimap.CapCondStore, goimap.CapQResync, goimap.CapUTF8Accept} {
			if strings.EqualFold(string(name), string(known)) && !strings.Contains(on, string(known)) {
				on += " " + string(known)
			}
		}
	}
	if err := p.end(); err != nil {
		return err
	}
	if strings.Contains(on, string(goimap.CapIMAP4rev2)) {
		s.rev2 = true
	}
	s.utf8 = s.utf8 || s.rev2 || strings.Contains(on, string(goimap.CapUTF8Accept))
	s.out.utf8 = s.utf8
	s.qresync = s.qresync || strings.Contains(on, string(goimap.CapQResync))
	s.condstore = s.condstore || s.qresync || strings.Contains(on, string(goimap.CapCondStore))
	s.out.rawf("* ENABLED%s\r\n", on)
	return nil
}

// namespace says where the user's own mail is, that of other users, and what is
// nobody's (RFC 2342).
func (s *session) namespace(_ context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	others, public := "NIL", "NIL"
	if s.srv.cfg.Shares != nil {
		others, public = fmt.Sprintf("((%q %q))", otherUsers+delimiter, delimiter), fmt.Sprintf("((%q %q))", publicFolders+delimiter, delimiter)
	}
	s.out.rawf("* NAMESPACE ((\"\" %q)) %s %s\r\n", delimiter, others, public)
	return nil
}
