package activesync

import (
	"encoding/binary"

	"martlet/protocol/wbxml"
)

// parts are the contents of a multipart response; the WBXML is the first part
// (MS-ASCMD 2.2.1.10.1.1). A nil parts is a response of WBXML alone.
type parts struct{ content [][]byte }

func newParts(wanted bool) *parts {
	if !wanted {
		return nil
	}
	return &parts{}
}

// add adds content and returns its number.
func (p *parts) add(b []byte) *uint {
	p.content = append(p.content, b)
	n := uint(len(p.content))
	return &n
}

// encode writes the MultiPartResponse: the number of parts, where each begins
// and how long it is, all in 32 bits little-endian, then the parts.
func (p *parts) encode(document any) ([]byte, error) {
	first, err := wbxml.Marshal(document)
	if err != nil {
		return nil, err
	}
	n := 1 + len(p.content)
	offset := 4 + 8*n
	size := offset + len(first)
	for _, c := range p.content {
		size += len(c)
	}
	b := make([]byte, 0, size)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	meta := func(c []byte) {
		b = binary.LittleEndian.AppendUint32(b, uint32(offset))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(c)))
		offset += len(c)
	}
	meta(first)
	for _, c := range p.content {
		meta(c)
	}
	b = append(b, first...)
	for _, c := range p.content {
		b = append(b, c...)
	}
	return b, nil
}
