package phone_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

func newPhone(t *testing.T, s *server, edit func(*phone.Config)) *phone.Phone {
	t.Helper()
	cfg := phone.Config{URL: s.URL, User: "ada@example.org", Password: "secret", DeviceID: "PHONE1", HTTPClient: s.Client()}
	if edit != nil {
		edit(&cfg)
	}
	p, err := phone.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ready is a phone that is provisioned and knows its folders.
func ready(t *testing.T, s *server, edit func(*phone.Config)) *phone.Phone {
	t.Helper()
	p := newPhone(t, s, edit)
	if _, err := p.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.FolderSync(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func both(t *testing.T, test func(t *testing.T, edit func(*phone.Config))) {
	t.Run("plain query", func(t *testing.T) { test(t, nil) })
	t.Run("base64 query", func(t *testing.T) { test(t, func(c *phone.Config) { c.Base64Query = true }) })
}

func checkOdd(t *testing.T, p *phone.Phone) {
	t.Helper()
	for _, odd := range p.Odd() {
		t.Error(odd)
	}
}

func subjects(p *phone.Phone) string {
	var out []string
	for _, item := range p.View(inbox) {
		out = append(out, item.Subject)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestFirstContact(t *testing.T) {
	both(t, func(t *testing.T, edit func(*phone.Config)) {
		s := newServer(t)
		p := newPhone(t, s, edit)
		offer, err := p.Options(t.Context())
		if err != nil || !slices.Contains(offer.Versions, "16.1") || !slices.Contains(offer.Commands, "Ping") {
			t.Fatalf("%+v, %v", offer, err)
		}
		for _, find := range []func(context.Context, string) (string, error){p.Autodiscover, p.AutodiscoverJSON} {
			if url, err := find(t.Context(), "ada@example.org"); err != nil || url != s.URL+"/Microsoft-Server-ActiveSync" {
				t.Fatalf("%q, %v", url, err)
			}
		}
		if _, err := p.FolderSync(t.Context()); !errors.Is(err, phone.ErrProvision) {
			t.Fatalf("FolderSync before Provision: %v", err)
		}
		if _, err := p.Settings(t.Context(), &eas.Settings{}); !errors.Is(err, phone.ErrProvision) {
			t.Fatalf("Settings before Provision: %v", err)
		}
		policy, err := p.Provision(t.Context())
		if err != nil || policy.Key != 4711 || policy.Policy == nil || !*policy.Policy.DevicePasswordEnabled {
			t.Fatalf("%+v, %v", policy, err)
		}
		if changes, err := p.FolderSync(t.Context()); err != nil || len(changes.Adds) != 2 {
			t.Fatalf("%+v, %v", changes, err)
		}
		if f, err := p.Folder(eas.FolderInbox); err != nil || f.ServerID != inbox {
			t.Errorf("%+v, %v", f, err)
		}
		if err := p.SendDeviceInformation(t.Context()); err != nil {
			t.Error(err)
		}
		if got, err := p.Addresses(t.Context()); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
		checkOdd(t, p)
	})
}

func TestWrongPasswordIsAnHTTPError(t *testing.T) {
	p := newPhone(t, newServer(t), func(c *phone.Config) { c.Password = "wrong" })
	var refused *phone.HTTPError
	if _, err := p.FolderSync(t.Context()); !errors.As(err, &refused) || refused.Status != 401 {
		t.Errorf("got %v", err)
	}
}

func TestSyncBringsEverythingInWindows(t *testing.T) {
	both(t, func(t *testing.T, edit func(*phone.Config)) {
		s := newServer(t)
		p := ready(t, s, edit)
		s.deliver(add("5:1", "a"), add("5:2", "b"), add("5:3", "c"),
			eas.SyncResponseCommand{Change: &eas.SyncServerChange{ServerID: "5:1", ApplicationData: &eas.Email{Read: new(bool)}}},
			eas.SyncResponseCommand{Delete: &eas.SyncServerDelete{ServerID: "5:2"}})
		got, err := p.Sync(t.Context(), inbox, phone.SyncOptions{})
		if err != nil || !got.More || len(got.Added) != 2 || subjects(p) != "a b" {
			t.Fatalf("%+v, %v, %s", got, err, subjects(p))
		}
		got, err = p.Sync(t.Context(), inbox, phone.SyncOptions{All: true})
		if err != nil || got.More || got.Rounds != 2 || len(got.Changed) != 1 || len(got.Deleted) != 1 || subjects(p) != "a c" {
			t.Fatalf("%+v, %v, %s", got, err, subjects(p))
		}
		if item := p.View(inbox)["5:3"]; item.BodySize != 500 || len(item.Preview) != 256 {
			t.Errorf("%+v", item)
		}
		got, err = p.Sync(t.Context(), inbox, phone.SyncOptions{})
		if err != nil || len(got.Added) != 0 || got.Rounds != 1 {
			t.Errorf("nothing new: %+v, %v", got, err)
		}
		checkOdd(t, p)
	})
}

func TestLostAnswersChangeNothingInTheEnd(t *testing.T) {
	for fate, name := range map[phone.Fate]string{phone.AnswerLost: "answer lost", phone.Repeated: "repeated", phone.RequestLost: "request lost"} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			var bad atomic.Bool
			p := ready(t, s, func(c *phone.Config) {
				c.Fate = func(string) phone.Fate {
					if bad.Swap(false) {
						return fate
					}
					return phone.Delivered
				}
			})
			for i := range 5 {
				s.deliver(add(fmt.Sprintf("5:%d", i), fmt.Sprint(i)))
				bad.Store(true)
				_, err := p.Sync(t.Context(), inbox, phone.SyncOptions{All: true})
				if fate != phone.Repeated {
					if !errors.Is(err, phone.ErrLost) {
						t.Fatalf("got %v, want ErrLost", err)
					}
					_, err = p.Sync(t.Context(), inbox, phone.SyncOptions{All: true})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			bad.Store(true)
			err := p.SendMail(t.Context(), "once", []byte("Subject: x\r\n\r\n"), true)
			if fate != phone.Repeated {
				if !errors.Is(err, phone.ErrLost) {
					t.Fatalf("got %v, want ErrLost", err)
				}
				err = p.SendMail(t.Context(), "once", []byte("Subject: x\r\n\r\n"), true)
			}
			if err != nil || s.sent["once"] != 1 {
				t.Errorf("%v, sent %d times", err, s.sent["once"])
			}
			if subjects(p) != "0 1 2 3 4" {
				t.Errorf("the view is %s", subjects(p))
			}
			checkOdd(t, p)
		})
	}
}

func TestStaleKeyMakesThePhoneStartAnew(t *testing.T) {
	s := newServer(t)
	p := ready(t, s, nil)
	s.deliver(add("5:1", "a"))
	if _, err := p.Sync(t.Context(), inbox, phone.SyncOptions{}); err != nil {
		t.Fatal(err)
	}
	p.SetSyncKey(inbox, "999")
	var status *phone.StatusError
	if _, err := p.Sync(t.Context(), inbox, phone.SyncOptions{}); !errors.As(err, &status) || status.Status != uint16(eas.SyncStatusInvalidSyncKey) {
		t.Fatalf("got %v", err)
	}
	if len(p.View(inbox)) != 0 || p.SyncKey(inbox) != "" {
		t.Error("the phone kept its state")
	}
	if _, err := p.Sync(t.Context(), inbox, phone.SyncOptions{}); err != nil || subjects(p) != "a" {
		t.Errorf("%v, %s", err, subjects(p))
	}
	checkOdd(t, p)
}

func TestOwnChangesEnterTheViewUnlessRefused(t *testing.T) {
	s := newServer(t)
	p := ready(t, s, nil)
	s.deliver(add("5:1", "a"), add("5:2", "b"))
	if _, err := p.Sync(t.Context(), inbox, phone.SyncOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := p.Sync(t.Context(), inbox, phone.SyncOptions{NoChanges: true, Commands: []eas.SyncCommand{
		phone.MarkRead("5:1", true), phone.Delete("5:2"), phone.Fetch("5:1"), phone.MarkRead("5:404", true),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if view := p.View(inbox); len(view) != 1 || !view["5:1"].Read || !s.read["5:1"] {
		t.Errorf("view %v", view)
	}
	if len(got.Fetched) != 1 || *got.Fetched[0].Email.Subject != "fetched" || len(got.Replies) != 2 {
		t.Errorf("%+v", got)
	}
	checkOdd(t, p)
}

func TestOddServersAreNoticed(t *testing.T) {
	s := newServer(t)
	p := ready(t, s, nil)
	s.deliver(add("5:1", "a"), add("5:1", "a"), eas.SyncResponseCommand{Delete: &eas.SyncServerDelete{ServerID: "5:7"}},
		eas.SyncResponseCommand{Change: &eas.SyncServerChange{ServerID: "5:8", ApplicationData: &eas.Email{}}})
	if _, err := p.Sync(t.Context(), inbox, phone.SyncOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	if len(p.Odd()) != 3 {
		t.Errorf("noticed %q", p.Odd())
	}
}

func TestPingWakesThePhone(t *testing.T) {
	both(t, func(t *testing.T, edit func(*phone.Config)) {
		s := newServer(t)
		p := ready(t, s, edit)
		short, err := p.Ping(t.Context(), 10*time.Second, inbox)
		if err == nil || short.Status != eas.PingStatusHeartbeatOutOfRange || short.Heartbeat != time.Minute {
			t.Fatalf("%+v, %v", short, err)
		}
		for _, again := range []bool{false, true} {
			done := make(chan error, 1)
			go func() {
				var got phone.PingResult
				var err error
				if again {
					got, err = p.Ping(t.Context(), 0)
				} else {
					got, err = p.Ping(t.Context(), 8*time.Minute, inbox)
				}
				if err == nil && (got.Status != eas.PingStatusChanges || !slices.Equal(got.Folders, []string{inbox})) {
					err = fmt.Errorf("%+v", got)
				}
				done <- err
			}()
			s.deliver(add("5:1", "a"))
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestItemsFoldersAndAttachments(t *testing.T) {
	both(t, func(t *testing.T, edit func(*phone.Config)) {
		s := newServer(t)
		p := ready(t, s, edit)
		ctx := t.Context()
		s.deliver(add("5:1", "a"), add("5:2", "b"), add("5:3", "c"))
		if _, err := p.Sync(ctx, inbox, phone.SyncOptions{}); err != nil {
			t.Fatal(err)
		}
		if n, err := p.GetItemEstimate(ctx, inbox); err != nil || n != 1 {
			t.Errorf("estimate %d, %v", n, err)
		}
		moved, err := p.MoveItems(ctx, inbox, "4", "5:1", "5:9")
		if err != nil || moved[0].DstMsgID != "4:9" || !slices.Equal(slices.Collect(maps.Keys(p.View(inbox))), []string{"5:2"}) {
			t.Errorf("%+v, %v, %v", moved, err, p.View(inbox))
		}
		s.deliver(eas.SyncResponseCommand{Delete: &eas.SyncServerDelete{ServerID: "5:1"}}) // the move, told again
		if _, err := p.Sync(ctx, inbox, phone.SyncOptions{All: true}); err != nil {
			t.Error(err)
		}
		if e, err := p.Fetch(ctx, inbox, "5:2", phone.FetchOptions{MIME: true}); err != nil || *e.Subject != "whole" {
			t.Errorf("%+v, %v", e, err)
		}
		if e, err := p.Fetch(ctx, inbox, "5:2", phone.FetchOptions{Multipart: true}); err != nil || *e.Body.Data != "body in a part" {
			t.Errorf("%+v, %v", e, err)
		}
		if a, err := p.FetchAttachment(ctx, "5:2:1", phone.FetchOptions{Range: "0-5"}); err != nil || string(a.Data) != "inline" {
			t.Errorf("%+v, %v", a, err)
		}
		if a, err := p.FetchAttachment(ctx, "5:2:1", phone.FetchOptions{Multipart: true}); err != nil || string(a.Data) != "in parts" {
			t.Errorf("%+v, %v", a, err)
		}
		var status *phone.StatusError
		if _, err := p.FetchAttachment(ctx, "gone", phone.FetchOptions{}); !errors.As(err, &status) || status.Name != "InvalidAttachment" {
			t.Errorf("got %v", err)
		}
		if kind, data, err := p.GetAttachment(ctx, "5:2:1"); err != nil || kind != "text/plain" || string(data) != "content of 5:2:1" {
			t.Errorf("%s %s %v", kind, data, err)
		}
		if err := p.EmptyFolder(ctx, "4", true); err != nil {
			t.Error(err)
		}
		if id, err := p.FolderCreate(ctx, "0", "New", eas.FolderUserMail); err != nil || id != "20" || len(p.Folders()) != 3 {
			t.Errorf("%s, %v", id, err)
		}
		if _, err := p.FolderSync(ctx); err == nil {
			t.Error("the server does not know key 2")
		}
		if len(p.Folders()) != 0 || p.FolderKey() != "0" {
			t.Error("the phone kept the hierarchy of a stale key")
		}
		if traffic := p.Traffic(); traffic.Requests == 0 || traffic.Sent == 0 || traffic.Received == 0 {
			t.Errorf("%+v", traffic)
		}
		checkOdd(t, p)
	})
}
