package tnef

import (
	"encoding/binary"
	"time"
	"unicode/utf16"
)

// stream is a TNEF stream that is written (MS-OXTNEF 2.1).
type stream struct{ b []byte }

// newStream begins a stream whose texts are of a code page.
func newStream(page uint32) *stream {
	s := &stream{b: []byte{0x78, 0x9f, 0x3e, 0x22, 1, 0}}
	s.attribute(levelMessage, 0x9006, 0x0008, []byte{0, 0, 1, 0})
	s.attribute(levelMessage, attOemCodepage, 0x0006, binary.LittleEndian.AppendUint64(nil, uint64(page)))
	return s
}

// attribute adds an attribute (MS-OXTNEF 2.1.3.3).
func (s *stream) attribute(level byte, id, kind uint16, data []byte) {
	s.b = append(s.b, level)
	s.b = binary.LittleEndian.AppendUint16(s.b, id)
	s.b = binary.LittleEndian.AppendUint16(s.b, kind)
	s.b = binary.LittleEndian.AppendUint32(s.b, uint32(len(data)))
	s.b = append(s.b, data...)
	var sum uint16
	for _, c := range data {
		sum += uint16(c)
	}
	s.b = binary.LittleEndian.AppendUint16(s.b, sum)
}

// recipients adds the list of recipients.
func (s *stream) recipients(rows ...[]property) {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(rows)))
	for _, r := range rows {
		b = append(b, props(r...)...)
	}
	s.attribute(levelMessage, attRecipTable, 0x0006, b)
}

// property is one property with its value.
type property struct {
	id, kind uint16
	set      [16]byte
	number   uint32
	name     string
	data     []byte
}

// props is a list of properties (MS-OXTNEF 2.1.3.4).
func props(list ...property) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	for _, p := range list {
		b = binary.LittleEndian.AppendUint16(b, p.kind)
		b = binary.LittleEndian.AppendUint16(b, p.id)
		if p.id >= 0x8000 {
			b = append(b, p.set[:]...)
			if p.name == "" {
				b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, 0), p.number)
			} else {
				n := wide(p.name)
				b = binary.LittleEndian.AppendUint32(b, 1)
				b = binary.LittleEndian.AppendUint32(b, uint32(len(n)))
				b = pad(append(b, n...), len(n))
			}
		}
		switch p.kind {
		case typeString8, typeString, typeBinary, typeObject:
			b = binary.LittleEndian.AppendUint32(b, 1)
			b = binary.LittleEndian.AppendUint32(b, uint32(len(p.data)))
		}
		b = pad(append(b, p.data...), len(p.data))
	}
	return b
}

// pad fills up to four bytes behind a value of n.
func pad(b []byte, n int) []byte {
	for ; n%4 != 0; n++ {
		b = append(b, 0)
	}
	return b
}

// wide is a text in UTF-16 with its end.
func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s + "\x00")) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func str(id uint16, s string) property { return property{id: id, kind: typeString, data: wide(s)} }

func bin(id uint16, b []byte) property { return property{id: id, kind: typeBinary, data: b} }

func num(id uint16, n uint32) property {
	return property{id: id, kind: typeInt32, data: binary.LittleEndian.AppendUint32(nil, n)}
}

func boolean(id uint16, on bool) property {
	p := property{id: id, kind: typeBool, data: []byte{0, 0}}
	if on {
		p.data[0] = 1
	}
	return p
}

func when(id uint16, t time.Time) property {
	return property{id: id, kind: typeTime, data: binary.LittleEndian.AppendUint64(nil, uint64(t.Unix()+filetimeEpoch)*1e7)}
}

// inSet gives a property its place in a set instead of an id.
func inSet(p property, set [16]byte, number uint32) property {
	p.id, p.set, p.number = 0x8000+uint16(number&0xff), set, number
	return p
}
