package search

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// Signature sums up all texts of a message, so that a search for a piece of text,
// of words or across them, need not open most messages that do not have it: for
// every four bytes that follow each other one bit is set, which others may share.
// It may say that a text is there which is not, never that one is not which is.
//
// The first byte is the version of the rules, the others are the bits.
type Signature []byte

const (
	signatureVersion = 1
	// maxSignatureBits is for messages with some 40,000 different runs; of larger
	// ones more are opened in vain.
	maxSignatureBits = 3 << 15
	minSignatureBits = 3 << 5
	// bitsPerRun is how many bits there are for each run at least, in halves. A run
	// is found where it is not in 33 of 100 cases, a word of eight letters in 4 of
	// 1,000. A message with 30 KB of text has 3 KB of this.
	bitsPerRun = 5
	// runLength is long enough for runs to be rare in long texts: with three bytes
	// most are found in most of them.
	runLength = 4
)

// Signer makes signatures. It is for one goroutine.
type Signer struct {
	bits [maxSignatureBits / 64]uint64
}

var signers = sync.Pool{New: func() any { return new(Signer) }}

// NewSigner returns a Signer that has seen nothing.
func NewSigner() *Signer { return signers.Get().(*Signer) }

// run is the number of a run of bytes, and after the next byte that of the next.
type run uint32

func (r run) next(b byte) run { return r<<8 | run(b) }

func (r run) bit(size uint32) uint32 {
	h := uint32(r) * 0x9e3779b1
	return (h ^ h>>15) % size
}

// Add takes a text up. What will be looked for must be written as it is, in lower
// case for one.
func (s *Signer) Add(text string) {
	var r run
	for i := range len(text) {
		if r = r.next(text[i]); i >= runLength-1 {
			n := r.bit(maxSignatureBits)
			s.bits[n/64] |= 1 << (n % 64)
		}
	}
}

// Sign returns the signature of all texts. The Signer must not be used any more.
func (s *Signer) Sign() Signature {
	runs := 0
	for _, w := range s.bits {
		runs += bits.OnesCount64(w)
	}
	size := signatureBits(runs)
	// The number of a bit among fewer is its number's remainder.
	for i := size / 64; i < len(s.bits); i++ { // sizes are multiples of 64
		s.bits[i%(size/64)] |= s.bits[i]
	}
	out := make(Signature, 1, 1+size/8)
	out[0] = signatureVersion
	for _, w := range s.bits[:size/64] {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	clear(s.bits[:])
	signers.Put(s)
	return out
}

// signatureBits is the smallest size for a number of runs. Every size divides the
// largest.
func signatureBits(runs int) int {
	for size := minSignatureBits; ; size *= 2 {
		for _, n := range []int{size * 2 / 3, size} {
			if n%64 == 0 && 2*n >= bitsPerRun*runs || n >= maxSignatureBits {
				return n
			}
		}
	}
}

// Known tells whether this program can read the signature.
func (g Signature) Known() bool {
	n := 8 * (len(g) - 1)
	return len(g) > 0 && g[0] == signatureVersion && n >= 64 && n <= maxSignatureBits && maxSignatureBits%n == 0
}

// May tells whether a text may be a piece of one of the texts. One of fewer than
// four bytes always may.
func (g Signature) May(text string) bool {
	if !g.Known() {
		return true
	}
	var r run
	size := uint32(8 * (len(g) - 1))
	for i := range len(text) {
		if r = r.next(text[i]); i < runLength-1 {
			continue
		}
		if n := r.bit(size); g[1+n/8]&(1<<(n%8)) == 0 {
			return false
		}
	}
	return true
}
