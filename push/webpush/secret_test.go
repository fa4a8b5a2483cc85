package webpush_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"martlet/push"
	"martlet/push/pushtest"
)

// A service that sends back what it got, in every place where we look, must not
// bring a secret into an outcome, which goes to logs and to the console.
func TestNoSecretComesBackInAnOutcome(t *testing.T) {
	r := newRig(t, pushtest.Mozilla)
	s := r.service.Subscribe(r.key.Public())
	private, err := r.key.Private()
	if err != nil {
		t.Fatal(err)
	}
	r.sender.Send(within(t), target(s), alert())
	d, err := s.Wait(within(t))
	if err != nil {
		t.Fatal(err)
	}
	n := alert()
	token := s.Endpoint[strings.LastIndexByte(s.Endpoint, '/')+1:]
	known := []string{d.Token, strings.Split(d.Token, ".")[2], token, s.Endpoint, "/wpush/v2", "/wpush/v2/" + token}
	secrets := append([]string{private, string(s.Auth), n.Title, n.Subtitle, n.Body, n.Account}, known...)
	for _, secret := range known {
		for _, status := range []int{200, 201, 307, 400, 401, 403, 404, 410, 413, 429, 500} {
			quoted, err := json.Marshal(secret)
			if err != nil {
				t.Fatal(err)
			}
			location := "https://127.0.0.1:1/m/" + url.PathEscape(secret)
			for _, body := range []string{
				secret, fmt.Sprintf(`{"reason":%s}`, quoted), fmt.Sprintf(`{"errno":109,"message":%s,"error":%s}`, quoted, quoted),
				fmt.Sprintf(`{"errno":%s}`, quoted),
			} {
				r.service.Refuse(pushtest.WebPushRefusal{
					Status: status, Body: body, Location: location,
					Headers: map[string]string{"Apns-Id": strings.Map(printable, secret)},
				})
				o := r.sender.Send(within(t), target(s), n)
				text := fmt.Sprintf("%+v", o)
				for _, secret := range secrets {
					if strings.Contains(text, secret) && secret != n.Title {
						t.Fatalf("%d with %q: %s", status, body, text)
					}
				}
			}
		}
	}
	for name, change := range map[string]func(*push.Target){
		"no such host": func(t *push.Target) { t.Endpoint = "https://nobody.invalid/wpush/v2/" + token },
		"no address":   func(t *push.Target) { t.Endpoint = "https://10.0.0.1/wpush/v2/" + token },
		"no TLS":       func(t *push.Target) { t.Endpoint = strings.Replace(t.Endpoint, "127.0.0.1", "127.0.0.1:1", 1) },
		"no URL":       func(t *push.Target) { t.Endpoint = "https://127.0.0.1:%zz/wpush/v2/" + token },
		"no keys":      func(t *push.Target) { t.PublicKey = t.PublicKey[1:] },
	} {
		broken := target(s)
		change(&broken)
		text := fmt.Sprintf("%+v", r.sender.Send(within(t), broken, n))
		for _, secret := range secrets {
			if strings.Contains(text, secret) && secret != n.Title {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %s", r.key, r.key, r.key, r.key); strings.Contains(text, private) {
		t.Errorf("the key prints itself: %s", text)
	}
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}
