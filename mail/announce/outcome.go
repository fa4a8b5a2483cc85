package announce

import (
	"context"
	"errors"
	"time"

	"martlet/directory"
	"martlet/push"
	"martlet/store"
)

// KeptOutcomes is how many outcomes of a registration are kept at least.
const KeptOutcomes = 1000

// Outcomes lie in pages of pageSize, so that a registration is some fifty rows
// and noting one rewrites little. The ring has one page more than it keeps: the
// oldest page is given up whole.
const (
	pageSize = 20
	pages    = KeptOutcomes/pageSize + 1
)

// maxReason bounds the service's own word, which comes from outside.
const maxReason = 200

// Outcome is what became of one attempt to wake a device.
type Outcome struct {
	At        time.Time
	Result    push.Result
	Status    int    // HTTP; zero: there was no answer
	Reason    string // the service's own word
	Service   string // the service's own name for what it took
	ID        string // of the notification
	Mode      push.Mode
	High      bool
	Withdrawn bool
	Test      bool // the user asked for it
	Again     bool // another attempt follows
}

// Outcomes returns the newest outcomes of a registration first, limit at most
// or, when limit is zero, all that are kept. Account zero is the
// administrator; another user's registration is ErrNoRegistration.
func (b *Book) Outcomes(ctx context.Context, account directory.AccountID, id uint64, limit int) (out []Outcome, err error) {
	if limit <= 0 || limit > KeptOutcomes {
		limit = KeptOutcomes
	}
	err = b.store.View(ctx, func(tx *store.Tx) error {
		out = nil
		if _, err := b.load(tx, account, id); err != nil {
			return err
		}
		st, err := b.state(tx, id)
		if err != nil {
			return err
		}
		for last := st.Noted; last > 0 && len(out) < limit; last -= (last-1)%pageSize + 1 {
			page, err := b.outcomes.Get(tx, pageOf(id, last-1))
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			all, err := parseOutcomes(page)
			if err != nil {
				return err
			}
			for i := len(all) - 1; i >= 0 && len(out) < limit; i-- {
				out = append(out, all[i])
			}
			if last <= pageSize || st.Noted-last >= KeptOutcomes {
				return nil
			}
		}
		return nil
	})
	return out, err
}

// note writes an outcome behind the others. The caller saves the state.
func (b *Book) note(tx *store.Tx, id uint64, st *state, o *Outcome) error {
	key := pageOf(id, st.Noted)
	var page []byte
	if st.Noted%pageSize != 0 {
		var err error
		if page, err = b.outcomes.Get(tx, key); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	st.Noted++
	return b.outcomes.Set(tx, key, appendOutcome(page[:len(page):len(page)], o))
}

// forgetOutcomes removes what note has written.
func (b *Book) forgetOutcomes(tx *store.Tx, id uint64, noted uint64) error {
	for n := uint64(0); n < min((noted+pageSize-1)/pageSize, pages); n++ {
		if err := b.outcomes.Delete(tx, pageKey{id, uint32(n)}); err != nil {
			return err
		}
	}
	return nil
}

// pageKey names a page of outcomes.
type pageKey struct {
	id   uint64
	page uint32
}

// pageOf is the page that the nth outcome, from zero, is in.
func pageOf(id, n uint64) pageKey { return pageKey{id, uint32(n / pageSize % pages)} }

var pageKeys = store.Codec[pageKey]{
	Append: func(dst []byte, k pageKey) []byte {
		return store.AppendUint32(store.AppendUint64(dst, k.id), k.page)
	},
	Parse: func(b []byte) (k pageKey, err error) {
		if k.id, b, err = store.ParseUint64(b); err != nil {
			return k, err
		}
		if k.page, b, err = store.ParseUint32(b); err != nil {
			return k, err
		}
		return k, store.End(b)
	},
}

// outcomePages takes a page as it is: an outcome is appended without reading
// the others.
var outcomePages = store.Codec[[]byte]{
	Append: func(dst []byte, page []byte) []byte { return append(dst, page...) },
	Parse:  func(b []byte) ([]byte, error) { return append([]byte(nil), b...), nil },
}

// Field numbers of an outcome. A page is a list of field 1.
const (
	outcomeAt = iota + 1
	outcomeResult
	outcomeStatus
	outcomeReason
	outcomeService
	outcomeID
	outcomeMode
	outcomeHigh
	outcomeWithdrawn
	outcomeTest
	outcomeAgain
)

func appendOutcome(page []byte, o *Outcome) []byte {
	e := store.NewEncoder(page)
	e.Message(1, func(e *store.Encoder) {
		e.Time(outcomeAt, o.At)
		e.Uint(outcomeResult, uint64(o.Result))
		e.Uint(outcomeStatus, uint64(max(o.Status, 0)))
		e.String(outcomeReason, push.Cut(o.Reason, maxReason))
		e.String(outcomeService, push.Cut(o.Service, maxReason))
		e.String(outcomeID, o.ID)
		e.Uint(outcomeMode, uint64(o.Mode))
		e.Bool(outcomeHigh, o.High)
		e.Bool(outcomeWithdrawn, o.Withdrawn)
		e.Bool(outcomeTest, o.Test)
		e.Bool(outcomeAgain, o.Again)
	})
	return e.Out()
}

func parseOutcomes(page []byte) (out []Outcome, err error) {
	err = store.DecodeFields(page, func(f store.Field) error {
		if f.Number != 1 {
			return nil
		}
		o, err := parseOutcome(f.Bytes())
		out = append(out, o)
		return err
	})
	return out, err
}

func parseOutcome(b []byte) (o Outcome, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case outcomeAt:
			o.At = f.Time()
		case outcomeResult:
			o.Result = push.Result(f.Uint())
		case outcomeStatus:
			o.Status = int(f.Uint())
		case outcomeReason:
			o.Reason = f.String()
		case outcomeService:
			o.Service = f.String()
		case outcomeID:
			o.ID = f.String()
		case outcomeMode:
			o.Mode = push.Mode(f.Uint())
		case outcomeHigh:
			o.High = f.Bool()
		case outcomeWithdrawn:
			o.Withdrawn = f.Bool()
		case outcomeTest:
			o.Test = f.Bool()
		case outcomeAgain:
			o.Again = f.Bool()
		}
		return nil
	})
	return o, err
}
