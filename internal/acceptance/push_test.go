package acceptance

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
	"martlet/push/pushtest"
)

// services are the push services of a test, and the lines of martlet.toml by
// which a server uses them.
type services struct {
	t      *testing.T
	apns   *pushtest.APNs
	fcm    *pushtest.FCM
	web    *pushtest.WebPush
	config string
}

func newServices(t *testing.T) *services {
	t.Helper()
	s := &services{t: t}
	var err error
	s.apns, err = pushtest.NewAPNs()
	s.must(err)
	t.Cleanup(func() { s.apns.Close() })
	s.fcm, err = pushtest.NewFCM()
	s.must(err)
	t.Cleanup(s.fcm.Close)
	s.web, err = pushtest.NewWebPush()
	s.must(err)
	t.Cleanup(s.web.Close)
	key, err := s.apns.NewKey("ACCEPTANCE", "example.acceptance.mail")
	s.must(err)
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		s.must(os.WriteFile(path, content, 0o600))
		return path
	}
	google := strings.TrimSuffix(s.fcm.Endpoint(), "/v1")
	s.config = fmt.Sprintf("[push]\napns_server = %q\nfcm_server = %q\nroots = %q\n", s.apns.HostURL(), google,
		file("roots.pem", slices.Concat(s.apns.RootsPEM(), s.fcm.RootsPEM(), s.web.RootsPEM()))) +
		fmt.Sprintf("[[push.apns]]\nname = \"ios\"\ntopic = \"example.acceptance.mail\"\nkey_file = %q\nkey_id = %q\nteam_id = %q\n", file("key.p8", key.P8), key.KeyID, key.TeamID) +
		fmt.Sprintf("[[push.fcm]]\nname = \"android\"\nservice_account = %q\n", file("account.json", s.fcm.ServiceAccount())) +
		// A key as everybody's tools write it.
		fmt.Sprintf("[push.webpush]\nsubject = \"mailto:postmaster@acceptance.example\"\nallow = [\"127.0.0.0/8\"]\nkey_file = %q\n", file("vapid.key", []byte("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94\n")))
	return s
}

func (s *services) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// vapid is what the server tells apps to subscribe with.
func (h *house) vapid() string {
	h.t.Helper()
	var told struct {
		Apps []struct {
			VAPID string `json:"vapid_public_key"`
		}
	}
	h.ask("GET", "/push/v1/apps", nil, &told)
	for _, a := range told.Apps {
		if a.VAPID != "" {
			return a.VAPID
		}
	}
	h.t.Fatal("no VAPID key is told")
	return ""
}

