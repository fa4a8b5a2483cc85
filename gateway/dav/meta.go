package dav

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// Limits of what is kept for a collection beside its items.
const (
	maxDead      = 60       // properties that are only kept (RFC 4918 4.1)
	maxDeadBytes = 60 << 10 // of all of them
	maxText      = 16 << 10 // bytes of a description, a colour, a time zone
)

// meta is what DAV clients say of a collection. It belongs to who says it: two
// who see one folder colour it differently.
type meta struct {
	Segment     string // its name in the home, if a client gave it one
	Color       string // apple:calendar-color, "#RRGGBBAA"
	Order       string // apple:calendar-order
	Description string
	Timezone    string // a VTIMEZONE in a calendar
	Transparent bool   // its events do not take time (RFC 6638 9.1)
	Dead        []dead
}

// dead is a property of which nothing is known but what a client has set.
type dead struct {
	name
	xml string // the whole element
}

func (m *meta) isZero() bool {
	return m.Segment == "" && m.Color == "" && m.Order == "" && m.Description == "" && m.Timezone == "" && !m.Transparent && len(m.Dead) == 0
}

type metaKey struct {
	Box    mail.MailboxID
	Folder mail.FolderID
}

type segmentKey struct {
	Box     mail.MailboxID
	Segment string
}

// metaTables are the tables of collections: what is said of each, and the
// folders by the names that clients gave them.
type metaTables struct {
	meta     store.Table[metaKey, meta]
	segments store.Table[segmentKey, mail.FolderID]
}

func newMetaTables() metaTables {
	return metaTables{
		store.NewTable("dav collection", store.PrefixDavCollection,
			store.Codec[metaKey]{Append: appendMetaKey, Parse: parseMetaKey}, store.Codec[meta]{Append: appendMeta, Parse: parseMeta}),
		store.NewTable("dav segment", store.PrefixDavSegment,
			store.Codec[segmentKey]{Append: appendSegmentKey, Parse: parseSegmentKey}, store.Uint32Key[mail.FolderID]()),
	}
}

func appendMetaKey(dst []byte, k metaKey) []byte {
	return store.AppendUint32(store.AppendUint64(dst, uint64(k.Box)), uint32(k.Folder))
}

func parseMetaKey(b []byte) (k metaKey, err error) {
	box, b, err := store.ParseUint64(b)
	if err != nil {
		return k, err
	}
	f, b, err := store.ParseUint32(b)
	if err != nil {
		return k, err
	}
	return metaKey{mail.MailboxID(box), mail.FolderID(f)}, store.End(b)
}

func appendSegmentKey(dst []byte, k segmentKey) []byte {
	return store.AppendString(store.AppendUint64(dst, uint64(k.Box)), k.Segment)
}

func parseSegmentKey(b []byte) (k segmentKey, err error) {
	box, b, err := store.ParseUint64(b)
	if err != nil {
		return k, err
	}
	s, b, err := store.ParseString(b)
	if err != nil {
		return k, err
	}
	return segmentKey{mail.MailboxID(box), s}, store.End(b)
}

func appendMeta(dst []byte, m meta) []byte {
	e := store.NewEncoder(dst)
	e.String(1, m.Segment)
	e.String(2, m.Color)
	e.String(3, m.Order)
	e.String(4, m.Description)
	e.String(5, m.Timezone)
	e.Bool(6, m.Transparent)
	appendDead(e, 7, m.Dead)
	return e.Out()
}

func parseMeta(b []byte) (m meta, err error) {
	err = store.DecodeFields(b, func(f store.Field) (err error) {
		switch f.Number {
		case 1:
			m.Segment = f.String()
		case 2:
			m.Color = f.String()
		case 3:
			m.Order = f.String()
		case 4:
			m.Description = f.String()
		case 5:
			m.Timezone = f.String()
		case 6:
			m.Transparent = f.Bool()
		case 7:
			m.Dead, err = parseDead(m.Dead, f.Bytes())
		}
		return err
	})
	return m, err
}

