package main

import (
	"bytes"
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
