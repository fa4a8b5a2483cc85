package imap

import (
	"context"
	"errors"
	"slices"
	"time"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
	"martlet/store/blob"
)

// fetch answers FETCH (RFC 9051 6.4.5).
func (s *session) fetch(ctx context.Context, p *parser, uid bool) error {
	set := p.seqSet()
	p.sp()
	a := parseFetch(p)
	if p.try(' ') {
		a.modifiers(p)
	}
	if !uid && (a.vanished || a.partial != nil) || a.vanished && !s.qresync {
		p.fail()
	}
	if err := p.end(); err != nil {
		return err
	}
	s.condstore = s.condstore || a.ModSeq
	a.UID = a.UID || uid || s.qresync
	spans, err := s.fetchSpans(ctx, set, uid, &a)
	if err != nil {
		return err
	}
	missing := false
	err = s.view.chunks(spans, func(ids []mail.ItemID) error {
		found, err := s.fetchChunk(ctx, ids, &a)
		missing = missing || found < len(ids)
		if err == nil {
			err = s.out.err
		}
		return err
	})
	if s.out.err != nil {
		s.done = true
		return reply{}
	}
	if err == nil && missing && !uid {
		return mail.ErrNoItem
	}
	return err
}

// fetchSpans returns the places of the messages that FETCH tells of. With
// CHANGEDSINCE the log says which those are, and which are gone.
func (s *session) fetchSpans(ctx context.Context, set numbers, uid bool, a *fetchArgs) ([]span, error) {
	spans, err := s.view.spans(set, uid)
	if err != nil {
		return nil, err
	}
	if a.ChangedSince != 0 {
		changed, gone, err := s.since(ctx, mail.ModSeq(a.ChangedSince), nil)
		if err != nil {
			return nil, err
		}
		if a.vanished { // RFC 7162 3.2.6
			named := set.uids()
			s.tellVanished(slices.DeleteFunc(gone, func(id mail.ItemID) bool { return !named.has(id) }), true)
		}
		spans = meet(spans, changed)
	}
	if a.partial != nil {
		spans = a.partial.cut(spans)
	}
	return spans, nil
}

