package junk

import (
	"encoding/binary"
	"net/netip"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// owner is whose words they are: an account's, or with zero those of all.
type owner uint64

const base owner = 0

func ownerOf(a directory.AccountID) owner { return owner(a) }

// bits is how many bits of a hash say the bucket.
func (o owner) bits() int {
	if o == base {
		return baseBits
	}
	return userBits
}

// limit is how many words a bucket holds.
func (o owner) limit() int {
	if o == base {
		return baseLimit
	}
	return userLimit
}

func (o owner) bucket(t token) uint32 { return uint32(uint64(t) >> (64 - o.bits())) }

// state is how much was learned.
type state struct {
	Junk, Good     float64 // messages, by the end of Day
	Day            uint16
	Generation     uint64 // of the words: each lesson takes the next
	Words          uint64
	Learned        uint64  // messages that are remembered
	Pending        uint64  // lessons that wait
	InJunk, InGood float64 // what of it is in the base, by the end of Day
	Bucket         uint32  // the next one to be looked at for what has decayed
	Cursor         []byte  // and the next message that was learned
}

// age brings the counts to a day.
func (s *state) age(today uint16) {
	if f := decay(s.Day, today, halfLife); f < 1 {
		s.Junk, s.Good, s.InJunk, s.InGood = s.Junk*f, s.Good*f, s.InJunk*f, s.InGood*f
	}
	s.Day = today
}

// bucketKey is a row of words.
type bucketKey struct {
	owner  owner
	bucket uint32
}

// letterKey is a message in a mailbox, wherever it is and however often.
type letterKey struct {
	box  mail.MailboxID // zero: an administrator's
	hash [16]byte
}

func letterOf(box mail.MailboxID, ref blob.Ref) letterKey {
	k := letterKey{box: box}
	copy(k.hash[:], ref.Hash[:])
	return k
}

// judgement is what a message is said to be.
type judgement uint8

// The judgements. Neither forgets what was learned.
const (
	neither judgement = iota
	isJunk
	isGood
)

// source is how it is known.
type source uint8

// The sources, the weightier ones first.
const (
	decided source = iota // the user has said so
	implied               // it follows from what the user did
	assumed               // the filter is sure of it
)

// lesson is a message from which something is to be learned.
type lesson struct {
	is   judgement
	from source
	blob blob.Ref // one reference is held
}

// learned is what a message has taught, in units of its day.
type learned struct {
	is     judgement
	from   source
	day    uint16
	own    int // to the user's words
	shared int // to the base
}

// reputation is what a sender or a network has sent.
type reputation struct {
	junk, good     float64
	day            uint16
	inJunk, inGood uint8
}

type tables struct {
	states   store.Table[owner, state]
	words    store.Table[bucketKey, []byte]
	lessons  store.Table[letterKey, lesson]
	learned  store.Table[letterKey, learned]
	senders  store.Table[string, reputation]
	networks store.Table[netip.Prefix, reputation]
}

func newTables() tables {
	letters := store.Codec[letterKey]{Append: appendLetterKey, Parse: parseLetterKey}
	known := store.Codec[reputation]{Append: appendReputation, Parse: parseReputation}
	return tables{
		states:   store.NewTable("junk state", store.PrefixJunkState, store.Uint64Key[owner](), store.Codec[state]{Append: appendState, Parse: parseState}),
		words:    store.NewTable("junk words", store.PrefixJunkWords, store.Codec[bucketKey]{Append: appendBucketKey, Parse: parseBucketKey}, store.Codec[[]byte]{Append: appendRow, Parse: parseRow}),
		lessons:  store.NewTable("junk lesson", store.PrefixJunkLesson, letters, store.Codec[lesson]{Append: appendLesson, Parse: parseLesson}),
		learned:  store.NewTable("junk learned", store.PrefixJunkLearned, letters, store.Codec[learned]{Append: appendLearned, Parse: parseLearned}),
		senders:  store.NewTable("junk sender", store.PrefixJunkSender, store.StringKey[string](), known),
		networks: store.NewTable("junk network", store.PrefixJunkNetwork, store.Codec[netip.Prefix]{Append: appendNetwork, Parse: parseNetwork}, known),
	}
}

func appendBucketKey(dst []byte, k bucketKey) []byte {
	return store.AppendUint32(store.AppendUint64(dst, uint64(k.owner)), k.bucket)
}

func parseBucketKey(b []byte) (k bucketKey, err error) {
	if len(b) != 12 {
		return k, store.ErrBadKey
	}
	return bucketKey{owner(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])}, nil
}

