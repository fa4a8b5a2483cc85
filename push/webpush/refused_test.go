package webpush_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"martlet/push"
	"martlet/push/pushtest"
	"martlet/push/webpush"
)

// One row for each answer that is documented or seen. The words of the services
// are theirs; what comes of them is ours.
func TestEveryAnswerHasItsOutcome(t *testing.T) {
	const mismatch = "the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions."
	mozilla := func(code, errno int, message string) string {
		return fmt.Sprintf(`{"code":%d,"errno":%d,"error":"x","message":%q,"more_info":"http://autopush.readthedocs.io/"}`, code, errno, message)
	}
	soon := time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		name    string
		refusal pushtest.WebPushRefusal
		want    push.Result
		reason  string
		after   time.Duration
		wide    bool
	}{
		{"created", pushtest.WebPushRefusal{Status: 201}, push.Accepted, "", 0, false},
		{"ok", pushtest.WebPushRefusal{Status: 200}, push.Accepted, "", 0, false},
		{"accepted", pushtest.WebPushRefusal{Status: 202}, push.Accepted, "", 0, false},
		{"no content", pushtest.WebPushRefusal{Status: 204}, push.Accepted, "", 0, false},

		{"rfc 8030: expired", pushtest.WebPushRefusal{Status: 404}, push.Gone, "Not Found", 0, false},
		{"rfc 8030: gone", pushtest.WebPushRefusal{Status: 410}, push.Gone, "Gone", 0, false},
		{"rfc 8030: too large", pushtest.WebPushRefusal{Status: 413}, push.TooLarge, "Request Entity Too Large", 0, false},
		{"rfc 8030: too many", pushtest.WebPushRefusal{Status: 429, RetryAfter: "30"}, push.Retry, "Too Many Requests", 30 * time.Second, false},
		{"too many, a date", pushtest.WebPushRefusal{Status: 429, RetryAfter: soon}, push.Retry, "Too Many Requests", 90 * time.Second, false},
		{"too many, nothing said", pushtest.WebPushRefusal{Status: 429}, push.Retry, "Too Many Requests", 0, false},
		{"too many, nonsense said", pushtest.WebPushRefusal{Status: 429, RetryAfter: "tomorrow"}, push.Retry, "Too Many Requests", 0, false},
		{"too many, forever", pushtest.WebPushRefusal{Status: 429, RetryAfter: "99999999999999999999"}, push.Retry, "Too Many Requests", push.MaxRetryAfter, false},

		{"mozilla: no such endpoint", pushtest.WebPushRefusal{Status: 404, Body: mozilla(404, 102, "Request did not validate invalid token")}, push.Gone, "errno 102", 0, false},
		{"mozilla: no such user", pushtest.WebPushRefusal{Status: 410, Body: mozilla(410, 103, "UAID not found")}, push.Gone, "errno 103", 0, false},
		{"mozilla: no such subscription", pushtest.WebPushRefusal{Status: 410, Body: mozilla(410, 106, "No such subscription")}, push.Gone, "errno 106", 0, false},
		{"mozilla: too large", pushtest.WebPushRefusal{Status: 413, Body: mozilla(413, 104, "This message is intended for a constrained device")}, push.TooLarge, "errno 104", 0, false},
		{"mozilla: another key", pushtest.WebPushRefusal{Status: 401, Body: mozilla(401, 109, "VAPID public key mismatch")}, push.BadTarget, "errno 109", 0, false},
		{"mozilla: encryption", pushtest.WebPushRefusal{Status: 400, Body: mozilla(400, 110, "Invalid crypto keys")}, push.Refused, "errno 110", 0, false},
		{"mozilla: no TTL", pushtest.WebPushRefusal{Status: 400, Body: mozilla(400, 111, "Missing TTL value")}, push.Refused, "errno 111", 0, false},
		{"mozilla: use exponential back-off", pushtest.WebPushRefusal{Status: 503, Body: mozilla(503, 201, "Use exponential back-off for retries"), RetryAfter: "120"}, push.Retry, "errno 201", 2 * time.Minute, true},
		{"mozilla: bridge moved", pushtest.WebPushRefusal{Status: 301, Location: "https://example.org/"}, push.Refused, "Moved Permanently", 0, false},

		{"google: another key", pushtest.WebPushRefusal{Status: 403, Body: mismatch + "\n"}, push.BadTarget, "VapidKeyMismatch", 0, false},
		{"google: another sender", pushtest.WebPushRefusal{Status: 403, Body: "the key in the authorization header does not correspond to the sender ID used to subscribe this user. Please"}, push.BadTarget, "VapidKeyMismatch", 0, false},
		{"google: unsubscribed", pushtest.WebPushRefusal{Status: 410, Body: "push subscription has unsubscribed or expired.\n"}, push.Gone, "Gone", 0, false},
		{"google: down", pushtest.WebPushRefusal{Status: 500, Body: "<html>"}, push.Retry, "Internal Server Error", 0, false},
		{"google: busy", pushtest.WebPushRefusal{Status: 503}, push.Retry, "Service Unavailable", 0, true},

		{"apple: unsubscribed", pushtest.WebPushRefusal{Status: 410, Body: `{"reason":"Unregistered"}`}, push.Gone, "Unregistered", 0, false},
		{"apple: another key", pushtest.WebPushRefusal{Status: 400, Body: `{"reason":"VapidPkHashMismatch"}`}, push.BadTarget, "VapidPkHashMismatch", 0, false},
		{"apple: topic", pushtest.WebPushRefusal{Status: 400, Body: `{"reason":"BadWebPushTopic"}`}, push.Refused, "BadWebPushTopic", 0, false},
		{"apple: too large", pushtest.WebPushRefusal{Status: 413, Body: `{"reason":"PayloadTooLarge"}`}, push.TooLarge, "PayloadTooLarge", 0, false},
		{"apple: too many", pushtest.WebPushRefusal{Status: 429, Body: `{"reason":"TooManyRequests"}`}, push.Retry, "TooManyRequests", 0, false},
		{"apple: down", pushtest.WebPushRefusal{Status: 500, Body: `{"reason":"InternalServerError"}`}, push.Retry, "InternalServerError", 0, false},

		{"microsoft: throttled", pushtest.WebPushRefusal{Status: 406}, push.Retry, "Not Acceptable", 0, false},
		{"unifiedpush: unknown error", pushtest.WebPushRefusal{Status: 400}, push.Refused, "Bad Request", 0, false},
		{"a proxy: bad gateway", pushtest.WebPushRefusal{Status: 502, Body: "<html>nginx"}, push.Retry, "Bad Gateway", 0, false},
		{"a proxy: timeout", pushtest.WebPushRefusal{Status: 504}, push.Retry, "Gateway Timeout", 0, false},
		{"a proxy: early", pushtest.WebPushRefusal{Status: 425}, push.Retry, "Too Early", 0, false},
		{"a portal", pushtest.WebPushRefusal{Status: 511}, push.Retry, "Network Authentication Required", 0, false},
		{"a method refused", pushtest.WebPushRefusal{Status: 405}, push.Refused, "Method Not Allowed", 0, false},
		{"found", pushtest.WebPushRefusal{Status: 302, Location: "https://example.org/"}, push.Refused, "Found", 0, false},
		{"a redirect to nowhere", pushtest.WebPushRefusal{Status: 307}, push.Refused, "Temporary Redirect", 0, false},
		{"a status of no class", pushtest.WebPushRefusal{Status: 999}, push.Retry, "", 0, false},
		{"a body without end", pushtest.WebPushRefusal{Status: 500, Endless: true}, push.Retry, "Internal Server Error", 0, false},
		{"a taken message with a body without end", pushtest.WebPushRefusal{Status: 201, Endless: true}, push.Accepted, "", 0, false},
		{"words that are no words", pushtest.WebPushRefusal{Status: 400, Body: `{"reason":"<script>alert(1)</script>"}`}, push.Refused, "Bad Request", 0, false},
		{"long words", pushtest.WebPushRefusal{Status: 400, Body: `{"reason":"` + strings.Repeat("x", 41) + `"}`}, push.Refused, "Bad Request", 0, false},
		{"numbers that are no numbers", pushtest.WebPushRefusal{Status: 400, Body: `{"errno":1e300}`}, push.Refused, "Bad Request", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, pushtest.Mozilla)
			r.service.RefuseAll(&c.refusal)
			o := r.sender.Send(within(t), target(r.service.Subscribe(r.key.Public())), alert())
			if o.Result != c.want || o.Wide != c.wide || o.Status != c.refusal.Status && c.reason != "" {
				t.Errorf("%+v, want %v", o, c.want)
			}
			if c.reason != "" && o.Reason != c.reason {
				t.Errorf("reason %q, want %q", o.Reason, c.reason)
			}
			if o.After > c.after || o.After < c.after-5*time.Second {
				t.Errorf("after %v, want %v", o.After, c.after)
			}
			if o.Result == push.Accepted {
				return
			}
			r.service.RefuseAll(nil) // and nothing of it stays
			if o := r.sender.Send(within(t), target(r.service.Subscribe(r.key.Public())), alert()); o.Result != push.Accepted {
				t.Errorf("afterwards: %+v", o)
			}
		})
	}
}

