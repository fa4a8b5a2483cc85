package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/internal/process"
	"martlet/push/pushtest"
)

const topic = "example.crash.mail"

// apple sets a local APNs up for a server, one that takes its time, so that there
// is always something under way.
func apple(t *testing.T, in *process.Installation) *pushtest.APNs {
	t.Helper()
	service, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close() })
	key, err := service.NewKey("CRASHTEAM1", topic)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, content []byte) string {
		path := filepath.Join(in.Dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	in.Configure(fmt.Sprintf("[push]\napns_server = %q\nroots = %q\n[[push.apns]]\nname = \"ios\"\ntopic = %q\nkey_file = %q\nkey_id = %q\nteam_id = %q\n",
		service.HostURL(), file("roots.pem", service.RootsPEM()), topic, file("key.p8", key.P8), key.KeyID, key.TeamID))
	service.Always(&pushtest.Answer{Delay: 30 * time.Millisecond})
	return service
}

// register has an app on an iPhone registered and returns its token.
func (l *load) register(ctx context.Context, service *pushtest.APNs, device string) string {
	l.t.Helper()
	token := service.Install(topic)
	document, err := json.Marshal(map[string]string{"kind": "apns", "app": "ios", "device": device, "token": token, "mode": "alert"})
	if err != nil {
		l.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+l.in.HTTP+"/push/v1/registrations", bytes.NewReader(document))
	if err != nil {
		l.t.Fatal(err)
	}
	r.SetBasicAuth(login, password)
	r.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		l.t.Fatalf("registered with %s", resp.Status)
	}
	return token
}

// badge is the number on the app's icon, and whether a notification has one.
func badge(d pushtest.Delivery) (n int, ok bool) {
	var payload struct {
		APS struct {
			Badge *int `json:"badge"`
		} `json:"aps"`
	}
	if json.Unmarshal(d.Payload, &payload) != nil || payload.APS.Badge == nil {
		return 0, false
	}
	return *payload.APS.Badge, true
}

// icon is the number on the app's icon now.
func icon(service *pushtest.APNs, token string) int {
	all := service.Deliveries(token)
	for i := len(all) - 1; i >= 0; i-- {
		if n, ok := badge(all[i]); ok {
			return n
		}
	}
	return 0
}

// The server is killed while mail arrives and apps are told of it. In the end
// every app knows of every message, and no message is shown by two notifications.
func TestAppsKnowOfAllMailAfterKill9(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a process again and again: left out with -short")
	}
	const apps, deaths = 20, 12
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	in := process.Install(t)
	in.Run(password+"\n", "user", "add", login, "--new-domain", "--password-stdin")
	service := apple(t, in)
	p := in.Start(ctx)
	l := &load{t: t, in: in}
	var tokens []string
	for i := range apps {
		tokens = append(tokens, l.register(ctx, service, fmt.Sprint("iphone-", i)))
	}

	working, stopWork := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { // slowly, so that many an alert tells of one message
		for n := 0; working.Err() == nil; n++ {
			subject := fmt.Sprint("letter ", n)
			l.hand(subject, message(subject))
			pause(working, time.Duration(rand.IntN(100))*time.Millisecond)
		}
	})
	for range deaths {
		pause(working, time.Duration(50+rand.IntN(400))*time.Millisecond)
		p.Kill()
		p = in.Start(ctx)
	}
	stopWork()
	wg.Wait()
	if err := p.Stop(); err != nil { // what was given up may still be at work
		t.Errorf("SIGTERM: %v\n%s", err, p.Log())
	}
	p = in.Start(ctx)

	// A message that was not acknowledged may be there all the same.
	mail := len(l.accepted)
	deadline := time.After(time.Minute)
	for _, token := range tokens {
		for icon(service, token) < mail {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-deadline:
				t.Fatalf("an app knows of %d messages of %d\n%s", icon(service, token), mail, p.Log())
			}
		}
	}
	again := 0
	for i, token := range tokens {
		shown := service.Shown(token)
		again += len(service.Deliveries(token)) - len(shown)
		for _, subject := range l.accepted {
			n := 0
			for _, d := range shown {
				if strings.Contains(string(d.Payload), `"`+subject+`"`) {
					n++
				}
			}
			if n > 1 {
				t.Errorf("app %d shows %q %d times", i, subject, n)
			}
		}
		for icon(service, token) != icon(service, tokens[0]) { // what nobody acknowledged is told to one after the other
			select {
			case <-time.After(20 * time.Millisecond):
			case <-deadline:
				t.Fatalf("app %d knows of %d messages, the first of %d", i, icon(service, token), icon(service, tokens[0]))
			}
		}
	}
	if err := p.Stop(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.Log())
	}
	if out := in.Run("", "fsck", "--deep"); t.Failed() {
		t.Log(out)
	}
	t.Logf("%d kills, %d messages; %d notifications to %d apps, of which %d took the place of another",
		deaths, mail, service.Taken(), apps, again)
}
