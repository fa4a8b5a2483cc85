package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"martlet/push/pushtest"
	"martlet/push/seal"
)

// apps are what sleeps until a service wakes it: one behind each of them.
type apps struct {
	*Services
	appleToken  string
	googleToken string
	private     []byte // opens what is sealed for the app on Android
	googleSeen  int    // deliveries that were looked at
	browser     *pushtest.WebPushSubscription
}

// settled is what GET /push/v1/apps tells an app before it registers.
type settled struct {
	Apps []struct {
		Name  string `json:"name"`
		VAPID string `json:"vapid_public_key"`
	} `json:"apps"`
	Seal struct {
		Suite string `json:"suite"`
	} `json:"seal"`
}

// register has the three apps register over HTTP as their user, each in another
// mode.
func (r *run) register(ctx context.Context) error {
	r.apps = &apps{Services: r.Services}
	r.Services.apps = r.apps
	var server settled
	if err := r.ask(ctx, http.MethodGet, "/push/v1/apps", nil, &server); err != nil {
		return err
	}
	vapid := ""
	for _, a := range server.Apps {
		vapid += a.VAPID
	}
	r.apps.appleToken = r.Services.apns.Install(topic)
	r.apps.googleToken = r.Services.fcm.Register()
	r.apps.browser = r.Services.web.Subscribe(vapid)
	var public []byte
	var err error
	if r.apps.private, public, err = seal.GenerateKey(); err != nil {
		return err
	}
	encode := base64.RawURLEncoding.EncodeToString
	for _, one := range []struct {
		name, text string
		document   map[string]any
	}{
		{"register_apns", "an app on an iPhone asks for alerts", map[string]any{
			"kind": "apns", "app": appleApp, "device": "DEMO-IPHONE", "token": r.apps.appleToken, "mode": "alert", "account": "demo",
		}},
		{"register_fcm", "an app on Android asks for alerts that only it can open", map[string]any{
			"kind": "fcm", "app": googleApp, "device": "DEMO-ANDROID", "token": r.apps.googleToken, "mode": "sealed", "account": "demo",
			"seal": map[string]any{"suite": server.Seal.Suite, "public_key": encode(public)},
		}},
		{"register_webpush", "a page in a browser asks for alerts", map[string]any{
			"kind": "webpush", "app": webApp, "device": "DEMO-BROWSER", "endpoint": r.apps.browser.Endpoint, "mode": "alert", "account": "demo",
			"keys": map[string]any{"p256dh": encode(r.apps.browser.PublicKey), "auth": encode(r.apps.browser.Auth)},
		}},
	} {
		err := r.step(ctx, one.name, func(ctx context.Context) (string, map[string]any, error) {
			var made struct {
				ID, Mode string
			}
			if err := r.ask(ctx, http.MethodPost, "/push/v1/registrations", one.document, &made); err != nil {
				return "", nil, err
			}
			return one.text + ": registration " + made.ID, map[string]any{"id": made.ID, "mode": made.Mode, "kind": one.document["kind"]}, nil
		})
		if err != nil {
			return err
		}
	}
	return r.step(ctx, "apps_sleep", r.fallAsleep)
}

// drowsy is how long apps are left alone, so that what their registration began
// has come to rest, as it has on any other day.
const drowsy = 300 * time.Millisecond

func (r *run) fallAsleep(ctx context.Context) (string, map[string]any, error) {
	rest := time.NewTimer(drowsy)
	defer rest.Stop()
	select {
	case <-rest.C:
		return "the apps are not running; only their services can reach them", nil, nil
	case <-ctx.Done():
		return "", nil, ctx.Err()
	}
}

// maxAnswer bounds what the API may say.
const maxAnswer = 1 << 20

// ask sends a request as Robin and reads the answer.
func (r *run) ask(ctx context.Context, method, path string, document, into any) error {
	var body io.Reader
	if document != nil {
		b, err := json.Marshal(document)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.URL+path, body)
	if err != nil {
		return err
	}
	req.SetBasicAuth(Robin.Login, Robin.Password)
	if document != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := r.HTTPClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, b)
	}
	return json.Unmarshal(b, into)
}

