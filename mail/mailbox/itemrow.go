package mailbox

import (
	"slices"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// maxItemText bounds what keywords and the texts of a follow-up flag take, in
// bytes. All else in a row is some 100 bytes, and an initial Sync reads
// hundreds of rows.
const maxItemText = 32 << 10

// partFields is the number of the first of the four fields that say when a part
// of the item was last changed.
const partFields = 12

// The fields after those.
const (
	threadField = iota + partFields + len(mail.PartSeqs{})
	messageField
	indexField

	docField   = 24
	ownField   = 25
	nameField  = 26
	uidField   = 27
	briefField = 28
	wasField   = 29
	byField    = 30
	savedField = 31
)

// The place of the item, its folder and number, is in the key.
func appendItem(dst []byte, it mail.Item) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(it.Class))
	e.Uint(2, uint64(it.Created))
	e.Uint(3, uint64(it.ModSeq))
	e.Uint(4, it.Object)
	e.Uint(5, uint64(it.Received))
	if !it.Blob.IsZero() {
		e.Bytes(6, blob.AppendRef(nil, it.Blob))
	}
	e.Uint(7, uint64(it.Flags))
	if it.FollowUp != (mail.FollowUp{}) {
		e.Message(8, func(e *store.Encoder) { encodeFollowUp(e, &it.FollowUp) })
	}
	for _, k := range it.Keywords {
		e.Element(9, k)
	}
	e.Uint(10, uint64(it.LastVerb))
	e.Time(11, it.VerbTime)
	for i, s := range it.Parts {
		e.Uint(partFields+i, uint64(s))
	}
	if !it.Thread.IsZero() {
		e.Bytes(threadField, it.Thread[:])
	}
	e.Uint(messageField, uint64(it.Message))
	e.Bytes(indexField, it.Index)
	e.Uint(docField, uint64(it.Doc))
	e.Bool(ownField, it.Own)
	e.String(nameField, it.Name)
	e.Uint(uidField, uint64(it.UID))
	e.Bytes(briefField, it.Brief)
	appendWas(e, wasField, it.Was)
	e.Uint(byField, uint64(it.By))
	if it.Saved != 0 { // nearly always a moment after it was received
		e.Uint(savedField, zigzag(it.Saved-it.Received)+1)
	}
	return e.Out()
}

func zigzag(n int64) uint64 { return uint64(n<<1) ^ uint64(n>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func parseItem(b []byte) (it mail.Item, err error) {
	saved := uint64(0)
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			it.Class = mail.Class(f.Uint())
		case 2:
			it.Created = mail.ModSeq(f.Uint())
		case 3:
			it.ModSeq = mail.ModSeq(f.Uint())
		case 4:
			it.Object = f.Uint()
		case 5:
			it.Received = int64(f.Uint())
		case 6:
			it.Blob, err = blob.ParseRef(f.Bytes())
			return err
		case 7:
			it.Flags = mail.Flags(f.Uint())
		case 8:
			return parseFollowUp(f.Bytes(), &it.FollowUp)
		case 9:
			it.Keywords = append(it.Keywords, f.String())
		case 10:
			it.LastVerb = uint8(f.Uint())
		case 11:
			it.VerbTime = f.Time()
		case partFields, partFields + 1, partFields + 2, partFields + 3:
			it.Parts[f.Number-partFields] = mail.ModSeq(f.Uint())
		case threadField:
			it.Thread, err = parseThreadID(f.Bytes())
			return err
		case messageField:
			it.Message = mail.MessageHash(f.Uint())
		case docField:
			it.Doc = uint32(f.Uint())
		case ownField:
			it.Own = f.Bool()
		case nameField:
			it.Name = f.String()
		case uidField:
			it.UID = mail.UIDHash(f.Uint())
		case briefField:
			it.Brief = append([]byte(nil), f.Bytes()...)
		case wasField:
			it.Was, err = parseWas(it.Was, f.Bytes())
			return err
		case byField:
			it.By = mail.MailboxID(f.Uint())
		case savedField:
			saved = f.Uint()
		case indexField:
			it.Index = append([]byte(nil), f.Bytes()...)
		}
		return nil
	})
	if saved != 0 {
		it.Saved = it.Received + unzigzag(saved-1)
	}
	return it, err
}

// appendWas writes the earlier places of an item, an element for each.
func appendWas(e *store.Encoder, field int, was []mail.Earlier) {
	for _, w := range was {
		e.Message(field, func(e *store.Encoder) {
			e.Uint(1, uint64(w.Until))
			e.Uint(2, uint64(w.Received))
		})
	}
}

// parseWas reads one of them.
func parseWas(was []mail.Earlier, b []byte) ([]mail.Earlier, error) {
	var w mail.Earlier
	err := store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			w.Until = mail.ModSeq(f.Uint())
		case 2:
			w.Received = int64(f.Uint())
		}
		return nil
	})
	return append(was, w), err
}

func encodeFollowUp(e *store.Encoder, f *mail.FollowUp) {
	e.Uint(1, uint64(f.Status))
	e.String(2, f.Type)
	e.String(3, f.Subject)
	e.Time(4, f.Start)
	e.Time(5, f.Due)
	e.Time(6, f.UTCStart)
	e.Time(7, f.UTCDue)
	e.Time(8, f.Completed)
	e.Time(9, f.DateComplete)
	e.Bool(10, f.ReminderSet)
	e.Time(11, f.ReminderTime)
	e.Time(12, f.Ordinal)
	e.String(13, f.SubOrdinal)
}

func parseFollowUp(b []byte, u *mail.FollowUp) error {
	return store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			u.Status = mail.FollowUpStatus(f.Uint())
		case 2:
			u.Type = f.String()
		case 3:
			u.Subject = f.String()
		case 4:
			u.Start = f.Time()
		case 5:
			u.Due = f.Time()
		case 6:
			u.UTCStart = f.Time()
		case 7:
			u.UTCDue = f.Time()
		case 8:
			u.Completed = f.Time()
		case 9:
			u.DateComplete = f.Time()
		case 10:
			u.ReminderSet = f.Uint() != 0
		case 11:
			u.ReminderTime = f.Time()
		case 12:
			u.Ordinal = f.Time()
		case 13:
			u.SubOrdinal = f.String()
		}
		return nil
	})
}

// normalise brings an item to what reading its row will give, so that "has
// anything changed" and the returned item do not depend on a zone or on
// microseconds.
func normalise(it *mail.Item) error {
	f := &it.FollowUp
	for _, t := range []*time.Time{
		&f.Start, &f.Due, &f.UTCStart, &f.UTCDue, &f.Completed, &f.DateComplete,
		&f.ReminderTime, &f.Ordinal, &it.VerbTime,
	} {
		if !t.IsZero() {
			*t = time.UnixMilli(t.UnixMilli()).UTC()
		}
	}
	size := len(f.Type) + len(f.Subject) + len(f.SubOrdinal)
	for _, k := range it.Keywords {
		size += len(k) + 1
	}
	if size > maxItemText {
		return mail.ErrItemTooLarge
	}
	if len(it.Keywords) == 0 {
		it.Keywords = nil
	}
	return nil
}

// sameItem compares what an edit may change, of normalised items.
func sameItem(a, b *mail.Item) bool {
	return a.Blob == b.Blob && a.Flags == b.Flags && a.FollowUp == b.FollowUp &&
		a.LastVerb == b.LastVerb && a.VerbTime.Equal(b.VerbTime) && slices.Equal(a.Keywords, b.Keywords)
}
