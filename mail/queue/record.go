package queue

import (
	"fmt"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// dueKey orders the entries by when they are due.
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

var entries = store.Codec[Entry]{Append: appendEntry, Parse: parseEntry}

// The fields of an entry's record. Numbers are never used again.
const (
	fieldBlob = iota + 1
	fieldSender
	fieldCreated
	fieldDue
	fieldAttempts
	fieldLastError
	fieldFrom
	fieldRecipient
	fieldSMTPUTF8
	fieldBody8Bit
	fieldRet
	fieldEnvID
	fieldTraceID
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
	enc.Uint(fieldAttempts, uint64(e.Attempts))
	enc.String(fieldLastError, e.LastError)
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
		case fieldAttempts:
			e.Attempts = uint32(f.Uint())
		case fieldLastError:
			e.LastError = f.String()
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
		}
		return err
	})
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

// inMilliseconds is the precision in which times are kept.
func inMilliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
