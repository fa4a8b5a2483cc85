package mailbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"martlet/mail"
	"martlet/store"
)

// The recipient information is a folder with the people that the mailbox's owner
// writes to (MS-ASCMD 2.2.3.30.6): an item for each, whose VerbTime is the
// person's rank. A rank is the sum of all messages to the person, each worth
// half as much after rankHalfLife, written as the time at which one single
// message would be worth as much: one message now ranks as now, two as a half
// life from now. So ranks keep their order while time passes, and nothing has
// to be rewritten until the person is written to again.
const (
	rankHalfLife = 30 * 24 * time.Hour
	// rankStep is the least change of a rank that is written down. A person
	// written to very often gains less than that by one message, and so costs a
	// write or two a day.
	rankStep = 24 * time.Hour
	// rankDrift is how far a rank goes from the item's place in the folder, which
	// never changes, before the item is put in again at its new place. So the
	// folder's first items are those of the highest ranks to within a factor of
	// four in weight.
	rankDrift = 2 * rankHalfLife

	// MaxRecipients is how many people a mailbox remembers; the lowest in rank go.
	MaxRecipients = 1000
	// recipientSlack is how many go at once, so that not each new one costs a
	// look at all.
	recipientSlack = 50
	// MaxNoted is how many recipients of one message are remembered.
	MaxNoted = 100
)

// Recipient is somebody a message is sent to. Card is the vCard of one that
// Strangers named: durable, and without an index.
type Recipient struct {
	Address string
	Named   bool // the card, or the one that may be made, has a name
	Card    mail.Body
}

// recipientKey finds the item of an address.
type recipientKey struct {
	folderKey
	Address string
}

type recipientRow struct {
	Item mail.ItemID
	Rank int64 // the item's VerbTime, in milliseconds since 1970
	Name bool  // the card has one
}

func recipientKeyOf(at folderKey, address string) recipientKey {
	return recipientKey{at, strings.ToLower(address)}
}

func appendRecipientKey(dst []byte, k recipientKey) []byte {
	return append(appendFolderKey(dst, k.folderKey), k.Address...)
}

func parseRecipientKey(b []byte) (k recipientKey, err error) {
	if len(b) <= 12 {
		return k, errRow
	}
	k.folderKey, err = parseFolderKey(b[:12])
	k.Address = string(b[12:])
	return k, err
}

func appendRecipient(dst []byte, r recipientRow) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(r.Item))
	e.Uint(2, uint64(r.Rank))
	e.Bool(3, r.Name)
	return e.Out()
}

func parseRecipient(b []byte) (r recipientRow, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			r.Item = mail.ItemID(f.Uint())
		case 2:
			r.Rank = int64(f.Uint())
		case 3:
			r.Name = f.Bool()
		}
		return nil
	})
	return r, err
}

