package mailbox

import (
	"encoding/binary"
	"errors"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/store"
)

// errRow means that a stored row cannot be read.
var errRow = errors.New("mailbox: malformed row")

// state is the row of a mailbox: the last numbers it gave out.
type state struct {
	ModSeq    mail.ModSeq
	Hierarchy mail.ModSeq // the last change of the hierarchy
	Folder    mail.FolderID
	Item      mail.ItemID
	Object    uint64
	Folders   uint32 // how many there are
	Removed   bool   // nothing may be read; what is left waits for the sweep
	Doc       search.Doc
	Indexed   bool // every message has a Doc: see number
	Threaded  bool // every message has its conversation: see FillThreads
	Diverts   bool // mail of some conversation has a folder of its own
	Counted   bool // Used is what it holds
	Used      mail.Usage
}

// The keys. They are big-endian and of fixed length, so that byte order is the
// order in which the doors want the rows.
type (
	folderKey struct {
		Box    mail.MailboxID
		Folder mail.FolderID
	}
	itemKey struct {
		Box    mail.MailboxID
		Folder mail.FolderID
		Item   mail.ItemID
	}
	logKey struct {
		Box    mail.MailboxID
		Folder mail.FolderID
		ModSeq mail.ModSeq
	}
	dateKey struct {
		Box    mail.MailboxID
		Folder mail.FolderID
		At     mail.Position
	}
	roleKey struct {
		Box  mail.MailboxID
		Role mail.Role
	}
)

// The tables of the package.
var (
	stateTable = store.NewTable("mailbox", store.PrefixMailbox,
		store.Codec[mail.MailboxID]{Append: appendBox, Parse: parseBox},
		store.Codec[state]{Append: appendState, Parse: parseState})
	folderTable = store.NewTable("folder", store.PrefixFolder, folderKeys,
		store.Codec[mail.Folder]{Append: appendFolder, Parse: parseFolder})
	itemTable = store.NewTable("item", store.PrefixItem, itemKeys,
		store.Codec[mail.Item]{Append: appendItem, Parse: parseItem})
	logTable = store.NewTable("log", store.PrefixLog,
		store.Codec[logKey]{Append: appendLogKey, Parse: parseLogKey},
		store.Codec[mail.Change]{Append: appendChange, Parse: parseChange})
	dateTable = store.NewTable("by-date", store.PrefixByDate,
		store.Codec[dateKey]{Append: appendDateKey, Parse: parseDateKey},
		store.Codec[dateRow]{Append: appendDateRow, Parse: parseDateRow})
	buriedTable = store.NewTable("buried", store.PrefixBuried, itemKeys,
		store.Codec[mail.ModSeq]{Append: appendModSeq, Parse: parseModSeq})
	roleTable = store.NewTable("role", store.PrefixRole,
		store.Codec[roleKey]{Append: appendRoleKey, Parse: parseRoleKey},
		store.Codec[mail.FolderID]{Append: appendFolderID, Parse: parseFolderID})
	recipientTable = store.NewTable("recipient", store.PrefixRecipient,
		store.Codec[recipientKey]{Append: appendRecipientKey, Parse: parseRecipientKey},
		store.Codec[recipientRow]{Append: appendRecipient, Parse: parseRecipient})
	sweepTable = store.NewTable("sweep", store.PrefixSweep, folderKeys, nothing)
	indexTable = store.NewTable("index", store.PrefixIndex,
		store.Codec[[32]byte]{Append: appendHash, Parse: parseHash},
		store.Codec[indexRow]{Append: appendIndexRow, Parse: parseIndexRow})
)

var (
	folderKeys = store.Codec[folderKey]{Append: appendFolderKey, Parse: parseFolderKey}
	itemKeys   = store.Codec[itemKey]{Append: appendItemKey, Parse: parseItemKey}
	nothing    = store.NoValue()
)

func appendBox(dst []byte, box mail.MailboxID) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(box))
}

func parseBox(b []byte) (mail.MailboxID, error) {
	if len(b) != 8 {
		return 0, errRow
	}
	return mail.MailboxID(binary.BigEndian.Uint64(b)), nil
}

func appendFolderKey(dst []byte, k folderKey) []byte {
	return binary.BigEndian.AppendUint32(appendBox(dst, k.Box), uint32(k.Folder))
}

func parseFolderKey(b []byte) (folderKey, error) {
	if len(b) != 12 {
		return folderKey{}, errRow
	}
	return folderKey{boxOf(b), folderOf(b)}, nil
}

func appendItemKey(dst []byte, k itemKey) []byte {
	return binary.BigEndian.AppendUint32(appendFolderKey(dst, folderKey{k.Box, k.Folder}), uint32(k.Item))
}

func parseItemKey(b []byte) (itemKey, error) {
	if len(b) != 16 {
		return itemKey{}, errRow
	}
	return itemKey{boxOf(b), folderOf(b), mail.ItemID(binary.BigEndian.Uint32(b[12:]))}, nil
}

