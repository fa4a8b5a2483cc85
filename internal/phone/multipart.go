package phone

import (
	"encoding/binary"
	"errors"
)

var errParts = errors.New("phone: the multipart answer is malformed")

// splitParts takes a MultiPartResponse apart (MS-ASCMD 2.2.1.10.1.1). There is
// at least one part.
func splitParts(b []byte) ([][]byte, error) {
	if len(b) < 4 {
		return nil, errParts
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if n == 0 || 4+8*n > uint64(len(b)) {
		return nil, errParts
	}
	parts := make([][]byte, n)
	for i := range parts {
		meta := b[4+8*i:]
		offset := uint64(binary.LittleEndian.Uint32(meta))
		length := uint64(binary.LittleEndian.Uint32(meta[4:]))
		if offset < 4+8*n || offset+length > uint64(len(b)) {
			return nil, errParts
		}
		parts[i] = b[offset : offset+length]
	}
	return parts, nil
}
