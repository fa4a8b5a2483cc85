package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/route"
	"martlet/store"
	"martlet/store/blob"
)

// Scheduling mail is noted in the transaction that delivers it, and attended to
// behind it, one after the other in the order of its coming: what it does to the
// calendar and the end of the note are one transaction again.

// arrival is scheduling mail that is to be attended to.
type arrival struct {
	account directory.AccountID
	at      mail.Place // where it was put; it may have gone from there
	blob    blob.Ref   // one reference is held
	from    string     // route.Arrival.From
	when    time.Time
}

// attendRetry is how long one that failed rests, and those behind it.
const attendRetry = time.Minute

func newArrivals() store.Table[uint64, arrival] {
	return store.NewTable("arrival", store.PrefixArrival, store.Uint64Key[uint64](), store.Codec[arrival]{
		Append: func(dst []byte, a arrival) []byte {
			enc := store.NewEncoder(dst)
			enc.Uint(1, uint64(a.account))
			enc.Uint(2, uint64(a.at.Folder))
			enc.Uint(3, uint64(a.at.Item))
			enc.Bytes(4, blob.AppendRef(nil, a.blob))
			enc.String(5, a.from)
			enc.Int(6, a.when.UnixMilli())
			return enc.Out()
		},
		Parse: func(b []byte) (a arrival, err error) {
			err = store.DecodeFields(b, func(f store.Field) (err error) {
				switch f.Number {
				case 1:
					a.account = directory.AccountID(f.Uint())
				case 2:
					a.at.Folder = mail.FolderID(f.Uint())
				case 3:
					a.at.Item = mail.ItemID(f.Uint())
				case 4:
					a.blob, err = blob.ParseRef(f.Bytes())
				case 5:
					a.from = f.String()
				case 6:
					a.when = time.UnixMilli(f.Int())
				}
				return err
			})
			return a, err
		},
	})
}

// arrived notes a message in the transaction that delivers it.
func (s *Scheduler) arrived(tx *store.Tx, a route.Arrival) error {
	n, err := tx.Next("arrival")
	if err != nil {
		return fmt.Errorf("schedule: arrival: %w", err)
	}
	if err := s.mailboxes.Blobs().Retain(tx, a.Blob); err != nil {
		return fmt.Errorf("schedule: arrival: %w", err)
	}
	if err := s.rows.Set(tx, n, arrival{a.Account, a.At, a.Blob, a.From, s.now()}); err != nil {
		return err
	}
	tx.OnCommitOnce(s, s.rouse)
	return nil
}

// rouse wakes the attendant.
func (s *Scheduler) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Start attends to what has arrived since the last stop, and from now on to what
// arrives.
func (s *Scheduler) Start() {
	s.rouse()
	s.running.Go(func() {
		for {
			select {
			case <-s.wake:
			case <-s.ctx.Done():
				return
			}
			for {
				err := s.Settle(s.ctx)
				if err == nil || s.ctx.Err() != nil {
					break
				}
				s.log.Error("scheduling mail not attended to, will go on", "after", attendRetry, "error", err)
				if !s.rest(attendRetry) {
					return
				}
			}
		}
	})
}

// rest waits, and tells whether there is anything to do then.
func (s *Scheduler) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// Settle attends to what has arrived and returns when nothing is left. Only one
// may run at a time: Start's, or that of a test.
func (s *Scheduler) Settle(ctx context.Context) error {
	for {
		var n uint64
		var a arrival
		found := false
		err := s.store.View(ctx, func(tx *store.Tx) error {
			for row, err := range s.rows.Scan(tx, store.TableRange[uint64]{}) {
				if err != nil {
					return err
				}
				n, a, found = row.Key, row.Value, true
				break
			}
			return nil
		})
		if err != nil || !found {
			return err
		}
		if err := s.attendTo(ctx, n, &a); err != nil {
			return fmt.Errorf("schedule: arrival %d of account %d: %w", n, a.account, err)
		}
	}
}

// strike ends a note. It tells whether the note was still there.
func (s *Scheduler) strike(tx *store.Tx, n uint64) (bool, error) {
	a, err := s.rows.Get(tx, n)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := s.rows.Delete(tx, n); err != nil {
		return false, err
	}
	return true, s.mailboxes.Blobs().Release(tx, a.blob)
}

// References calls count once for each reference that scheduling mail holds to a
// blob, for blob.Audit.
func (s *Scheduler) References(tx *store.Tx, count func(blob.Ref)) error {
	for row, err := range s.rows.Scan(tx, store.TableRange[uint64]{}) {
		if err != nil {
			return err
		}
		count(row.Value.blob)
	}
	return nil
}

// Check reports every broken invariant: scheduling mail that is to be attended
// to has an account and a message; meetings that left are remembered with their
// age, once each.
func (s *Scheduler) Check(ctx context.Context, report func(store.Problem)) error {
	return s.store.View(ctx, func(tx *store.Tx) error {
		for row, err := range s.rows.Scan(tx, store.TableRange[uint64]{}) {
			if err != nil {
				return err
			}
			if row.Value.account == 0 || row.Value.blob.IsZero() {
				report(store.Problem{Table: "arrival", Key: fmt.Sprint(row.Key), Text: "is nobody's, or has no message"})
			}
		}
		return s.gone.check(tx, report)
	})
}

func (g *goneTables) check(tx *store.Tx, report func(store.Problem)) error {
	rows, ages := 0, 0
	for row, err := range g.rows.Scan(tx, store.TableRange[goneKey]{}) {
		if err != nil {
			return err
		}
		rows++
		ok, err := g.ages.Has(tx, goneAge{row.Value.when.UnixMilli(), row.Key})
		if err != nil {
			return err
		}
		if !ok {
			report(store.Problem{Table: "meeting gone", Key: fmt.Sprint(row.Key), Text: "has no age"})
		}
	}
	for _, err := range g.ages.Keys(tx, store.TableRange[goneAge]{}) {
		if err != nil {
			return err
		}
		ages++
	}
	if ages != rows {
		report(store.Problem{Table: "meeting gone age", Text: fmt.Sprintf("%d ages for %d meetings", ages, rows)})
	}
	return nil
}
