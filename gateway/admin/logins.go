package admin

import (
	"context"
	"fmt"
	"time"

	"martlet/directory"
	"martlet/directory/lockout"
	"martlet/store"
)

// AppPassword is the password of one program as shown to an administrator.
type AppPassword struct {
	Number    uint32    `json:"number"`
	Name      string    `json:"name"`
	Protocols []string  `json:"protocols"` // none: all
	Created   time.Time `json:"created"`
	Used      time.Time `json:"used,omitzero"` // the day; zero: never
	Password  string    `json:"password,omitempty"`
}

// AppPasswordRequest names a user, and what is to be added or removed.
type AppPasswordRequest struct {
	Login     string   `json:"login"`
	Name      string   `json:"name,omitempty"`
	Protocols []string `json:"protocols,omitempty"`
	Number    uint32   `json:"number,omitempty"`
}

// Factor is a user's second factor as shown to an administrator. Secret, URI and
// Recovery are shown once, when they are made.
type Factor struct {
	Login    string    `json:"login"`
	Since    time.Time `json:"since,omitzero"` // zero: there is none
	Left     int       `json:"recovery_left"`
	Secret   string    `json:"secret,omitempty"`
	URI      string    `json:"uri,omitempty"`
	Recovery []string  `json:"recovery,omitempty"`
}

// FactorRequest names a user, and what the step needs.
type FactorRequest struct {
	Login  string `json:"login"`
	Issuer string `json:"issuer,omitempty"`
	Code   string `json:"code,omitempty"`
}

// ClientCertificate lets a user in, as shown to an administrator.
type ClientCertificate struct {
	Fingerprint string    `json:"fingerprint"`
	Name        string    `json:"name"`
	Created     time.Time `json:"created"`
}

