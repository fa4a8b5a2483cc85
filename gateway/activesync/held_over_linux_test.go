package activesync_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"martlet/gateway"
	"martlet/store"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// successor is another server on the same store, as after an upgrade.
func (h *house) successor(t *testing.T) *gateway.Server {
	t.Helper()
	s, err := gateway.New(gateway.Config{
		Store: h.store, Directory: h.directory, Devices: h.devices, Mailboxes: h.mailboxes, Router: h.router, Hub: h.hub, Schedule: h.schedule, Shares: h.shares,
		Engine: engine.New(engine.Config{Store: h.store, Devices: h.devices, Source: h.mailboxes}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		if s.Panics() > 0 {
			t.Error("a request panicked")
		}
	})
	return s
}

// wait sends a command over a real connection and returns where its answer comes.
func (p *phone) wait(address, cmd, request string) <-chan string {
	p.t.Helper()
	body, err := fromXML(request)
	if err != nil {
		p.t.Fatal(err)
	}
	r := p.request(http.MethodPost, cmd, body)
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", address
	c := make(chan string, 1)
	go func() {
		defer close(c)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			p.t.Error(err)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			_, _ = io.Copy(io.Discard, resp.Body)
			p.t.Errorf("HTTP %d", resp.StatusCode)
			return
		}
		c <- p.read(resp).xml
	}()
	return c
}

// A Sync that waits goes to another server as a Ping does: it brings the mail that
// came in between, and what comes later, under the key that the phone has.
func TestAWaitingSyncIsHandedOver(t *testing.T) {
	for name, limit := range map[string]string{"Wait": "<Wait>5</Wait>", "HeartbeatInterval": "<HeartbeatInterval>300</HeartbeatInterval>"} {
		for _, between := range []bool{true, false} {
			h := build(t)
			p := newPhone(t, h, "iphone", "16.1")
			key := p.ready()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- h.server.Serve(l) }()
			c := p.wait(l.Addr().String(), "Sync", strings.Replace(syncRequest(key, ""), "</Collections>", "</Collections>"+limit, 1))
			waitHeld(t, h.server, 1)
			parcels, err := h.server.HandOver(t.Context())
			if err != nil || len(parcels) != 1 {
				t.Fatalf("%d parcels, %v", len(parcels), err)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
			next := h.successor(t)
			if between {
				h.deliver(t, 1, plainMail, 0)
				next.Adopt(t.Context(), parcels)
			} else {
				next.Adopt(t.Context(), parcels)
				waitHeld(t, next, 1)
				h.deliver(t, 1, plainMail, 0)
			}
			doc := <-c
			if strings.Count(doc, "<Add>") != 1 || element(doc, "Subject") != "Hello" {
				t.Errorf("%s: got\n%s", name, doc)
			}
			h.handler = next.Handler()
			if doc := p.sync(element(doc, "SyncKey"), "1", ""); doc != "" {
				t.Errorf("%s: something new after nothing came:\n%s", name, doc)
			}
		}
	}
}

// A device that is blocked while its Sync waits is told so instead of the mail.
func TestABlockedDeviceIsNotSentWhatItWaitedFor(t *testing.T) {
	for name, edit := range map[string]func(*device.Device){
		"blocked": func(d *device.Device) { d.Access = device.AccessBlocked },
		"wiped":   func(d *device.Device) { d.Wipe = device.WipePending },
	} {
		h := build(t)
		p := newPhone(t, h, "iphone", "16.1")
		key := p.ready()
		c := p.later("Sync", strings.Replace(syncRequest(key, ""), "</Collections>", "</Collections><Wait>5</Wait>", 1))
		waitHeld(t, h.server, 1)
		h.update(t, func(tx *store.Tx) error {
			d, err := h.devices.Load(tx, device.ID{Account: h.account.ID, Device: "iphone"})
			if err != nil {
				return err
			}
			edit(&d)
			return h.devices.Save(tx, d)
		})
		h.deliver(t, 1, plainMail, 0)
		if doc := <-c; strings.Contains(doc, "Hello") || element(doc, "Status") == "" {
			t.Errorf("%s: got\n%s", name, doc)
		}
	}
}

// What waits on a connection that the phone has left must not confirm, when mail
// comes, the answer to a newer request, which may not have arrived.
func TestASyncThatIsAnsweredAtOnceEndsTheOneThatWaits(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	key := p.ready()
	c := p.later("Sync", strings.Replace(syncRequest(key, ""), "</Collections>", "</Collections><Wait>5</Wait>", 1))
	waitHeld(t, h.server, 1)
	if doc := p.sync(key, "1", ""); doc != "" {
		t.Errorf("got\n%s", doc)
	}
	if doc := <-c; doc != "" {
		t.Errorf("the one that waited got\n%s", doc)
	}
	waitHeld(t, h.server, 0)
}