func appendDead(e *store.Encoder, field int, list []dead) {
	for _, d := range list {
		e.Message(field, func(e *store.Encoder) {
			e.String(1, d.space)
			e.String(2, d.local)
			e.String(3, d.xml)
		})
	}
}

func parseDead(list []dead, b []byte) ([]dead, error) {
	var d dead
	err := store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			d.space = f.String()
		case 2:
			d.local = f.String()
		case 3:
			d.xml = f.String()
		}
		return nil
	})
	return append(list, d), err
}

// of returns what is said of a folder.
func (t *metaTables) of(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (meta, error) {
	m, err := t.meta.Get(tx, metaKey{box, f})
	if errors.Is(err, store.ErrNotFound) {
		return meta{}, nil
	}
	if err != nil {
		return m, fmt.Errorf("dav: collection: %w", err)
	}
	return m, nil
}

// set keeps what is said of a folder.
func (t *metaTables) set(tx *store.Tx, box mail.MailboxID, f mail.FolderID, m meta) error {
	if m.isZero() {
		return t.meta.Delete(tx, metaKey{box, f})
	}
	return t.meta.Set(tx, metaKey{box, f}, m)
}

// named returns the folder that a client named so, or zero.
func (t *metaTables) named(tx *store.Tx, box mail.MailboxID, segment string) (mail.FolderID, error) {
	f, err := t.segments.Get(tx, segmentKey{box, segment})
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("dav: collection: %w", err)
	}
	return f, nil
}

// drop forgets a folder.
func (t *metaTables) drop(tx *store.Tx, box mail.MailboxID, f mail.FolderID) error {
	m, err := t.of(tx, box, f)
	if err != nil {
		return err
	}
	if m.Segment != "" {
		if err := t.segments.Delete(tx, segmentKey{box, m.Segment}); err != nil {
			return err
		}
	}
	return t.meta.Delete(tx, metaKey{box, f})
}

// roleSegments are what the default folders are called in a home; others are f
// and their number. A client must not give a folder of its own such a name.
var roleSegments = map[mail.Role]string{
	mail.RoleCalendar: "calendar", mail.RoleTasks: "tasks", mail.RoleNotes: "notes", mail.RoleContacts: "contacts",
}

// directorySegment is the address list's place among the address books.
const directorySegment = "directory"

// ownSegment is what we call a folder.
func ownSegment(f *mail.Folder) string {
	if s := roleSegments[f.Role]; s != "" {
		return s
	}
	return "f" + strconv.FormatUint(uint64(f.ID), 10)
}

// numbered reads f and a number.
func numbered(segment string) (mail.FolderID, bool) {
	s, ok := strings.CutPrefix(segment, "f")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return mail.FolderID(n), err == nil && n > 0 && s[0] != '0'
}

// reserved tells whether only we may give the name.
func reserved(segment string) bool {
	if _, ok := numbered(segment); ok {
		return true
	}
	for _, s := range roleSegments {
		if s == segment {
			return true
		}
	}
	return segment == inboxSegment || segment == outboxSegment || segment == directorySegment
}

// Forget drops what is kept of the account's clients and files.
func Forget(tx *store.Tx, bodies *blob.Blobs, id directory.AccountID) error {
	t, box := newMetaTables(), mail.MailboxOf(id)
	prefix := store.AppendUint64(nil, uint64(box))
	for k, err := range t.meta.Keys(tx, store.TableRange[metaKey]{Prefix: prefix}) {
		if err == nil {
			err = t.meta.Delete(tx, k)
		}
		if err != nil {
			return fmt.Errorf("dav: forget: %w", err)
		}
	}
	for k, err := range t.segments.Keys(tx, store.TableRange[segmentKey]{Prefix: prefix}) {
		if err == nil {
			err = t.segments.Delete(tx, k)
		}
		if err != nil {
			return fmt.Errorf("dav: forget: %w", err)
		}
	}
	return forgetFiles(tx, bodies, box)
}