func appendRow(dst, row []byte) []byte { return append(dst, row...) }

func parseRow(b []byte) ([]byte, error) {
	if err := checkRow(b); err != nil {
		return nil, err
	}
	return append([]byte(nil), b...), nil
}

func appendLetterKey(dst []byte, k letterKey) []byte {
	return append(store.AppendUint64(dst, uint64(k.box)), k.hash[:]...)
}

func parseLetterKey(b []byte) (k letterKey, err error) {
	if len(b) != 8+len(k.hash) {
		return k, store.ErrBadKey
	}
	k.box = mail.MailboxID(binary.BigEndian.Uint64(b))
	copy(k.hash[:], b[8:])
	return k, nil
}

func appendNetwork(dst []byte, p netip.Prefix) []byte {
	return append(append(dst, byte(p.Bits())), p.Addr().AsSlice()...)
}

func parseNetwork(b []byte) (netip.Prefix, error) {
	if len(b) == 0 {
		return netip.Prefix{}, store.ErrBadKey
	}
	a, ok := netip.AddrFromSlice(b[1:])
	if !ok || int(b[0]) > a.BitLen() {
		return netip.Prefix{}, store.ErrBadKey
	}
	return netip.PrefixFrom(a, int(b[0])), nil
}

func appendState(dst []byte, s state) []byte {
	e := store.NewEncoder(dst)
	e.Float(1, s.Junk)
	e.Float(2, s.Good)
	e.Uint(3, uint64(s.Day))
	e.Uint(4, s.Generation)
	e.Uint(5, s.Words)
	e.Uint(6, s.Learned)
	e.Uint(7, s.Pending)
	e.Float(8, s.InJunk)
	e.Float(9, s.InGood)
	e.Uint(10, uint64(s.Bucket))
	e.Bytes(11, s.Cursor)
	return e.Out()
}

func parseState(b []byte) (s state, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			s.Junk = f.Float()
		case 2:
			s.Good = f.Float()
		case 3:
			s.Day = uint16(f.Uint())
		case 4:
			s.Generation = f.Uint()
		case 5:
			s.Words = f.Uint()
		case 6:
			s.Learned = f.Uint()
		case 7:
			s.Pending = f.Uint()
		case 8:
			s.InJunk = f.Float()
		case 9:
			s.InGood = f.Float()
		case 10:
			s.Bucket = uint32(f.Uint())
		case 11:
			s.Cursor = append([]byte(nil), f.Bytes()...)
		}
		return nil
	})
	return s, err
}

func appendLesson(dst []byte, l lesson) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(l.is))
	e.Uint(2, uint64(l.from))
	e.Bytes(3, blob.AppendRef(nil, l.blob))
	return e.Out()
}

func parseLesson(b []byte) (l lesson, err error) {
	err = store.DecodeFields(b, func(f store.Field) (err error) {
		switch f.Number {
		case 1:
			l.is = judgement(f.Uint())
		case 2:
			l.from = source(f.Uint())
		case 3:
			l.blob, err = blob.ParseRef(f.Bytes())
		}
		return err
	})
	return l, err
}

func appendLearned(dst []byte, l learned) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(l.is))
	e.Uint(2, uint64(l.from))
	e.Uint(3, uint64(l.day))
	e.Uint(4, uint64(l.own))
	e.Uint(5, uint64(l.shared))
	return e.Out()
}

func parseLearned(b []byte) (l learned, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			l.is = judgement(f.Uint())
		case 2:
			l.from = source(f.Uint())
		case 3:
			l.day = uint16(f.Uint())
		case 4:
			l.own = int(min(f.Uint(), unit))
		case 5:
			l.shared = int(min(f.Uint(), unit))
		}
		return nil
	})
	return l, err
}

func appendReputation(dst []byte, r reputation) []byte {
	e := store.NewEncoder(dst)
	e.Float(1, r.junk)
	e.Float(2, r.good)
	e.Uint(3, uint64(r.day))
	e.Uint(4, uint64(r.inJunk))
	e.Uint(5, uint64(r.inGood))
	return e.Out()
}

func parseReputation(b []byte) (r reputation, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			r.junk = f.Float()
		case 2:
			r.good = f.Float()
		case 3:
			r.day = uint16(f.Uint())
		case 4:
			r.inJunk = uint8(f.Uint())
		case 5:
			r.inGood = uint8(f.Uint())
		}
		return nil
	})
	return r, err
}
