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
	docKey struct {
		Box mail.MailboxID
		Doc search.Doc
	}
	// docRow is where a message is now, and what is asked of it most.
	docRow struct {
		Folder   mail.FolderID
		Item     mail.ItemID
		Received int64
		Class    mail.Class
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
	docTable = store.NewTable("search doc", store.PrefixSearchDoc,
		store.Codec[docKey]{Append: appendDocKey, Parse: parseDocKey},
		store.Codec[docRow]{Append: appendDocRow, Parse: parseDocRow})
	segmentTable = store.NewTable("search segment", store.PrefixSearchSegment,
		store.Codec[segmentKey]{Append: appendSegmentKey, Parse: parseSegmentKey},
		store.Codec[segment]{Append: appendSegment, Parse: parseSegment})
	blockTable = store.NewTable("search block", store.PrefixSearchBlock,
		store.Codec[blockKey]{Append: appendBlockKey, Parse: parseBlockKey},
		store.Codec[[]byte]{
			Append: func(dst []byte, b []byte) []byte { return append(dst, b...) },
			Parse:  func(b []byte) ([]byte, error) { return b, nil },
		})
)

func appendDocKey(dst []byte, k docKey) []byte {
	return store.AppendUint32(appendBox(dst, k.Box), uint32(k.Doc))
}

func parseDocKey(b []byte) (docKey, error) {
	if len(b) != 12 {
		return docKey{}, errRow
	}
	return docKey{boxOf(b), search.Doc(binary.BigEndian.Uint32(b[8:]))}, nil
}

func appendDocRow(dst []byte, r docRow) []byte {
	dst = append(dst, byte(r.Class))
	dst = binary.AppendUvarint(dst, uint64(r.Folder))
	dst = binary.AppendUvarint(dst, uint64(r.Item))
	return binary.AppendUvarint(dst, uint64(r.Received))
}

func parseDocRow(b []byte) (docRow, error) {
	if len(b) == 0 {
		return docRow{}, errRow
	}
	r := docRow{Class: mail.Class(b[0])}
	b = b[1:]
	folder, n := binary.Uvarint(b)
	if n <= 0 {
		return r, errRow
	}
	b = b[n:]
	item, n := binary.Uvarint(b)
	if n <= 0 {
		return r, errRow
	}
	received, n := binary.Uvarint(b[n:])
	if n <= 0 {
		return r, errRow
	}
	r.Folder, r.Item, r.Received = mail.FolderID(folder), mail.ItemID(item), int64(received)
	return r, nil
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
