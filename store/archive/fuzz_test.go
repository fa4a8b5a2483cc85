package archive_test

import (
	"bytes"
	"context"
	"testing"

	"martlet/store"
	"martlet/store/archive"
	"martlet/store/blob"
)

// FuzzRestore must refuse what is not an archive, and never panic. What it
// takes opens and holds together.
func FuzzRestore(f *testing.F) {
	for _, key := range [][]byte{nil, key} {
		var buf bytes.Buffer
		// A house of its own for the seed: its cleanup must not wait for the fuzzing.
		if err := smallArchive(f.TempDir(), f.TempDir(), key, &buf); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
		f.Add(buf.Bytes()[:buf.Len()/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		scfg := store.Config{Path: t.TempDir(), Logger: discard, NoCompaction: true, MemTable: 1 << 20}
		bcfg := blob.Config{Path: t.TempDir(), Logger: discard}
		if archive.Restore(ctx, bytes.NewReader(b), scfg, bcfg, nil) != nil {
			return
		}
		s := &server{scfg: scfg, bcfg: bcfg}
		s.open(t)
		report := func(p store.Problem) { t.Errorf("%s %s: %s", p.Table, p.Key, p.Text) }
		if err := s.blobs.Check(ctx, report); err != nil {
			t.Error(err)
		}
	})
}

// smallArchive writes an archive of one body and its row.
func smallArchive(rows, bodies string, key []byte, w *bytes.Buffer) error {
	st, err := store.Open(store.Config{Path: rows, Key: key, Logger: discard, NoCompaction: true, MemTable: 1 << 20})
	if err != nil {
		return err
	}
	defer st.Close()
	blobs, err := blob.Open(blob.Config{Store: st, Path: bodies, Key: key, Logger: discard})
	if err != nil {
		return err
	}
	defer blobs.Close()
	ref, err := blobs.Put(ctx, []byte("Subject: small\r\n\r\nbody\r\n"))
	if err != nil {
		return err
	}
	err = st.Update(ctx, func(tx *store.Tx) error {
		if err := blobs.Retain(tx, ref); err != nil {
			return err
		}
		return tx.Set([]byte("t000001"), blob.AppendRef(nil, ref))
	})
	if err != nil {
		return err
	}
	return archive.Write(context.Background(), w, st, blobs, nil)
}
