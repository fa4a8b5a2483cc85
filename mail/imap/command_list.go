package imap

import (
	"context"
	"slices"
	"strconv"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
	"martlet/store"
)

// list answers LIST (RFC 9051 6.3.9).
func (s *session) list(ctx context.Context, p *parser) error {
	a := parseList(p)
	if err := p.end(); err != nil {
		return err
	}
	if !a.extended && a.patterns[0] == "" {
		s.out.rawf("* LIST (\\Noselect) %q \"\"\r\n", delimiter)
		return nil
	}
	return s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		all, err := s.entries(tx)
		if err != nil {
			return err
		}
		for i := range all {
			e := &all[i]
			if !a.wants(e) {
				continue
			}
			s.out.rawf("* LIST (%s) %q ", e.attributes(&a.ListOptions), delimiter).string(s.encodeName(e.name))
			if a.SelectRecursiveMatch && a.SelectSubscribed && e.below {
				s.out.raw(` ("CHILDINFO" ("SUBSCRIBED"))`)
			}
			s.out.raw("\r\n")
			if a.status != nil && !e.noselect {
				if err := s.tellStatus(tx, e.node, a.status); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// wants tells whether LIST names an entry.
func (a *listArgs) wants(e *entry) bool {
	switch {
	case !slices.ContainsFunc(a.patterns, func(pattern string) bool { return matches(a.ref+pattern, e.name) }):
		return false
	case a.SelectSubscribed && !e.subscribed:
		return a.SelectRecursiveMatch && e.below && !a.SelectSpecialUse
	case a.SelectSpecialUse:
		return specialUse(e.Role) != ""
	}
	return a.SelectSubscribed || !e.nonexistent
}

// lsub answers LSUB (RFC 3501 6.3.9).
func (s *session) lsub(ctx context.Context, p *parser) error {
	p.sp()
	ref := p.mailbox()
	p.sp()
	pattern := ref + p.pattern()
	if err := p.end(); err != nil {
		return err
	}
	return s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		all, err := s.entries(tx)
		if err != nil {
			return err
		}
		for i := range all {
			e := &all[i]
			attributes := ""
			switch {
			case !matches(pattern, e.name):
				continue
			case e.nonexistent || e.noselect && e.subscribed:
				attributes = string(goimap.MailboxAttrNoSelect)
			case e.subscribed:
			case e.below && strings.HasSuffix(pattern, "%"):
				attributes = string(goimap.MailboxAttrNoSelect)
			default:
				continue
			}
			s.out.rawf("* LSUB (%s) %q ", attributes, delimiter).string(s.encodeName(e.name)).raw("\r\n")
		}
		return nil
	})
}

// statusArgs is what STATUS asks for.
type statusArgs struct {
	goimap.StatusOptions
	mailboxID      bool // RFC 8474 4.2
	deletedStorage bool // RFC 9208 4.1.4
}

// statusItems takes what STATUS asks for.
func (p *parser) statusItems() (o statusArgs) {
	p.list(false, func() {
		switch p.name() {
		case "MESSAGES":
			o.NumMessages = true
		case "RECENT": // RFC 3501 6.3.10
			o.NumRecent = true
		case "UIDNEXT":
			o.UIDNext = true
		case "UIDVALIDITY":
			o.UIDValidity = true
		case "UNSEEN":
			o.NumUnseen = true
		case "DELETED":
			o.NumDeleted = true
		case "DELETED-STORAGE": // RFC 9208 4.1.4
			o.deletedStorage = true
		case "SIZE":
			o.Size = true
		case "HIGHESTMODSEQ": // RFC 7162 3.1.7
			o.HighestModSeq = true
		case "APPENDLIMIT": // RFC 7889
			o.AppendLimit = true
		case "MAILBOXID": // RFC 8474 4.2
			o.mailboxID = true
		default:
			p.fail()
		}
	})
	return o
}

// status answers STATUS (RFC 9051 6.3.11).
func (s *session) status(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	p.sp()
	o := p.statusItems()
	if err := p.end(); err != nil {
		return err
	}
	s.condstore = s.condstore || o.HighestModSeq
	return s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		n, err := s.findFolder(tx, name)
		if err != nil {
			return err
		}
		return s.tellStatus(tx, n, &o)
	})
}

// tellStatus writes a STATUS response (RFC 9051 7.3.4).
func (s *session) tellStatus(tx *store.Tx, n node, o *statusArgs) error {
	var all []string
	add := func(wanted bool, name string, value uint64) {
		if wanted {
			all = append(all, name+" "+strconv.FormatUint(value, 10))
		}
	}
	last, err := s.srv.cfg.Mailboxes.LastIn(tx, s.box, n.ID)
	if err != nil {
		return err
	}
	deleted, size := uint64(0), uint64(0)
	if o.NumDeleted || o.deletedStorage {
		for it, err := range s.srv.cfg.Mailboxes.Items(tx, s.box, n.ID, 0) {
			if err != nil {
				return err
			}
			if it.Flags&mail.FlagDeleted != 0 {
				deleted++
				size += uint64(it.Blob.Size)
			}
		}
	}
	add(o.NumMessages, "MESSAGES", uint64(n.Items))
	add(o.NumRecent, "RECENT", 0)
	add(o.UIDNext, "UIDNEXT", uint64(last)+1)
	add(o.UIDValidity, "UIDVALIDITY", uint64(s.uidValidity(n.ID)))
	add(o.NumUnseen, "UNSEEN", uint64(n.Unread))
	add(o.NumDeleted, "DELETED", deleted)
	add(o.deletedStorage, "DELETED-STORAGE", size)
	add(o.Size, "SIZE", n.Bytes)
	add(o.HighestModSeq, "HIGHESTMODSEQ", uint64(highest(n.Highest)))
	add(o.AppendLimit, "APPENDLIMIT", uint64(s.srv.cfg.MaxMessageBytes))
	if o.mailboxID {
		all = append(all, "MAILBOXID ("+s.mailboxID(&n.Folder)+")")
	}
	s.out.raw("* STATUS ").string(s.encodeName(n.name)).raw(" (").raw(strings.Join(all, " ")).raw(")\r\n")
	return nil
}
