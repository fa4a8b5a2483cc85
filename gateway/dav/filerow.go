package dav

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// Files are what WebDAV is for besides calendars: a folder that programs keep
// their own things in (the settings of an app, a password safe, notes as files).
// An administrator says how much a user may keep there; without that there are
// none. They are a small part of this server and stay one: no versions, no
// locks, nobody else sees them.

// Limits of a user's files.
const (
	maxFiles     = 5_000 // files and folders: what one transaction can delete
	maxFileDepth = 20
	maxFile      = 64 << 20 // bytes of one
	maxFileDead  = 8 << 10  // bytes of the properties that are kept with one
)

// fileKey is where a file is. The depth stands before the path, so that what is
// directly in a folder stands together.
type fileKey struct {
	Box   mail.MailboxID
	Depth uint32
	Path  string
}

// fileRow is a file, or a folder of files.
type fileRow struct {
	path     string // from the user's folder, without a slash at its ends
	folder   bool
	Blob     blob.Ref
	Type     string // the media type that the client named
	Created  time.Time
	Modified time.Time
	Dead     []dead
}

// named tells whether a client has set the property.
func (f *fileRow) named(n name) bool {
	for i := range f.Dead {
		if f.Dead[i].name == n {
			return true
		}
	}
	return false
}

// fileTotals are what a user's files come to.
type fileTotals struct {
	Files int64
	Bytes int64
}

type fileTables struct {
	files  store.Table[fileKey, fileRow]
	totals store.Table[mail.MailboxID, fileTotals]
}

func newFileTables() fileTables {
	return fileTables{
		store.NewTable("dav file", store.PrefixDavFile,
			store.Codec[fileKey]{Append: appendFileKey, Parse: parseFileKey}, store.Codec[fileRow]{Append: appendFileRow, Parse: parseFileRow}),
		store.NewTable("dav files", store.PrefixDavFiles,
			store.Uint64Key[mail.MailboxID](), store.Codec[fileTotals]{Append: appendTotals, Parse: parseTotals}),
	}
}

func keyOfFile(box mail.MailboxID, path string) fileKey {
	return fileKey{box, uint32(strings.Count(path, "/") + 1), path}
}

func appendFileKey(dst []byte, k fileKey) []byte {
	return append(store.AppendUint32(store.AppendUint64(dst, uint64(k.Box)), k.Depth), k.Path...)
}

func parseFileKey(b []byte) (k fileKey, err error) {
	box, b, err := store.ParseUint64(b)
	if err != nil {
		return k, err
	}
	depth, b, err := store.ParseUint32(b)
	return fileKey{mail.MailboxID(box), depth, string(b)}, err
}

func appendFileRow(dst []byte, f fileRow) []byte {
	e := store.NewEncoder(dst)
	e.Bool(1, f.folder)
	if !f.Blob.IsZero() {
		e.Bytes(2, blob.AppendRef(nil, f.Blob))
	}
	e.String(3, f.Type)
	e.Time(4, f.Created)
	e.Time(5, f.Modified)
	appendDead(e, 6, f.Dead)
	return e.Out()
}

func parseFileRow(b []byte) (f fileRow, err error) {
	err = store.DecodeFields(b, func(v store.Field) (err error) {
		switch v.Number {
		case 1:
			f.folder = v.Bool()
		case 2:
			f.Blob, err = blob.ParseRef(v.Bytes())
		case 3:
			f.Type = v.String()
		case 4:
			f.Created = v.Time()
		case 5:
			f.Modified = v.Time()
		case 6:
			f.Dead, err = parseDead(f.Dead, v.Bytes())
		}
		return err
	})
	return f, err
}

func appendTotals(dst []byte, t fileTotals) []byte {
	e := store.NewEncoder(dst)
	e.Int(1, t.Files)
	e.Int(2, t.Bytes)
	return e.Out()
}

func parseTotals(b []byte) (t fileTotals, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			t.Files = f.Int()
		case 2:
			t.Bytes = f.Int()
		}
		return nil
	})
	return t, err
}

// get returns a file or folder; the user's own folder is always there.
func (t *fileTables) get(tx *store.Tx, box mail.MailboxID, path string) (*fileRow, error) {
	if path == "" {
		return &fileRow{folder: true}, nil
	}
	f, err := t.files.Get(tx, keyOfFile(box, path))
	if errors.Is(err, store.ErrNotFound) {
		return nil, mail.ErrNoItem
	}
	if err != nil {
		return nil, fmt.Errorf("dav: file: %w", err)
	}
	f.path = path
	return &f, nil
}

