package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// A backup is the magic, the rows in key order as they are stored (sealed values
// stay sealed), an empty row and the SHA-256 of all that. A row is its key's and
// its value's length as uvarints, the key and the value.
const backupMagic = "martlet store 1\n"

// restoreMark is the file that stands in a directory until a restore into it is
// complete.
const restoreMark = "restore.unfinished"

// restoreBatch is how many bytes a restore commits at once.
const restoreBatch = 1 << 20

// ErrBadBackup is returned for a stream that is not a whole backup.
var ErrBadBackup = errors.New("store: the backup is damaged or cut short")

// Backup writes all rows of one consistent snapshot to w while the store goes
// on working. Values are written as they are stored, so a sealed store gives a
// sealed backup, which needs the same key.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	return s.View(ctx, func(tx *Tx) error { return tx.Backup(ctx, w, nil) })
}

// Backup writes the rows that tx sees, see Store.Backup. It calls progress, if
// there is one, with the number of rows so far.
func (tx *Tx) Backup(ctx context.Context, w io.Writer, progress func(rows int64)) error {
	sum := sha256.New()
	bw := bufio.NewWriterSize(io.MultiWriter(w, sum), 256<<10)
	bw.WriteString(backupMagic)
	var head []byte
	rows := int64(0)
	for kv, err := range tx.rows() {
		if err != nil {
			return err
		}
		head = binary.AppendUvarint(head[:0], uint64(len(kv.Key)))
		head = binary.AppendUvarint(head, uint64(len(kv.Value)))
		bw.Write(head)
		bw.Write(kv.Key)
		if _, err := bw.Write(kv.Value); err != nil {
			return err
		}
		if rows++; rows%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if progress != nil {
				progress(rows)
			}
		}
	}
	bw.Write([]byte{0, 0})
	if err := bw.Flush(); err != nil {
		return err
	}
	if progress != nil {
		progress(rows)
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

// rows visits everything in a View's snapshot as it is stored. The bytes are
// valid until the next row.
func (tx *Tx) rows() iter.Seq2[KV, error] {
	return func(yield func(KV, error) bool) {
		it := tx.read.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			kv := KV{Key: it.Item().Key()}
			err := it.Item().Value(func(v []byte) error {
				kv.Value = v
				return nil
			})
			if !yield(kv, err) || err != nil {
				return
			}
		}
	}
}

// Restore reads what Backup wrote, and no more, into the directory cfg.Path,
// which must be empty or missing. r should be buffered. Then it runs the functions of then on the
// open store, for what else belongs to the restore. Until all is done, and if
// it fails, the directory holds a mark that makes Open refuse it.
func Restore(cfg Config, r io.Reader, then ...func(*Store) error) error {
	if err := restore(cfg, r, then); err != nil {
		return fmt.Errorf("store: restore into %s: %w", cfg.Path, err)
	}
	return nil
}

func restore(cfg Config, r io.Reader, then []func(*Store) error) (err error) {
	if err := EmptyDir(cfg.Path); err != nil {
		return err
	}
	mark := filepath.Join(cfg.Path, restoreMark)
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		return diskFull(err)
	}
	if err := SyncDir(cfg.Path); err != nil {
		return err
	}
	s, err := open(cfg, true)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := s.Close(); err == nil {
			err = cerr
		}
		if err == nil {
			err = os.Remove(mark)
		}
		if err == nil {
			err = SyncDir(cfg.Path)
		}
	}()
	if err := s.restoreRows(r); err != nil {
		return err
	}
	if s.seal, err = s.openMeta(cfg.Key); err != nil {
		return err
	}
	for _, fn := range then {
		if err := fn(s); err != nil {
			return err
		}
	}
	return nil
}

// EmptyDir makes the directory at path, or refuses one that holds anything.
func EmptyDir(path string) error {
	if err := MakeDir(path); err != nil {
		return diskFull(err)
	}
	files, err := os.ReadDir(path)
	if err == nil && len(files) > 0 {
		err = errors.New("the directory is not empty")
	}
	return err
}

func (s *Store) restoreRows(r io.Reader) error {
	sum := sha256.New()
	in := &backupReader{r: r, sum: sum}
	magic, err := in.bytes(len(backupMagic))
	if err != nil || string(magic) != backupMagic {
		return fmt.Errorf("%w: it does not begin as one", ErrBadBackup)
	}
	var rows []write
	size := 0
	for {
		w, err := in.row()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBadBackup, err)
		}
		size += len(w.key) + len(w.value)
		if len(rows) > 0 && (w.key == nil || size > int(min(restoreBatch, s.commits.maxBytes/2)) || len(rows) >= s.commits.maxRows/2) {
			if err := s.space.needs(s.workRoom() + s.space.reserve); err != nil {
				return err
			}
			if err := s.putRaw(rows); err != nil {
				return err
			}
			rows, size = rows[:0], 0
		}
		if w.key == nil {
			break
		}
		rows = append(rows, w)
	}
	want := sum.Sum(nil)
	if got, err := in.bytes(len(want)); err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("%w: wrong checksum", ErrBadBackup)
	}
	return nil
}

// backupReader reads exactly what belongs to the backup and sums it up.
type backupReader struct {
	r   io.Reader
	sum hash.Hash
	one [1]byte
}

func (b *backupReader) ReadByte() (byte, error) {
	_, err := io.ReadFull(b.r, b.one[:])
	b.sum.Write(b.one[:])
	return b.one[0], err
}

func (b *backupReader) bytes(n int) ([]byte, error) {
	p := make([]byte, n)
	_, err := io.ReadFull(b.r, p)
	b.sum.Write(p)
	return p, err
}

// row returns the next row, with a nil key after the last.
func (b *backupReader) row() (w write, err error) {
	klen, err := binary.ReadUvarint(b)
	if err != nil {
		return w, err
	}
	vlen, err := binary.ReadUvarint(b)
	if err != nil || klen == 0 {
		return w, err
	}
	if klen > maxKey || vlen > maxValue+sealOverhead {
		return w, errors.New("a row is larger than a row can be")
	}
	kv, err := b.bytes(int(klen + vlen))
	return write{key: kv[:klen:klen], value: kv[klen:]}, err
}