// meet returns what two lists of spans, both ascending, have in common.
func meet(a, b []span) (both []span) {
	for len(a) > 0 && len(b) > 0 {
		x := span{max(a[0].from, b[0].from), min(a[0].to, b[0].to)}
		if x.from < x.to {
			both = append(both, x)
		}
		if a[0].to < b[0].to {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}

// cut returns those of the places that the window shows.
func (w *window) cut(spans []span) (shown []span) {
	n := 0
	for _, x := range spans {
		n += x.to - x.from
	}
	from, to := w.of(n)
	n = 0
	for _, x := range spans {
		y := span{x.from + max(from-n, 0), min(x.to, x.from+to-n)}
		if y.from < y.to {
			shown = append(shown, y)
		}
		n += x.to - x.from
	}
	return shown
}

// fetched is one message that FETCH tells of.
type fetched struct {
	item   mail.Item
	index  *message.Index // nil: not needed
	marked bool           // it was marked as seen just now
}

// fetchChunk tells of a few messages and returns how many of them were there.
// Nothing is written while a snapshot is held: the client may be slow.
func (s *session) fetchChunk(ctx context.Context, ids []mail.ItemID, a *fetchArgs) (int, error) {
	all := make([]fetched, 0, len(ids))
	places := make([]int, 0, len(ids))
	for _, id := range ids {
		if at, known := s.view.place(id); known {
			places = append(places, at)
		}
	}
	var unseen []mail.ItemID
	old := 0 // not changed since the ModSeq that the client names
	err := s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		all, unseen, old = all[:0], unseen[:0], 0
		return s.rows(tx, places, func(_ int, it *mail.Item) error {
			if it.ModSeq <= mail.ModSeq(a.ChangedSince) {
				old++
				return nil
			}
			f := fetched{item: *it}
			if a.looksInside() {
				var err error
				if f.index, err = s.srv.cfg.Mailboxes.Index(tx, it.Blob); err != nil {
					return err
				}
			}
			if it.Flags&mail.FlagSeen == 0 {
				unseen = append(unseen, it.ID)
			}
			all = append(all, f)
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	if a.marks() && !s.view.readOnly && len(unseen) > 0 {
		if err := s.markSeen(ctx, all, unseen); err != nil {
			return 0, err
		}
	}
	found := old
	for i := range all {
		told, err := s.fetchOne(ctx, &all[i], a)
		if err != nil || s.out.err != nil {
			return found, err
		}
		if told {
			found++
		}
	}
	return found, nil
}

// markSeen marks messages as seen before they are shown.
func (s *session) markSeen(ctx context.Context, all []fetched, unseen []mail.ItemID) error {
	items, err := s.change(ctx, unseen, func(it *mail.Item) { it.Flags |= mail.FlagSeen }, nil, nil)
	if err != nil {
		return err
	}
	changed := make(map[mail.ItemID]*mail.Item, len(items))
	for i := range items {
		changed[items[i].ID] = &items[i]
	}
	for i := range all {
		if it := changed[all[i].item.ID]; it != nil {
			all[i].item, all[i].marked = *it, true
		}
	}
	return nil
}

// fetchOne writes the FETCH response of one message (RFC 9051 7.5.2). It returns
// false when the message went in the meantime.
func (s *session) fetchOne(ctx context.Context, f *fetched, a *fetchArgs) (bool, error) {
	at, known := s.view.place(f.item.ID)
	if !known {
		return false, nil
	}
	m := s.look(ctx, f)
	defer m.close()
	if a.whole() && m.size <= maxWhole && !m.ref.IsZero() {
		return s.fetchWhole(ctx, f, m, a, at)
	}
	if a.opens() {
		if err := m.open(); errors.Is(err, blob.ErrGone) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	if a.Flags || f.marked {
		s.tellKeywords(flagsOf(&f.item))
	}
	s.out.rawf("* %d FETCH (", at+1)
	s.tellMessage(f, m, a)
	s.out.raw(")\r\n")
	if m.err != nil {
		s.srv.log.Error("imap message not read", "user", s.account.Login, "error", m.err)
		s.out.err = m.err
	}
	return true, nil
}

// fetchWhole is fetchOne for all bytes of a message of usual size. They are read
// to where they are sent from, behind what is said of them: nothing is copied, and
// several messages go out at once. Until then all of it can be taken back.
func (s *session) fetchWhole(ctx context.Context, f *fetched, m *look, a *fetchArgs, at int) (bool, error) {
	out := &s.out
	if len(out.buf) > manyBuffer {
		_ = out.flush()
	}
	out.held = true
	defer func() { out.held = false }()
	begin := len(out.buf)
	if a.Flags || f.marked {
		s.tellKeywords(flagsOf(&f.item))
	}
	out.raw("* ").number(int64(at + 1)).raw(" FETCH (")
	s.tellMessage(f, m, a)
	out.raw(" {").number(m.size).raw("}\r\n")
	if out.err != nil {
		return false, nil
	}
	body := len(out.buf)
	buf, err := s.srv.cfg.Mailboxes.Blobs().Append(ctx, out.buf, m.ref)
	if err != nil {
		out.buf = out.buf[:begin]
		if errors.Is(err, blob.ErrGone) {
			err = nil
		}
		return false, err
	}
	clearNUL(buf[body:])
	out.buf = append(buf, ")\r\n"...)
	return true, nil
}

// tellMessage writes what was asked for of one message.
func (s *session) tellMessage(f *fetched, m *look, a *fetchArgs) {
	out, sep := &s.out, ""
	next := func(name string) {
		out.raw(sep).raw(name)
		sep = " "
	}
	if a.UID {
		next("UID ")
		out.number(int64(f.item.ID))
	}
	if a.Flags || f.marked {
		next("FLAGS (")
		out.raw(joinFlags(flagsOf(&f.item))).raw(")")
	}
	if a.ModSeq || f.marked && s.condstore {
		next("MODSEQ (")
		out.number(int64(f.item.ModSeq)).raw(")")
	}
	if a.InternalDate {
		next("INTERNALDATE ")
		out.raw(`"`).raw(time.UnixMilli(f.item.Received).UTC().Format(dateTimeLayout)).raw(`"`)
	}
	if a.saveDate { // RFC 8514 4.1
		next("SAVEDATE ")
		if f.item.Saved == 0 {
			out.raw("NIL")
		} else {
			out.raw(`"`).raw(time.UnixMilli(f.item.Saved).UTC().Format(dateTimeLayout)).raw(`"`)
		}
	}
	if a.emailID {
		next("EMAILID (")
		out.raw(emailID(&f.item)).raw(")")
	}
	if a.threadID {
		if id := threadID(&f.item); id != "" {
			next("THREADID (")
			out.raw(id).raw(")")
		} else {
			next("THREADID NIL")
		}
	}
	if a.preview {
		next("PREVIEW ")
		out.string(f.index.Preview)
	}
	if a.RFC822Size {
		next("RFC822.SIZE ")
		out.number(f.item.Blob.Size)
	}
	if a.Envelope {
		next("ENVELOPE ")
		out.envelope(f.index)
	}
	if a.body {
		next("BODY ")
		m.structure(out, false)
	}
	if a.BodyStructure != nil {
		next("BODYSTRUCTURE ")
		m.structure(out, true)
	}
	for i := range a.sections {
		next(a.sections[i].label)
		if m.src == nil && !m.ref.IsZero() { // fetchWhole goes on
			return
		}
		out.raw(" ")
		m.section(out, &a.sections[i])
	}
}
