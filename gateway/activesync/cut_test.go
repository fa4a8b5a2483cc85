package activesync_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// cutAt holds a request that the far side ends at an age.
func (p *phone) cutAt(age time.Duration, cmd, request string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), age)
	defer cancel()
	r := p.request(http.MethodPost, cmd, mustXML(p.t.(*testing.T), request)).WithContext(ctx)
	p.house.handler.ServeHTTP(httptest.NewRecorder(), r)
	if ctx.Err() == nil {
		p.t.Fatalf("%s was answered", cmd)
	}
}

// A proxy that cuts requests after five minutes is learned, told once, and
// answered before; when it is put right, the phone is held as long as it asks.
func TestAPhoneBehindAProxyThatCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, t.TempDir(), 0)
		h.populate(t)
		defer func() { h.close(t) }()
		p := newPhone(t, h, "iphone", "16.1")
		key := p.ready()
		ping := pingOf(3540, "1")
		sync := `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>` + key + `</SyncKey><CollectionId>1</CollectionId></Collection></Collections><HeartbeatInterval>3540</HeartbeatInterval></Sync>`
		held := func(what, cmd, request string, want time.Duration) {
			t.Helper()
			start := time.Now()
			p.send(cmd, request)
			if got := time.Since(start).Truncate(time.Second); got != want {
				t.Errorf("%s: %s is held %v, want %v", what, cmd, got, want)
			}
		}
		p.cutAt(300*time.Second, "Ping", ping)
		p.cutAt(301*time.Second, "Sync", sync)
		if d := h.device(t, "iphone"); d.HeldLimit != 0 {
			t.Errorf("after two it is sure of %d s", d.HeldLimit)
		}
		p.cutAt(300*time.Second, "Ping", ping)
		if d := h.device(t, "iphone"); d.HeldLimit != 300 || d.HeldPeer != "192.0.2.0/24" {
			t.Errorf("learned %d s, %s", d.HeldLimit, d.HeldPeer)
		}
		held("once it is known", "Ping", ping, 285*time.Second)
		held("once it is known", "Sync", sync, 285*time.Second)
		log := h.log.String()
		h.close(t) // another process tries anew
		h = open(t, h.dir, 0)
		p.house, h.account, h.box = h, p.house.account, p.house.box
		p.cutAt(300*time.Second, "Ping", ping) // and it is still so
		held("after a restart", "Ping", ping, 285*time.Second)
		log += h.log.String()
		h.close(t)
		h = open(t, h.dir, 0)
		p.house, h.account, h.box = h, p.house.account, p.house.box
		held("after another restart", "Ping", ping, 3540*time.Second)
		if d := h.device(t, "iphone"); d.HeldLimit != 0 || d.HeldPeer != "" {
			t.Errorf("still %d s, %s", d.HeldLimit, d.HeldPeer)
		}
		held("when it is put right", "Ping", ping, 3540*time.Second)
		log += h.log.String()
		if n := strings.Count(log, "held requests of this device end early"); n != 1 || !strings.Contains(log, "login="+testLogin) {
			t.Errorf("told %d times:\n%s", n, log)
		}
	})
}