// within ranges over what is in a folder at all, the folders above before what is
// in them.
func (t *fileTables) within(tx *store.Tx, box mail.MailboxID, path string) iter.Seq2[*fileRow, error] {
	return func(yield func(*fileRow, error) bool) {
		depth := uint32(1)
		prefix := ""
		if path != "" {
			depth, prefix = uint32(strings.Count(path, "/")+2), path+"/"
		}
		for d := depth; d <= maxFileDepth; d++ {
			some := false
			r := store.TableRange[fileKey]{Prefix: appendFileKey(nil, fileKey{box, d, prefix})}
			for row, err := range t.files.Scan(tx, r) {
				some = true
				row.Value.path = row.Key.Path
				if !yield(&row.Value, err) || err != nil {
					return
				}
			}
			if !some {
				return
			}
		}
	}
}

// page is a part of what is directly in a folder, behind a path.
func (t *fileTables) page(tx *store.Tx, box mail.MailboxID, folder, after string) (found []*fileRow, err error) {
	depth, prefix := uint32(1), ""
	if folder != "" {
		depth, prefix = uint32(strings.Count(folder, "/")+2), folder+"/"
	}
	r := store.TableRange[fileKey]{Prefix: appendFileKey(nil, fileKey{box, depth, prefix})}
	if after != "" {
		r.From = &fileKey{box, depth, after + "\x00"}
	}
	for row, err := range t.files.Scan(tx, r) {
		if err != nil {
			return nil, fmt.Errorf("dav: files: %w", err)
		}
		row.Value.path = row.Key.Path
		if found = append(found, &row.Value); len(found) == rowsAtOnce {
			break
		}
	}
	return found, nil
}

// put writes a file or folder in place of the old one, if there is any, and keeps
// the totals. A body that it names has to be durable.
func (t *fileTables) put(tx *store.Tx, bodies *blob.Blobs, box mail.MailboxID, old, f *fileRow) error {
	sum, err := t.sum(tx, box)
	if err != nil {
		return err
	}
	if !f.Blob.IsZero() && (old == nil || old.Blob != f.Blob) {
		if err := bodies.Retain(tx, f.Blob); err != nil {
			return fmt.Errorf("dav: file: %w", err)
		}
	}
	sum.Bytes += f.Blob.Size
	if old != nil {
		sum.Bytes -= old.Blob.Size
		if !old.Blob.IsZero() && old.Blob != f.Blob {
			if err := release(tx, bodies, old.Blob); err != nil {
				return err
			}
		}
	} else if sum.Files++; sum.Files > maxFiles {
		return mail.ErrMailboxFull
	}
	if err := t.files.Set(tx, keyOfFile(box, f.path), *f); err != nil {
		return err
	}
	return t.totals.Set(tx, box, sum)
}

// remove takes a file or folder away, not what is in it.
func (t *fileTables) remove(tx *store.Tx, bodies *blob.Blobs, box mail.MailboxID, f *fileRow) error {
	sum, err := t.sum(tx, box)
	if err != nil {
		return err
	}
	if !f.Blob.IsZero() {
		if err := release(tx, bodies, f.Blob); err != nil {
			return err
		}
	}
	sum.Files--
	sum.Bytes -= f.Blob.Size
	if err := t.files.Delete(tx, keyOfFile(box, f.path)); err != nil {
		return err
	}
	return t.totals.Set(tx, box, sum)
}

// release gives a body back. One that is gone already is damage that a check
// tells of.
func release(tx *store.Tx, bodies *blob.Blobs, ref blob.Ref) error {
	if err := bodies.Release(tx, ref); err != nil && !errors.Is(err, blob.ErrGone) {
		return fmt.Errorf("dav: file: %w", err)
	}
	return nil
}

func (t *fileTables) sum(tx *store.Tx, box mail.MailboxID) (fileTotals, error) {
	sum, err := t.totals.Get(tx, box)
	if errors.Is(err, store.ErrNotFound) {
		return sum, nil
	}
	return sum, err
}

// forgetFiles removes all files of a mailbox.
func forgetFiles(tx *store.Tx, bodies *blob.Blobs, box mail.MailboxID) error {
	t := newFileTables()
	for f, err := range t.within(tx, box, "") {
		if err == nil {
			err = t.remove(tx, bodies, box, f)
		}
		if err != nil {
			return err
		}
	}
	return t.totals.Delete(tx, box)
}

// References calls count once for each reference that a file holds to a body, for
// blob.Audit.
func References(tx *store.Tx, count func(blob.Ref)) error {
	t := newFileTables()
	for row, err := range t.files.Scan(tx, store.TableRange[fileKey]{}) {
		if err != nil {
			return fmt.Errorf("dav: references: %w", err)
		}
		if !row.Value.Blob.IsZero() {
			count(row.Value.Blob)
		}
	}
	return nil
}
