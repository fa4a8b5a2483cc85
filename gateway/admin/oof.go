package admin

import (
	"context"
	"fmt"
	"time"

	"martlet/directory"
	"martlet/mail/oof"
	"martlet/store"
)

// Oof is what a user says while away.
type Oof struct {
	Login    string     `json:"login"`
	State    string     `json:"state"` // off, on, timed
	Away     bool       `json:"away"`  // at this moment
	Start    *time.Time `json:"start,omitempty"`
	End      *time.Time `json:"end,omitempty"`
	Internal OofMessage `json:"internal"`
	Known    OofMessage `json:"external_known"`
	Unknown  OofMessage `json:"external_unknown"`
}

// OofMessage is what an audience is told.
type OofMessage struct {
	Enabled bool   `json:"enabled"`
	Text    string `json:"text,omitempty"`
	HTML    bool   `json:"html,omitempty"`
}

// OofRequest changes what is not nil. Start and End make it timed.
type OofRequest struct {
	Login    string      `json:"login"`
	State    *string     `json:"state,omitempty"`
	Start    *time.Time  `json:"start,omitempty"`
	End      *time.Time  `json:"end,omitempty"`
	Internal *OofMessage `json:"internal,omitempty"`
	Known    *OofMessage `json:"external_known,omitempty"`
	Unknown  *OofMessage `json:"external_unknown,omitempty"`
}

func stateNames() [3]string { return [...]string{oof.Off: "off", oof.On: "on", oof.Timed: "timed"} }

func (a *Admin) showOof(ctx context.Context, in UserRequest) (Oof, error) {
	return a.oof(ctx, in.Login, func(tx *store.Tx, _ *oof.Absence) (bool, error) { return false, nil })
}

func (a *Admin) setOof(ctx context.Context, in OofRequest) (Oof, error) {
	return a.oof(ctx, in.Login, func(_ *store.Tx, to *oof.Absence) (bool, error) { return true, in.apply(to) })
}

// apply changes what is named.
func (in *OofRequest) apply(to *oof.Absence) error {
	if in.State != nil {
		state := -1
		for i, name := range stateNames() {
			if *in.State == name {
				state = i
			}
		}
		if state < 0 {
			return fmt.Errorf("%w: %q is none of off, on, timed", directory.ErrBadValue, *in.State)
		}
		to.State = oof.State(state)
	}
	if in.Start != nil {
		to.Start = *in.Start
	}
	if in.End != nil {
		to.End = *in.End
	}
	for who, m := range [oof.Audiences]*OofMessage{oof.Internal: in.Internal, oof.Known: in.Known, oof.Unknown: in.Unknown} {
		if m != nil {
			to.Messages[who] = oof.Message(*m)
		}
	}
	return nil
}

// oof edits what a user says and shows what came of it.
func (a *Admin) oof(ctx context.Context, login string, edit func(*store.Tx, *oof.Absence) (bool, error)) (Oof, error) {
	acc, err := a.find(ctx, login)
	if err != nil {
		return Oof{}, err
	}
	var said oof.Absence
	changed := false
	err = a.c.Store.Update(ctx, func(tx *store.Tx) error {
		if said, err = a.away.Load(tx, acc.ID); err != nil {
			return err
		}
		if changed, err = edit(tx, &said); err != nil || !changed {
			return err
		}
		if err := a.away.Save(tx, acc.ID, said); err != nil {
			return err
		}
		said, err = a.away.Load(tx, acc.ID)
		return err
	})
	if err != nil {
		return Oof{}, err
	}
	if changed {
		a.log.Info("out of office changed", "login", acc.Login, "account", acc.ID, "state", stateNames()[said.State])
	}
	out := Oof{Login: acc.Login, State: stateNames()[said.State], Away: said.Away(time.Now())}
	if said.State == oof.Timed {
		out.Start, out.End = &said.Start, &said.End
	}
	out.Internal, out.Known, out.Unknown = OofMessage(said.Messages[oof.Internal]), OofMessage(said.Messages[oof.Known]), OofMessage(said.Messages[oof.Unknown])
	return out, nil
}
