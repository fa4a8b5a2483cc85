package route

import (
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/wire"
)

// appendReturnPath writes what final delivery puts on top (RFC 5321 4.4).
func appendReturnPath(dst []byte, from string) []byte {
	dst = append(dst, "Return-Path: <"...)
	dst = append(dst, oneLine(from)...)
	return append(dst, ">\r\n"...)
}

// appendReceived writes the trace of our own part in the way (RFC 5321 4.4).
// The recipient is named only when there is one, so that nobody learns of the
// others (RFC 5321 7.2).
func appendReceived(dst []byte, env *mail.Envelope) []byte {
	t := &env.Trace
	dst = append(dst, "Received: "...)
	if t.Helo != "" || t.Remote.IsValid() {
		dst = append(dst, "from "...)
		dst = append(dst, oneLine(orUnknown(t.Helo))...)
		if t.Remote.IsValid() {
			dst = append(dst, " (["...)
			if t.Remote.Is6() {
				dst = append(dst, "IPv6:"...)
			}
			dst = t.Remote.AppendTo(dst)
			dst = append(dst, "])"...)
		}
		if t.TLS != "" {
			dst = append(dst, "\r\n\t("...)
			dst = append(dst, oneLine(t.TLS)...)
			dst = append(dst, ')')
		}
		dst = append(dst, "\r\n\t"...)
	}
	dst = append(dst, "by "...)
	dst = append(dst, oneLine(t.By)...)
	dst = append(dst, " with "...)
	dst = append(dst, oneLine(t.Protocol)...)
	dst = append(dst, " id "...)
	dst = append(dst, oneLine(t.ID)...)
	if len(env.To) == 1 {
		dst = append(dst, "\r\n\tfor <"...)
		dst = append(dst, oneLine(env.To[0].Address)...)
		dst = append(dst, '>')
	}
	dst = append(dst, ";\r\n\t"...)
	dst = t.Time.UTC().AppendFormat(dst, wire.DateFormat)
	return append(dst, "\r\n"...)
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// oneLine keeps whatever a client said from ending the field it stands in.
func oneLine(s string) string {
	if strings.ContainsAny(s, "\r\n\x00") {
		return strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(s)
	}
	return s
}

// completeTrace fills in what a door left out.
func (r *Router) completeTrace(t *mail.Trace) {
	if t.ID == "" {
		t.ID = newID()
	}
	if t.By == "" {
		t.By = r.hostname
	}
	if t.Protocol == "" {
		t.Protocol = "HTTP"
	}
	if t.Time.IsZero() {
		t.Time = time.Now()
	}
}
