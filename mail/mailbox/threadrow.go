package mailbox

import (
	"encoding/binary"

	"martlet/mail"
	"martlet/store"
)

// maxPlaces is how many places of messages with the same Message-ID are kept.
// Someone may send thousands of them; beyond this they are only counted.
const maxPlaces = 32

type (
	threadKey struct {
		Box    mail.MailboxID
		Thread mail.ThreadID
		Folder mail.FolderID
		Item   mail.ItemID
	}
	messageKey struct {
		Box     mail.MailboxID
		Message mail.MessageHash
	}
	ruleKey struct {
		Box    mail.MailboxID
		Thread mail.ThreadID
	}
)

// messageRow is what the mailbox knows of a Message-ID.
type messageRow struct {
	Thread mail.ThreadID // of the first message that had it
	Index  []byte        // the first one's ConversationIndex
	Count  uint64        // items that have it
	Places []mail.Place  // of the first maxPlaces of them
}

var (
	threadTable = store.NewTable("thread", store.PrefixThread,
		store.Codec[threadKey]{Append: appendThreadKey, Parse: parseThreadKey},
		store.Codec[int64]{Append: appendReceived, Parse: parseReceived})
	messageTable = store.NewTable("message id", store.PrefixMessage,
		store.Codec[messageKey]{Append: appendMessageKey, Parse: parseMessageKey},
		store.Codec[messageRow]{Append: appendMessageRow, Parse: parseMessageRow})
	ruleTable = store.NewTable("thread folder", store.PrefixThreadFolder,
		store.Codec[ruleKey]{Append: appendRuleKey, Parse: parseRuleKey},
		store.Codec[mail.FolderID]{Append: appendFolderID, Parse: parseFolderID})
)

func appendThreadKey(dst []byte, k threadKey) []byte {
	dst = append(appendBox(dst, k.Box), k.Thread[:]...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(k.Folder))
	return binary.BigEndian.AppendUint32(dst, uint32(k.Item))
}

func parseThreadKey(b []byte) (threadKey, error) {
	if len(b) != 32 {
		return threadKey{}, errRow
	}
	return threadKey{boxOf(b), mail.ThreadID(b[8:24]),
		mail.FolderID(binary.BigEndian.Uint32(b[24:])), mail.ItemID(binary.BigEndian.Uint32(b[28:]))}, nil
}

// appendThreadPrefix is the beginning of the keys of a thread; with a folder,
// of those in it.
func appendThreadPrefix(dst []byte, box mail.MailboxID, t mail.ThreadID, f mail.FolderID) []byte {
	dst = append(appendBox(dst, box), t[:]...)
	if f != 0 {
		dst = binary.BigEndian.AppendUint32(dst, uint32(f))
	}
	return dst
}

func appendReceived(dst []byte, ms int64) []byte { return binary.AppendUvarint(dst, uint64(ms)) }

func parseReceived(b []byte) (int64, error) {
	n, err := parseModSeq(b)
	return int64(n), err
}

func appendMessageKey(dst []byte, k messageKey) []byte {
	return binary.BigEndian.AppendUint64(appendBox(dst, k.Box), uint64(k.Message))
}

func parseMessageKey(b []byte) (messageKey, error) {
	if len(b) != 16 {
		return messageKey{}, errRow
	}
	return messageKey{boxOf(b), mail.MessageHash(binary.BigEndian.Uint64(b[8:]))}, nil
}

func appendRuleKey(dst []byte, k ruleKey) []byte {
	return append(appendBox(dst, k.Box), k.Thread[:]...)
}

func parseRuleKey(b []byte) (ruleKey, error) {
	if len(b) != 24 {
		return ruleKey{}, errRow
	}
	return ruleKey{boxOf(b), mail.ThreadID(b[8:])}, nil
}

func appendMessageRow(dst []byte, r messageRow) []byte {
	e := store.NewEncoder(dst)
	if !r.Thread.IsZero() {
		e.Bytes(1, r.Thread[:])
	}
	e.Uint(2, r.Count)
	places := make([]byte, 0, 8*len(r.Places))
	for _, p := range r.Places {
		places = binary.BigEndian.AppendUint32(places, uint32(p.Folder))
		places = binary.BigEndian.AppendUint32(places, uint32(p.Item))
	}
	e.Bytes(3, places)
	e.Bytes(4, r.Index)
	return e.Out()
}

func parseMessageRow(b []byte) (r messageRow, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			r.Thread, err = parseThreadID(f.Bytes())
			return err
		case 2:
			r.Count = f.Uint()
		case 4:
			r.Index = append([]byte(nil), f.Bytes()...)
		case 3:
			for p := f.Bytes(); len(p) > 0; p = p[8:] {
				if len(p) < 8 {
					return errRow
				}
				r.Places = append(r.Places, mail.Place{
					Folder: mail.FolderID(binary.BigEndian.Uint32(p)), Item: mail.ItemID(binary.BigEndian.Uint32(p[4:]))})
			}
		}
		return nil
	})
	return r, err
}

func parseThreadID(b []byte) (t mail.ThreadID, err error) {
	if copy(t[:], b) != len(t) || len(b) != len(t) {
		return t, errRow
	}
	return t, nil
}