// appsWoken shows each app being woken by the message that the phone was woken
// by, and reads what it was given.
func (r *run) appsWoken(ctx context.Context, accepted time.Time, message Message) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, one := range []struct {
		name string
		wait func(context.Context) (woken, error)
	}{
		{"wake_apns", r.apps.apple}, {"wake_fcm", r.apps.google}, {"wake_webpush", r.apps.page},
	} {
		err := r.step(ctx, one.name, func(ctx context.Context) (string, map[string]any, error) {
			got, err := one.wait(ctx)
			if err != nil {
				return "", nil, err
			}
			if got.subject != message.Subject {
				return "", nil, fmt.Errorf("it tells of %q", got.subject)
			}
			after := millis(got.at.Sub(accepted))
			return fmt.Sprintf("%s, %.2f ms after the 250: %q from %s", got.who, after, got.subject, got.sender), map[string]any{
				"after_250_ms": after, "sender": got.sender, "subject": got.subject, "seen_by_service": got.seen,
			}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// woken is what an app was given.
type woken struct {
	who             string
	at              time.Time
	mode            string
	sender, subject string
	seen            string // by the service on the way
}

// Watch tells of each app that is woken from now on, until ctx is done. Run must
// have registered them.
func (s *Services) Watch(ctx context.Context, report func(Step)) {
	var mu sync.Mutex // guards report
	var all sync.WaitGroup
	for _, one := range []struct {
		name string
		wait func(context.Context) (woken, error)
	}{
		{"wake_apns", s.apps.apple}, {"wake_fcm", s.apps.google}, {"wake_webpush", s.apps.page},
	} {
		all.Go(func() {
			for {
				got, err := one.wait(ctx)
				if ctx.Err() != nil {
					return
				}
				step := Step{Name: one.name, Text: fmt.Sprintf("%s: %q from %s", got.who, got.subject, got.sender), OK: err == nil, Detail: map[string]any{"mode": got.mode}}
				if got.subject == "" {
					step.Text = got.who + ": " + got.mode
				}
				if err != nil {
					step.Text = err.Error()
				}
				mu.Lock()
				report(step)
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

func (a *apps) apple(ctx context.Context) (woken, error) {
	d, err := a.apns.Wait(ctx, a.appleToken)
	if err != nil {
		return woken{}, errors.Join(errors.New("the app on the iPhone was not woken"), err)
	}
	// What the app is given: aps, of which the system shows the alert, and our own
	// keys.
	var p struct {
		APS struct {
			Alert struct{ Title, Subtitle string }
		} `json:"aps"`
		Mode string
	}
	err = json.Unmarshal(d.Payload, &p)
	return woken{"the iPhone shows it", d.At, p.Mode, p.APS.Alert.Title, p.APS.Alert.Subtitle, "everything"}, err
}

func (a *apps) google(ctx context.Context) (woken, error) {
	all, err := a.fcm.Wait(ctx, a.googleSeen+1)
	if err != nil {
		return woken{}, errors.Join(errors.New("the app on Android was not woken"), err)
	}
	d := all[a.googleSeen]
	a.googleSeen++
	got := woken{who: "the app on Android opens it", at: d.At, mode: d.Data["mode"], seen: "nothing"}
	if d.Data["envelope"] == "" {
		return got, nil
	}
	envelope, err := base64.RawURLEncoding.DecodeString(d.Data["envelope"])
	if err != nil {
		return got, err
	}
	c, err := seal.Open(a.private, nil, envelope)
	if err != nil {
		return got, err
	}
	for _, v := range d.Data {
		if c.Subject != "" && strings.Contains(v, c.Subject) {
			return got, errors.New("the service can read what is sealed")
		}
	}
	got.sender, got.subject = c.Sender, c.Subject
	return got, nil
}

func (a *apps) page(ctx context.Context) (woken, error) {
	d, err := a.browser.Wait(ctx)
	if err == nil {
		err = d.Err
	}
	if err != nil {
		return woken{}, errors.Join(errors.New("the browser was not woken"), err)
	}
	var p struct{ Mode, Sender, Subject string }
	err = json.Unmarshal(d.Body, &p)
	return woken{"the browser shows it", d.At, p.Mode, p.Sender, p.Subject, "nothing"}, err
}
