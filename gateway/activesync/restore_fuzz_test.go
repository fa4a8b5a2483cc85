package activesync_test

import (
	"context"
	"encoding/binary"
	"testing"

	"martlet/gateway/activesync"
	"martlet/gateway/hold"
	"martlet/push"
	"martlet/sync/engine"
)

// FuzzRestore makes held requests of whatever another process says that they are:
// what is made must answer, and must describe itself as it was described.
func FuzzRestore(f *testing.F) {
	h := build(f)
	p := newPhone(f, h, "iphone", "16.1")
	p.ready()
	hub := push.NewHub()
	eas, err := activesync.New(activesync.Config{
		Store: h.store, Directory: h.directory, Devices: h.devices, Mailboxes: h.mailboxes, Router: h.router, Hub: hub,
		Engine: engine.New(engine.Config{Store: h.store, Devices: h.devices, Source: h.mailboxes}),
		Holder: hold.New(hold.Config{Hub: hub}),
	})
	if err != nil {
		f.Fatal(err)
	}
	state := func(code, version, flags byte, device string) []byte {
		b := []byte{1, code, version, flags}
		return append(binary.BigEndian.AppendUint64(b, uint64(h.account.ID)), device...)
	}
	for _, version := range []byte{0, 5, 25, 121, 140, 160, 161, 255} {
		f.Add(state(0, version, 0, "iphone"))
		f.Add(state(18, version, 1, "iphone"))
	}
	f.Add(state(9, 161, 0, "iphone"))
	f.Add(state(18, 161, 0, "other"))
	f.Add(state(0xff, 161, 0, "iphone"))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, state []byte) {
		a, own, _, err := eas.Restore(context.Background(), state)
		if err != nil {
			return
		}
		if own.Mailbox == 0 || own.Folders == 0 {
			t.Errorf("waits for nothing: %+v", own)
		}
		again, _, _, err := eas.Restore(context.Background(), a.State())
		if err != nil || string(again.State()) != string(a.State()) {
			t.Errorf("%x is %x again: %v", state, a.State(), err)
		}
		_, _ = a.Answer(context.Background(), hold.Woken)
		for _, why := range []hold.Reason{hold.TimedOut, hold.Superseded, hold.Stopping} {
			if answer, done := a.Answer(context.Background(), why); !done || answer.Status == 0 {
				t.Errorf("%v: no answer", why)
			}
		}
	})
}
