package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
	"martlet/store"
)

// store answers STORE (RFC 9051 6.4.6).
func (s *session) store(ctx context.Context, p *parser, uid bool) error {
	set := p.seqSet()
	p.sp()
	since, conditional := p.unchangedSince()
	op := goimap.StoreFlagsSet
	switch {
	case p.try('+'):
		op = goimap.StoreFlagsAdd
	case p.try('-'):
		op = goimap.StoreFlagsDel
	}
	silent := false
	switch p.name() {
	case "FLAGS":
	case "FLAGS.SILENT":
		silent = true
	default:
		p.fail()
	}
	p.sp()
	flags := p.storeFlags()
	switch {
	case p.end() != nil:
		return p.err
	case s.view.readOnly:
		return errReadOnly
	}
	c, err := newChange(op, flags)
	if err != nil {
		return err
	}
	spans, err := s.view.spans(set, uid)
	if err != nil {
		return err
	}
	s.condstore = s.condstore || conditional
	missing := false
	var modified []mail.ItemID
	err = s.view.chunks(spans, func(ids []mail.ItemID) error {
		var others []mail.ItemID
		items, err := s.change(ctx, ids, c.apply, func(it *mail.Item) bool {
			return !conditional || it.ModSeq <= since
		}, &others)
		missing = missing || len(items)+len(others) < len(ids)
		modified = append(modified, others...)
		if err != nil {
			return err
		}
		for i := range items {
			s.tellFlags(&items[i], uid, silent)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(modified) > 0: // RFC 7162 3.1.3
		return ok("MODIFIED "+s.name(modified, uid), "Some were changed by others")
	case missing && !uid:
		return mail.ErrNoItem
	}
	return nil
}

// unchangedSince takes the modifier of STORE (RFC 7162 3.1.3).
func (p *parser) unchangedSince() (since mail.ModSeq, given bool) {
	if p.peek() != '(' {
		return 0, false
	}
	p.list(false, func() {
		if p.name() != "UNCHANGEDSINCE" || given {
			p.fail()
		}
		p.sp()
		since, given = mail.ModSeq(p.digits(maxModSeq)), true
	})
	p.sp()
	return since, given
}

// name writes messages as a set of UIDs or of sequence numbers.
func (s *session) name(ids []mail.ItemID, uid bool) string {
	var uids goimap.UIDSet
	var numbers goimap.SeqSet
	for _, id := range ids {
		if at, known := s.view.place(id); known {
			numbers.AddNum(uint32(at + 1))
		}
		uids.AddNum(goimap.UID(id))
	}
	if uid {
		return uids.String()
	}
	return numbers.String()
}

// storeFlags takes the flags of STORE, which may stand without parentheses.
func (p *parser) storeFlags() []goimap.Flag {
	if p.peek() == '(' {
		return p.flags()
	}
	all := []goimap.Flag{p.flag()}
	for p.try(' ') {
		all = append(all, p.flag())
	}
	if len(all) > maxKeywords {
		p.fail()
	}
	return all
}

// change edits messages in one transaction and returns those that are still
// there. Those that must not be changed, if may is given, go to others. What it
// did is not told again.
func (s *session) change(ctx context.Context, ids []mail.ItemID, edit func(*mail.Item), may func(*mail.Item) bool, others *[]mail.ItemID) ([]mail.Item, error) {
	var items []mail.Item
	before := map[mail.ItemID]mail.ModSeq{}
	err := s.srv.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		items = items[:0]
		if others != nil {
			*others = nil
		}
		clear(before)
		for _, id := range ids {
			if may != nil {
				it, err := s.srv.cfg.Mailboxes.Item(tx, s.box, s.view.folder, id)
				if err == nil && !may(&it) {
					*others = append(*others, id)
					continue
				}
				if err != nil && !errors.Is(err, mail.ErrNoItem) {
					return err
				}
			}
			it, err := s.srv.cfg.Mailboxes.UpdateItem(tx, s.box, s.view.folder, id, func(it *mail.Item) {
				before[id] = it.ModSeq
				edit(it)
			})
			if errors.Is(err, mail.ErrNoItem) {
				continue
			}
			if err != nil {
				return err
			}
			items = append(items, it)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range items {
		// What somebody else had changed before has to be told all the same.
		if it := &items[i]; before[it.ID] <= s.view.seen || s.view.own[it.ID] == before[it.ID] {
			s.view.own[it.ID] = it.ModSeq
		}
	}
	return items, nil
}

// tellFlags tells the flags of one message that STORE has changed. If that was
// to be silent, only its ModSeq, to those who know of them (RFC 7162 3.1.3).
func (s *session) tellFlags(it *mail.Item, uid, silent bool) {
	at, known := s.view.place(it.ID)
	if !known || silent && !s.condstore {
		return
	}
	flags := flagsOf(it)
	if !silent {
		s.tellKeywords(flags)
	}
	s.out.rawf("* %d FETCH (", at+1)
	sep := ""
	if uid || s.qresync {
		s.out.rawf("UID %d", it.ID)
		sep = " "
	}
	if silent {
		s.out.raw(sep).rawf("MODSEQ (%d))\r\n", it.ModSeq)
		return
	}
	s.out.raw(sep).raw("FLAGS (").raw(joinFlags(flags)).raw(")")
	s.tellModSeq(it.ModSeq, s.condstore)
	s.out.raw(")\r\n")
}

// tellModSeq writes the ModSeq of a message behind its flags.
func (s *session) tellModSeq(m mail.ModSeq, wanted bool) {
	if wanted {
		s.out.rawf(" MODSEQ (%d)", m)
	}
}

// highest is a folder's HIGHESTMODSEQ, which is never zero (RFC 7162 3.1.2).
func highest(m mail.ModSeq) mail.ModSeq { return max(m, 1) }

// copy answers COPY (RFC 9051 6.4.7). All messages are copied or none: if it
// fails half way, what was copied is removed.
func (s *session) copy(ctx context.Context, p *parser, uid bool) error {
	return s.transfer(ctx, p, uid, func(tx *store.Tx, it *mail.Item, dst mail.FolderID) (mail.Item, error) {
		n := mail.NewItem{
			Class: it.Class, Received: it.Received, Body: mail.Body{Blob: it.Blob}, Flags: it.Flags, FollowUp: it.FollowUp,
			Keywords: slices.Clone(it.Keywords), LastVerb: it.LastVerb, VerbTime: it.VerbTime,
		}
		// Numbers of objects and conversations are a mailbox's own.
		if _, there, _, err := s.srv.cfg.Mailboxes.Resolve(tx, s.box, dst); err != nil {
			return mail.Item{}, err
		} else if there == s.view.at.Box {
			n.Object, n.Thread, n.Copied = it.Object, it.Thread, s.view.at.Folder
		} else {
			n.Own = true // to that mailbox it is new, and yet no mail that came
		}
		if err := s.srv.cfg.Mailboxes.Room(tx, s.box, dst, n.Blob.Size, 1); err != nil {
			return mail.Item{}, err
		}
		return s.srv.cfg.Mailboxes.Append(tx, s.box, dst, n)
	}, true)
}

// move answers MOVE (RFC 9051 6.4.8). Each message is in one of the two mailboxes
// at any time.
func (s *session) move(ctx context.Context, p *parser, uid bool) error {
	return s.transfer(ctx, p, uid, func(tx *store.Tx, it *mail.Item, dst mail.FolderID) (mail.Item, error) {
		return s.srv.cfg.Mailboxes.Move(tx, s.box, s.view.folder, it.ID, dst)
	}, false)
}

// transfer is what COPY and MOVE have in common.
func (s *session) transfer(ctx context.Context, p *parser, uid bool, one func(*store.Tx, *mail.Item, mail.FolderID) (mail.Item, error), copies bool) error {
	set := p.seqSet()
	p.sp()
	name := p.mailbox()
	switch {
	case p.end() != nil:
		return p.err
	case s.view.readOnly && !copies:
		return errReadOnly
	}
	spans, err := s.view.spans(set, uid)
	if err != nil {
		return err
	}
	var dst mail.FolderID
	err = s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		n, err := s.findFolder(tx, name)
		dst = n.ID
		return err
	})
	if errors.Is(err, mail.ErrNoFolder) {
		return no("TRYCREATE", "No such mailbox")
	}
	if err != nil {
		return err
	}
	var from, to goimap.UIDSet
	err = s.view.chunks(spans, func(ids []mail.ItemID) error {
		pairs, err := s.transferChunk(ctx, ids, dst, one)
		for _, pair := range pairs {
			from.AddNum(goimap.UID(pair[0]))
			to.AddNum(goimap.UID(pair[1]))
		}
		return err
	})
	if err != nil && copies {
		s.undoCopy(ctx, dst, to)
		return err
	}
	done := ok("", "Nothing to do")
	if len(from) > 0 { // RFC 4315 3
		done = ok("COPYUID "+s.copyUID(dst, from, to), "Done")
	}
	if copies || err != nil {
		if err == nil {
			return done
		}
		return err
	}
	// RFC 6851 4.3: the numbers come before the messages go.
	if len(from) > 0 {
		s.out.rawf("* OK [COPYUID %s] Moved\r\n", s.copyUID(dst, from, to))
	}
	return ok("", "MOVE completed")
}

// transferChunk takes a few messages over in one transaction and returns the old
// UID and the new one of each that was still there.
func (s *session) transferChunk(ctx context.Context, ids []mail.ItemID, dst mail.FolderID, one func(*store.Tx, *mail.Item, mail.FolderID) (mail.Item, error)) (pairs [][2]mail.ItemID, err error) {
	err = s.srv.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		pairs = pairs[:0]
		for _, id := range ids {
			it, err := s.srv.cfg.Mailboxes.Item(tx, s.box, s.view.folder, id)
			if errors.Is(err, mail.ErrNoItem) {
				continue
			}
			if err != nil {
				return err
			}
			got, err := one(tx, &it, dst)
			if err != nil {
				return err
			}
			pairs = append(pairs, [2]mail.ItemID{id, got.ID})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return pairs, nil
}

// undoCopy removes what a COPY that failed has made.
func (s *session) undoCopy(ctx context.Context, dst mail.FolderID, made goimap.UIDSet) {
	ids, _ := made.Nums()
	for part := range slices.Chunk(ids, chunk) {
		err := s.srv.cfg.Store.Update(store.WithReserve(context.WithoutCancel(ctx)), func(tx *store.Tx) error {
			for _, id := range part {
				_, err := s.srv.cfg.Mailboxes.Delete(tx, s.box, dst, mail.ItemID(id))
				if err != nil && !errors.Is(err, mail.ErrNoItem) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			s.srv.log.Error("imap copy not undone", "user", s.account.Login, "error", err)
			return
		}
	}
}

// copyUID is the value of COPYUID (RFC 4315 3): both sets in the same order.
func (s *session) copyUID(dst mail.FolderID, from, to goimap.UIDSet) string {
	return fmt.Sprintf("%d %s %s", s.uidValidity(dst), from, to)
}
