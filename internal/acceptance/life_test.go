package acceptance

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// A server that is told to stop asks the phones it holds to come back, each at
// a time of its own, ends soon, and the phones go on with the next one.
func TestStopWithHeldPhones(t *testing.T) {
	h := newHouse(t, allDoors)
	type waiting struct {
		p      *phone.Phone
		inbox  string
		answer <-chan error
	}
	var all []waiting
	for i := range 20 {
		p, inbox := h.settled(fmt.Sprintf("HELD%d", i), eas.V161)
		h.sync(p, inbox, phone.SyncOptions{})
		answer := make(chan error, 1)
		go func() {
			_, err := p.Ping(t.Context(), 10*time.Minute, inbox)
			answer <- err
		}()
		all = append(all, waiting{p, inbox, answer})
	}
	h.held(len(all))
	start := time.Now()
	h.stop()
	slow(t, "the stop", start)
	times := map[string]bool{}
	for _, w := range all {
		var refused *phone.HTTPError
		if err := <-w.answer; !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable || refused.Header.Get("Retry-After") == "" {
			t.Errorf("a held Ping ends with %v, want to be asked to come back", err)
			continue
		}
		times[refused.Header.Get("Retry-After")] = true
	}
	if len(times) < 2 {
		t.Errorf("all are asked to come back at the same time: %v", times)
	}
	h.start()
	for i, w := range all {
		if i < 3 {
			h.well(w.p, w.inbox, fmt.Sprint("after the stop ", i))
		}
	}
	h.server.Kill() // leaves its sockets behind
	h.start()
	h.well(all[3].p, all[3].inbox, "after the kill")
	h.fsck()
}

// What an administrator does to a user counts at once, for phones that are held
// too, and a user who is added again finds a new mailbox.
func TestUsersChangeUnderTheirPhones(t *testing.T) {
	h := newHouse(t, "")
	p, inbox := h.settled("CHANGED", eas.V161)
	h.well(p, inbox, "at first")
	refused := func(what string, want int) {
		t.Helper()
		_, err := p.Sync(t.Context(), inbox, phone.SyncOptions{Window: 10})
		var answer *phone.HTTPError
		if !errors.As(err, &answer) || answer.Status != want {
			t.Errorf("%s: the phone is told %v, want HTTP %d", what, err, want)
		}
	}
	answer := h.pinging(t.Context(), p, inbox)
	h.held(1)
	h.Run("", "user", "disable", robin)
	refused("disabled", http.StatusForbidden)
	h.Run("", "user", "enable", robin)
	h.deliver(letter("enabled again", "…"))
	if got, want := <-answer, fmt.Sprint(eas.PingStatusChanges, []string{inbox}, nil); got != want {
		t.Errorf("the held Ping is answered %s, want %s", got, want)
	}
	h.sync(p, inbox, phone.SyncOptions{})

	h.Run("another\n", "user", "passwd", robin, "--password-stdin")
	refused("another password", http.StatusUnauthorized)
	h.Run(password+"\n", "user", "passwd", robin, "--password-stdin")
	h.well(p, inbox, "the old password again")

	answer = h.pinging(t.Context(), p, inbox)
	h.held(1)
	h.Run("", "user", "remove", robin, "--yes")
	refused("removed", http.StatusUnauthorized)
	var code *textproto.Error
	if err := h.mailer().send(robin, []byte(letter("to nobody", "…"))); !errors.As(err, &code) || code.Code != 550 {
		t.Errorf("mail to a removed user: %v", err)
	}
	h.Run(password+"\n", "user", "add", robin, "--password-stdin")
	if _, err := p.Sync(t.Context(), inbox, phone.SyncOptions{}); !errors.Is(err, phone.ErrProvision) {
		t.Errorf("a phone of before is told %v, want to provision", err)
	}
	p.Forget(inbox)
	p.ForgetFolders()
	inbox = h.settle(p)
	if n := h.sync(p, inbox, phone.SyncOptions{}).Adds; n != 0 {
		t.Errorf("the new mailbox holds %d messages of the old one", n)
	}
	h.well(p, inbox, "to the new mailbox")
	h.fsck()
	h.stop()
	<-answer
}

// Phones come over HTTP/1.1 and HTTP/2 with TLS; a Ping is held over both.
func TestPhonesOverTLS(t *testing.T) {
	h := newHouse(t, allDoors)
	for _, two := range []bool{false, true} {
		transport := &http.Transport{
			ForceAttemptHTTP2: two, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // self-signed
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, h.doors["https"])
			},
		}
		t.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Transport: transport}
		p := h.newPhone(fmt.Sprint("TLS", two), func(c *phone.Config) { c.URL, c.HTTPClient = "https://mail.acceptance.example", client })
		inbox := h.settle(p)
		h.sync(p, inbox, phone.SyncOptions{})
		answer := h.pinging(t.Context(), p, inbox)
		h.held(1)
		h.well(p, inbox, fmt.Sprint("over HTTP/2: ", two))
		if got, want := <-answer, fmt.Sprint(eas.PingStatusChanges, []string{inbox}, nil); got != want {
			t.Errorf("Ping is answered %s, want %s", got, want)
		}
		resp, err := client.Get("https://mail.acceptance.example/healthz")
		if err != nil || resp.ProtoMajor != map[bool]int{false: 1, true: 2}[two] {
			t.Errorf("health: %v, %v", resp, err)
		}
		resp.Body.Close()
	}
}

