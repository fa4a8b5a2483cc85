package imap

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"martlet/mail"
	"martlet/store"
)

// A mailbox has one quota root, which has no name. What is in another's folders
// counts for that other, and is nobody else's to know (RFC 9208).

// getQuota answers GETQUOTA (RFC 9208 4.1.1).
func (s *session) getQuota(ctx context.Context, p *parser) error {
	p.sp()
	root := p.astring()
	if err := p.end(); err != nil {
		return err
	}
	if root != "" {
		return no("NONEXISTENT", "There is no such quota root")
	}
	return s.srv.cfg.Store.View(ctx, s.tellQuota)
}

// getQuotaRoot answers GETQUOTAROOT (RFC 9208 4.1.2).
func (s *session) getQuotaRoot(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	if err := p.end(); err != nil {
		return err
	}
	return s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		n, err := s.findFolder(tx, name)
		// One that is yet to be made will be the session's own.
		if err != nil && !errors.Is(err, mail.ErrNoFolder) {
			return err
		}
		s.out.raw("* QUOTAROOT ").string(s.encodeName(canonical(name)))
		if !n.Link.IsZero() {
			s.out.raw("\r\n")
			return nil
		}
		s.out.raw(" \"\"\r\n")
		return s.tellQuota(tx)
	})
}

// tellQuota writes how much is used of what (RFC 9208 4.2.1). What has no limit is
// left out.
func (s *session) tellQuota(tx *store.Tx) error {
	used, err := s.srv.cfg.Mailboxes.Usage(tx, s.box)
	if err != nil {
		return err
	}
	limits, err := s.srv.cfg.Mailboxes.Limits(tx, s.box)
	if err != nil {
		return err
	}
	var all []string
	add := func(resource string, used, limit uint64) {
		if limit != 0 {
			all = append(all, resource+" "+strconv.FormatUint(used, 10)+" "+strconv.FormatUint(limit, 10))
		}
	}
	const unit = 1024 // octets: RFC 9208 5.1
	add("STORAGE", (used.Bytes+unit-1)/unit, limits.Bytes/unit)
	add("MESSAGE", used.Items, limits.Items)
	s.out.raw(`* QUOTA "" (`).raw(strings.Join(all, " ")).raw(")\r\n")
	return nil
}

// unauthenticate answers UNAUTHENTICATE (RFC 8437): the session is what it was
// before the login, but for its TLS.
func (s *session) unauthenticate(_ context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	s.Ended()
	fresh := newSession(s.srv, s.conn)
	fresh.greeted, fresh.tag, fresh.errors = true, s.tag, s.errors
	fresh.out.buf = s.out.buf
	*s = *fresh
	s.conn.Pending = s.send
	return nil
}
