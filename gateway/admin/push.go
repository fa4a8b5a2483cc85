package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"martlet/directory"
	"martlet/gateway/registration"
	"martlet/mail/announce"
	"martlet/push"
)

// App is an app that is set up in martlet.toml.
type App struct {
	Name          string   `json:"name"`
	Kind          string   `json:"kind"`
	Topic         string   `json:"topic,omitempty"`
	Sandbox       bool     `json:"sandbox,omitempty"`
	VAPID         string   `json:"vapid_public_key,omitempty"`
	Registrations int      `json:"registrations"`
	Queues        []Queued `json:"queues,omitempty"` // of a running server
}

// Queued is how the notifications of an app at one service stand.
type Queued struct {
	Service  string            `json:"service,omitempty"`
	State    string            `json:"state"`
	Reason   string            `json:"reason,omitempty"`
	Due      int               `json:"due"`
	InFlight int               `json:"in_flight"`
	NextTry  time.Duration     `json:"next_try_ns,omitempty"`
	Results  map[string]uint64 `json:"results,omitempty"` // since the start
}

// Registration is an app on a device as shown to an administrator. Where it is
// reached is shown as a short hash.
type Registration struct {
	ID         uint64     `json:"id"`
	Login      string     `json:"login"`
	Kind       string     `json:"kind"`
	App        string     `json:"app"`
	Device     string     `json:"device,omitempty"`
	Sandbox    bool       `json:"sandbox,omitempty"`
	Target     string     `json:"target"` // short hash
	Host       string     `json:"host,omitempty"`
	Account    string     `json:"account,omitempty"` // the app's name for it
	Mode       string     `json:"mode"`
	Detail     string     `json:"detail"`
	Folders    []uint32   `json:"folders,omitempty"` // none: the inbox
	All        bool       `json:"all,omitempty"`
	Everything bool       `json:"everything,omitempty"` // with all
	VIPs       int        `json:"vips,omitempty"`
	OnlyVIP    bool       `json:"only_vip,omitempty"`
	Quiet      *Quiet     `json:"quiet_hours,omitempty"`
	Created    time.Time  `json:"created"`
	Registered time.Time  `json:"registered"`
	Expires    *time.Time `json:"expires,omitempty"`
	Lost       string     `json:"lost,omitempty"`
	LostAt     *time.Time `json:"lost_at,omitempty"`
	Last       *Outcome   `json:"last,omitempty"`
}

// Quiet are the hours in which alerts wait, in minutes since midnight.
type Quiet struct {
	From  int    `json:"from"`
	Until int    `json:"until"`
	Zone  string `json:"time_zone"`
	// Days are those on which they begin; none: every day.
	Days []string `json:"days,omitempty"`
}

// Outcome is what became of one attempt to wake an app.
type Outcome struct {
	At        time.Time `json:"at"`
	Result    string    `json:"result"`
	Status    int       `json:"status,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	ServiceID string    `json:"service_id,omitempty"`
	ID        string    `json:"id,omitempty"`
	Mode      string    `json:"mode,omitempty"`
	High      bool      `json:"high,omitempty"`
	Withdrawn bool      `json:"withdrawn,omitempty"`
	Test      bool      `json:"test,omitempty"`
	Again     bool      `json:"again,omitempty"`
	Millis    float64   `json:"ms,omitempty"` // of a test
}

// PushRequest names a registration, or whose are wanted.
type PushRequest struct {
	Login string `json:"login,omitempty"`
	ID    uint64 `json:"id,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// listApps lists the apps that are set up, and those that registrations name.
func (a *Admin) listApps(ctx context.Context, _ Nothing) ([]App, error) {
	all := []App{}
	at := map[string]int{}
	for _, app := range a.c.SetUp() {
		at[app.Kind.String()+app.Name] = len(all)
		all = append(all, App{Name: app.Name, Kind: app.Kind.String(), Topic: app.Topic, Sandbox: app.Sandbox, VAPID: app.VAPID})
	}
	for r, err := range a.c.Apps.ListAll(ctx) {
		if err != nil {
			return nil, err
		}
		key := r.Kind.String() + r.App
		if _, ok := at[key]; !ok {
			at[key] = len(all)
			all = append(all, App{Name: r.App, Kind: r.Kind.String(), Queues: []Queued{{State: "not set up"}}})
		}
		all[at[key]].Registrations++
	}
	if a.c.Process.Queues == nil {
		return all, nil
	}
	for _, l := range a.c.Process.Queues() {
		i, ok := at[l.Kind.String()+l.App]
		if !ok {
			continue
		}
		q := Queued{Service: l.Service, State: l.State.String(), Reason: l.Reason, Due: l.Due, InFlight: l.InFlight, NextTry: l.NextTry, Results: map[string]uint64{}}
		for result, n := range l.Results {
			if n > 0 {
				q.Results[push.Result(result).String()] = n
			}
		}
		all[i].Queues = append(all[i].Queues, q)
	}
	return all, nil
}

// shortHash tells one target from another.
func shortHash(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:8])
}

