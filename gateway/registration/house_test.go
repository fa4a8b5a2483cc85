package registration

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail/announce"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/device"
)

const (
	robin    = "robin@example.org"
	kenji    = "kenji@example.org"
	password = "a nest of twigs"
)

// house is the API on a real store, with two users.
type house struct {
	t        *testing.T
	c        Config
	handler  *Handler
	door     http.Handler
	contract *contract
	log      bytes.Buffer
	accounts map[string]directory.Account
	people   *directory.Directory
	user     string // who asks
}

func newHouse(t *testing.T, edit func(*Config)) *house {
	t.Helper()
	h := &house{t: t, contract: readContract(t), accounts: map[string]directory.Account{}, user: robin}
	log := slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	dir := t.TempDir()
	s, err := store.Open(store.Config{Path: filepath.Join(dir, "rows")})
	h.must(err)
	t.Cleanup(func() { h.must(s.Close()) })
	blobs, err := blob.Open(blob.Config{Path: filepath.Join(dir, "bodies"), Store: s})
	h.must(err)
	t.Cleanup(func() { h.must(blobs.Close()) })
	people, err := directory.New(directory.Config{Store: s, HashCost: directory.HashCost{Memory: 16, Time: 1, Threads: 1}})
	h.must(err)
	h.people = people
	h.must(people.AddDomain(t.Context(), directory.Domain{Name: "example.org"}))
	for _, login := range []string{robin, kenji} {
		h.accounts[login], err = people.AddUser(t.Context(), directory.Account{Login: login, ActiveSync: true}, password)
		h.must(err)
	}
	boxes := mailbox.New(mailbox.Config{Store: s, Blobs: blobs, Hub: push.NewHub()})
	book, err := announce.New(announce.Config{Store: s, Directory: people, Mailboxes: boxes, Devices: device.New(device.Config{Store: s}), Logger: log})
	h.must(err)
	h.c = Config{
		Store: s, Book: book, Mailboxes: boxes, Logger: log, SealSuite: "a suite",
		Settings: Settings{Apps: []App{
			{Name: "ios", Kind: push.APNs, Topic: "org.example.mail", Sandbox: true}, {Name: "store", Kind: push.APNs, Topic: "org.example.shop"},
			{Name: "android", Kind: push.FCM}, {Name: "web", Kind: push.WebPush, VAPID: "BPUBLIC"},
		}},
	}
	if edit != nil {
		edit(&h.c)
	}
	h.handler, err = New(h.c)
	h.must(err)
	h.door = h.handler.Door(h.authenticated)
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// authenticated is the door that gateway has in front, in short.
func (h *house) authenticated(next, _ AccountHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login, pass, _ := r.BasicAuth()
		a, ok := h.accounts[login]
		if !ok || pass != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="martlet"`)
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next(w, r, a)
	})
}

// answer is one answer, with its document.
type answer struct {
	*http.Response
	raw  []byte
	tree map[string]any
}

// text is a field of the answer's document; a path leads into objects.
func (a *answer) text(path ...string) string {
	var v any = a.tree
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	s, _ := v.(string)
	return s
}

// do asks, and holds request and answer to openapi.json: what is accepted must
// be described, and every answer.
func (h *house) do(method, path, body string, header ...string) *answer {
	h.t.Helper()
	r := httptest.NewRequest(method, Path+path, strings.NewReader(body))
	if h.user != "" {
		r.SetBasicAuth(h.user, password)
	}
	if body != "" {
		r.Header.Set("Content-Type", kindJSON)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.door.ServeHTTP(w, r)
	a := &answer{Response: w.Result()}
	a.raw, _ = io.ReadAll(a.Body)
	if len(a.raw) > 0 {
		h.must(json.Unmarshal(a.raw, &a.tree))
	}
	if method == http.MethodOptions || method == http.MethodHead {
		return a
	}
	if err := h.contract.request(r, []byte(body)); err != nil && a.StatusCode < 300 {
		h.t.Errorf("%s %s is accepted and not described: %v", method, path, err)
	}
	if err := h.contract.answer(r, a.StatusCode, a.Header, a.raw); err != nil {
		h.t.Errorf("%s %s: the answer is not as described: %v\n%s", method, path, err, a.raw)
	}
	return a
}

// want is do for an answer of which only the status is in question.
func (h *house) want(status int, method, path, body string, header ...string) *answer {
	h.t.Helper()
	a := h.do(method, path, body, header...)
	if a.StatusCode != status {
		h.t.Errorf("%s %s answers %d, want %d: %s", method, path, a.StatusCode, status, a.raw)
	}
	return a
}

const (
	token  = "00aa11bb22cc33dd44ee55ff66aa77bb88cc99dd00ee11ff22aa33bb44cc55dd"
	token2 = "11aa11bb22cc33dd44ee55ff66aa77bb88cc99dd00ee11ff22aa33bb44cc55dd"
	apns   = `{"kind":"apns","app":"ios","device":"IPHONE1","token":"` + token + `"}`
	fcm    = `{"kind":"fcm","app":"android","device":"PIXEL1","token":"a-registration-token:of-google"}`
	p256dh = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	auth   = "BTBZMqHH6r4Tts7J_aSIgg"
	secret = "https://push.example.net/wpush/v2/a-capability"
	web    = `{"kind":"webpush","app":"web","device":"browser-1","endpoint":"` + secret + `","keys":{"p256dh":"` + p256dh + `","auth":"` + auth + `"}}`
)

// register makes a registration and returns its path.
func (h *house) register(document string) string {
	h.t.Helper()
	a := h.want(http.StatusCreated, "POST", "/registrations", document)
	return strings.TrimPrefix(a.Header.Get("Location"), Path)
}