func appendLogKey(dst []byte, k logKey) []byte {
	return binary.BigEndian.AppendUint64(appendFolderKey(dst, folderKey{k.Box, k.Folder}), uint64(k.ModSeq))
}

func parseLogKey(b []byte) (logKey, error) {
	if len(b) != 20 {
		return logKey{}, errRow
	}
	return logKey{boxOf(b), folderOf(b), mail.ModSeq(binary.BigEndian.Uint64(b[12:]))}, nil
}

func appendDateKey(dst []byte, k dateKey) []byte {
	dst = appendFolderKey(dst, folderKey{k.Box, k.Folder})
	dst = binary.BigEndian.AppendUint64(dst, uint64(k.At.Received)) // never negative: see received
	return binary.BigEndian.AppendUint32(dst, uint32(k.At.Item))
}

func parseDateKey(b []byte) (dateKey, error) {
	if len(b) != 24 {
		return dateKey{}, errRow
	}
	at := mail.Position{Received: int64(binary.BigEndian.Uint64(b[12:])), Item: mail.ItemID(binary.BigEndian.Uint32(b[20:]))}
	return dateKey{boxOf(b), folderOf(b), at}, nil
}

func appendRoleKey(dst []byte, k roleKey) []byte {
	return append(appendBox(dst, k.Box), byte(k.Role))
}

func parseRoleKey(b []byte) (roleKey, error) {
	if len(b) != 9 {
		return roleKey{}, errRow
	}
	return roleKey{boxOf(b), mail.Role(b[8])}, nil
}

func boxOf(key []byte) mail.MailboxID { return mail.MailboxID(binary.BigEndian.Uint64(key)) }

func folderOf(key []byte) mail.FolderID { return mail.FolderID(binary.BigEndian.Uint32(key[8:])) }

func appendHash(dst []byte, h [32]byte) []byte { return append(dst, h[:]...) }

func parseHash(b []byte) (h [32]byte, err error) {
	if copy(h[:], b) != len(h) || len(b) != len(h) {
		return h, errRow
	}
	return h, nil
}

func appendModSeq(dst []byte, n mail.ModSeq) []byte { return binary.AppendUvarint(dst, uint64(n)) }

func parseModSeq(b []byte) (mail.ModSeq, error) {
	n, used := binary.Uvarint(b)
	if used <= 0 {
		return 0, errRow
	}
	return mail.ModSeq(n), nil
}

func appendFolderID(dst []byte, f mail.FolderID) []byte {
	return binary.AppendUvarint(dst, uint64(f))
}

func parseFolderID(b []byte) (mail.FolderID, error) {
	n, err := parseModSeq(b)
	return mail.FolderID(n), err
}

func appendState(dst []byte, s state) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(s.ModSeq))
	e.Uint(2, uint64(s.Hierarchy))
	e.Uint(3, uint64(s.Folder))
	e.Uint(4, uint64(s.Item))
	e.Uint(5, s.Object)
	e.Uint(6, uint64(s.Folders))
	e.Bool(7, s.Removed)
	e.Bool(8, s.Threaded)
	e.Uint(9, uint64(s.Doc))
	e.Bool(10, s.Indexed)
	e.Bool(11, s.Diverts)
	e.Bool(12, s.Counted)
	e.Uint(13, s.Used.Bytes)
	e.Uint(14, s.Used.Items)
	return e.Out()
}

func parseState(b []byte) (s state, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			s.ModSeq = mail.ModSeq(f.Uint())
		case 2:
			s.Hierarchy = mail.ModSeq(f.Uint())
		case 3:
			s.Folder = mail.FolderID(f.Uint())
		case 4:
			s.Item = mail.ItemID(f.Uint())
		case 5:
			s.Object = f.Uint()
		case 6:
			s.Folders = uint32(f.Uint())
		case 7:
			s.Removed = f.Uint() != 0
		case 8:
			s.Threaded = f.Uint() != 0
		case 9:
			s.Doc = search.Doc(f.Uint())
		case 10:
			s.Indexed = f.Uint() != 0
		case 11:
			s.Diverts = f.Uint() != 0
		case 12:
			s.Counted = f.Bool()
		case 13:
			s.Used.Bytes = f.Uint()
		case 14:
			s.Used.Items = f.Uint()
		}
		return nil
	})
	return s, err
}

