package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"martlet/directory"
	"martlet/mail/rules"
	"martlet/mail/sieve"
)

// Script is a Sieve script of a user. Source is empty in lists.
type Script struct {
	Name    string     `json:"name"`
	Active  bool       `json:"active"`
	Bytes   int        `json:"bytes"`
	Changed time.Time  `json:"changed"`
	Failed  *time.Time `json:"failed,omitempty"` // when it last failed since it was changed
	Failure string     `json:"failure,omitempty"`
	Source  string     `json:"source,omitempty"`
}

// ScriptRequest names a script of a user.
type ScriptRequest struct {
	Login    string  `json:"login,omitempty"`
	Name     string  `json:"name,omitempty"`
	Source   *string `json:"source,omitempty"`   // to put, check or test
	Activate bool    `json:"activate,omitempty"` // what is put
	Message  []byte  `json:"message,omitempty"`  // to test with
	From     string  `json:"from,omitempty"`     // its envelope
	To       string  `json:"to,omitempty"`
}

// ScriptCheck is what is wrong with a script, if anything is.
type ScriptCheck struct {
	OK       bool     `json:"ok"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Text     string   `json:"text,omitempty"`
	Requires []string `json:"requires,omitempty"`
}

// ScriptTest is what a script would do with a message.
type ScriptTest struct {
	Actions []string `json:"actions"`
	Failure string   `json:"failure,omitempty"`
	Work    int      `json:"work"` // of at most MaxWork
	MaxWork int      `json:"max_work"`
}

func (a *Admin) listScripts(ctx context.Context, in ScriptRequest) ([]Script, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return nil, err
	}
	all, err := a.c.Rules.List(ctx, acc.ID)
	out := []Script{}
	for _, s := range all {
		out = append(out, shownScript(s))
	}
	return out, err
}

func shownScript(s rules.Script) Script {
	out := Script{Name: s.Name, Active: s.Active, Bytes: s.Bytes, Changed: s.Changed}
	if s.Failure != nil {
		out.Failed, out.Failure = &s.Failure.Time, s.Failure.Text
	}
	return out
}

func (a *Admin) showScript(ctx context.Context, in ScriptRequest) (Script, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return Script{}, err
	}
	all, err := a.c.Rules.List(ctx, acc.ID)
	if err != nil {
		return Script{}, err
	}
	for _, s := range all {
		if s.Name == in.Name || in.Name == "" && s.Active {
			out := shownScript(s)
			out.Source, err = a.c.Rules.Load(ctx, acc.ID, s.Name)
			return out, err
		}
	}
	return Script{}, rules.ErrNoScript
}

func (a *Admin) putScript(ctx context.Context, in ScriptRequest) (Script, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return Script{}, err
	}
	if in.Source == nil {
		return Script{}, ErrBadRequest
	}
	if err := a.c.Rules.Put(ctx, acc.ID, in.Name, *in.Source); err != nil {
		return Script{}, scriptError(err)
	}
	a.log.Info("script put", "login", acc.Login, "account", acc.ID, "bytes", len(*in.Source))
	if in.Activate {
		return a.activateScript(ctx, in)
	}
	return a.showScript(ctx, in)
}

// scriptError is an error of a script in an administrator's words.
func scriptError(err error) error {
	var wrong *sieve.Error
	if errors.As(err, &wrong) {
		return fmt.Errorf("%w: %w", directory.ErrBadValue, wrong)
	}
	return err
}

// activateScript makes a script the one that runs; without a name, none.
func (a *Admin) activateScript(ctx context.Context, in ScriptRequest) (Script, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return Script{}, err
	}
	if err := a.c.Rules.Activate(ctx, acc.ID, in.Name); err != nil {
		return Script{}, err
	}
	a.log.Info("script activated", "login", acc.Login, "account", acc.ID, "any", in.Name != "")
	if in.Name == "" {
		return Script{}, nil
	}
	return a.showScript(ctx, in)
}

func (a *Admin) deleteScript(ctx context.Context, in ScriptRequest) (Nothing, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return Nothing{}, err
	}
	if err := a.c.Rules.Delete(ctx, acc.ID, in.Name); err != nil {
		return Nothing{}, err
	}
	a.log.Info("script deleted", "login", acc.Login, "account", acc.ID)
	return Nothing{}, nil
}

func (a *Admin) checkScript(ctx context.Context, in ScriptRequest) (out ScriptCheck, err error) {
	if in.Source == nil {
		s, err := a.showScript(ctx, in)
		if err != nil {
			return out, err
		}
		in.Source = &s.Source
	}
	s, err := sieve.Compile(*in.Source)
	var wrong *sieve.Error
	switch {
	case errors.As(err, &wrong):
		return ScriptCheck{Line: wrong.Line, Column: wrong.Column, Text: wrong.Text}, nil
	case err != nil:
		return out, err
	}
	return ScriptCheck{OK: true, Requires: s.Requires()}, nil
}

func (a *Admin) testScript(ctx context.Context, in ScriptRequest) (out ScriptTest, err error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return out, err
	}
	if in.To == "" {
		in.To = acc.Login
	}
	got, err := a.c.Rules.Try(ctx, acc.ID, in.Name, in.Source, in.Message, in.From, in.To)
	if err != nil {
		return out, scriptError(err)
	}
	return ScriptTest{Actions: got.Actions, Failure: got.Failure, Work: got.Work, MaxWork: sieve.MaxWork}, nil
}

// ListScripts lists a user's scripts.
func (c Client) ListScripts(ctx context.Context, login string) ([]Script, error) {
	return ask[[]Script](ctx, c, "sieve.list", ScriptRequest{Login: login})
}

// ShowScript gives a script with its text; without a name the active one.
func (c Client) ShowScript(ctx context.Context, login, name string) (Script, error) {
	return ask[Script](ctx, c, "sieve.show", ScriptRequest{Login: login, Name: name})
}

// PutScript makes or changes a script.
func (c Client) PutScript(ctx context.Context, in ScriptRequest) (Script, error) {
	return ask[Script](ctx, c, "sieve.put", in)
}

// ActivateScript makes a script the one that runs; without a name, none does.
func (c Client) ActivateScript(ctx context.Context, login, name string) (Script, error) {
	return ask[Script](ctx, c, "sieve.activate", ScriptRequest{Login: login, Name: name})
}

// DeleteScript removes a script that is not active.
func (c Client) DeleteScript(ctx context.Context, login, name string) error {
	_, err := ask[Nothing](ctx, c, "sieve.delete", ScriptRequest{Login: login, Name: name})
	return err
}

// CheckScript tells whether a script is right: a text, or one that a user has.
func (c Client) CheckScript(ctx context.Context, in ScriptRequest) (ScriptCheck, error) {
	return ask[ScriptCheck](ctx, c, "sieve.check", in)
}

// TestScript tells what a script would do with a message.
func (c Client) TestScript(ctx context.Context, in ScriptRequest) (ScriptTest, error) {
	return ask[ScriptTest](ctx, c, "sieve.test", in)
}
