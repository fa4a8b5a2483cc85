package rtf

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Errors of Decompress.
var (
	ErrNotCompressed = errors.New("rtf: not compressed RTF")
	ErrChecksum      = errors.New("rtf: the checksum of compressed RTF is wrong")
)

// MS-OXRTFCP 2.1.3.1.
const (
	headerSize   = 16
	afterSize    = 12 // of the header, what its size counts
	compressed   = 0x75465a4c
	uncompressed = 0x414c454d
	window       = 4096
	minMatch     = 2
	maxMatch     = 17
	maxChain     = 16 // places looked at for a match
)

// dictionary is what the window begins with (MS-OXRTFCP 2.1.2.1).
const dictionary = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` +
	"\r\n" + `\par \pard\plain\f0\fs20\b\i\u\tab\tx`

// Decompress undoes Compress (MS-OXRTFCP 2.2.2). What can be read is returned
// even with ErrChecksum, since some writers know no better.
func Decompress(b []byte) ([]byte, error) {
	if len(b) < headerSize {
		return nil, ErrNotCompressed
	}
	size, raw := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	content := b[headerSize:]
	if size >= afterSize {
		content = content[:min(uint32(len(content)), size-afterSize)]
	}
	switch binary.LittleEndian.Uint32(b[8:]) {
	case uncompressed:
		return content[:min(uint32(len(content)), raw, maxOutput)], nil
	case compressed:
	default:
		return nil, ErrNotCompressed
	}
	out := expand(content, int(min(raw, maxOutput)))
	if checksum(content) != binary.LittleEndian.Uint32(b[12:]) {
		return out, ErrChecksum
	}
	return out, nil
}

// expand reads literals and references into the window.
func expand(in []byte, limit int) []byte {
	// A reference of two bytes stands for 17 at most: what the header promises
	// is not believed.
	out := make([]byte, 0, min(limit, len(in)*maxMatch/2+maxMatch))
	var ring [window]byte
	at := copy(ring[:], dictionary)
	for len(in) > 0 {
		control := in[0]
		in = in[1:]
		for bit := range 8 {
			if control>>bit&1 == 0 {
				if len(in) == 0 || len(out) == limit {
					return out
				}
				ring[at] = in[0]
				out, at, in = append(out, in[0]), (at+1)%window, in[1:]
				continue
			}
			if len(in) < 2 {
				return out
			}
			ref := binary.BigEndian.Uint16(in)
			in = in[2:]
			from := int(ref >> 4)
			if from == at { // the end
				return out
			}
			for range int(ref&15) + minMatch {
				if len(out) == limit {
					return out
				}
				c := ring[from]
				ring[at] = c
				out, at, from = append(out, c), (at+1)%window, (from+1)%window
			}
		}
	}
	return out
}

// checksum is CRC-32 begun with zero and not inverted (MS-OXRTFCP 2.1.3.2).
func checksum(b []byte) uint32 { return ^crc32.Update(^uint32(0), crc32.IEEETable, b) }

// Compress compresses a document (MS-OXRTFCP 2.2.1).
func Compress(doc []byte) []byte {
	doc = doc[:min(len(doc), maxOutput)]
	c := compressor{in: append([]byte(dictionary), doc...)}
	c.out = make([]byte, headerSize, headerSize+len(doc)/2+64)
	for i := range c.head {
		c.head[i] = -1
	}
	c.prev = make([]int32, len(c.in))
	at := 0
	for ; at < len(dictionary); at++ {
		c.enter(at)
	}
	for at < len(c.in) {
		from, n := c.match(at)
		if n < minMatch {
			c.token([]byte{c.in[at]}, false)
			n = 1
		} else {
			c.reference(from%window, n)
		}
		for range n {
			c.enter(at)
			at++
		}
	}
	c.reference(at%window, minMatch)
	b := c.out
	binary.LittleEndian.PutUint32(b, uint32(len(b)-headerSize+afterSize))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(doc)))
	binary.LittleEndian.PutUint32(b[8:], compressed)
	binary.LittleEndian.PutUint32(b[12:], checksum(b[headerSize:]))
	return b
}

// compressor finds repetitions by chains of places that begin with the same two
// bytes.
type compressor struct {
	in, out []byte
	head    [1 << 12]int32
	prev    []int32
	control int // where the open control byte stands
	bits    int
}

func (c *compressor) hash(at int) int {
	return (int(c.in[at])<<4 ^ int(c.in[at+1])) & (1<<12 - 1)
}

func (c *compressor) enter(at int) {
	if at+1 < len(c.in) {
		h := c.hash(at)
		c.prev[at], c.head[h] = c.head[h], int32(at)
	}
}

// match returns the longest repetition before at.
func (c *compressor) match(at int) (from, n int) {
	if at+1 >= len(c.in) {
		return 0, 0
	}
	most := min(maxMatch, len(c.in)-at)
	p := int(c.head[c.hash(at)])
	for range maxChain {
		if p < 0 || at-p > window-maxMatch-1 {
			break
		}
		k := 0
		for k < most && c.in[p+k] == c.in[at+k] {
			k++
		}
		if k > n {
			from, n = p, k
		}
		p = int(c.prev[p])
	}
	return from, n
}

func (c *compressor) reference(offset, n int) {
	ref := uint16(offset<<4 | (n - minMatch))
	c.token([]byte{byte(ref >> 8), byte(ref)}, true)
}

func (c *compressor) token(b []byte, ref bool) {
	if c.bits%8 == 0 {
		c.control = len(c.out)
		c.out = append(c.out, 0)
	}
	if ref {
		c.out[c.control] |= 1 << (c.bits % 8)
	}
	c.bits++
	c.out = append(c.out, b...)
}