func appendFolder(dst []byte, f mail.Folder) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(f.Parent))
	e.String(2, f.Name)
	e.Uint(3, uint64(f.Class))
	e.Uint(4, uint64(f.Role))
	e.Uint(5, uint64(f.Created))
	e.Uint(6, uint64(f.ModSeq))
	e.Uint(7, uint64(f.Highest))
	e.Uint(8, uint64(f.Items))
	e.Uint(9, uint64(f.Unread))
	e.Uint(10, f.Bytes)
	e.Uint(11, uint64(f.SMS))
	if !f.Link.IsZero() {
		e.Message(12, func(e *store.Encoder) {
			e.Uint(1, uint64(f.Link.Box))
			e.Uint(2, uint64(f.Link.Folder))
			e.Uint(3, uint64(f.Link.Rights))
		})
	}
	return e.Out()
}

func parseFolder(b []byte) (d mail.Folder, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			d.Parent = mail.FolderID(f.Uint())
		case 2:
			d.Name = f.String()
		case 3:
			d.Class = mail.Class(f.Uint())
		case 4:
			d.Role = mail.Role(f.Uint())
		case 5:
			d.Created = mail.ModSeq(f.Uint())
		case 6:
			d.ModSeq = mail.ModSeq(f.Uint())
		case 7:
			d.Highest = mail.ModSeq(f.Uint())
		case 8:
			d.Items = uint32(f.Uint())
		case 9:
			d.Unread = uint32(f.Uint())
		case 10:
			d.Bytes = f.Uint()
		case 11:
			d.SMS = uint32(f.Uint())
		case 12:
			d.Link, err = parseLink(f.Bytes())
			return err
		}
		return nil
	})
	return d, err
}

func parseLink(b []byte) (l mail.Link, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			l.Box = mail.MailboxID(f.Uint())
		case 2:
			l.Folder = mail.FolderID(f.Uint())
		case 3:
			l.Rights = mail.Rights(f.Uint())
		}
		return nil
	})
	return l, err
}

func appendChange(dst []byte, c mail.Change) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(c.Item))
	e.Uint(2, uint64(c.Created))
	e.Uint(3, uint64(c.Received))
	e.Bool(4, c.Deleted)
	e.Uint(5, uint64(c.MovedTo.Folder))
	e.Uint(6, uint64(c.MovedTo.Item))
	if !c.Thread.IsZero() {
		e.Bytes(7, c.Thread[:])
	}
	e.Bool(8, c.SMS)
	appendWas(e, 9, c.Was)
	e.String(10, c.Name)
	e.Uint(11, uint64(c.Away.Box))
	e.Uint(12, uint64(c.Away.At.Folder))
	e.Uint(13, uint64(c.Away.At.Item))
	return e.Out()
}

func parseChange(b []byte) (c mail.Change, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			c.Item = mail.ItemID(f.Uint())
		case 2:
			c.Created = mail.ModSeq(f.Uint())
		case 3:
			c.Received = int64(f.Uint())
		case 4:
			c.Deleted = f.Uint() != 0
		case 5:
			c.MovedTo.Folder = mail.FolderID(f.Uint())
		case 6:
			c.MovedTo.Item = mail.ItemID(f.Uint())
		case 7:
			c.Thread, err = parseThreadID(f.Bytes())
			return err
		case 8:
			c.SMS = f.Bool()
		case 9:
			c.Was, err = parseWas(c.Was, f.Bytes())
			return err
		case 10:
			c.Name = f.String()
		case 11:
			c.Away.Box = mail.MailboxID(f.Uint())
		case 12:
			c.Away.At.Folder = mail.FolderID(f.Uint())
		case 13:
			c.Away.At.Item = mail.ItemID(f.Uint())
		}
		return nil
	})
	return c, err
}

// dateRow is what the order of a folder says of an item besides its place: of what
// is no mail enough to tell when it is, so that who asks for a span of time reads
// these rows alone. Of mail it is empty.
type dateRow struct {
	UID   mail.UIDHash
	Brief []byte
}

func dateRowOf(it *mail.Item) dateRow { return dateRow{it.UID, it.Brief} }

func appendDateRow(dst []byte, r dateRow) []byte {
	if r.UID == 0 && len(r.Brief) == 0 {
		return dst
	}
	return append(binary.AppendUvarint(dst, uint64(r.UID)), r.Brief...)
}

func parseDateRow(b []byte) (r dateRow, err error) {
	if len(b) == 0 {
		return r, nil
	}
	uid, used := binary.Uvarint(b)
	if used <= 0 {
		return r, errRow
	}
	r.UID = mail.UIDHash(uid)
	if len(b) > used {
		r.Brief = append([]byte(nil), b[used:]...)
	}
	return r, nil
}

// indexRow is a message's MIME index and how many items have that message.
type indexRow struct {
	References uint64
	Index      []byte // message.Index.Append
}

func appendIndexRow(dst []byte, r indexRow) []byte {
	return append(binary.AppendUvarint(dst, r.References), r.Index...)
}

func parseIndexRow(b []byte) (indexRow, error) {
	n, used := binary.Uvarint(b)
	if used <= 0 {
		return indexRow{}, errRow
	}
	return indexRow{n, b[used:]}, nil
}
