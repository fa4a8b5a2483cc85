package queue

import (
	"errors"
	"fmt"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// dueKey orders entries by when they are due.
type dueKey struct {
	due int64 // milliseconds since 1970
	id  ID
}

var dueKeys = store.Codec[dueKey]{
	Append: func(dst []byte, k dueKey) []byte {
		return store.AppendUint64(store.AppendInt64(dst, k.due), uint64(k.id))
	},
	Parse: func(b []byte) (dueKey, error) {
		due, b, err := store.ParseInt64(b)
		if err != nil {
			return dueKey{}, err
		}
		id, rest, err := store.ParseUint64(b)
		if err != nil {
			return dueKey{}, err
		}
		return dueKey{due, ID(id)}, store.End(rest)
	},
}

// legKey names a leg.
type legKey struct {
	id          ID
	destination string
}

var legKeys = store.Codec[legKey]{
	Append: func(dst []byte, k legKey) []byte {
		return store.AppendString(store.AppendUint64(dst, uint64(k.id)), k.destination)
	},
	Parse: func(b []byte) (legKey, error) {
		id, b, err := store.ParseUint64(b)
		if err != nil {
			return legKey{}, err
		}
		name, rest, err := store.ParseString(b)
		if err != nil {
			return legKey{}, err
		}
		return legKey{ID(id), name}, store.End(rest)
	},
}

// waitKey orders the legs of each destination by when they are due.
type waitKey struct {
	destination string
	due         int64
	id          ID
}

var waitKeys = store.Codec[waitKey]{
	Append: func(dst []byte, k waitKey) []byte {
		return store.AppendUint64(store.AppendInt64(store.AppendString(dst, k.destination), k.due), uint64(k.id))
	},
	Parse: func(b []byte) (waitKey, error) {
		name, b, err := store.ParseString(b)
		if err != nil {
			return waitKey{}, err
		}
		k, err := dueKeys.Parse(b)
		return waitKey{name, k.due, k.id}, err
	},
}

// nextKey orders the destinations by when to look at them.
type nextKey struct {
	next        int64
	destination string
}

var nextKeys = store.Codec[nextKey]{
	Append: func(dst []byte, k nextKey) []byte {
		return store.AppendString(store.AppendInt64(dst, k.next), k.destination)
	},
	Parse: func(b []byte) (nextKey, error) {
		at, b, err := store.ParseInt64(b)
		if err != nil {
			return nextKey{}, err
		}
		name, rest, err := store.ParseString(b)
		if err != nil {
			return nextKey{}, err
		}
		return nextKey{at, name}, store.End(rest)
	},
}

var holdKeys = store.Codec[Hold]{
	Append: func(dst []byte, h Hold) []byte { return store.AppendString(append(dst, byte(h.Of)), h.Name) },
	Parse: func(b []byte) (Hold, error) {
		if len(b) == 0 {
			return Hold{}, errors.New("an empty key")
		}
		name, rest, err := store.ParseString(b[1:])
		if err != nil {
			return Hold{}, err
		}
		return Hold{HoldOf(b[0]), name}, store.End(rest)
	},
}

var entries = store.Codec[Entry]{Append: appendEntry, Parse: parseEntry}

// The fields of an entry's record. Numbers are never used again: 5 and 6 were the
// attempts and the last error.
const (
	fieldBlob       = 1
	fieldSender     = 2
	fieldCreated    = 3
	fieldDue        = 4
	fieldFrom       = 7
	fieldRecipient  = 8
	fieldSMTPUTF8   = 9
	fieldBody8Bit   = 10
	fieldRet        = 11
	fieldEnvID      = 12
	fieldTraceID    = 13
	fieldRequireTLS = 14
	fieldSpread     = 15
)

// The fields of a recipient's record within it.
const (
	fieldAddress = iota + 1
	fieldNotify
	fieldORcpt
)

func appendEntry(dst []byte, e Entry) []byte {
	enc := store.NewEncoder(dst)
	enc.Bytes(fieldBlob, blob.AppendRef(nil, e.Blob))
	enc.Uint(fieldSender, uint64(e.Sender))
	enc.Time(fieldCreated, e.Created)
	enc.Time(fieldDue, e.Due)
	enc.String(fieldFrom, e.Envelope.From)
	for _, r := range e.Envelope.To {
		enc.Message(fieldRecipient, func(enc *store.Encoder) {
			enc.String(fieldAddress, r.Address)
			enc.Uint(fieldNotify, uint64(r.Notify))
			enc.String(fieldORcpt, r.ORcpt)
		})
	}
	enc.Bool(fieldSMTPUTF8, e.Envelope.SMTPUTF8)
	enc.Bool(fieldBody8Bit, e.Envelope.Body8Bit)
	enc.String(fieldRet, e.Envelope.Ret)
	enc.String(fieldEnvID, e.Envelope.EnvID)
	enc.String(fieldTraceID, e.Envelope.Trace.ID)
	enc.Bool(fieldRequireTLS, e.Envelope.RequireTLS)
	enc.Uint(fieldSpread, uint64(e.spread))
	return enc.Out()
}

func parseEntry(b []byte) (Entry, error) {
	var e Entry
	err := store.DecodeFields(b, func(f store.Field) (err error) {
		switch f.Number {
		case fieldBlob:
			e.Blob, err = blob.ParseRef(f.Bytes())
		case fieldSender:
			e.Sender = mail.MailboxID(f.Uint())
		case fieldCreated:
			e.Created = f.Time()
		case fieldDue:
			e.Due = f.Time()
		case fieldFrom:
			e.Envelope.From = f.String()
		case fieldRecipient:
			var r mail.Recipient
			r, err = parseRecipient(f.Bytes())
			e.Envelope.To = append(e.Envelope.To, r)
		case fieldSMTPUTF8:
			e.Envelope.SMTPUTF8 = f.Bool()
		case fieldBody8Bit:
			e.Envelope.Body8Bit = f.Bool()
		case fieldRet:
			e.Envelope.Ret = f.String()
		case fieldEnvID:
			e.Envelope.EnvID = f.String()
		case fieldTraceID:
			e.Envelope.Trace.ID = f.String()
		case fieldRequireTLS:
			e.Envelope.RequireTLS = f.Bool()
		case fieldSpread:
			e.spread = int(f.Uint())
		}
		return err
	})
	if err == nil && (e.spread < 0 || e.spread > len(e.Envelope.To)) {
		err = errors.New("more recipients in legs than there are")
	}
	if err != nil {
		return Entry{}, fmt.Errorf("queue: entry: %w", err)
	}
	return e, nil
}

func parseRecipient(b []byte) (mail.Recipient, error) {
	var r mail.Recipient
	err := store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case fieldAddress:
			r.Address = f.String()
		case fieldNotify:
			r.Notify = mail.Notify(f.Uint())
		case fieldORcpt:
			r.ORcpt = f.String()
		}
		return nil
	})
	return r, err
}

