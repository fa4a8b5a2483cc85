package feedback

import "martlet/store"

// reportKey is a report about one of our domains.
type reportKey struct {
	domain string
	end    uint64 // seconds since 1970
	hash   rowHash
}

var reportKeys = store.Codec[reportKey]{
	Append: func(dst []byte, k reportKey) []byte {
		return append(store.AppendUint64(store.AppendString(dst, k.domain), k.end), k.hash[:]...)
	},
	Parse: func(b []byte) (k reportKey, err error) {
		if k.domain, b, err = store.ParseString(b); err != nil {
			return k, err
		}
		if k.end, b, err = store.ParseUint64(b); err != nil {
			return k, err
		}
		if len(b) != len(k.hash) {
			return k, store.ErrBadKey
		}
		k.hash = rowHash(b)
		return k, nil
	},
}

// Field numbers of a summary.
const (
	fieldAbout        = 1
	fieldOrganisation = 2
	fieldContact      = 3
	fieldID           = 4
	fieldBegin        = 5
	fieldEnd          = 6
	fieldReceived     = 7
	fieldAsked        = 8
	fieldMessages     = 9
	fieldPassed       = 10
	fieldOneSource    = 11

	fieldAddress = 1
	fieldName    = 2
	fieldAll     = 3
	fieldGood    = 4
	fieldByDKIM  = 5
	fieldBySPF   = 6
	fieldRefused = 7
	fieldJunk    = 8
)

var summaries = store.Codec[Summary]{
	Append: func(dst []byte, s Summary) []byte {
		e := store.NewEncoder(dst)
		e.String(fieldAbout, s.Domain)
		e.String(fieldOrganisation, s.Organisation)
		e.String(fieldContact, s.Contact)
		e.String(fieldID, s.ID)
		e.Time(fieldBegin, s.Begin)
		e.Time(fieldEnd, s.End)
		e.Time(fieldReceived, s.Received)
		e.String(fieldAsked, s.Policy)
		e.Uint(fieldMessages, s.Messages)
		e.Uint(fieldPassed, s.Passed)
		for _, one := range s.Sources {
			e.Message(fieldOneSource, func(e *store.Encoder) {
				e.String(fieldAddress, one.Address)
				e.String(fieldName, one.From)
				e.Uint(fieldAll, one.Messages)
				e.Uint(fieldGood, one.Passed)
				e.Uint(fieldByDKIM, one.DKIM)
				e.Uint(fieldBySPF, one.SPF)
				e.Uint(fieldRefused, one.Refused)
				e.Uint(fieldJunk, one.Junk)
			})
		}
		return e.Out()
	},
	Parse: func(b []byte) (s Summary, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case fieldAbout:
				s.Domain = f.String()
			case fieldOrganisation:
				s.Organisation = f.String()
			case fieldContact:
				s.Contact = f.String()
			case fieldID:
				s.ID = f.String()
			case fieldBegin:
				s.Begin = f.Time().UTC()
			case fieldEnd:
				s.End = f.Time().UTC()
			case fieldReceived:
				s.Received = f.Time().UTC()
			case fieldAsked:
				s.Policy = f.String()
			case fieldMessages:
				s.Messages = f.Uint()
			case fieldPassed:
				s.Passed = f.Uint()
			case fieldOneSource:
				one, err := parseSource(f.Bytes())
				s.Sources = append(s.Sources, one)
				return err
			}
			return nil
		})
		return s, err
	},
}

func parseSource(b []byte) (s Source, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case fieldAddress:
			s.Address = f.String()
		case fieldName:
			s.From = f.String()
		case fieldAll:
			s.Messages = f.Uint()
		case fieldGood:
			s.Passed = f.Uint()
		case fieldByDKIM:
			s.DKIM = f.Uint()
		case fieldBySPF:
			s.SPF = f.Uint()
		case fieldRefused:
			s.Refused = f.Uint()
		case fieldJunk:
			s.Junk = f.Uint()
		}
		return nil
	})
	return s, err
}
