package oof

import (
	"context"
	"fmt"
	"strings"

	"martlet/directory"
	"martlet/store"
)

// Check reports every broken invariant: an absence that could not have been
// saved, answers that are counted wrongly or belong to nobody who is away.
func (o *Absences) Check(ctx context.Context, report func(store.Problem)) error {
	return o.store.View(ctx, func(tx *store.Tx) error {
		absent := map[directory.AccountID]bool{}
		for row, err := range o.absences.Scan(tx, store.TableRange[directory.AccountID]{}) {
			if err != nil {
				return err
			}
			absent[row.Key] = true
			if err := row.Value.check(); err != nil || row.Value.State > Timed {
				report(store.Problem{Table: "absence", Key: fmt.Sprint(row.Key), Text: "cannot be so"})
			}
		}
		told := map[directory.AccountID]uint64{}
		for k, err := range o.answered.Keys(tx, store.TableRange[answeredKey]{}) {
			if err != nil {
				return err
			}
			told[k.account]++
		}
		for id, n := range told {
			if !absent[id] {
				report(store.Problem{Table: "absence answered", Key: fmt.Sprint(id), Text: "has no absence"})
			}
			counted, err := o.count(tx, id)
			if err != nil {
				return err
			}
			if counted != n {
				report(store.Problem{Table: "absence tally", Key: fmt.Sprint(id), Text: fmt.Sprintf("%d counted, %d there", counted, n)})
			}
		}
		for k, err := range o.vacations.Keys(tx, store.TableRange[vacationKey]{}) {
			if err != nil {
				return err
			}
			if k.account == 0 || k.sender == "" || k.sender != strings.ToLower(k.sender) {
				report(store.Problem{Table: "vacation", Key: fmt.Sprint(k.account), Text: "cannot be so"})
			}
		}
		for id, err := range o.tally.Keys(tx, store.TableRange[directory.AccountID]{}) {
			if err != nil {
				return err
			}
			if told[id] == 0 {
				report(store.Problem{Table: "absence tally", Key: fmt.Sprint(id), Text: "counts nothing"})
			}
		}
		return nil
	})
}

// Owners lists the accounts that have said anything, or whose scripts have.
func (o *Absences) Owners(tx *store.Tx) (all []directory.AccountID, err error) {
	for k, err := range o.vacations.Keys(tx, store.TableRange[vacationKey]{}) {
		if err != nil {
			return nil, err
		}
		if len(all) == 0 || all[len(all)-1] != k.account {
			all = append(all, k.account)
		}
	}
	for id, err := range o.absences.Keys(tx, store.TableRange[directory.AccountID]{}) {
		if err != nil {
			return nil, err
		}
		all = append(all, id)
	}
	return all, nil
}