// Strangers returns the places of those, up to MaxNoted, who are not in the
// recipient information, or not by the name that they have now: NoteRecipients
// needs a card of each.
func (m *Mailboxes) Strangers(ctx context.Context, box mail.MailboxID, to []Recipient) (strangers []int, err error) {
	to = to[:min(len(to), MaxNoted)]
	err = m.store.View(ctx, func(tx *store.Tx) error {
		strangers = nil
		folder, err := m.FolderByRole(tx, box, mail.RoleRecipientInfo)
		if errors.Is(err, mail.ErrNoFolder) { // of a mailbox that is not there yet
			for i := range to {
				strangers = append(strangers, i)
			}
			return nil
		}
		if err != nil {
			return err
		}
		at := folderKey{box, folder.ID}
		for i := range to {
			row, known, err := m.recipient(tx, recipientKeyOf(at, to[i].Address))
			if err != nil {
				return err
			}
			if !known || to[i].Named && !row.Name {
				strangers = append(strangers, i)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("mailbox: recipients: %w", err)
	}
	return strangers, nil
}

// recipient reads the row of an address, and whether its item is still there.
func (m *Mailboxes) recipient(tx *store.Tx, k recipientKey) (recipientRow, bool, error) {
	row, err := recipientTable.Get(tx, k)
	if errors.Is(err, store.ErrNotFound) {
		return row, false, nil
	}
	if err != nil {
		return row, false, err
	}
	there, err := itemTable.Has(tx, itemKey{k.Box, k.Folder, row.Item})
	return row, there, err
}

// NoteRecipients raises the ranks of those that a message is sent to now. A rank
// that hardly changes is left alone; a stranger without a card is passed over.
func (m *Mailboxes) NoteRecipients(tx *store.Tx, box mail.MailboxID, to []Recipient, now time.Time) error {
	if len(to) == 0 {
		return nil
	}
	if err := m.Ensure(tx, box); err != nil {
		return err
	}
	folder, err := m.FolderByRole(tx, box, mail.RoleRecipientInfo)
	if err != nil {
		return fmt.Errorf("mailbox: recipients: %w", err)
	}
	at := folderKey{box, folder.ID}
	for i := range to[:min(len(to), MaxNoted)] {
		if err := m.noteRecipient(tx, at, &to[i], now); err != nil {
			return fmt.Errorf("mailbox: recipients: %w", err)
		}
	}
	return m.forgetRecipients(tx, at)
}

func (m *Mailboxes) noteRecipient(tx *store.Tx, at folderKey, to *Recipient, now time.Time) error {
	k := recipientKeyOf(at, to.Address)
	row, known, err := m.recipient(tx, k)
	if err != nil {
		return err
	}
	if !known {
		if to.Card.Blob.IsZero() {
			return nil
		}
		return m.placeRecipient(tx, k, to.Card, now.UnixMilli(), to.Named)
	}
	rank := raise(row.Rank, now.UnixMilli())
	renamed := to.Named && !row.Name && !to.Card.Blob.IsZero()
	if rank-row.Rank < rankStep.Milliseconds() && !renamed {
		return nil
	}
	old, err := m.item(tx, itemKey{at.Box, at.Folder, row.Item})
	if err != nil {
		return err
	}
	card := mail.Body{Blob: old.Blob}
	if renamed {
		card = to.Card
	}
	if rank-old.Received >= rankDrift.Milliseconds() {
		if err := m.placeRecipient(tx, k, card, rank, row.Name || renamed); err != nil {
			return err
		}
		_, err = m.Delete(tx, at.Box, at.Folder, old.ID)
		return err
	}
	if err := recipientTable.Set(tx, k, recipientRow{row.Item, rank, row.Name || renamed}); err != nil {
		return err
	}
	_, err = m.ReplaceBody(tx, at.Box, at.Folder, row.Item, card, func(it *mail.Item) { it.VerbTime = time.UnixMilli(rank).UTC() })
	return err
}

// placeRecipient puts a card into the folder at the place of its rank. No two
// have the same: how many of the first a phone wants is said by a place.
func (m *Mailboxes) placeRecipient(tx *store.Tx, k recipientKey, card mail.Body, rank int64, named bool) error {
	place := rank
	for taken := true; taken && place > 1; {
		taken = false
		for _, err := range m.Between(tx, k.Box, k.Folder, place, place+1) {
			if err != nil {
				return err
			}
			taken = true
			place--
			break
		}
	}
	it, err := m.Append(tx, k.Box, k.Folder, mail.NewItem{
		Class: mail.ClassContacts, Received: place, Body: card, Flags: mail.FlagSeen, VerbTime: time.UnixMilli(rank).UTC(),
	})
	if err != nil {
		return err
	}
	return recipientTable.Set(tx, k, recipientRow{it.ID, rank, named})
}

// forgetRecipients lets those go that are too many, the lowest in rank first.
func (m *Mailboxes) forgetRecipients(tx *store.Tx, at folderKey) error {
	folder, err := m.Folder(tx, at.Box, at.Folder)
	if err != nil || folder.Items <= MaxRecipients {
		return err
	}
	left := int(folder.Items)
	gone := map[mail.ItemID]bool{}
	for p, err := range m.Between(tx, at.Box, at.Folder, 0, math.MaxInt64) {
		if err != nil {
			return err
		}
		if left <= MaxRecipients-recipientSlack {
			break
		}
		gone[p.Item] = true
		left--
	}
	var keys []recipientKey
	for row, err := range recipientTable.Scan(tx, store.TableRange[recipientKey]{Prefix: appendFolderKey(nil, at)}) {
		if err != nil {
			return err
		}
		if gone[row.Value.Item] {
			keys = append(keys, row.Key)
		}
	}
	for _, k := range keys {
		if err := recipientTable.Delete(tx, k); err != nil {
			return err
		}
	}
	for id := range gone {
		if _, err := m.Delete(tx, at.Box, at.Folder, id); err != nil {
			return err
		}
	}
	return nil
}

// raise is a rank after one more message.
func raise(rank, now int64) int64 {
	halfLife := float64(rankHalfLife.Milliseconds())
	if float64(rank-now) > 50*halfLife { // the clock was wrong once; one message is nothing to that
		return rank
	}
	return now + int64(halfLife*math.Log2(1+math.Exp2(float64(rank-now)/halfLife)))
}

// TopRecipients returns the least place of the n people highest in rank, as a
// time of receipt; zero when there are no more than n.
func (m *Mailboxes) TopRecipients(tx *store.Tx, box mail.MailboxID, f mail.FolderID, n int) (int64, error) {
	var last int64
	for p, err := range m.Newest(tx, box, f, mail.Position{}, 0) {
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return last, nil
		}
		n, last = n-1, p.Received
	}
	return 0, nil
}

// recipients checks that each address leads to an item of its rank and to one
// of its own. An item without an address came by another way; it only is not
// found when its person is written to.
func (c *checker) recipients(at folderKey) error {
	led := map[mail.ItemID]bool{}
	for row, err := range recipientTable.Scan(c.tx, store.TableRange[recipientKey]{Prefix: appendFolderKey(nil, at)}) {
		if err != nil {
			return err
		}
		it, err := itemTable.Get(c.tx, itemKey{at.Box, at.Folder, row.Value.Item})
		switch {
		case errors.Is(err, store.ErrNotFound): // it was deleted; the next message brings it back
		case err != nil:
			return err
		case led[row.Value.Item]:
			c.bad("recipient", at, "item %d is led to twice", row.Value.Item)
		case it.VerbTime.UnixMilli() != row.Value.Rank:
			c.bad("recipient", at, "item %d has the rank %d, its address %d", row.Value.Item, it.VerbTime.UnixMilli(), row.Value.Rank)
		default:
			led[row.Value.Item] = true
		}
	}
	return nil
}
