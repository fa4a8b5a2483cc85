package imap

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"martlet/mail"
	"martlet/store"
)

const (
	// maxAnnotation bounds the value of an annotation in bytes.
	maxAnnotation = 64 << 10
	// maxAnnotations bounds those that one user keeps with one mailbox, and those that
	// all who see it share.
	maxAnnotations    = 50
	maxAnnotationName = 200
)

// Names of annotations begin so (RFC 5464 3.2): what each user keeps, and what all
// who see the mailbox share.
const (
	privateAnnotations = "/private/"
	sharedAnnotations  = "/shared/"
)

// annotationKey names an annotation. Those of the server itself have no folder, and
// are kept with the user's own mailbox.
type annotationKey struct {
	box    mail.MailboxID
	folder mail.FolderID
	viewer mail.MailboxID // whose it is; zero: all's
	name   string         // lower case
}

// annotations is the table of all of them.
type annotations struct {
	table store.Table[annotationKey, []byte]
}

func newAnnotations() annotations {
	return annotations{store.NewTable("imap annotation", store.PrefixAnnotation,
		store.Codec[annotationKey]{Append: appendAnnotationKey, Parse: parseAnnotationKey},
		store.Codec[[]byte]{Append: func(dst, v []byte) []byte { return append(dst, v...) }, Parse: func(b []byte) ([]byte, error) { return bytes.Clone(b), nil }})}
}

func appendAnnotationKey(dst []byte, k annotationKey) []byte {
	dst = store.AppendUint64(store.AppendUint64(dst, uint64(k.box)), uint64(k.folder))
	return store.AppendString(store.AppendUint64(dst, uint64(k.viewer)), k.name)
}

func parseAnnotationKey(b []byte) (k annotationKey, err error) {
	var n [3]uint64
	for i := range n {
		if n[i], b, err = store.ParseUint64(b); err != nil {
			return k, err
		}
	}
	k.box, k.folder, k.viewer = mail.MailboxID(n[0]), mail.FolderID(n[1]), mail.MailboxID(n[2])
	if k.name, b, err = store.ParseString(b); err != nil {
		return k, err
	}
	return k, store.End(b)
}

// annotationName checks a name and brings it into its one form (RFC 5464 3.2).
func annotationName(s string) (name string, ok bool) {
	name = strings.ToLower(s)
	switch {
	case len(name) > maxAnnotationName, strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' || r == '*' || r == '%' }),
		strings.Contains(name, "//"), strings.HasSuffix(name, "/"):
		return "", false
	}
	return name, strings.HasPrefix(name, privateAnnotations) || strings.HasPrefix(name, sharedAnnotations)
}

// place is where annotations of a mailbox are kept for a session; the empty name is
// the server.
type place struct {
	box    mail.MailboxID
	folder mail.FolderID
	viewer mail.MailboxID
	writes bool // the session may change what is shared
}

func (p place) key(name string) annotationKey {
	k := annotationKey{p.box, p.folder, 0, name}
	if strings.HasPrefix(name, privateAnnotations) {
		k.viewer = p.viewer
	}
	return k
}

func (s *session) annotated(tx *store.Tx, name string) (place, error) {
	if name == "" {
		return place{box: s.box, viewer: s.box}, nil
	}
	n, err := s.findFolder(tx, name)
	if err != nil {
		return place{}, err
	}
	_, box, folder, err := s.srv.cfg.Mailboxes.Resolve(tx, s.box, n.ID)
	return place{box, folder, s.box, n.Link.IsZero() || n.Link.Rights&mail.MayWrite != 0}, err
}

// of visits the annotations that are kept under one key but for the name.
func (t annotations) of(tx *store.Tx, k annotationKey, yield func(name string, value []byte)) error {
	prefix := store.AppendUint64(store.AppendUint64(store.AppendUint64(nil, uint64(k.box)), uint64(k.folder)), uint64(k.viewer))
	for row, err := range t.table.Scan(tx, store.TableRange[annotationKey]{Prefix: prefix}) {
		if err != nil {
			return fmt.Errorf("imap: annotations: %w", err)
		}
		yield(row.Key.name, row.Value)
	}
	return nil
}

var errTooMany = no("METADATA TOOMANY", "No room for another annotation")

// set keeps a value, or with nil none.
func (t annotations) set(tx *store.Tx, k annotationKey, value []byte) error {
	if value == nil {
		err := t.table.Delete(tx, k)
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	}
	n, known := 0, false
	if err := t.of(tx, k, func(name string, _ []byte) { n++; known = known || name == k.name }); err != nil {
		return err
	}
	if !known && n >= maxAnnotations {
		return errTooMany
	}
	return t.table.Set(tx, k, value)
}

// forget drops what is kept with a mailbox, of one folder or of all.
func (t annotations) forget(tx *store.Tx, box mail.MailboxID, folder mail.FolderID) error {
	prefix := store.AppendUint64(nil, uint64(box))
	if folder != 0 {
		prefix = store.AppendUint64(prefix, uint64(folder))
	}
	var gone []annotationKey
	for k, err := range t.table.Keys(tx, store.TableRange[annotationKey]{Prefix: prefix}) {
		if err != nil {
			return fmt.Errorf("imap: annotations: %w", err)
		}
		gone = append(gone, k)
	}
	for _, k := range gone {
		if err := t.table.Delete(tx, k); err != nil {
			return err
		}
	}
	return nil
}
