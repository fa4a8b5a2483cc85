package push

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                               0,
		"0":                              0,
		"120":                            2 * time.Minute,
		" 7 ":                            7 * time.Second,
		"-5":                             0,
		"1.5":                            0,
		"soon":                           0,
		"86401":                          MaxRetryAfter,
		"99999999999999999999999":        MaxRetryAfter,
		"Mon, 23 Nov 2026 12:00:30 GMT":  30 * time.Second,
		"Mon, 23 Nov 2026 11:00:00 GMT":  0,
		"Wed, 23 Nov 2033 12:00:00 GMT":  MaxRetryAfter,
		"Monday, 23-Nov-26 12:01:00 GMT": time.Minute,
		"Mon Nov 23 12:00:01 2026":       time.Second,
	} {
		if got := RetryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Mon, 23 Nov 2026 12:00:30 GMT")
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if d := RetryAfter(value, now); d < 0 || d > MaxRetryAfter {
			t.Errorf("%q: %v", value, d)
		}
	})
}

func TestTroubleIsNamedWithoutSecrets(t *testing.T) {
	const secret = "https://push.example/secret"
	for _, c := range []struct {
		err  error
		want string
	}{
		{context.DeadlineExceeded, "timeout"},
		{context.Canceled, "canceled"},
		{&net.OpError{Op: "dial", Err: &net.DNSError{Name: secret}}, "name not resolved"},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "connection refused"},
		{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, "no connection"},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, "connection lost"},
		{io.ErrUnexpectedEOF, "connection lost"},
		{x509.UnknownAuthorityError{}, "certificate not trusted"},
		{errors.New(secret), "no answer"},
	} {
		wrapped := fmt.Errorf("send: %w", &url.Error{Op: "Post", URL: secret, Err: c.err})
		got := Trouble(wrapped)
		if got != c.want || strings.Contains(got, "secret") {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
