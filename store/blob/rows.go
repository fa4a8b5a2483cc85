package blob

import (
	"fmt"
	"time"

	"martlet/store"
)

// place is the row of a blob: where it is and how often it is referred to.
type place struct {
	pack     uint32
	off      int64 // of the record in the pack
	size     int64 // of the blob
	refs     int64
	released int64 // when refs became zero, ms since 1970
}

func (p place) in(pack uint32, off int64) bool { return p.pack == pack && p.off == off }

// packRow is the row of a settled pack: one that is never written to again and
// holds no blob still waiting for its first reference.
type packRow struct {
	dead int64 // bytes of records nobody refers to
}

// release is the key of a blob that waits to be collected.
type release struct {
	when int64 // ms since 1970
	hash [HashSize]byte
}

type tables struct {
	blobs store.Table[[HashSize]byte, place]
	packs store.Table[uint32, packRow]
	dead  store.Table[release, struct{}]
}

func newTables() tables {
	return tables{
		blobs: store.NewTable("blob", store.PrefixBlob, store.Codec[[HashSize]byte]{Append: appendHash, Parse: parseHash}, store.Codec[place]{Append: appendPlace, Parse: parsePlace}),
		packs: store.NewTable("blob pack", store.PrefixBlobPack, store.Uint32Key[uint32](), store.Codec[packRow]{Append: appendPack, Parse: parsePack}),
		dead:  store.NewTable("blob dead", store.PrefixBlobDead, store.Codec[release]{Append: appendRelease, Parse: parseRelease}, store.NoValue()),
	}
}

func appendHash(dst []byte, h [HashSize]byte) []byte { return append(dst, h[:]...) }

func parseHash(b []byte) (h [HashSize]byte, err error) {
	if copy(h[:], b) != HashSize || len(b) != HashSize {
		return h, store.ErrBadKey
	}
	return h, nil
}

func appendRelease(dst []byte, r release) []byte {
	return append(store.AppendInt64(dst, r.when), r.hash[:]...)
}

func parseRelease(b []byte) (r release, err error) {
	when, rest, err := store.ParseInt64(b)
	if err != nil {
		return r, err
	}
	r.when = when
	r.hash, err = parseHash(rest)
	return r, err
}

func appendPlace(dst []byte, p place) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(p.pack))
	e.Uint(2, uint64(p.off))
	e.Uint(3, uint64(p.size))
	e.Uint(4, uint64(p.refs))
	e.Uint(5, uint64(p.released))
	return e.Out()
}

func parsePlace(b []byte) (p place, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			p.pack = uint32(f.Uint())
		case 2:
			p.off = int64(f.Uint())
		case 3:
			p.size = int64(f.Uint())
		case 4:
			p.refs = int64(f.Uint())
		case 5:
			p.released = int64(f.Uint())
		}
		return nil
	})
	if err == nil && (p.size < 0 || p.size > MaxSize || p.off < 0 || p.refs < 0) {
		err = fmt.Errorf("%w: impossible place", store.ErrBadRecord)
	}
	return p, err
}

func appendPack(dst []byte, p packRow) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(p.dead))
	return e.Out()
}

func parsePack(b []byte) (p packRow, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		if f.Number == 1 {
			p.dead = int64(f.Uint())
		}
		return nil
	})
	return p, err
}

func now() int64 { return time.Now().UnixMilli() }
