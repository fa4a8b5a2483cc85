package mailbox

import (
	"encoding/binary"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/store"
)

// The index of a mailbox. Each message has a number in it, its Doc, which stays
// over moves and is a new one when the message gets another body. What has no
// row under its Doc is gone, whatever segments say. Messages with a Doc above
// those of all segments are pending: a search looks at their words directly.
type (
	// docsKey is that of the row for docsPerRow messages: scanning rows is what
	// searches for common words do, and fewer rows are faster.
	docsKey struct {
		Box   mail.MailboxID
		Group uint32 // Doc / docsPerRow
	}
	// place is where a message is now, and what is asked of it most.
	place struct {
		Doc      search.Doc
		Folder   mail.FolderID
		Item     mail.ItemID
		Received int64
		Class    mail.Class
		Flags    mail.Flags
		FollowUp mail.FollowUpStatus
	}

	segmentKey struct {
		Box mail.MailboxID
		ID  uint32
	}
	// segment tells of the blocks with its number. The Docs of live segments
	// do not overlap.
	segment struct {
		State    segmentState
		From, To search.Doc // the Docs it speaks of, both included
		Level    uint32     // how often what is in it was merged
		Version  uint32     // of the rules for words
		Bytes    uint64     // of its blocks
		Docs     uint64     // how many messages it had when it was written
	}

	// blockKey ends with where the block ends, so that one seek finds the block
	// that a term is in.
	blockKey struct {
		Box   mail.MailboxID
		ID    uint32
		Last  string
		First search.Doc
	}
)

// segmentState says whether a segment counts.
type segmentState uint8

const (
	segmentLive     segmentState = iota + 1
	segmentBuilding              // its blocks are being written; at any other time a process died over it
	segmentDoomed                // replaced; its blocks are to be deleted
)

var (
	docsTable = store.NewTable("search docs", store.PrefixSearchDocs,
		store.Codec[docsKey]{Append: appendDocsKey, Parse: parseDocsKey}, rawBytes)
	segmentTable = store.NewTable("search segment", store.PrefixSearchSegment,
		store.Codec[segmentKey]{Append: appendSegmentKey, Parse: parseSegmentKey},
		store.Codec[segment]{Append: appendSegment, Parse: parseSegment})
	blockTable = store.NewTable("search block", store.PrefixSearchBlock,
		store.Codec[blockKey]{Append: appendBlockKey, Parse: parseBlockKey}, rawBytes)
	rawBytes = store.Codec[[]byte]{
		Append: func(dst []byte, b []byte) []byte { return append(dst, b...) },
		Parse:  func(b []byte) ([]byte, error) { return b, nil },
	}
)

// docsPerRow is how many Docs share a row. A delivery writes the row anew: some
// 250 bytes on average.
const docsPerRow = 32

func appendDocsKey(dst []byte, k docsKey) []byte {
	return store.AppendUint32(appendBox(dst, k.Box), k.Group)
}

func parseDocsKey(b []byte) (docsKey, error) {
	if len(b) != 12 {
		return docsKey{}, errRow
	}
	return docsKey{boxOf(b), binary.BigEndian.Uint32(b[8:])}, nil
}

// appendPlace appends one message to the row of its group: which one of the
// group it is, its class, flags and follow-up status in a byte each or two, its
// folder, number and time.
func appendPlace(dst []byte, p place) []byte {
	dst = append(dst, byte(p.Doc%docsPerRow), byte(p.Class), byte(p.FollowUp))
	dst = binary.AppendUvarint(dst, uint64(p.Flags))
	dst = binary.AppendUvarint(dst, uint64(p.Folder))
	dst = binary.AppendUvarint(dst, uint64(p.Item))
	return binary.AppendUvarint(dst, uint64(p.Received))
}

// parsePlace reads the first message of a row and returns the rest.
func parsePlace(group uint32, b []byte) (place, []byte, error) {
	if len(b) < 3 || b[0] >= docsPerRow {
		return place{}, nil, errRow
	}
	p := place{
		Doc: search.Doc(group*docsPerRow + uint32(b[0])), Class: mail.Class(b[1]), FollowUp: mail.FollowUpStatus(b[2]),
	}
	b = b[3:]
	var v [4]uint64
	for i := range v {
		n := 0
		if v[i], n = binary.Uvarint(b); n <= 0 {
			return p, nil, errRow
		}
		b = b[n:]
	}
	p.Flags, p.Folder, p.Item, p.Received = mail.Flags(v[0]), mail.FolderID(v[1]), mail.ItemID(v[2]), int64(v[3])
	return p, b, nil
}

func appendSegmentKey(dst []byte, k segmentKey) []byte {
	return store.AppendUint32(appendBox(dst, k.Box), k.ID)
}

func parseSegmentKey(b []byte) (segmentKey, error) {
	if len(b) != 12 {
		return segmentKey{}, errRow
	}
	return segmentKey{boxOf(b), binary.BigEndian.Uint32(b[8:])}, nil
}

func appendSegment(dst []byte, s segment) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(s.State))
	e.Uint(2, uint64(s.From))
	e.Uint(3, uint64(s.To))
	e.Uint(4, uint64(s.Level))
	e.Uint(5, uint64(s.Version))
	e.Uint(6, s.Bytes)
	e.Uint(7, s.Docs)
	return e.Out()
}

func parseSegment(b []byte) (s segment, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			s.State = segmentState(f.Uint())
		case 2:
			s.From = search.Doc(f.Uint())
		case 3:
			s.To = search.Doc(f.Uint())
		case 4:
			s.Level = uint32(f.Uint())
		case 5:
			s.Version = uint32(f.Uint())
		case 6:
			s.Bytes = f.Uint()
		case 7:
			s.Docs = f.Uint()
		}
		return nil
	})
	return s, err
}

func appendBlockKey(dst []byte, k blockKey) []byte {
	dst = appendSegmentKey(dst, segmentKey{k.Box, k.ID})
	return store.AppendUint32(store.AppendString(dst, k.Last), uint32(k.First))
}

func parseBlockKey(b []byte) (k blockKey, err error) {
	if len(b) < 12 {
		return k, errRow
	}
	k.Box, k.ID = boxOf(b), binary.BigEndian.Uint32(b[8:])
	k.Last, b, err = store.ParseString(b[12:])
	if err != nil {
		return k, err
	}
	first, b, err := store.ParseUint32(b)
	k.First = search.Doc(first)
	if err == nil {
		err = store.End(b)
	}
	return k, err
}
