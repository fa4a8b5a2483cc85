package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"martlet/mail/filter"
)

const (
	defaultRspamdBytes = 50 << 20 // its max_message
	maxRspamdReply     = 1 << 20  // bytes
	maxRspamdHeaders   = 100      // fields that it may add or remove
	maxSymbols         = 6        // that are named as reasons
	// What its score counts for at most: its own thresholds are in its actions.
	maxRspamdScore, minRspamdScore = 15, -5
)

// RspamdConfig says where rspamd is.
type RspamdConfig struct {
	URL        string // of its normal worker or proxy: "http://127.0.0.1:11333"; "unix:/path" for a socket
	Controller string // that learns: "http://127.0.0.1:11334"; empty: it is not taught
	Password   string
	Hostname   string // our own
	Junk       bool   // what it would reject goes to Junk
	Subject    bool   // it may rewrite subjects
	Common
}

// Rspamd asks rspamd for its opinion (https://rspamd.com/doc/developers/protocol.html).
// It is safe for concurrent use.
type Rspamd struct {
	*guard
	c       RspamdConfig
	client  *http.Client
	base    string
	teacher *guard
}

// NewRspamd returns a Rspamd.
func NewRspamd(c RspamdConfig) *Rspamd {
	if c.MaxBytes <= 0 {
		c.MaxBytes = defaultRspamdBytes
	}
	r := &Rspamd{guard: newGuard(c.Timeout), teacher: newGuard(c.Timeout), c: c, base: strings.TrimSuffix(c.URL, "/")}
	transport := &http.Transport{MaxIdleConnsPerHost: 8, MaxResponseHeaderBytes: 64 << 10}
	if path, ok := strings.CutPrefix(c.URL, "unix:"); ok {
		r.base = "http://rspamd"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}
	}
	// Who answers with another address is not rspamd.
	r.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return r
}

// Scan asks for an opinion.
func (r *Rspamd) Scan(ctx context.Context, m *filter.Message) (filter.Finding, error) {
	if !r.c.Direction.wants(m) {
		return filter.Finding{}, nil
	}
	if int64(len(m.Raw)) > r.c.MaxBytes {
		r.skip()
		return filter.Finding{Reasons: []string{"too large to be looked at"}}, nil
	}
	var reply rspamdReply
	err := r.ask(ctx, func(ctx context.Context) error { return r.check(ctx, m, &reply) })
	if err != nil {
		return filter.Finding{}, err
	}
	found := r.finding(m, &reply)
	r.found(&found)
	return found, nil
}

func (r *Rspamd) check(ctx context.Context, m *filter.Message, reply *rspamdReply) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+"/checkv2", bytes.NewReader(m.Raw))
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	set := func(name, value string) {
		if value != "" {
			req.Header.Add(name, headerValue(value))
		}
	}
	set("From", m.Env.From)
	for _, to := range m.Env.To {
		set("Rcpt", to.Address)
	}
	if c := m.Client; c != nil {
		if c.Addr.IsValid() {
			set("IP", c.Addr.Unmap().WithZone("").String())
		}
		set("Helo", c.Helo)
		set("User", c.Login)
	}
	set("Hostname", m.Auth.Reverse)
	set("Queue-Id", m.Env.Trace.ID)
	set("MTA-Name", r.c.Hostname)
	set("Password", r.c.Password)
	b, err := r.do(req)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, reply); err != nil {
		return fmt.Errorf("%w: %w", errProtocol, err)
	}
	if reply.Error != "" {
		return fmt.Errorf("scan: rspamd: %s", plain(reply.Error, maxText))
	}
	if reply.Action == "" && !reply.Skipped {
		return fmt.Errorf("%w: there is no action", errProtocol)
	}
	return nil
}

// headerValue is a text that fits into one field of a request.
func headerValue(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

func (r *Rspamd) do(req *http.Request) ([]byte, error) {
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxRspamdReply+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("scan: %w", err)
	case resp.StatusCode == http.StatusAlreadyReported: // it has learned it before
		return b, nil
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("scan: rspamd answers %s: %q", strconv.Itoa(resp.StatusCode), plain(string(b), maxText))
	case len(b) > maxRspamdReply:
		return nil, fmt.Errorf("%w: it is too long", errProtocol)
	}
	return b, nil
}

// Learn teaches rspamd what a user has decided.
func (r *Rspamd) Learn(ctx context.Context, raw []byte, junk bool) error {
	if r.c.Controller == "" || int64(len(raw)) > r.c.MaxBytes {
		return nil
	}
	what := "/learnham"
	if junk {
		what = "/learnspam"
	}
	return r.teacher.ask(ctx, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(r.c.Controller, "/")+what, bytes.NewReader(raw))
		if err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		if r.c.Password != "" {
			req.Header.Set("Password", headerValue(r.c.Password))
		}
		_, err = r.do(req)
		return err
	})
}

// Ping asks whether rspamd is there.
func (r *Rspamd) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/ping", nil)
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	b, err := r.do(req)
	if err == nil && strings.TrimSpace(string(b)) != "pong" {
		err = fmt.Errorf("%w: %q", errProtocol, plain(string(b), maxText))
	}
	return err
}

// errNoValue is a field that rspamd names without saying what is in it.
var errNoValue = errors.New("scan: a field without a value")
