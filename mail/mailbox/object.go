package mailbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"martlet/mail"
	"martlet/mail/object"
	"martlet/store"
)

// Events, contacts, tasks and notes have a name in their folder, as DAV has it
// (RFC 4918 5.2), and a UID, by which meetings find them. Both lead to the item
// by rows of their own. An item's Received is its place among the others by what
// it says, so it moves when the item changes; Was keeps where it has been.

// maxName bounds the name of a resource in bytes: it is in a key.
const maxName = 512

type nameKey struct {
	Box    mail.MailboxID
	Folder mail.FolderID
	Name   string
}

type uidKey struct {
	Box mail.MailboxID
	UID mail.UIDHash
	At  mail.Place
}

var (
	nameTable = store.NewTable("object-name", store.PrefixObjectName,
		store.Codec[nameKey]{Append: appendNameKey, Parse: parseNameKey},
		store.Codec[mail.ItemID]{Append: appendItemID, Parse: parseItemIDRow})
	uidTable = store.NewTable("object-uid", store.PrefixObjectUID,
		store.Codec[uidKey]{Append: appendUIDKey, Parse: parseUIDKey}, nothing)
)

// PrepareObject makes an event, a contact, a task or a note ready for any number
// of Appends or for a ReplaceBody: when it returns, its bytes are durable. It
// must be called outside of a transaction. Errors are those of object.Read.
func (m *Mailboxes) PrepareObject(ctx context.Context, class mail.Class, raw []byte) (mail.Body, error) {
	o, err := object.Read(class, raw)
	if err != nil {
		return mail.Body{}, fmt.Errorf("mailbox: prepare: %w", err)
	}
	return m.KeepObject(ctx, o)
}

// KeepObject is PrepareObject for an object that was read already.
func (m *Mailboxes) KeepObject(ctx context.Context, o *object.Object) (mail.Body, error) {
	ref, err := m.blobs.Put(ctx, o.Raw)
	if err != nil {
		return mail.Body{}, fmt.Errorf("mailbox: prepare: %w", err)
	}
	return mail.Body{Blob: ref, Facts: o.Facts}, nil
}

// ByName returns the item of a folder that has a name, or mail.ErrNoItem.
func (m *Mailboxes) ByName(tx *store.Tx, box mail.MailboxID, f mail.FolderID, name string) (mail.ItemID, error) {
	at, _, err := m.locate(tx, box, f, mail.MayRead)
	if err != nil {
		return 0, noItem(err)
	}
	if name == "" || len(name) > maxName {
		return 0, mail.ErrNoItem
	}
	id, err := nameTable.Get(tx, nameKey{at.Box, at.Folder, name})
	if errors.Is(err, store.ErrNotFound) {
		return 0, mail.ErrNoItem
	}
	if err != nil {
		return 0, fmt.Errorf("mailbox: by name: %w", err)
	}
	return id, nil
}

// ByUID returns where the objects of a class with a UID are in a mailbox, in the
// order of their folders. Its own folders only: what others share is in theirs.
func (m *Mailboxes) ByUID(tx *store.Tx, box mail.MailboxID, class mail.Class, uid string) ([]mail.Place, error) {
	hash := mail.HashUID(class, uid)
	if hash == 0 {
		return nil, nil
	}
	var places []mail.Place
	for k, err := range uidTable.Keys(tx, store.TableRange[uidKey]{Prefix: appendUIDPrefix(nil, box, hash)}) {
		if err != nil {
			return nil, fmt.Errorf("mailbox: by UID: %w", err)
		}
		ok, err := folderTable.Has(tx, folderKey{box, k.At.Folder})
		if err != nil {
			return nil, fmt.Errorf("mailbox: by UID: %w", err)
		}
		if ok {
			places = append(places, k.At)
		}
	}
	return places, nil
}

// takeFacts gives a new item what its object says; from is the item of another
// mailbox that it was, or nil.
func takeFacts(it *mail.Item, n *mail.NewItem, from *mail.Item) {
	if from != nil {
		it.Name, it.UID, it.Brief, it.ModSeq = from.Name, from.UID, from.Brief, from.ModSeq
		return
	}
	it.Name, it.UID, it.Brief = n.Name, mail.HashUID(it.Class, n.Facts.UID), n.Facts.Brief
	if n.Facts.At != 0 {
		it.Received = received(n.Facts.At)
	}
}

