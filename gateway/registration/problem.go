package registration

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// problem is an answer that says what went wrong and what to do about it
// (RFC 9457 3.1). Its type is about:blank, so that the title is the status's
// (RFC 9457 4.2.1); Code tells programs more.
type problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Code   string       `json:"code"`
	Errors []fieldError `json:"errors,omitempty"`

	after time.Duration // Retry-After, when not zero
	allow string        // Allow, of 405
	patch string        // Accept-Patch, of 415 (RFC 5789 3.1)
	cause error         // for the log, never for the client
}

// fieldError names a field of the request's document by a JSON pointer in a
// fragment, as RFC 9457 3 shows it.
type fieldError struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// Error is the detail.
func (p *problem) Error() string { return p.Detail }

// The codes, which clients may rely on.
const (
	codeBadJSON      = "bad_json"
	codeBadField     = "bad_field"
	codeTooLarge     = "too_large"
	codeSlow         = "slow"
	codeTooMany      = "too_many_registrations"
	codeContentType  = "content_type"
	codeNotFound     = "not_found"
	codeMethod       = "method"
	codeStale        = "stale"
	codeSlowDown     = "slow_down"
	codeForbidden    = "forbidden"
	codeOrigin       = "origin"
	codeUnauthorized = "unauthorized"
	codeServer       = "server"
	codeLost         = "lost"
)

func problemf(status int, code, format string, args ...any) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// badFields is the answer to a document whose fields are wrong.
func badFields(all ...fieldError) *problem {
	p := problemf(http.StatusUnprocessableEntity, codeBadField, "%s: %s", all[0].Pointer, all[0].Detail)
	if len(all) > 1 {
		p.Detail = fmt.Sprintf("%d fields are wrong; errors names each", len(all))
	}
	p.Errors = all
	return p
}

// writeProblem is the one place where errors become answers.
func writeProblem(w http.ResponseWriter, log *slog.Logger, err error) {
	var p *problem
	if !errors.As(err, &p) {
		p = problemf(http.StatusInternalServerError, codeServer, "the server failed; try again later")
		p.cause = err
	}
	if p.Status == http.StatusInternalServerError {
		log.Error("registration failed", "error", p.cause)
	}
	h := w.Header()
	if p.after > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.after+time.Second-1)/time.Second)))
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	if p.patch != "" {
		h.Set("Accept-Patch", p.patch)
	}
	body, _ := json.Marshal(p) // texts and numbers
	writeBody(w, p.Status, "application/problem+json", body)
}

func writeBody(w http.ResponseWriter, status int, kind string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
