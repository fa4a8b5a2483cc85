package acceptance

import (
	"context"
	"strings"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// Who looks into the log to help somebody finds them there by their login: what
// their phone asked for, and that their password was wrong. What they write,
// search for and prove themselves with is in no line.
func TestTheLogNamesWhoAskedAndNotWhatTheyWrote(t *testing.T) {
	h := newHouse(t, "")
	h.stop()
	h.edit(`level = "warn"`, `level = "info"`)
	h.start()
	p, inbox := h.settled("LOGGED", eas.V161)
	wrong := h.newPhone("WRONG", func(c *phone.Config) { c.Password = "wrong-secret" })
	if _, err := wrong.Options(t.Context()); err == nil {
		t.Fatal("a wrong password lets in")
	}
	stranger := h.newPhone("STRANGER", func(c *phone.Config) { c.User = strings.Repeat("n", 5000) + "@acceptance.example" })
	if _, err := stranger.Options(t.Context()); err == nil {
		t.Fatal("a stranger is let in")
	}
	h.deliver(letter("secret-subject", "secret-body"))
	h.sync(p, inbox, phone.SyncOptions{})
	if err := p.SendMail(t.Context(), "", []byte(own("secret-subject")), true); err != nil {
		t.Fatal(err)
	}
	for _, find := range []func(context.Context) (phone.Hits, error){
		func(ctx context.Context) (phone.Hits, error) {
			return p.Search(ctx, phone.Query{Text: "secret-subject"})
		},
		func(ctx context.Context) (phone.Hits, error) {
			return p.Find(ctx, "9d3c2f0e-52ab-4d1c-9b61-1e0f6f5a2b70", phone.Query{Text: "secret-body"}, false)
		},
		func(ctx context.Context) (phone.Hits, error) {
			return p.SearchPeople(ctx, phone.Query{Text: "secret-name"})
		},
	} {
		if _, err := find(t.Context()); err != nil {
			t.Error(err)
		}
	}
	state, away := eas.OofGlobal, "secret-away"
	if _, err := p.Settings(t.Context(), &eas.Settings{Properties: []eas.SettingsProperty{
		{DevicePassword: &eas.DevicePassword{Set: &eas.DevicePasswordSet{Password: "secret-recovery"}}},
		{Oof: &eas.Oof{Set: &eas.OofState{State: &state, Messages: []eas.OofMessage{
			{AppliesToInternal: true, Enabled: "1", ReplyMessage: &away, BodyType: "Text"},
		}}}},
	}}); err != nil {
		t.Error(err)
	}

	log := h.log.text()
	for _, secret := range []string{"secret-", password, "wrong-secret"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	for _, want := range []string{`"msg":"activesync request"`, `"msg":"login failed"`, `"msg":"new device"`} {
		named := false
		for line := range strings.Lines(log) {
			if len(line) > 1000 {
				t.Errorf("a line of %d bytes: %.100s", len(line), line)
			}
			named = named || strings.Contains(line, want) && strings.Contains(line, `"login":"`+robin+`"`)
		}
		if !named {
			t.Errorf("no line with %s names %s", want, robin)
		}
	}
}
