package sign

import "martlet/store"

// keyName is the key of a row.
type keyName struct{ domain, selector string }

var keyNames = store.Codec[keyName]{
	Append: func(dst []byte, k keyName) []byte {
		return store.AppendString(store.AppendString(dst, k.domain), k.selector)
	},
	Parse: func(b []byte) (k keyName, err error) {
		if k.domain, b, err = store.ParseString(b); err != nil {
			return k, err
		}
		if k.selector, b, err = store.ParseString(b); err != nil {
			return k, err
		}
		return k, store.End(b)
	},
}

// Field numbers.
const (
	fieldState   = 1
	fieldMade    = 2
	fieldSince   = 3
	fieldPrivate = 4
)

var keyRecords = store.Codec[Key]{
	Append: func(dst []byte, k Key) []byte {
		e := store.NewEncoder(dst)
		e.Uint(fieldState, uint64(k.State))
		e.Time(fieldMade, k.Made)
		e.Time(fieldSince, k.Since)
		e.Bytes(fieldPrivate, k.private)
		return e.Out()
	},
	Parse: func(b []byte) (k Key, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case fieldState:
				if k.State = State(f.Uint()); k.State > Retired {
					return store.ErrBadRecord
				}
			case fieldMade:
				k.Made = f.Time()
			case fieldSince:
				k.Since = f.Time()
			case fieldPrivate:
				k.private = append([]byte(nil), f.Bytes()...)
			}
			return nil
		})
		return k, err
	},
}