// changeObject follows a body that was replaced. The item's entry in the log is
// about to be written at the next ModSeq.
func (m *Mailboxes) changeObject(tx *store.Tx, box mail.MailboxID, st *state, it *mail.Item, facts *mail.Facts) error {
	if indexed(it.Class) {
		return nil
	}
	if uid := mail.HashUID(it.Class, facts.UID); uid != it.UID {
		if err := m.unnameUID(tx, box, it); err != nil {
			return err
		}
		it.UID = uid
		if err := m.nameUID(tx, box, it); err != nil {
			return err
		}
	}
	it.Brief = facts.Brief
	at := it.Received
	if facts.At != 0 {
		at = received(facts.At)
	}
	if at != it.Received {
		if err := dateTable.Delete(tx, dateKey{box, it.Folder, it.Position()}); err != nil {
			return err
		}
		it.Was = append(slices.Clone(it.Was), mail.Earlier{Until: st.ModSeq + 1, Received: it.Received})
		it.Was = it.Was[max(0, len(it.Was)-mail.MaxEarlier):]
		it.Received = at
	}
	return dateTable.Set(tx, dateKey{box, it.Folder, it.Position()}, dateRowOf(it))
}

// nameObject gives an item that comes into a folder its name there, and writes
// what leads to it. The folder of recipients has its own rows.
func (m *Mailboxes) nameObject(tx *store.Tx, box mail.MailboxID, folder *mail.Folder, it *mail.Item) error {
	if indexed(it.Class) || folder.Role == mail.RoleRecipientInfo {
		it.Name = ""
		return nil
	}
	if err := m.nameUID(tx, box, it); err != nil {
		return err
	}
	given, moved := it.Name != "", it.ModSeq != 0 // one that moves keeps its name where it can
	if len(it.Name) > maxName {
		return mail.ErrItemTooLarge
	}
	for n := 0; ; n++ {
		if !given || n > 0 {
			it.Name = madeName(it, n)
		}
		_, err := nameTable.Get(tx, nameKey{box, folder.ID, it.Name})
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nameTable.Set(tx, nameKey{box, folder.ID, it.Name}, it.ID)
		case err != nil:
			return fmt.Errorf("mailbox: name: %w", err)
		case given && !moved:
			return mail.ErrNameTaken
		}
	}
}

// madeName is a name for an item that came without one.
func madeName(it *mail.Item, n int) string {
	name := strconv.FormatUint(it.Object, 36)
	if n > 0 {
		name += "-" + strconv.Itoa(n)
	}
	if it.Class == mail.ClassContacts {
		return name + ".vcf"
	}
	return name + ".ics"
}

// unnameObject takes back what nameObject wrote.
func (m *Mailboxes) unnameObject(tx *store.Tx, box mail.MailboxID, it *mail.Item) error {
	if it.Name != "" {
		if err := nameTable.Delete(tx, nameKey{box, it.Folder, it.Name}); err != nil {
			return err
		}
	}
	return m.unnameUID(tx, box, it)
}

func (m *Mailboxes) nameUID(tx *store.Tx, box mail.MailboxID, it *mail.Item) error {
	if it.UID == 0 {
		return nil
	}
	return uidTable.Set(tx, uidKey{box, it.UID, mail.Place{Folder: it.Folder, Item: it.ID}}, struct{}{})
}

func (m *Mailboxes) unnameUID(tx *store.Tx, box mail.MailboxID, it *mail.Item) error {
	if it.UID == 0 {
		return nil
	}
	return uidTable.Delete(tx, uidKey{box, it.UID, mail.Place{Folder: it.Folder, Item: it.ID}})
}

func appendNameKey(dst []byte, k nameKey) []byte {
	return append(appendFolderKey(dst, folderKey{k.Box, k.Folder}), k.Name...)
}

func parseNameKey(b []byte) (nameKey, error) {
	if len(b) <= 12 {
		return nameKey{}, errRow
	}
	return nameKey{boxOf(b), folderOf(b), string(b[12:])}, nil
}

func appendUIDPrefix(dst []byte, box mail.MailboxID, uid mail.UIDHash) []byte {
	return binary.BigEndian.AppendUint64(appendBox(dst, box), uint64(uid))
}

func appendUIDKey(dst []byte, k uidKey) []byte {
	dst = binary.BigEndian.AppendUint32(appendUIDPrefix(dst, k.Box, k.UID), uint32(k.At.Folder))
	return binary.BigEndian.AppendUint32(dst, uint32(k.At.Item))
}

func parseUIDKey(b []byte) (uidKey, error) {
	if len(b) != 24 {
		return uidKey{}, errRow
	}
	at := mail.Place{Folder: mail.FolderID(binary.BigEndian.Uint32(b[16:])), Item: mail.ItemID(binary.BigEndian.Uint32(b[20:]))}
	return uidKey{boxOf(b), mail.UIDHash(binary.BigEndian.Uint64(b[8:])), at}, nil
}

func appendItemID(dst []byte, id mail.ItemID) []byte { return binary.AppendUvarint(dst, uint64(id)) }

func parseItemIDRow(b []byte) (mail.ItemID, error) {
	n, err := parseModSeq(b)
	return mail.ItemID(n), err
}
