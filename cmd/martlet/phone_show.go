package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"martlet/internal/phone"
)

// showExchange prints a request and its answer. Passwords are in neither.
func (a *app) showExchange(e phone.Exchange) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "> %s %s\n", e.Method, e.URL)
	showBody(&b, "> ", e.Header, e.Request)
	switch {
	case e.Answer != nil:
		fmt.Fprintf(&b, "< %d %s, %d bytes, %s\n", e.Answer.Status, http.StatusText(e.Answer.Status), len(e.Answer.Body), e.Took.Round(time.Microsecond))
		showBody(&b, "< ", e.Answer.Header, e.Answer.Body)
	case e.Err != nil:
		fmt.Fprintf(&b, "< %v\n", e.Err)
	}
	a.note("%s", b.String())
}

// shownAtMost bounds what is printed of a body that is not WBXML.
const shownAtMost = 4096

func showBody(b *bytes.Buffer, mark string, h http.Header, body []byte) {
	for _, name := range []string{"Ms-Asprotocolversion", "X-Ms-Policykey", "Ms-Server-Activesync", "Ms-Asprotocolversions", "Ms-Asprotocolcommands", "X-Ms-Location", "Retry-After", "Content-Type"} {
		if v := h.Get(name); v != "" {
			fmt.Fprintf(b, "%s%s: %s\n", mark, name, v)
		}
	}
	text, ok := phone.XML(h, body)
	if !ok {
		text = string(body[:min(len(body), shownAtMost)])
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == '\ufffd' }) {
			text = ""
		}
	}
	for line := range strings.Lines(text) {
		b.WriteString(mark + strings.TrimRight(line, "\r\n") + "\n")
	}
}

// phoneError says what may be wrong, where an answer alone does not.
func phoneError(err error) error {
	var http *phone.HTTPError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	hint := ""
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown), errors.As(err, &name):
		hint = "the certificate is not trusted: a phone would refuse it, too; --ca or --insecure goes on"
	case errors.As(err, &http):
		hint = map[int]string{
			401: "login or password are wrong",
			403: "the account may not synchronise, or this device is blocked",
			404: "there is no ActiveSync at this address",
			449: "the server wants the device to provision: martlet phone provision",
			451: "the mailbox is on another server: " + http.Header.Get("X-MS-Location"),
			503: "the server is busy, or a proxy in front has no server behind it",
			504: "a proxy in front gave up: it must wait for an hour (3600 s)",
		}[http.Status]
	case errors.Is(err, phone.ErrWipe):
		hint = "an administrator has ordered the device to be wiped"
	case errors.Is(err, context.DeadlineExceeded):
		hint = "no answer within --timeout"
	}
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w\n%s", err, hint)
}