var legs = store.Codec[Leg]{Append: appendLeg, Parse: parseLeg}

// maxKept is how much is kept of what a host said.
const maxKept = 512

func appendLeg(dst []byte, l Leg) []byte {
	enc := store.NewEncoder(dst)
	enc.Time(1, l.Due)
	enc.Uint(2, uint64(l.Attempts))
	enc.Bool(3, l.Told)
	enc.Bool(4, l.Held)
	for _, w := range l.To {
		enc.Message(5, func(enc *store.Encoder) {
			enc.Uint(1, uint64(w.Index))
			enc.Uint(2, uint64(w.Last.Action))
			enc.String(3, w.Last.Status)
			enc.String(4, w.Last.Reply[:min(len(w.Last.Reply), maxKept)])
			enc.String(5, w.Last.Text[:min(len(w.Last.Text), maxKept)])
			enc.String(6, w.Last.Host)
			enc.String(7, w.Last.Addr)
		})
	}
	return enc.Out()
}

func parseLeg(b []byte) (Leg, error) {
	var l Leg
	err := store.DecodeFields(b, func(f store.Field) (err error) {
		switch f.Number {
		case 1:
			l.Due = f.Time()
		case 2:
			l.Attempts = uint32(f.Uint())
		case 3:
			l.Told = f.Bool()
		case 4:
			l.Held = f.Bool()
		case 5:
			var w Waiting
			w, err = parseWaiting(f.Bytes())
			l.To = append(l.To, w)
		}
		return err
	})
	if err != nil {
		return Leg{}, fmt.Errorf("queue: leg: %w", err)
	}
	return l, nil
}

func parseWaiting(b []byte) (Waiting, error) {
	var w Waiting
	err := store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			if f.Uint() > maxIndex {
				return errors.New("an index out of range")
			}
			w.Index = int(f.Uint())
		case 2:
			w.Last.Action = mail.Action(f.Uint())
		case 3:
			w.Last.Status = f.String()
		case 4:
			w.Last.Reply = f.String()
		case 5:
			w.Last.Text = f.String()
		case 6:
			w.Last.Host = f.String()
		case 7:
			w.Last.Addr = f.String()
		}
		return nil
	})
	return w, err
}

// maxIndex bounds the number of a recipient.
const maxIndex = 1 << 24

var destinations = store.Codec[destination]{
	Append: func(dst []byte, d destination) []byte {
		enc := store.NewEncoder(dst)
		enc.Time(1, d.next)
		enc.Uint(2, uint64(d.failures))
		enc.Time(3, d.until)
		enc.String(4, d.last)
		return enc.Out()
	},
	Parse: func(b []byte) (destination, error) {
		var d destination
		err := store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case 1:
				d.next = f.Time()
			case 2:
				d.failures = int(min(f.Uint(), maxIndex))
			case 3:
				d.until = f.Time()
			case 4:
				d.last = f.String()
			}
			return nil
		})
		return d, err
	},
}

// inMilliseconds is the precision in which times are kept.
func inMilliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
