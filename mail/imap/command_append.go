package imap

import (
	"context"
	"errors"
	"strconv"

	"martlet/mail"
	"martlet/store"
)

const (
	// maxAppended is how many messages one APPEND may bring.
	maxAppended = 100
	// maxCatenated is how many pieces one message may be put together of.
	maxCatenated = 100
)

// append answers APPEND (RFC 9051 6.3.12), with several messages too (RFC 3502).
// All are durable when it says so, or none is there.
func (s *session) append(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	var dst mail.FolderID
	in := incoming{before: func() (err error) {
		dst, err = s.destination(ctx, name)
		return err
	}}
	if err := s.takeMessages(ctx, p, &in, maxAppended); err != nil {
		return err
	}
	ids, err := s.putMessages(ctx, dst, in.items, nil)
	if err != nil {
		return err
	}
	return ok(s.appendUID(dst, ids), "APPEND completed")
}

// replace answers REPLACE and UID REPLACE (RFC 8508): a message takes the place of
// another, maybe in another mailbox, in one transaction.
func (s *session) replace(ctx context.Context, p *parser, uid bool) error {
	number := p.seqNumber()
	p.sp()
	name := p.mailbox()
	if p.err != nil {
		return p.err
	}
	if s.view.readOnly {
		return errReadOnly
	}
	old, err := s.one(number, uid)
	if err != nil {
		return err
	}
	var dst mail.FolderID
	in := incoming{before: func() (err error) {
		dst, err = s.destination(ctx, name)
		return err
	}}
	if err := s.takeMessages(ctx, p, &in, 1); err != nil {
		return err
	}
	ids, err := s.putMessages(ctx, dst, in.items, func(tx *store.Tx) error {
		_, err := s.srv.cfg.Mailboxes.Delete(tx, s.box, s.view.folder, old)
		return err
	})
	if err != nil {
		return err
	}
	s.out.rawf("* OK [%s] The message is there\r\n", s.appendUID(dst, ids)) // before EXPUNGE: RFC 8508 3.5
	return nil
}

// one finds the message that a number names; zero is "*".
func (s *session) one(number uint32, uid bool) (mail.ItemID, error) {
	v := s.view
	at := len(v.uids) - 1
	switch {
	case number == 0:
	case uid:
		i, found := v.place(mail.ItemID(number))
		if at = i; !found {
			at = -1
		}
	default:
		at = int(number) - 1
	}
	if at < 0 || at >= len(v.uids) {
		if !uid {
			return 0, bad("No message has this number")
		}
		return 0, no("NONEXISTENT", "No such message")
	}
	return v.uids[at], nil
}

// destination is the folder that messages are to go to.
func (s *session) destination(ctx context.Context, name string) (dst mail.FolderID, err error) {
	err = s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		n, err := s.findFolder(tx, name)
		dst = n.ID
		return err
	})
	if errors.Is(err, mail.ErrNoFolder) {
		return 0, no("TRYCREATE", "No such mailbox")
	}
	return dst, err
}

// putMessages puts messages into a folder, and does the rest with them.
func (s *session) putMessages(ctx context.Context, dst mail.FolderID, items []mail.NewItem, rest func(*store.Tx) error) (ids []mail.ItemID, err error) {
	err = s.srv.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		ids = ids[:0]
		if rest != nil {
			if err := rest(tx); err != nil {
				return err
			}
		}
		var size int64
		for i := range items {
			size += items[i].Blob.Size
		}
		if err := s.srv.cfg.Mailboxes.Room(tx, s.box, dst, size, len(items)); err != nil {
			return err
		}
		for _, n := range items {
			it, err := s.srv.cfg.Mailboxes.Append(tx, s.box, dst, n)
			if err != nil {
				return err
			}
			ids = append(ids, it.ID)
		}
		return nil
	})
	if errors.Is(err, mail.ErrNoFolder) {
		return nil, no("TRYCREATE", "No such mailbox")
	}
	return ids, err
}

// appendUID is the response code for messages that were put in one after another
// (RFC 4315 3).
func (s *session) appendUID(dst mail.FolderID, ids []mail.ItemID) string {
	code := "APPENDUID " + strconv.FormatUint(uint64(s.uidValidity(dst)), 10) + " " + strconv.FormatUint(uint64(ids[0]), 10)
	if last := ids[len(ids)-1]; len(ids) > 1 {
		code += ":" + strconv.FormatUint(uint64(last), 10)
	}
	return code
}
