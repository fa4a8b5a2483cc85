package oof

import (
	"martlet/directory"
	"martlet/store"
)

// Field numbers of an absence.
const (
	fieldState   = 1
	fieldStart   = 2
	fieldEnd     = 3
	fieldMessage = 4 // one for each audience, in their order

	fieldEnabled = 1
	fieldText    = 2
	fieldHTML    = 3
)

var absences = store.Codec[Absence]{
	Append: func(dst []byte, a Absence) []byte {
		e := store.NewEncoder(dst)
		e.Uint(fieldState, uint64(a.State))
		e.Time(fieldStart, a.Start)
		e.Time(fieldEnd, a.End)
		for _, m := range a.Messages {
			e.Message(fieldMessage, func(e *store.Encoder) {
				e.Bool(fieldEnabled, m.Enabled)
				e.String(fieldText, m.Text)
				e.Bool(fieldHTML, m.HTML)
			})
		}
		return e.Out()
	},
	Parse: func(b []byte) (a Absence, err error) {
		n := 0
		err = store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case fieldState:
				a.State = State(f.Uint())
			case fieldStart:
				a.Start = f.Time()
			case fieldEnd:
				a.End = f.Time()
			case fieldMessage:
				if n == len(a.Messages) {
					return store.ErrBadRecord
				}
				m, err := parseMessage(f.Bytes())
				a.Messages[n] = m
				n++
				return err
			}
			return nil
		})
		return a, err
	},
}

func parseMessage(b []byte) (m Message, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case fieldEnabled:
			m.Enabled = f.Bool()
		case fieldText:
			m.Text = f.String()
		case fieldHTML:
			m.HTML = f.Bool()
		}
		return nil
	})
	return m, err
}

// answeredKey names a sender who was told of an absence.
type answeredKey struct {
	account directory.AccountID
	sender  string // in lower case
}

var answeredKeys = store.Codec[answeredKey]{
	Append: func(dst []byte, k answeredKey) []byte {
		return store.AppendString(store.AppendUint64(dst, uint64(k.account)), k.sender)
	},
	Parse: func(b []byte) (k answeredKey, err error) {
		account, b, err := store.ParseUint64(b)
		if err != nil {
			return k, err
		}
		k.account = directory.AccountID(account)
		if k.sender, b, err = store.ParseString(b); err != nil {
			return k, err
		}
		return k, store.End(b)
	},
}

var counts = store.Codec[uint64]{
	Append: func(dst []byte, n uint64) []byte {
		e := store.NewEncoder(dst)
		e.Uint(1, n)
		return e.Out()
	},
	Parse: func(b []byte) (n uint64, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			if f.Number == 1 {
				n = f.Uint()
			}
			return nil
		})
		return n, err
	},
}