// ask sends a request to the API as Robin.
func (h *house) ask(method, path string, document, into any) {
	h.t.Helper()
	var body io.Reader
	if document != nil {
		b, err := json.Marshal(document)
		if err != nil {
			h.t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(h.t.Context(), method, "http://mail.acceptance.example"+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	r.SetBasicAuth(robin, password)
	r.Header.Set("Content-Type", "application/json")
	resp, err := h.client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// registerApple registers an app on an iPhone and returns its token.
func (h *house) registerApple(s *services, device, mode string) (token, id string) {
	h.t.Helper()
	token = s.apns.Install("example.acceptance.mail")
	var made struct{ ID string }
	h.ask("POST", "/push/v1/registrations", map[string]any{"kind": "apns", "app": "ios", "device": device, "token": token, "mode": mode}, &made)
	return token, made.ID
}

// shows waits until an iPhone has been told of a subject.
func (s *services) shows(ctx context.Context, token, subject string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		d, err := s.apns.Wait(ctx, token)
		if err != nil {
			s.t.Fatalf("the iPhone is not told of %q: %v", subject, err)
		}
		if strings.Contains(string(d.Payload), subject) {
			return
		}
	}
}

// told counts the notifications that name a subject.
func (s *services) told(token, subject string) (n int) {
	for _, d := range s.apns.Deliveries(token) {
		if strings.Contains(string(d.Payload), subject) {
			n++
		}
	}
	return n
}

// Mail that comes in by SMTP wakes an app of each kind, registered over HTTP; a
// phone that holds a request is woken by its answer and by nothing else.
func TestAppsAreWoken(t *testing.T) {
	s := newServices(t)
	h := newHouse(t, s.config)
	h.stop()
	h.edit(`level = "warn"`, `level = "debug"`)
	h.start()
	apple, id := h.registerApple(s, "IPHONE", "alert")
	google := s.fcm.Register()
	h.ask("POST", "/push/v1/registrations", map[string]any{"kind": "fcm", "app": "android", "device": "PIXEL", "token": google, "mode": "silent"}, nil)
	browser := s.web.Subscribe(h.vapid())
	encode := base64.RawURLEncoding.EncodeToString
	h.ask("POST", "/push/v1/registrations", map[string]any{
		"kind": "webpush", "app": "web", "device": "browser", "mode": "badge",
		"endpoint": browser.Endpoint, "keys": map[string]any{"p256dh": encode(browser.PublicKey), "auth": encode(browser.Auth)},
	}, nil)
	p, inbox := h.settled("HOLDS", eas.V161)
	h.sync(p, inbox, phone.SyncOptions{})
	both, bothID := h.registerApple(s, "HOLDS", "alert")
	answer := h.pinging(t.Context(), p, inbox)
	h.held(1)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	h.deliver(letter("to all of them", "…"))
	s.shows(ctx, apple, "to all of them")
	if got, err := s.fcm.Wait(ctx, 1); err != nil || got[0].Token != google || got[0].Data["mode"] != "silent" {
		t.Errorf("the app on Android: %+v, %v", got, err)
	}
	if d, err := browser.Wait(ctx); err != nil || d.Err != nil || !strings.Contains(string(d.Body), `"unread":1`) {
		t.Errorf("the browser: %s, %v, %v", d.Body, d.Err, err)
	}
	if got, want := <-answer, fmt.Sprint(eas.PingStatusChanges, []string{inbox}, nil); got != want {
		t.Errorf("the held Ping is answered %s, want %s", got, want)
	}
	var tested struct{ Result string }
	if h.ask("POST", "/push/v1/registrations/"+id+"/test", nil, &tested); tested.Result != "accepted" {
		t.Errorf("a test is %s", tested.Result)
	}
	// What comes when nobody holds a request any more is pushed, and by then the
	// other message would have been.
	h.ask("POST", "/push/v1/registrations/"+bothID+"/test", nil, &tested)
	if _, err := s.apns.Wait(ctx, both); err != nil || tested.Result != "accepted" {
		t.Errorf("the phone's app is not woken: %s, %v", tested.Result, err)
	}
	if n := s.told(both, "to all of them"); n != 0 {
		t.Errorf("the phone that held a request is pushed to %d times as well", n)
	}
	keys := encode(browser.Auth)
	for _, secret := range []string{apple, both, google, browser.Endpoint, keys, "to all of them", password} {
		if strings.Contains(h.log.text(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
	if !strings.Contains(h.log.text(), "app registered") {
		t.Error("the log tells nothing of apps")
	}
	if out := h.Run("", "push", "list"); strings.Count(out, robin) != 4 || strings.Contains(out, apple) || !strings.Contains(out, "accepted") {
		t.Errorf("martlet push list:\n%s", out)
	}
	h.fsck()
}

// What was committed and not yet pushed when the process was killed is pushed
// when it runs again, and then no more.
func TestAKilledServerPushesOnce(t *testing.T) {
	s := newServices(t)
	h := newHouse(t, s.config)
	token, _ := h.registerApple(s, "IPHONE", "alert")
	s.must(s.apns.Down())
	h.deliver(letter("before the kill", "…"))
	h.server.Kill()
	s.must(s.apns.Up())
	h.start()
	s.shows(t.Context(), token, "before the kill")
	for i := range 2 {
		h.settledPush()
		h.server.Kill()
		h.start()
		subject := fmt.Sprint("after kill ", i)
		h.deliver(letter(subject, "…"))
		s.shows(t.Context(), token, subject)
	}
	for _, subject := range []string{"before the kill", "after kill 0", "after kill 1"} {
		if n := s.told(token, subject); n != 1 {
			t.Errorf("%q is told %d times", subject, n)
		}
	}
	h.fsck()
}

// settledPush waits until what was pushed is noted.
func (h *house) settledPush() {
	h.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		var all []struct {
			Last *struct{ Result string }
		}
		if json.Unmarshal([]byte(h.Run("", "push", "list", "--json")), &all) == nil && len(all) > 0 && all[0].Last != nil && all[0].Last.Result == "accepted" {
			return
		}
	}
	h.t.Fatal("what was pushed is not noted")
}

// While Apple's service is gone mail flows and held Pings are answered as ever,
// and afterwards everything is told.
func TestNobodyNoticesThatAPNsIsGone(t *testing.T) {
	s := newServices(t)
	h := newHouse(t, s.config)
	token, _ := h.registerApple(s, "IPHONE", "alert")
	p, inbox := h.settled("HOLDS", eas.V161)
	h.sync(p, inbox, phone.SyncOptions{})
	s.must(s.apns.Down())
	for i := range 5 {
		answer := h.pinging(t.Context(), p, inbox)
		h.held(1)
		start := time.Now()
		h.deliver(letter(fmt.Sprint("meanwhile ", i), "…"))
		if got, want := <-answer, fmt.Sprint(eas.PingStatusChanges, []string{inbox}, nil); got != want {
			t.Errorf("the held Ping is answered %s, want %s", got, want)
		}
		slow(t, "a wake while APNs is gone", start)
		h.sync(p, inbox, phone.SyncOptions{})
	}
	if n := len(s.apns.Deliveries(token)); n != 0 {
		t.Errorf("%d notifications reached a service that is gone", n)
	}
	s.must(s.apns.Up())
	s.shows(t.Context(), token, "meanwhile")
	h.deliver(letter("at last", "…"))
	s.shows(t.Context(), token, "at last")
	h.fsck()
}