// ClientCertificateRequest names a user, and what is to be added or removed.
type ClientCertificateRequest struct {
	Login       string `json:"login"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Name        string `json:"name,omitempty"`
}

// ReleaseRequest names whose failures are forgotten: an address, a network or a
// login.
type ReleaseRequest struct {
	Name string `json:"name"`
}

func (a *Admin) loginOperations() map[string]operation {
	return map[string]operation{
		"user.show":                called(a.showUser),
		"user.app-password.add":    called(a.addAppPassword),
		"user.app-password.list":   called(a.listAppPasswords),
		"user.app-password.remove": called(a.removeAppPassword),
		"user.totp":                called(a.showFactor),
		"user.totp.enrol":          called(a.enrolFactor),
		"user.totp.confirm":        called(a.confirmFactor),
		"user.totp.remove":         called(a.removeFactor),
		"user.pin.add":             called(a.addPin),
		"user.pin.list":            called(a.listPins),
		"user.pin.remove":          called(a.removePin),
		"lockout.list":             called(a.listLockout),
		"lockout.release":          called(a.release),
	}
}

func (a *Admin) showUser(ctx context.Context, in UserRequest) (User, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return User{}, err
	}
	return a.user(ctx, acc)
}

func shownAppPassword(p *directory.AppPassword) AppPassword {
	return AppPassword{Number: p.Number, Name: p.Name, Protocols: append([]string{}, p.Protocols.Names()...), Created: p.Created, Used: p.Used}
}

func (a *Admin) addAppPassword(ctx context.Context, in AppPasswordRequest) (AppPassword, error) {
	only, err := directory.ParseProtocols(in.Protocols)
	if err != nil {
		return AppPassword{}, err
	}
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return AppPassword{}, err
	}
	p, secret, err := a.c.Directory.AddAppPassword(ctx, acc.ID, in.Name, only)
	if err != nil {
		return AppPassword{}, err
	}
	a.log.Info("app password added", "login", acc.Login, "account", acc.ID, "number", p.Number)
	shown := shownAppPassword(&p)
	shown.Password = secret
	return shown, nil
}

func (a *Admin) listAppPasswords(ctx context.Context, in AppPasswordRequest) ([]AppPassword, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return nil, err
	}
	all, err := a.c.Directory.AppPasswords(ctx, acc.ID)
	shown := []AppPassword{}
	for i := range all {
		shown = append(shown, shownAppPassword(&all[i]))
	}
	return shown, err
}

func (a *Admin) removeAppPassword(ctx context.Context, in AppPasswordRequest) ([]AppPassword, error) {
	acc, err := a.find(ctx, in.Login)
	if err == nil {
		err = a.c.Directory.RemoveAppPassword(ctx, acc.ID, in.Number)
	}
	if err != nil {
		return nil, err
	}
	a.log.Info("app password removed", "login", acc.Login, "account", acc.ID, "number", in.Number)
	return a.listAppPasswords(ctx, in)
}

func (a *Admin) showFactor(ctx context.Context, in FactorRequest) (f Factor, err error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return f, err
	}
	f.Login = acc.Login
	f.Since, f.Left, err = a.c.Directory.SecondFactor(ctx, acc.ID)
	return f, err
}

func (a *Admin) enrolFactor(ctx context.Context, in FactorRequest) (Factor, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return Factor{}, err
	}
	if in.Issuer == "" {
		if in.Issuer, err = directory.DomainOf(acc.Login); err != nil {
			return Factor{}, err
		}
	}
	made, err := a.c.Directory.EnrolTOTP(ctx, acc.ID, in.Issuer)
	return Factor{Login: acc.Login, Secret: made.Secret, URI: made.URI}, err
}

func (a *Admin) confirmFactor(ctx context.Context, in FactorRequest) (Factor, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return Factor{}, err
	}
	codes, err := a.c.Directory.ConfirmTOTP(ctx, acc.ID, in.Code)
	if err != nil {
		return Factor{}, err
	}
	a.log.Info("user changed", "login", acc.Login, "account", acc.ID, "change", "second factor added")
	f, err := a.showFactor(ctx, in)
	f.Recovery = codes
	return f, err
}

func (a *Admin) removeFactor(ctx context.Context, in FactorRequest) (Factor, error) {
	acc, err := a.find(ctx, in.Login)
	if err == nil {
		err = a.c.Directory.RemoveTOTP(ctx, acc.ID)
	}
	if err != nil {
		return Factor{}, err
	}
	a.log.Info("user changed", "login", acc.Login, "account", acc.ID, "change", "second factor removed")
	return a.showFactor(ctx, in)
}

func (a *Admin) addPin(ctx context.Context, in ClientCertificateRequest) ([]ClientCertificate, error) {
	acc, err := a.find(ctx, in.Login)
	if err == nil {
		_, err = a.c.Directory.AddPin(ctx, acc.ID, in.Fingerprint, in.Name)
	}
	if err != nil {
		return nil, err
	}
	a.log.Info("user changed", "login", acc.Login, "account", acc.ID, "change", "client certificate added")
	return a.listPins(ctx, in)
}

func (a *Admin) listPins(ctx context.Context, in ClientCertificateRequest) ([]ClientCertificate, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return nil, err
	}
	all, err := a.c.Directory.Pins(ctx, acc.ID)
	shown := []ClientCertificate{}
	for _, p := range all {
		shown = append(shown, ClientCertificate{p.Fingerprint, p.Name, p.Created})
	}
	return shown, err
}

func (a *Admin) removePin(ctx context.Context, in ClientCertificateRequest) ([]ClientCertificate, error) {
	acc, err := a.find(ctx, in.Login)
	if err == nil {
		_, err = a.c.Directory.RemovePin(ctx, acc.ID, in.Fingerprint)
	}
	if err != nil {
		return nil, err
	}
	a.log.Info("user changed", "login", acc.Login, "account", acc.ID, "change", "client certificate removed")
	return a.listPins(ctx, in)
}

// listLockout lists who has failed to log in of late. It is in the memory of a
// running server.
func (a *Admin) listLockout(context.Context, Nothing) ([]lockout.Entry, error) {
	all := []lockout.Entry{}
	if a.c.Guard != nil {
		all = append(all, a.c.Guard.Failures()...)
	}
	return all, nil
}

// ErrNotLockedOut means that nothing is counted of that name.
var ErrNotLockedOut = fmt.Errorf("%w: no login failed of late", directory.ErrNoAddress)

func (a *Admin) release(ctx context.Context, in ReleaseRequest) ([]lockout.Entry, error) {
	if a.c.Guard == nil || !a.c.Guard.Release(ctx, in.Name) {
		return nil, fmt.Errorf("%w: %s", ErrNotLockedOut, in.Name)
	}
	a.log.Info("lock-out released", "name", in.Name)
	return a.listLockout(ctx, Nothing{})
}

// accountStages check what is kept beside the accounts.
func (a *Admin) accountStages() (all []stage) {
	add := func(there bool, name string, check func(context.Context, func(store.Problem)) error) {
		if there {
			all = append(all, stage{name, check})
		}
	}
	add(a.c.Guard != nil, "places of logins", a.c.Guard.Check)
	add(a.c.Quota != nil, "quotas", a.c.Quota.Check)
	return all
}

// ShowUser shows one user.
func (c Client) ShowUser(ctx context.Context, login string) (User, error) {
	return ask[User](ctx, c, "user.show", UserRequest{Login: login})
}

// AddAppPassword makes a password for one program.
func (c Client) AddAppPassword(ctx context.Context, in AppPasswordRequest) (AppPassword, error) {
	return ask[AppPassword](ctx, c, "user.app-password.add", in)
}

// AppPasswords lists a user's app passwords.
func (c Client) AppPasswords(ctx context.Context, login string) ([]AppPassword, error) {
	return ask[[]AppPassword](ctx, c, "user.app-password.list", AppPasswordRequest{Login: login})
}

// RemoveAppPassword takes one back, and lists what is left.
func (c Client) RemoveAppPassword(ctx context.Context, login string, number uint32) ([]AppPassword, error) {
	return ask[[]AppPassword](ctx, c, "user.app-password.remove", AppPasswordRequest{Login: login, Number: number})
}

// Factor tells of a user's second factor.
func (c Client) Factor(ctx context.Context, login string) (Factor, error) {
	return ask[Factor](ctx, c, "user.totp", FactorRequest{Login: login})
}

// EnrolFactor makes a secret for a second factor.
func (c Client) EnrolFactor(ctx context.Context, login, issuer string) (Factor, error) {
	return ask[Factor](ctx, c, "user.totp.enrol", FactorRequest{Login: login, Issuer: issuer})
}

// ConfirmFactor makes the secret count, with the first code as proof.
func (c Client) ConfirmFactor(ctx context.Context, login, code string) (Factor, error) {
	return ask[Factor](ctx, c, "user.totp.confirm", FactorRequest{Login: login, Code: code})
}

// RemoveFactor takes a user's second factor away.
func (c Client) RemoveFactor(ctx context.Context, login string) (Factor, error) {
	return ask[Factor](ctx, c, "user.totp.remove", FactorRequest{Login: login})
}

// ClientCertificates lists, adds or removes what lets a user in: op is "list",
// "add" or "remove".
func (c Client) ClientCertificates(ctx context.Context, op string, in ClientCertificateRequest) ([]ClientCertificate, error) {
	return ask[[]ClientCertificate](ctx, c, "user.pin."+op, in)
}

// Lockout lists who has failed to log in of late.
func (c Client) Lockout(ctx context.Context) ([]lockout.Entry, error) {
	return ask[[]lockout.Entry](ctx, c, "lockout.list", Nothing{})
}

// Release forgets failures.
func (c Client) Release(ctx context.Context, name string) ([]lockout.Entry, error) {
	return ask[[]lockout.Entry](ctx, c, "lockout.release", ReleaseRequest{Name: name})
}
