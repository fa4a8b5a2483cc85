package store_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"testing"

	"martlet/store"
)

var sealKey = bytes.Repeat([]byte{9}, store.KeySize)

// delivery is about what delivering one message writes.
func delivery(tx *store.Tx, n uint64) error {
	key := make([]byte, 0, 32)
	for p := byte(0x80); p < 0x86; p++ {
		key = binary.BigEndian.AppendUint64(append(key[:0], p), n)
		if err := tx.Set(key, make([]byte, 150)); err != nil {
			return err
		}
	}
	return nil
}

func benchmarkUpdate(b *testing.B, writers int, cfg store.Config) {
	s := open(b, cfg)
	b.ReportAllocs()
	var n atomic.Uint64
	b.SetParallelism(writers)
	b.ResetTimer()
	work := func() {
		err := s.Update(b.Context(), func(tx *store.Tx) error { return delivery(tx, n.Add(1)) })
		if err != nil {
			b.Error(err)
		}
	}
	if writers == 1 {
		for b.Loop() {
			work()
		}
		return
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			work()
		}
	})
}

// RunParallel starts parallelism × GOMAXPROCS goroutines; on two cores these
// are 64.
func BenchmarkUpdate1Writer(b *testing.B)         { benchmarkUpdate(b, 1, store.Config{}) }
func BenchmarkUpdate20Writers(b *testing.B)       { benchmarkUpdate(b, 10, store.Config{}) }
func BenchmarkUpdate64Writers(b *testing.B)       { benchmarkUpdate(b, 32, store.Config{}) }
func BenchmarkUpdate64WritersSealed(b *testing.B) { benchmarkUpdate(b, 32, store.Config{Key: sealKey}) }

// filled returns a store with n rows of 200 bytes, most of them in tables on
// the disk.
func filled(b *testing.B, n int, key []byte) *store.Store {
	s := open(b, store.Config{Key: key})
	for i := 0; i < n; i += 1000 {
		update(b, s, func(tx *store.Tx) error {
			for j := i; j < i+1000; j++ {
				if err := tx.Set(fmt.Appendf(nil, "t%08d", j), make([]byte, 200)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return s
}

func benchmarkView(b *testing.B, key []byte) {
	const rows = 200_000
	s := filled(b, rows, key)
	b.ReportAllocs()
	i := 0
	k := make([]byte, 0, 16)
	for b.Loop() {
		i = (i + 7919) % rows
		err := s.View(b.Context(), func(tx *store.Tx) error {
			k = fmt.Appendf(k[:0], "t%08d", i)
			_, err := tx.Get(k)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkView(b *testing.B)       { benchmarkView(b, nil) }
func BenchmarkViewSealed(b *testing.B) { benchmarkView(b, sealKey) }

// benchmarkScan reads ten rows from the middle, as a Sync reads the change log.
func benchmarkScan(b *testing.B, key []byte, reverse bool) {
	const rows = 200_000
	s := filled(b, rows, key)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 7919) % (rows - 1000)
		err := s.View(b.Context(), func(tx *store.Tx) error {
			n := 0
			r := store.Range{Prefix: []byte("t"), From: fmt.Appendf(nil, "t%08d", i), Reverse: reverse}
			if reverse {
				r.To, r.From = r.From, nil
			}
			for _, err := range tx.Scan(r) {
				if err != nil {
					return err
				}
				if n++; n == 10 {
					break
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScan10(b *testing.B)        { benchmarkScan(b, nil, false) }
func BenchmarkScan10Reverse(b *testing.B) { benchmarkScan(b, nil, true) }
func BenchmarkScan10Sealed(b *testing.B)  { benchmarkScan(b, sealKey, false) }

func BenchmarkScanAll(b *testing.B) {
	s := filled(b, 100_000, nil)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := s.View(b.Context(), func(tx *store.Tx) error {
			for _, err := range tx.Scan(store.Range{Prefix: []byte("t")}) {
				if err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if n != 100_000 || err != nil {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(100_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
