package blob

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"golang.org/x/crypto/chacha20poly1305"

	"martlet/store"
)

// MaxSize is the largest blob in bytes.
const MaxSize = 1 << 30

// chunkSize is what is sealed or summed up as one: reading any byte costs
// reading its chunk.
const chunkSize = 64 << 10

// A record is its header and the chunks, each followed by its tag: 16 bytes of
// XChaCha20-Poly1305, or CRC-32C without a key.
const (
	recordMagic = "mBl1"
	headerSize  = 4 + 4 + 8 + HashSize // magic, CRC of what follows, size, hash
	crcSize     = 4
)

// codec turns blobs into records and back.
type codec struct {
	aead  cipher.AEAD // nil: no key
	nonce []byte      // key of the function from hashes to nonces
	probe [probeSize]byte
	tag   int64 // bytes behind each chunk
	crc   *crc32.Table
}

func newCodec(key []byte) (codec, error) {
	c := codec{tag: crcSize, crc: crc32.MakeTable(crc32.Castagnoli)}
	if key == nil {
		return c, nil
	}
	if len(key) != store.KeySize {
		return c, fmt.Errorf("%w: it has %d bytes, not %d", store.ErrWrongKey, len(key), store.KeySize)
	}
	c.tag = chacha20poly1305.Overhead
	derive := func(use string, n int) []byte {
		k, err := hkdf.Key(sha256.New, key, nil, "martlet blob "+use+" 1", n)
		if err != nil {
			panic(err) // only for absurd lengths
		}
		return k
	}
	c.nonce = derive("nonces", 32)
	copy(c.probe[:], derive("probe", probeSize))
	var err error
	c.aead, err = chacha20poly1305.NewX(derive("chunks", chacha20poly1305.KeySize))
	return c, err
}

// chunks returns how many chunks a blob has. The empty blob has one, so that
// it is authenticated too.
func chunks(size int64) int64 { return max(1, (size+chunkSize-1)/chunkSize) }

// recordSize returns the length of a blob's record in bytes.
func (c *codec) recordSize(size int64) int64 { return headerSize + size + chunks(size)*c.tag }

// chunk returns where the i-th chunk begins in the record and how long it is
// without its tag.
func (c *codec) chunk(size, i int64) (off int64, n int) {
	return headerSize + i*(chunkSize+c.tag), int(min(chunkSize, size-i*chunkSize))
}

// encode appends the record of data to dst.
func (c *codec) encode(dst []byte, ref Ref, data []byte) []byte {
	at := len(dst)
	dst = append(dst, recordMagic...)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(ref.Size))
	dst = append(dst, ref.Hash[:]...)
	binary.BigEndian.PutUint32(dst[at+4:], crc32.Checksum(dst[at+8:], c.crc))
	k := c.opener(ref)
	for i := range chunks(ref.Size) {
		chunk := data[i*chunkSize : min(ref.Size, (i+1)*chunkSize)]
		if c.aead == nil {
			dst = append(dst, chunk...)
			dst = binary.BigEndian.AppendUint32(dst, k.sum(chunk, i))
			continue
		}
		dst = c.aead.Seal(dst, k.at(i), chunk, k.ad[:])
	}
	return dst
}

// parseHeader reads a record's header; ok is false when it is none.
func (c *codec) parseHeader(h []byte) (ref Ref, ok bool) {
	if len(h) < headerSize || string(h[:4]) != recordMagic {
		return ref, false
	}
	size := binary.BigEndian.Uint64(h[8:])
	sum := crc32.Checksum(h[8:headerSize], c.crc)
	if sum != binary.BigEndian.Uint32(h[4:]) || size > MaxSize {
		return ref, false
	}
	ref.Size = int64(size)
	copy(ref.Hash[:], h[16:])
	return ref, true
}

// opener holds what opening the chunks of one blob needs.
type opener struct {
	c     *codec
	nonce [chacha20poly1305.NonceSizeX]byte
	ad    [HashSize + 8]byte
}

// opener derives the nonce from the hash: equal content gives equal records,
// different content never shares a nonce, and nothing but the reference is
// needed to open a chunk. The number of the chunk stands in the nonce, hash and
// size in the additional data.
func (c *codec) opener(ref Ref) *opener {
	k := &opener{c: c}
	copy(k.ad[:], ref.Hash[:])
	binary.BigEndian.PutUint64(k.ad[HashSize:], uint64(ref.Size))
	if c.aead == nil {
		return k
	}
	mac := hmac.New(sha256.New, c.nonce)
	mac.Write(ref.Hash[:])
	copy(k.nonce[:16], mac.Sum(nil))
	return k
}

// sum is the checksum of chunk i of this blob: another blob's chunk, or this
// one's at another place, does not have it.
func (k *opener) sum(chunk []byte, i int64) uint32 {
	seed := crc32.Checksum(k.ad[:], k.c.crc) + uint32(i)
	return crc32.Update(seed, k.c.crc, chunk)
}

// at returns the nonce of chunk i.
func (k *opener) at(i int64) []byte {
	binary.BigEndian.PutUint64(k.nonce[16:], uint64(i))
	return k.nonce[:]
}

// open verifies chunk i, which stands in box with its tag, and returns it in
// box's own memory.
func (k *opener) open(box []byte, i int64) ([]byte, error) {
	if k.c.aead != nil {
		plain, err := k.c.aead.Open(box[:0], k.at(i), box, k.ad[:])
		if err != nil {
			return nil, ErrCorrupt
		}
		return plain, nil
	}
	n := len(box) - crcSize
	if k.sum(box[:n], i) != binary.BigEndian.Uint32(box[n:]) {
		return nil, ErrCorrupt
	}
	return box[:n], nil
}

// verify opens every chunk of a whole record, and compares its hash too when
// deep. It destroys the record unless there is no key.
func (c *codec) verify(record []byte, ref Ref, deep bool) error {
	if got, ok := c.parseHeader(record); !ok || got != ref || int64(len(record)) != c.recordSize(ref.Size) {
		return fmt.Errorf("%w: another blob's header", ErrCorrupt)
	}
	k := c.opener(ref)
	sum := sha256.New()
	for i := range chunks(ref.Size) {
		off, n := c.chunk(ref.Size, i)
		plain, err := k.open(record[off:off+int64(n)+c.tag], i)
		if err != nil {
			return fmt.Errorf("%w: chunk %d", err, i)
		}
		if deep {
			sum.Write(plain)
		}
	}
	if deep && !bytes.Equal(sum.Sum(nil), ref.Hash[:]) {
		return fmt.Errorf("%w: another content", ErrCorrupt)
	}
	return nil
}
