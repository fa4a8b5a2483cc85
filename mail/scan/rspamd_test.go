package scan

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// rspamd is a fake that asks for what the real one asks for and answers what a test
// says.
type rspamd struct {
	t       *testing.T
	answer  string
	status  int
	seen    http.Header
	learned []string
}

func (f *rspamd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch r.URL.Path {
	case "/checkv2":
		if r.Method != http.MethodPost || len(body) == 0 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		f.seen = r.Header
		if f.status != 0 {
			w.WriteHeader(f.status)
		}
		io.WriteString(w, f.answer)
	case "/learnspam", "/learnham":
		if r.Header.Get("Password") != "secret" {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"error":"Unauthorized"}`)
			return
		}
		if strings.Contains(string(body), "again") {
			w.WriteHeader(http.StatusAlreadyReported)
			io.WriteString(w, `{"error":"has been already learned"}`)
			return
		}
		f.learned = append(f.learned, r.URL.Path+" "+string(body))
		io.WriteString(w, `{"success":true}`)
	case "/ping":
		io.WriteString(w, "pong\r\n")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func newRspamd(t *testing.T, c RspamdConfig) (*rspamd, *Rspamd) {
	f := &rspamd{t: t}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	c.URL, c.Controller = s.URL, s.URL
	return f, NewRspamd(c)
}

func TestWhatRspamdSaysIsDone(t *testing.T) {
	for name, tc := range map[string]struct {
		config RspamdConfig
		answer string
		want   string
		raw    string // a part of the message that must be there
	}{
		"nothing": {answer: `{"score":0.2,"required_score":15,"action":"no action","symbols":{"R_SPF_ALLOW":{"name":"R_SPF_ALLOW","score":-0.2},"MIME":{"score":0}}}`,
			want: "score 0.2 (no action; R_SPF_ALLOW -0.2)"},
		"greylist":    {answer: `{"score":4.5,"action":"greylist"}`, want: "score 4.5 (greylist)"},
		"add header":  {answer: `{"score":7,"action":"add header","symbols":{"BAYES_SPAM":{"score":5.1},"ZERO":{"score":0},"A":{"score":-1.25}}}`, want: "score 7.0 junk (add header; BAYES_SPAM 5.1; A -1.2)"},
		"reject":      {answer: `{"score":99,"action":"reject","messages":{"smtp_message":"Gtube pattern\r\n250 OK"}}`, want: "score 15.0 550 5.7.1 Gtube pattern  250 OK (reject)"},
		"reject kept": {config: RspamdConfig{Junk: true}, answer: `{"score":20,"action":"reject"}`, want: "score 15.0 junk (reject)"},
		"soft reject": {answer: `{"score":3,"action":"soft reject"}`, want: "score 3.0 451 4.7.1 Try again later (soft reject)"},
		"discard":     {answer: `{"score":3,"action":"discard"}`, want: "score 3.0 discard (discard)"},
		"skipped":     {answer: `{"is_skipped":true,"score":9}`, want: ""},
		"subject":     {config: RspamdConfig{Subject: true}, answer: `{"score":8,"action":"rewrite subject","subject":"*** hello\r\nBcc: x@example.com"}`, want: "score 8.0 junk (rewrite subject) changed", raw: "Subject: *** hello\r\n\tBcc: x@example.com\r\n\r\nfirst"},
		"no subject":  {answer: `{"score":8,"action":"rewrite subject","subject":"*** hello"}`, want: "score 8.0 junk (rewrite subject)"},
		"fields": {answer: `{"score":1,"action":"no action","milter":{"add_headers":{"X-Spam":"no","X-Many":["1",{"value":"2","order":0}],"X-Last":{"value":"end","order":-1},"Bad Name":"x"},"remove_headers":{"Subject":0,"To":5}}}`,
			want: "score 1.0 (no action) changed", raw: "X-Spam: no\r\nX-Many: 2\r\nX-Many: 1\r\nFrom: a@example.com\r\nTo: b@example.org,\r\n c@example.org\r\nX-Last: end\r\n\r\nfirst"},
		"dkim": {answer: `{"score":0,"action":"no action","dkim-signature":"v=1; a=rsa-sha256;\n\tb=AAAA"}`, want: "(no action) changed", raw: "DKIM-Signature: v=1; a=rsa-sha256;\r\n\tb=AAAA\r\nFrom:"},

		"an error":   {answer: `{"error":"no message"}`, want: "error"},
		"no action":  {answer: `{"score":1}`, want: "error"},
		"no JSON":    {answer: `<html>`, want: "error"},
		"too long":   {answer: `{"action":"no action","x":"` + strings.Repeat("x", 2*maxRspamdReply) + `"}`, want: "error"},
		"many":       {answer: `{"action":"no action","milter":{"add_headers":{"X":[` + strings.Repeat(`"a",`, 200) + `"b"]}}}`, want: "error"},
		"score huge": {answer: `{"score":1e300,"action":"no action"}`, want: "score 15.0 (no action)"},
	} {
		f, r := newRspamd(t, tc.config)
		f.answer = tc.answer
		found, err := r.Scan(t.Context(), asked(letterText))
		got := told(found, err)
		if tc.want == "error" && strings.HasPrefix(got, "error: ") {
			continue
		}
		if got != tc.want || !strings.Contains(string(found.Raw), tc.raw) {
			t.Errorf("%s: %q, want %q\n%s", name, got, tc.want, found.Raw)
		}
	}
}

func TestRspamdIsToldTheEnvelope(t *testing.T) {
	f, r := newRspamd(t, RspamdConfig{Password: "secret", Hostname: "mx.example.org"})
	f.answer = `{"action":"no action"}`
	m := asked(letterText)
	m.Client.Helo = "mx\r\nPassword: x"
	if _, err := r.Scan(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(f.seen["From"], f.seen["Rcpt"], f.seen["Ip"], f.seen["Helo"], f.seen["Hostname"], f.seen["User"], f.seen["Queue-Id"], f.seen["Password"], f.seen["Mta-Name"])
	if want := "[a@example.com] [b@example.org c@example.org] [192.0.2.7] [mxPassword: x] [mx.example.com] [] [ABC123] [secret] [mx.example.org]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRspamdLearnsWhatUsersDecide(t *testing.T) {
	f, r := newRspamd(t, RspamdConfig{Password: "secret"})
	for _, junk := range []bool{true, false} {
		if err := r.Learn(t.Context(), []byte("letter"), junk); err != nil {
			t.Error(err)
		}
	}
	if err := r.Learn(t.Context(), []byte("again"), true); err != nil {
		t.Errorf("what it knows already: %v", err)
	}
	if got := fmt.Sprint(f.learned); got != "[/learnspam letter /learnham letter]" {
		t.Error(got)
	}
	_, wrong := newRspamd(t, RspamdConfig{Password: "other"})
	if err := wrong.Learn(t.Context(), []byte("letter"), true); err == nil {
		t.Error("with a wrong password")
	}
	if err := r.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestARspamdThatIsDownIsAnError(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer s.Close()
	defer close(hang)
	r := NewRspamd(RspamdConfig{URL: s.URL, Common: Common{Timeout: 50 * time.Millisecond}})
	for range 3 {
		if got := told(r.Scan(t.Context(), asked(letterText))); !strings.HasPrefix(got, "error: ") {
			t.Error(got)
		}
	}
	if s := r.Stats(); s.Asked != 1 || s.Down != 2 {
		t.Errorf("%+v", s)
	}
	f, moved := newRspamd(t, RspamdConfig{})
	f.status, f.answer = http.StatusFound, `{"action":"no action"}`
	if got := told(moved.Scan(t.Context(), asked(letterText))); !strings.HasPrefix(got, "error: ") {
		t.Error(got)
	}
}

func TestOnlyWhatIsWantedIsShown(t *testing.T) {
	f, r := newRspamd(t, RspamdConfig{Common: Common{Direction: Incoming, MaxBytes: 1000}})
	f.answer = `{"action":"no action"}`
	m := asked(letterText)
	m.Auth.Submission = true
	if got := told(r.Scan(t.Context(), m)); got != "" || f.seen != nil {
		t.Errorf("outgoing mail: %q", got)
	}
	if got := told(r.Scan(t.Context(), asked(letterText+strings.Repeat("x", 1000)))); got != "(too large to be looked at)" || f.seen != nil {
		t.Errorf("a large one: %q", got)
	}
	if s := r.Stats(); s.Skipped != 1 || s.Asked != 0 {
		t.Errorf("%+v", s)
	}
}