func (a *Admin) shownRegistration(ctx context.Context, login string, r *announce.Registration) (Registration, error) {
	out := Registration{
		ID: r.ID, Login: login, Kind: r.Kind.String(), App: r.App, Device: r.Device, Sandbox: r.Sandbox,
		Target: shortHash(r.Token + r.Endpoint), Account: r.Name, Mode: r.Mode.String(), Detail: r.Detail.String(), All: r.All, Everything: r.Every,
		VIPs: len(r.VIPs), OnlyVIP: r.OnlyVIP, Created: r.Created, Registered: r.LastSeen, Expires: moment(r.Expires), Lost: r.Lost, LostAt: moment(r.LostAt),
	}
	if u, err := url.Parse(r.Endpoint); err == nil {
		out.Host = u.Host
	}
	for _, f := range r.Folders {
		out.Folders = append(out.Folders, uint32(f))
	}
	if r.Quiet != (announce.Quiet{}) {
		out.Quiet = &Quiet{From: r.Quiet.Start, Until: r.Quiet.End, Zone: r.Quiet.Zone}
		for day := time.Sunday; r.Quiet.Days != 0 && day <= time.Saturday; day++ {
			if r.Quiet.Days.Has(day) {
				out.Quiet.Days = append(out.Quiet.Days, strings.ToLower(day.String()[:3]))
			}
		}
	}
	last, err := a.c.Apps.Outcomes(ctx, 0, r.ID, 1)
	if err == nil && len(last) > 0 {
		o := shownOutcome(&last[0])
		out.Last = &o
	}
	return out, err
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func shownOutcome(o *announce.Outcome) Outcome {
	out := Outcome{
		At: o.At, Result: o.Result.String(), Status: o.Status, Reason: o.Reason, ServiceID: o.Service, ID: o.ID,
		High: o.High, Withdrawn: o.Withdrawn, Test: o.Test, Again: o.Again,
	}
	if o.Mode != 0 {
		out.Mode = o.Mode.String()
	}
	return out
}

// listPush lists the registrations of a user, or of all when no login is given.
func (a *Admin) listPush(ctx context.Context, in PushRequest) ([]Registration, error) {
	logins, err := a.logins(ctx)
	if err != nil {
		return nil, err
	}
	var found []announce.Registration
	if in.Login != "" {
		acc, err := a.find(ctx, in.Login)
		if err != nil {
			return nil, err
		}
		if found, err = a.c.Apps.List(ctx, acc.ID); err != nil {
			return nil, err
		}
	} else {
		for r, err := range a.c.Apps.ListAll(ctx) {
			if err != nil {
				return nil, err
			}
			found = append(found, r)
		}
	}
	all := []Registration{}
	for i := range found {
		shown, err := a.shownRegistration(ctx, logins[found[i].Account], &found[i])
		if errors.Is(err, announce.ErrNoRegistration) {
			continue // it went in the meantime
		}
		if err != nil {
			return nil, err
		}
		all = append(all, shown)
	}
	return all, nil
}

func (a *Admin) logins(ctx context.Context) (map[directory.AccountID]string, error) {
	logins := map[directory.AccountID]string{}
	for acc, err := range a.c.Directory.Accounts(ctx) {
		if err != nil {
			return nil, err
		}
		logins[acc.ID] = acc.Login
	}
	return logins, nil
}

func (a *Admin) showPush(ctx context.Context, in PushRequest) (Registration, error) {
	r, err := a.c.Apps.Load(ctx, 0, in.ID)
	if err != nil {
		return Registration{}, err
	}
	acc, err := a.c.Directory.Account(ctx, r.Account)
	if err != nil && !errors.Is(err, directory.ErrNoAccount) {
		return Registration{}, err
	}
	return a.shownRegistration(ctx, acc.Login, &r)
}

// testPush sends a registration a notification and waits for what becomes of
// it.
func (a *Admin) testPush(ctx context.Context, in PushRequest) (Outcome, error) {
	r, err := a.c.Apps.Load(ctx, 0, in.ID)
	switch {
	case err != nil:
		return Outcome{}, err
	case a.c.Process.Wake == nil:
		return Outcome{}, fmt.Errorf("%w, which alone wakes apps", ErrNotRunning)
	}
	got, took, err := a.c.Process.Wake(ctx, &r)
	if err != nil {
		return Outcome{}, err
	}
	if got == nil {
		return Outcome{At: time.Now().UTC(), Result: registration.Pending, Mode: r.Mode.String(), Test: true}, nil
	}
	out := shownOutcome(got)
	out.Millis = float64(took.Microseconds()) / 1000
	return out, nil
}

func (a *Admin) removePush(ctx context.Context, in PushRequest) (Registration, error) {
	shown, err := a.showPush(ctx, in)
	if err != nil {
		return shown, err
	}
	if err := a.c.Apps.Remove(ctx, 0, in.ID); err != nil {
		return shown, err
	}
	a.log.Info("registration removed", "login", shown.Login, "registration", in.ID)
	return shown, nil
}

func (a *Admin) listOutcomes(ctx context.Context, in PushRequest) ([]Outcome, error) {
	found, err := a.c.Apps.Outcomes(ctx, 0, in.ID, in.Limit)
	if err != nil {
		return nil, err
	}
	all := []Outcome{}
	for i := range found {
		all = append(all, shownOutcome(&found[i]))
	}
	return all, nil
}

// Apps lists the apps that are set up.
func (c Client) Apps(ctx context.Context) ([]App, error) {
	return ask[[]App](ctx, c, "push.apps", Nothing{})
}

// Registrations lists the apps on the devices of a user, or of all without a
// login.
func (c Client) Registrations(ctx context.Context, login string) ([]Registration, error) {
	return ask[[]Registration](ctx, c, "push.list", PushRequest{Login: login})
}

// Registration shows one.
func (c Client) Registration(ctx context.Context, id uint64) (Registration, error) {
	return ask[Registration](ctx, c, "push.show", PushRequest{ID: id})
}

// TestPush wakes one, and tells what became of it.
func (c Client) TestPush(ctx context.Context, id uint64) (Outcome, error) {
	return ask[Outcome](ctx, c, "push.test", PushRequest{ID: id})
}

// RemovePush forgets one.
func (c Client) RemovePush(ctx context.Context, id uint64) (Registration, error) {
	return ask[Registration](ctx, c, "push.remove", PushRequest{ID: id})
}

// Outcomes lists what became of the last attempts to wake one, the latest
// first; a limit of zero is all that are kept.
func (c Client) Outcomes(ctx context.Context, id uint64, limit int) ([]Outcome, error) {
	return ask[[]Outcome](ctx, c, "push.outcomes", PushRequest{ID: id, Limit: limit})
}
