// Package phone is an Exchange ActiveSync client: what a phone does, from
// OPTIONS to a held Ping, built on protocol/eas over net/http. The command
// "martlet phone", the demo, tests and benchmarks use it. It keeps the state a
// phone keeps and a view of what it was told, to be compared with the server,
// and it reports what a server must never do. It must never look at a server
// other than over the wire.
package phone

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"martlet/protocol/eas"
)

// Config describes a phone and its account.
type Config struct {
	URL        string // the server's, or its ActiveSync endpoint's
	User       string
	Password   string
	DeviceID   string
	DeviceType string // "SmartPhone" when empty
	UserAgent  string
	Version    eas.Version // 16.1 when zero
	HTTPClient *http.Client

	// Base64Query sends the request line in its binary form (MS-ASHTTP
	// 2.2.1.1.1.1) instead of as text.
	Base64Query bool

	// Trace, when set, is told of every exchange. It may be called from several
	// goroutines.
	Trace func(Exchange)

	// Fate, when set, is asked before each request what becomes of it. It may be
	// called from several goroutines.
	Fate func(command string) Fate
}

// Fate is what a bad network does to a request.
type Fate uint8

// The fates.
const (
	Delivered   Fate = iota
	AnswerLost       // the server gets the request, the phone no answer: ErrLost
	Repeated         // the answer is lost and the phone sends the same request again
	RequestLost      // the server never sees it: ErrLost
)

// Errors of a conversation. Refusals that call for provisioning are
// ErrProvision, whether they came as HTTP status or as WBXML.
var (
	ErrLost      = errors.New("phone: the network lost it")
	ErrProvision = errors.New("phone: the server wants the device to provision")
	ErrWipe      = errors.New("phone: the server wants the device to be wiped")
	ErrEmpty     = errors.New("phone: the answer has no body")
	ErrForeign   = errors.New("phone: what answers is no ActiveSync server")
	ErrNoFolder  = errors.New("phone: no such folder in the hierarchy")
)

// HTTPError is an answer with an HTTP status other than 200.
type HTTPError struct {
	Command string
	Status  int
	Header  http.Header
	Body    string // the beginning
}

func (e *HTTPError) Error() string {
	return fmt.Sprintf("phone: %s: HTTP %d", e.Command, e.Status)
}

// Is makes a 449 an ErrProvision (MS-ASPROV 3.1.5.2).
func (e *HTTPError) Is(target error) bool {
	return target == ErrProvision && e.Status == 449
}

// StatusError is an answer whose Status is no success.
type StatusError struct {
	Command string
	Status  uint16
	Name    string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("phone: %s: status %d (%s)", e.Command, e.Status, e.Name)
}

// Is makes the statuses about policies ErrProvision or ErrWipe.
func (e *StatusError) Is(target error) bool {
	switch target {
	case ErrProvision:
		return e.Status >= eas.StatusLegacyDeviceOnStrictPolicy && e.Status <= eas.StatusInvalidPolicyKey
	case ErrWipe:
		return e.Status == eas.StatusRemoteWipeRequested
	}
	return false
}

// statusError makes an error of a status that is not the success.
func statusError[S interface {
	~uint16
	String() string
}](command string, status, success S) error {
	if status == success {
		return nil
	}
	return &StatusError{Command: command, Status: uint16(status), Name: status.String()}
}

// Phone is one phone. Its methods may be called from several goroutines, but
// two Syncs of one collection at a time confuse a server as they would confuse
// it in life.
type Phone struct {
	cfg Config

	mu          sync.Mutex // guards what follows; never held during a request
	endpoint    *url.URL
	policyKey   uint32
	folderKey   string
	folders     map[string]eas.Folder
	collections map[string]*folderState
	odd         []string
	traffic     Traffic
}

// Traffic counts what went over the wire, bodies only.
type Traffic struct {
	Requests       int
	Sent, Received int64 // bytes
}

// New makes a phone that knows nothing yet.
func New(cfg Config) (*Phone, error) {
	if cfg.DeviceType == "" {
		cfg.DeviceType = "SmartPhone"
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "Martlet-Phone/1.0"
	}
	if cfg.Version == 0 {
		cfg.Version = eas.V161
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = &http.Client{}
	}
	if cfg.DeviceID == "" || len(cfg.DeviceID) > 32 {
		return nil, errors.New("phone: a device id has 1 to 32 characters")
	}
	endpoint, err := parseEndpoint(cfg.URL)
	if err != nil {
		return nil, err
	}
	return &Phone{
		cfg: cfg, endpoint: endpoint, folderKey: eas.FolderSyncKeyInitial,
		folders: map[string]eas.Folder{}, collections: map[string]*folderState{},
	}, nil
}

func parseEndpoint(raw string) (*url.URL, error) {
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("phone: %q is not a server's URL, such as https://mail.example.org", raw)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/Microsoft-Server-ActiveSync"
	}
	return u, nil
}

// base is a copy of the endpoint's URL.
func (p *Phone) base() url.URL {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *p.endpoint
}

// Version is the protocol version that the phone speaks.
func (p *Phone) Version() eas.Version { return p.cfg.Version }

// PolicyKey is the key of the policy in force, zero for none.
func (p *Phone) PolicyKey() uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.policyKey
}

// SetPolicyKey makes the phone believe in another policy key.
func (p *Phone) SetPolicyKey(key uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.policyKey = key
}

// Traffic tells what went over the wire so far.
func (p *Phone) Traffic() Traffic {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.traffic
}

// Odd lists what the server did that no server may do: items added that the
// phone has, changed or deleted that it has not, folders likewise.
func (p *Phone) Odd() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.odd...)
}

func (p *Phone) oddLocked(format string, args ...any) {
	p.odd = append(p.odd, fmt.Sprintf(format, args...))
}
