package phone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"martlet/protocol/wbxml"
)

// The content types (MS-ASHTTP 2.2.1.1.2.2).
const (
	typeWBXML     = "application/vnd.ms-sync.wbxml"
	typeMultipart = "application/vnd.ms-sync.multipart"
	typeMail      = "message/rfc822"
)

// maxAnswer bounds an answer's body.
const maxAnswer = 256 << 20

// Request is one request of any kind, for what the methods do not offer. An
// empty Body is sent as none.
type Request struct {
	Command     string
	Params      Params
	ContentType string // WBXML when empty and there is a Body
	Header      http.Header
	Body        []byte
}

// Answer is a whole answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request and returns the answer, whatever its HTTP status.
func (p *Phone) Do(ctx context.Context, r Request) (*Answer, error) {
	fate := Delivered
	if p.cfg.Fate != nil {
		fate = p.cfg.Fate(r.Command)
	}
	if fate == RequestLost {
		return nil, fmt.Errorf("%s: %w", r.Command, ErrLost)
	}
	answer, err := p.send(ctx, r)
	if err != nil {
		return nil, err
	}
	switch fate {
	case AnswerLost:
		return nil, fmt.Errorf("%s: %w", r.Command, ErrLost)
	case Repeated:
		return p.send(ctx, r)
	}
	return answer, nil
}

func (p *Phone) send(ctx context.Context, r Request) (*Answer, error) {
	policyKey, u := p.PolicyKey(), p.base()
	if p.cfg.Base64Query {
		var err error
		if u.RawQuery, err = p.encodedQuery(r.Command, r.Params, policyKey); err != nil {
			return nil, err
		}
	} else {
		u.RawQuery = p.plainQuery(r.Command, r.Params)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, fmt.Errorf("phone: %s: %w", r.Command, err)
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	req.SetBasicAuth(p.cfg.User, p.cfg.Password)
	req.Header.Set("User-Agent", p.cfg.UserAgent)
	if len(r.Body) > 0 {
		req.Header.Set("Content-Type", r.ContentType)
		if r.ContentType == "" {
			req.Header.Set("Content-Type", typeWBXML)
		}
	}
	if !p.cfg.Base64Query {
		req.Header.Set("MS-ASProtocolVersion", p.cfg.Version.String())
		req.Header.Set("X-MS-PolicyKey", strconv.FormatUint(uint64(policyKey), 10))
		if r.Params.Multipart {
			req.Header.Set("MS-ASAcceptMultiPart", "T")
		}
	}
	answer, err := p.roundTrip(req, r.Body)
	if err != nil {
		return nil, fmt.Errorf("phone: %s: %w", r.Command, err)
	}
	p.mu.Lock()
	p.traffic.Requests++
	p.traffic.Sent += int64(len(r.Body))
	p.traffic.Received += int64(len(answer.Body))
	p.mu.Unlock()
	return answer, nil
}

// roundTrip sends a request and reads the whole answer. body is the request's,
// for the trace.
func (p *Phone) roundTrip(req *http.Request, body []byte) (answer *Answer, err error) {
	start := time.Now()
	defer func() { p.trace(req, body, answer, err, start) }()
	resp, err := p.cfg.HTTPClient.Do(req)
	if failed := (*url.Error)(nil); errors.As(err, &failed) { // which repeats the whole URL
		return nil, fmt.Errorf("%s: %w", req.URL.Host, failed.Err)
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if len(content) > maxAnswer {
		return nil, wbxml.ErrTooLarge
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: content}, nil
}

// Call sends the document of req, or no body when req is nil, and reads the
// answer into resp. An answer without a body is ErrEmpty.
func (p *Phone) Call(ctx context.Context, command string, params Params, req, resp any) error {
	_, err := p.call(ctx, command, params, req, resp)
	return err
}

// call is Call, and returns the further parts of a multipart answer.
func (p *Phone) call(ctx context.Context, command string, params Params, req, resp any) ([][]byte, error) {
	r := Request{Command: command, Params: params}
	if req != nil {
		var err error
		if r.Body, err = wbxml.Marshal(req); err != nil {
			return nil, fmt.Errorf("phone: %s: %w", command, err)
		}
	}
	answer, err := p.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	return answer.read(command, resp)
}

// read takes the answer's document apart.
func (a *Answer) read(command string, resp any) ([][]byte, error) {
	if a.Status != http.StatusOK {
		return nil, &HTTPError{Command: command, Status: a.Status, Header: a.Header, Body: string(a.Body[:min(len(a.Body), 512)])}
	}
	if len(a.Body) == 0 {
		return nil, fmt.Errorf("%s: %w", command, ErrEmpty)
	}
	body := a.Body
	var parts [][]byte
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s: content type: %w", ErrForeign, command, err)
	case kind == typeMultipart:
		if parts, err = splitParts(body); err != nil {
			return nil, err
		}
		body, parts = parts[0], parts[1:]
	case kind != typeWBXML && kind != "application/vnd.ms-sync":
		return nil, fmt.Errorf("%w: %s is answered with %s", ErrForeign, command, kind)
	}
	d := wbxml.Decoder{MaxElements: 1 << 22, MaxBytes: maxAnswer, MaxString: maxAnswer}
	if err := d.Unmarshal(body, resp); err != nil {
		return nil, fmt.Errorf("phone: %s: %w", command, err)
	}
	return parts, nil
}