// What the local service checks by itself, in each manner.
func TestASubscriptionThatEndedIsGone(t *testing.T) {
	for _, manner := range []pushtest.WebPushManner{pushtest.Mozilla, pushtest.Google, pushtest.Apple, pushtest.UnifiedPush} {
		r := newRig(t, manner)
		s := r.service.Subscribe(r.key.Public())
		s.Unsubscribe()
		if o := r.sender.Send(within(t), target(s), alert()); o.Result != push.Gone || o.Status != 410 {
			t.Errorf("%d: unsubscribed: %+v", manner, o)
		}
		to := target(s)
		to.Endpoint = r.service.Origin() + "/wpush/v2/nobody"
		if o := r.sender.Send(within(t), to, alert()); o.Result != push.Gone || o.Status != 404 {
			t.Errorf("%d: never there: %+v", manner, o)
		}
	}
}

func TestASubscriptionMadeWithAnotherKeyIsLost(t *testing.T) {
	other, err := webpush.GenerateVAPID()
	if err != nil {
		t.Fatal(err)
	}
	for _, manner := range []pushtest.WebPushManner{pushtest.Mozilla, pushtest.Google, pushtest.Apple} {
		r := newRig(t, manner)
		o := r.sender.Send(within(t), target(r.service.Subscribe(other.Public())), alert())
		if o.Result != push.BadTarget {
			t.Errorf("%d: %+v", manner, o)
		}
	}
}

