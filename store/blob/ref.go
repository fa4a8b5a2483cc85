package blob

import (
	"encoding/binary"
	"encoding/hex"
)

// HashSize is the length of a hash in bytes.
const HashSize = 32

// Ref names a blob by its content.
type Ref struct {
	Hash [HashSize]byte // SHA-256
	Size int64          // bytes
}

// IsZero tells whether r names no blob. The empty blob has a hash too.
func (r Ref) IsZero() bool { return r == Ref{} }

// String shows the hash, for messages.
func (r Ref) String() string { return hex.EncodeToString(r.Hash[:]) }

// AppendRef appends r as 32 bytes and a uvarint.
func AppendRef(dst []byte, r Ref) []byte {
	return binary.AppendUvarint(append(dst, r.Hash[:]...), uint64(r.Size))
}

// ParseRef reads what AppendRef wrote; b must hold nothing else. No bytes are
// the zero Ref.
func ParseRef(b []byte) (Ref, error) {
	var r Ref
	if len(b) == 0 {
		return r, nil
	}
	if len(b) <= HashSize {
		return r, ErrBadRef
	}
	size, n := binary.Uvarint(b[HashSize:])
	if n != len(b)-HashSize || size > MaxSize {
		return r, ErrBadRef
	}
	copy(r.Hash[:], b)
	r.Size = int64(size)
	return r, nil
}