// Nothing that is said in confidence is in the log, however much it tells.
func TestTheLogKeepsSecrets(t *testing.T) {
	h := newHouse(t, allDoors)
	h.stop()
	h.edit(`level = "warn"`, `level = "debug"`)
	h.start()
	const subject, body = "a confidential subject", "a confidential body"
	p, inbox := h.settled("SECRET", eas.V161)
	h.deliver(letter(subject, body))
	h.sync(p, inbox, phone.SyncOptions{})
	if err := p.SendMail(t.Context(), "", []byte(own(subject)+body), true); err != nil {
		t.Fatal(err)
	}
	wrong := h.newPhone("WRONG", func(c *phone.Config) { c.Password = "a mistyped secret" })
	if _, err := wrong.Options(t.Context()); err == nil {
		t.Error("a wrong password was right")
	}
	for _, auth := range []string{password, "a mistyped secret"} {
		m, err := dialMailer(h.doors["submission"])
		if err != nil {
			t.Fatal(err)
		}
		m.upgrade(t)
		m.say(0, "AUTH PLAIN %s", base64Of([]byte("\x00"+robin+"\x00"+auth)))
		m.conn.Close()
	}
	h.Run("yet another secret\n", "user", "passwd", robin, "--password-stdin")
	h.stop()
	text := h.log.text()
	if !strings.Contains(text, "DEBUG") && !strings.Contains(text, "INFO") {
		t.Fatal("the log tells nothing")
	}
	for _, secret := range []string{password, "a mistyped secret", "yet another secret", subject, body} {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(text, form) {
				t.Errorf("%q is in the log", form)
			}
		}
	}
	for _, encoded := range []string{base64Of([]byte(robin + ":" + password)), base64Of([]byte("\x00" + robin + "\x00" + password))} {
		if strings.Contains(text, encoded) {
			t.Error("credentials are in the log")
		}
	}
}

// Many large messages at once stay within the memory that is set aside for
// them, and what does not fit is asked to come back.
func TestManyLargeMessagesAtOnce(t *testing.T) {
	thorough(t)
	h := newHouse(t, "")
	p, inbox := h.settled("LARGE", eas.V161)
	raw := []byte(letter("large", strings.Repeat(strings.Repeat("x", 70)+"\r\n", 40<<20/72)))
	var wg sync.WaitGroup
	var mu sync.Mutex // guards taken
	taken := 0
	for range 12 {
		wg.Go(func() {
			m, err := dialMailer(h.SMTP)
			if err != nil {
				t.Error(err)
				return
			}
			defer m.conn.Close()
			if err = m.say(250, "EHLO wren.elsewhere.example"); err == nil {
				err = m.send(robin, raw)
			}
			var code *textproto.Error
			if err != nil && (!errors.As(err, &code) || code.Code != 452) {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				taken++
			}
		})
	}
	wg.Wait()
	if got := len(h.sync(p, inbox, phone.SyncOptions{KeepNoMail: true}).Added) + len(p.View(inbox)); got != taken || taken < 4 {
		t.Errorf("%d messages are there, %d were taken", got, taken)
	}
	peak := h.memory("VmHWM:")
	t.Logf("%d of 12 taken; memory: at most %d MiB", taken, peak)
	if peak > 1000 {
		t.Errorf("memory went up to %d MiB", peak)
	}
	h.log.forgive()
	h.well(p, inbox, "after the flood")
}

// Connections that say nothing keep nobody else out.
func TestIdleConnectionsKeepNobodyOut(t *testing.T) {
	h := newHouse(t, "")
	p, inbox := h.settled("AMONG", eas.V161)
	before := h.rss()
	for i := range 2000 {
		conn, err := net.Dial("tcp", h.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 0 {
			fmt.Fprintf(conn, "POST /Microsoft-Server-ActiveSync?Cmd=Sync HTTP/1.1\r\nHost: a\r\nX-Slow: ")
		}
	}
	h.well(p, inbox, "among the idle")
	if after := h.rss(); after-before > growth {
		t.Errorf("2,000 idle connections take %d MiB", after-before)
	}
}

// upgrade begins TLS and says EHLO again.
func (m *mailer) upgrade(t *testing.T) {
	t.Helper()
	if err := errors.Join(m.say(250, "EHLO wren"), m.say(220, "STARTTLS")); err != nil {
		t.Fatal(err)
	}
	m.conn = tls.Client(m.conn, &tls.Config{InsecureSkipVerify: true}) // self-signed
	m.text = textproto.NewConn(m.conn)
	if err := m.say(250, "EHLO wren"); err != nil {
		t.Fatal(err)
	}
}