// Apple refuses every token whose subject nobody can reach.
func TestCredentialsThatAreRefusedAreTheApps(t *testing.T) {
	for name, c := range map[string]struct {
		manner pushtest.WebPushManner
		app    string
		status int
		reason string
	}{
		"mozilla, a subject that nobody reaches": {pushtest.Mozilla, "mail", 401, "errno 109"},
		"google, a subject that nobody reaches":  {pushtest.Google, "mail", 403, "Forbidden"},
		"apple, a subject that nobody reaches":   {pushtest.Apple, "mail", 403, "BadJwtToken"},
		"mozilla, no signature":                  {pushtest.Mozilla, "unsigned", 401, "errno 109"},
		"google, no signature":                   {pushtest.Google, "unsigned", 401, "UnauthorizedRegistration"},
		"apple, no signature":                    {pushtest.Apple, "unsigned", 403, "BadJwtToken"},
	} {
		r := newRig(t, c.manner, func(c *webpush.Config) { c.Apps[0].Subject = "mailto:root@localhost" })
		to := target(r.service.Subscribe(r.key.Public()))
		to.App = c.app
		if o := r.sender.Send(within(t), to, alert()); o.Result != push.BadApp || o.Status != c.status || o.Reason != c.reason {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestATokenThatWasRefusedIsNotUsedAgain(t *testing.T) {
	r := newRig(t, pushtest.Mozilla)
	s := r.service.Subscribe(r.key.Public())
	tokens := map[string]bool{}
	for _, refusal := range []int{0, 503, 401, 403, 410} {
		if refusal != 0 {
			r.service.Refuse(pushtest.WebPushRefusal{Status: refusal})
			r.sender.Send(within(t), target(s), alert())
		}
		if o := r.sender.Send(within(t), target(s), alert()); o.Result != push.Accepted {
			t.Fatalf("after %d: %+v", refusal, o)
		}
		d, err := s.Wait(within(t))
		if err != nil {
			t.Fatal(err)
		}
		tokens[d.Token] = true
	}
	if len(tokens) != 3 {
		t.Errorf("%d tokens", len(tokens))
	}
}

func TestWhatHappensOnTheWayHasItsOutcome(t *testing.T) {
	for _, c := range []struct {
		name   string
		break_ func(r *rig)
		reason string
	}{
		{"reset", func(r *rig) { r.service.RefuseAll(&pushtest.WebPushRefusal{Reset: true}) }, "connection lost"},
		{"garbage", func(r *rig) { r.service.RefuseAll(&pushtest.WebPushRefusal{Garbage: true}) }, "not an answer of HTTP"},
		{"slow", func(r *rig) { r.service.RefuseAll(&pushtest.WebPushRefusal{Status: 201, Delay: time.Hour}) }, "timeout"},
		{"gone", func(r *rig) { r.service.Stop() }, "connection refused"},
		{"headers of a megabyte", func(r *rig) {
			r.service.RefuseAll(&pushtest.WebPushRefusal{Status: 201, Headers: map[string]string{"X-Much": strings.Repeat("x", 1<<20)}})
		}, "not an answer of HTTP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, pushtest.Mozilla, func(cfg *webpush.Config) { cfg.Timeout = 500 * time.Millisecond })
			s := r.service.Subscribe(r.key.Public())
			c.break_(r)
			o := r.sender.Send(within(t), target(s), alert())
			if o.Result != push.Retry || o.Status != 0 || o.Reason != c.reason {
				t.Errorf("%+v, want a retry because of %q", o, c.reason)
			}
			r.service.RefuseAll(nil)
			if err := r.service.Start(); err != nil {
				t.Fatal(err)
			}
			if o := r.sender.Send(within(t), target(s), alert()); o.Result != push.Accepted {
				t.Errorf("afterwards: %+v", o)
			}
		})
	}
	t.Run("a certificate of somebody else", func(t *testing.T) {
		r := newRig(t, pushtest.Mozilla, func(cfg *webpush.Config) { cfg.Roots = nil })
		o := r.sender.Send(within(t), target(r.service.Subscribe(r.key.Public())), alert())
		if o.Result != push.Retry || o.Reason != "certificate not trusted" || r.service.Requests() != 0 {
			t.Errorf("%+v", o)
		}
	})
	t.Run("canceled", func(t *testing.T) {
		r := newRig(t, pushtest.Mozilla)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		o := r.sender.Send(ctx, target(r.service.Subscribe(r.key.Public())), alert())
		if o.Result != push.Retry || o.Reason != "canceled" {
			t.Errorf("%+v", o)
		}
	})
	t.Run("no TLS at all", func(t *testing.T) {
		plain := httptest.NewServer(http.NotFoundHandler())
		defer plain.Close()
		r := newRig(t, pushtest.Mozilla)
		to := target(r.service.Subscribe(""))
		to.Endpoint = strings.Replace(plain.URL, "http:", "https:", 1) + "/push"
		o := r.sender.Send(within(t), to, alert())
		if o.Result != push.Retry || o.Status != 0 || o.Reason != "tls refused" {
			t.Errorf("%+v", o)
		}
	})
}

func TestWhatIsWrongWithoutHTTP2HasItsOutcome(t *testing.T) {
	for name, c := range map[string]struct{ answer, reason string }{
		"nothing":               {"", "connection lost"},
		"nonsense":              {"this is not what you asked for\r\n\r\n", "not an answer of HTTP"},
		"another protocol":      {"220 mail.example ESMTP\r\n", "not an answer of HTTP"},
		"half a status":         {"HTTP/1.1 20", "not an answer of HTTP"},
		"headers that are none": {"HTTP/1.1 201 Created\r\n\x00\x01: x\r\n\r\n", "not an answer of HTTP"},
		"headers of a megabyte": {"HTTP/1.1 201 Created\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", "not an answer of HTTP"},
		"a length that is none": {"HTTP/1.1 500 Oh\r\nContent-Length: -1\r\n\r\n", "not an answer of HTTP"},
		"two lengths":           {"HTTP/1.1 500 Oh\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "not an answer of HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = conn.Write([]byte(c.answer))
				_ = conn.Close()
			}))
			server.StartTLS()
			defer server.Close()
			r := newRig(t, pushtest.Mozilla, func(c *webpush.Config) { c.Roots.AddCert(server.Certificate()) })
			to := target(r.service.Subscribe(""))
			to.Endpoint = server.URL + "/push"
			if o := r.sender.Send(within(t), to, alert()); o.Result != push.Retry || o.Status != 0 || o.Reason != c.reason {
				t.Errorf("%+v, want a retry because of %q", o, c.reason)
			}
		})
	}
}

func TestAServerWithoutHTTP2IsServedToo(t *testing.T) {
	var protocol, ttl string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol, ttl = r.Proto, r.Header.Get("TTL")
		w.WriteHeader(http.StatusCreated)
	}))
	server.StartTLS()
	defer server.Close()
	r := newRig(t, pushtest.Mozilla, func(c *webpush.Config) {
		c.Roots.AddCert(server.Certificate())
	})
	to := target(r.service.Subscribe(""))
	to.Endpoint = server.URL + "/push"
	if o := r.sender.Send(within(t), to, alert()); o.Result != push.Accepted || protocol != "HTTP/1.1" || ttl == "" {
		t.Errorf("%+v over %s, TTL %q", o, protocol, ttl)
	}
}
