// Package demo shows the main job on a running server: sample mail goes in over
// SMTP, a built-in phone sets itself up over ActiveSync, holds a Ping, is woken
// by a new message and syncs it; an invitation from a calendar program reaches
// it; apps that sleep behind local push services are woken beside it. It talks to the server over the wire only, as
// a phone and a mail server would, and must never reach into it.
package demo

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// Step is one thing that was done and held.
type Step struct {
	Name   string         `json:"step"`
	Text   string         `json:"text"`
	Millis float64        `json:"ms"` // how long it took
	OK     bool           `json:"ok"`
	Detail map[string]any `json:"detail,omitempty"`
}

// Config says where the server is and who is told of each step.
type Config struct {
	URL        string       // the server's base URL for ActiveSync
	HTTPClient *http.Client // trusts the server's certificate
	SMTP       string       // address of the MX listener
	Version    eas.Version  // of the phone; 16.1 when zero
	Held       func() int   // how many requests the server holds
	Services   *Services    // that wake apps, as the server is configured
	Report     func(Step)
}

// run is one walk along the path.
type run struct {
	Config
	phone *phone.Phone
	inbox string
	apps  *apps
}

// Run walks the whole path and returns the error of the first step that did not
// hold; that step is reported with OK false.
func Run(ctx context.Context, c Config) error {
	p, err := phone.New(phone.Config{
		URL: c.URL, User: Robin.Login, Password: Robin.Password,
		DeviceID: "DEMO0PHONE", DeviceType: "SmartPhone", Version: c.Version, HTTPClient: c.HTTPClient,
	})
	if err != nil {
		return err
	}
	r := &run{Config: c, phone: p}
	if err := r.deliverAll(ctx); err != nil {
		return err
	}
	for _, s := range []struct {
		name string
		do   func(context.Context) (string, map[string]any, error)
	}{
		{"options", r.options},
		{"autodiscover", r.autodiscover},
		{"provision", r.provision},
		{"folder_sync", r.folderSync},
		{"initial_sync", r.initialSync},
		{"search", r.search},
		{"meeting", r.meeting},
	} {
		if err := r.step(ctx, s.name, s.do); err != nil {
			return err
		}
	}
	if err := r.register(ctx); err != nil {
		return err
	}
	return r.wakeAndSync(ctx)
}

// step does one thing, times it and reports it.
func (r *run) step(ctx context.Context, name string, do func(context.Context) (string, map[string]any, error)) error {
	start := time.Now()
	text, detail, err := do(ctx)
	s := Step{Name: name, Text: text, Millis: millis(time.Since(start)), OK: err == nil, Detail: detail}
	if err != nil {
		s.Text = err.Error()
		err = fmt.Errorf("demo: %s: %w", name, err)
	}
	r.Report(s)
	return err
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (r *run) deliverAll(ctx context.Context) error {
	samples, err := Samples()
	if err != nil {
		return err
	}
	for _, m := range samples {
		err := r.step(ctx, "deliver", func(ctx context.Context) (string, map[string]any, error) {
			if err := Send(ctx, r.SMTP, m); err != nil {
				return "", nil, err
			}
			return fmt.Sprintf("%s, %d bytes, from %s", m.Name, len(m.Raw), m.From), map[string]any{"sample": m.Name, "bytes": len(m.Raw)}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) options(ctx context.Context) (string, map[string]any, error) {
	offer, err := r.phone.Options(ctx)
	if err != nil {
		return "", nil, err
	}
	return "the server speaks " + strings.Join(offer.Versions, " "), map[string]any{"versions": offer.Versions, "commands": offer.Commands}, nil
}

func (r *run) autodiscover(ctx context.Context) (string, map[string]any, error) {
	url, err := r.phone.AutodiscoverJSON(ctx, Robin.Login)
	if err != nil {
		return "", nil, err
	}
	return "ActiveSync is at " + url, map[string]any{"url": url}, nil
}

func (r *run) provision(ctx context.Context) (string, map[string]any, error) {
	got, err := r.phone.Provision(ctx)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("policy acknowledged, key %d", got.Key), map[string]any{"policy_key": got.Key}, nil
}

func (r *run) folderSync(ctx context.Context) (string, map[string]any, error) {
	if _, err := r.phone.FolderSync(ctx); err != nil {
		return "", nil, err
	}
	inbox, err := r.phone.Folder(eas.FolderInbox)
	if err != nil {
		return "", nil, err
	}
	r.inbox = inbox.ServerID
	var names []string
	for _, f := range r.phone.Folders() {
		names = append(names, f.DisplayName)
	}
	return fmt.Sprintf("%d folders: %s", len(names), strings.Join(names, ", ")), map[string]any{"folders": names}, nil
}

func (r *run) initialSync(ctx context.Context) (string, map[string]any, error) {
	got, err := r.phone.Sync(ctx, r.inbox, phone.SyncOptions{All: true})
	if err != nil {
		return "", nil, err
	}
	samples, err := Samples()
	if err != nil {
		return "", nil, err
	}
	if len(got.Added) != len(samples) {
		return "", nil, fmt.Errorf("the phone has %d messages, %d were delivered", len(got.Added), len(samples))
	}
	var subjects []string
	for _, m := range got.Added {
		if m.Email.Subject != nil {
			subjects = append(subjects, *m.Email.Subject)
		}
	}
	return fmt.Sprintf("%d messages: %s", len(subjects), strings.Join(subjects, " · ")), map[string]any{"subjects": subjects}, nil
}
