package blob

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"martlet/store"
)

// A pack is a header and records, one after another. The header is the magic,
// the pack's number, the key's probe and a CRC-32C.
const (
	packMagic      = "martlet blobs 1\n"
	probeSize      = 16
	packHeaderSize = len(packMagic) + 4 + probeSize + crcSize
	packSuffix     = ".pack"
)

// packDir is the directory of the packs.
type packDir struct {
	path  string
	probe [probeSize]byte // zero: no key
}

func (d *packDir) file(n uint32) string {
	return filepath.Join(d.path, fmt.Sprintf("%08d%s", n, packSuffix))
}

func (d *packDir) make() error {
	if err := store.MakeDir(d.path); err != nil {
		return diskFull(err)
	}
	return nil
}

// list returns the numbers of the packs there are, ascending.
func (d *packDir) list() ([]uint32, error) {
	files, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	var out []uint32
	for _, f := range files {
		var n uint32
		if _, err := fmt.Sscanf(f.Name(), "%08d"+packSuffix, &n); err == nil && f.Name() == filepath.Base(d.file(n)) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// create makes pack n, durably, name and header.
func (d *packDir) create(n uint32) (*os.File, error) {
	f, err := os.OpenFile(d.file(n), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, diskFull(err)
	}
	_, err = f.Write(d.header(n))
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = store.SyncDir(d.path)
	}
	if err != nil {
		f.Close()
		os.Remove(d.file(n))
		return nil, diskFull(err)
	}
	return f, nil
}

func (d *packDir) header(n uint32) []byte {
	h := append([]byte(packMagic), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(h[len(packMagic):], n)
	h = append(h, d.probe[:]...)
	return binary.BigEndian.AppendUint32(h, crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli)))
}

// errTorn is the error of a pack whose header was never completely written.
var errTorn = errors.New("blob: the pack's header is damaged")

// open opens pack n and compares its header and its key.
func (d *packDir) open(n uint32, flag int) (*os.File, error) {
	f, err := os.OpenFile(d.file(n), flag, 0)
	if err != nil {
		return nil, err
	}
	got := make([]byte, packHeaderSize)
	if _, err := f.ReadAt(got, 0); err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, err
	}
	want := d.header(n)
	if string(got) == string(want) {
		return f, nil
	}
	f.Close()
	at := len(packMagic) + 4
	if string(got[:at]) != string(want[:at]) {
		return nil, fmt.Errorf("%w: %s", errTorn, d.file(n))
	}
	switch probe := [probeSize]byte(got[at:]); {
	case probe == [probeSize]byte{}:
		return nil, fmt.Errorf("%w: the blobs were written without a key, but one is configured", store.ErrWrongKey)
	case d.probe == [probeSize]byte{}:
		return nil, fmt.Errorf("%w: the blobs are sealed, but no key is configured", store.ErrWrongKey)
	}
	return nil, fmt.Errorf("%w: the blobs were sealed with another key", store.ErrWrongKey)
}

// remove deletes pack n.
func (d *packDir) remove(n uint32) error {
	if err := os.Remove(d.file(n)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return store.SyncDir(d.path)
}

// walk calls fn for each record from the first, and returns where the last
// whole one ends. Records are written and synced in order, so nothing that was
// acknowledged lies behind one that is not whole.
func (c *codec) walk(f io.ReaderAt, size int64, fn func(ref Ref, off int64) error) (end int64, err error) {
	off := int64(packHeaderSize)
	h := make([]byte, headerSize)
	for off+headerSize <= size {
		if _, err := f.ReadAt(h, off); err != nil {
			return off, err
		}
		ref, ok := c.parseHeader(h)
		if !ok || off+c.recordSize(ref.Size) > size {
			return off, nil
		}
		if err := fn(ref, off); err != nil {
			return off, err
		}
		off += c.recordSize(ref.Size)
	}
	return off, nil
}

func diskFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", store.ErrDiskFull, err)
	}
	return err
}
