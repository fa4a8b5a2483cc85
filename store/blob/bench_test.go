package blob_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"martlet/store"
	"martlet/store/blob"
)

const bodySize = 30 << 10

// benchmarkPut stores bodies of a size from several goroutines; with deliver it
// also retains each in its own transaction, as a delivery does.
func benchmarkPut(b *testing.B, size, parallel int, key []byte, deliver bool) {
	k := newKit(b, "", key, 0)
	data := body(1, size)
	var n atomic.Uint64
	b.SetBytes(int64(size))
	b.ReportAllocs()
	work := func(buf []byte) {
		binary.BigEndian.PutUint64(buf, n.Add(1))
		ref, err := k.Put(b.Context(), buf)
		if err == nil && deliver {
			err = k.store.Update(b.Context(), func(tx *store.Tx) error { return k.Retain(tx, ref) })
		}
		if err != nil {
			b.Error(err)
		}
	}
	b.ResetTimer()
	if parallel == 1 {
		for b.Loop() {
			work(data)
		}
	} else {
		b.SetParallelism(parallel / 2) // times GOMAXPROCS, two on the reference machine
		b.RunParallel(func(pb *testing.PB) {
			buf := append([]byte(nil), data...)
			for pb.Next() {
				work(buf)
			}
		})
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "blobs/s")
}

func BenchmarkPut30K(b *testing.B)                   { benchmarkPut(b, bodySize, 1, nil, false) }
func BenchmarkPut30KSealed(b *testing.B)             { benchmarkPut(b, bodySize, 1, key, false) }
func BenchmarkPut30K20Writers(b *testing.B)          { benchmarkPut(b, bodySize, 20, nil, false) }
func BenchmarkPut30K20WritersSealed(b *testing.B)    { benchmarkPut(b, bodySize, 20, key, false) }
func BenchmarkPut10K20Writers(b *testing.B)          { benchmarkPut(b, 10<<10, 20, nil, false) }
func BenchmarkPutAndRetain10K20Writers(b *testing.B) { benchmarkPut(b, 10<<10, 20, nil, true) }

// someBlobs stores n bodies with their references.
func someBlobs(b *testing.B, key []byte, n int) (*kit, []blob.Ref) {
	k := newKit(b, "", key, 0)
	refs := make([]blob.Ref, n)
	for i := range refs {
		refs[i] = k.put(b, body(i, bodySize))
	}
	k.retain(b, refs...)
	return k, refs
}

func benchmarkRead(b *testing.B, key []byte, read func(k *kit, ref blob.Ref) error) {
	k, refs := someBlobs(b, key, 1000)
	b.SetBytes(bodySize)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 7) % len(refs)
		if err := read(k, refs[i]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead30K(b *testing.B)       { benchmarkRead(b, nil, readWhole) }
func BenchmarkRead30KSealed(b *testing.B) { benchmarkRead(b, key, readWhole) }

func readWhole(k *kit, ref blob.Ref) error {
	_, err := k.Read(ctx, ref)
	return err
}

// BenchmarkReadAt1K reads the beginning of a body, as a truncated Sync does.
func BenchmarkReadAt1K(b *testing.B) {
	p := make([]byte, 1<<10)
	benchmarkRead(b, nil, func(k *kit, ref blob.Ref) error {
		_, err := k.ReadAt(ctx, ref, p, 0)
		return err
	})
}

// BenchmarkFileForEachBlob20Writers is what packs are compared with in
// docs/decisions/0001-blob-packs.md: a temporary file, fsync, rename and fsync
// of one of 256 directories.
func BenchmarkFileForEachBlob20Writers(b *testing.B) {
	dir := b.TempDir()
	for i := range 256 {
		if err := os.Mkdir(fmt.Sprintf("%s/%02x", dir, i), 0o700); err != nil {
			b.Fatal(err)
		}
	}
	var n atomic.Uint64
	b.SetParallelism(10)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		buf := body(1, 10<<10)
		for pb.Next() {
			i := n.Add(1)
			binary.BigEndian.PutUint64(buf, i)
			if err := writeFile(fmt.Sprintf("%s/%02x", dir, i%256), fmt.Sprint(i), buf); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "blobs/s")
}

func writeFile(dir, name string, data []byte) error {
	f, err := os.CreateTemp(dir, "tmp")
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), dir+"/"+name); err != nil {
		return err
	}
	return store.SyncDir(dir)
}
