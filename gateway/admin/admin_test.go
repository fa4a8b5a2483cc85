package admin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/directory/lockout"
	"martlet/mail"
	"martlet/mail/announce"
	"martlet/mail/feedback"
	"martlet/mail/junk"
	"martlet/mail/mailbox"
	"martlet/mail/queue"
	"martlet/mail/quota"
	"martlet/mail/route"
	"martlet/mail/rules"
	"martlet/mail/schedule"
	"martlet/mail/share"
	"martlet/mail/sign"
	"martlet/mail/tlspolicy"
	"martlet/push"
	"martlet/store"
	"martlet/store/archive"
	"martlet/store/blob"
	"martlet/sync/device"
)

func house(t *testing.T) Config {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(store.Config{Path: filepath.Join(dir, "rows")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b, err := blob.Open(blob.Config{Store: s, Path: filepath.Join(dir, "bodies")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	d, err := directory.New(directory.Config{Store: s, HashCost: directory.HashCost{Memory: 16, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Store: s, Blobs: b, Directory: d, Devices: device.New(device.Config{Store: s})}
	c.Mailboxes = mailbox.New(mailbox.Config{Store: s, Blobs: b, Hub: push.NewHub()})
	c.Apps, err = announce.New(announce.Config{Store: s, Directory: d, Mailboxes: c.Mailboxes, Devices: c.Devices})
	if err != nil {
		t.Fatal(err)
	}
	c.Junk = junk.New(junk.Config{Store: s, Blobs: b, Directory: d, Mailboxes: c.Mailboxes, Logger: slog.New(slog.DiscardHandler)})
	c.Guard = lockout.New(lockout.Config{Store: s, Directory: d})
	c.Quota = quota.New(quota.Config{Store: s, Directory: d, Mailboxes: c.Mailboxes})
	c.Shares = share.New(share.Config{Store: s, Directory: d, Mailboxes: c.Mailboxes})
	c.Queue = queue.New(queue.Config{Store: s, Blobs: b})
	c.Rules = rules.New(rules.Config{Store: s, Directory: d, Mailboxes: c.Mailboxes})
	c.Router = route.New(route.Config{Store: s, Directory: d, Mailboxes: c.Mailboxes, Queue: c.Queue, Sorter: c.Rules})
	c.Schedule = schedule.New(schedule.Config{Store: s, Directory: d, Mailboxes: c.Mailboxes, Router: c.Router})
	c.Policies = tlspolicy.New(tlspolicy.Config{Store: s, Silent: true})
	c.Signer = sign.New(sign.Config{Store: s, Directory: d})
	c.Feedback = feedback.New(feedback.Config{Store: s, Directory: d})
	t.Cleanup(func() { c.Router.Close() })
	return c
}

// bothWays runs a test over the socket and in the process itself.
func bothWays(t *testing.T, test func(t *testing.T, c Config, client Client)) {
	t.Run("process", func(t *testing.T) {
		c := house(t)
		test(t, c, Client{New(c)})
	})
	t.Run("socket", func(t *testing.T) {
		c := house(t)
		s := serve(t, t.TempDir(), New(c))
		test(t, c, Client{s})
	})
}

func serve(t *testing.T, folder string, a *Admin) *Socket {
	t.Helper()
	l, err := Listen(folder)
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(a)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Shutdown(context.Background()), <-done); err != nil {
			t.Error(err)
		}
	})
	s, err := Dial(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestEveryErrorSurvivesTheWay(t *testing.T) {
	bothWays(t, func(t *testing.T, _ Config, c Client) {
		ctx := t.Context()
		if _, err := c.AddUser(ctx, NewUser{Login: "ada@example.org", Password: "x"}); !errors.Is(err, directory.ErrNoDomain) {
			t.Errorf("no domain: %v", err)
		}
		if _, err := c.AddUser(ctx, NewUser{Login: "ada@example.org", Password: "x", Domain: true, Admin: true}); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			do   func() error
			want error
		}{
			"taken":      {func() error { _, err := c.AddUser(ctx, NewUser{Login: "Ada@example.org", Password: "x"}); return err }, directory.ErrExists},
			"no address": {func() error { _, err := c.AddUser(ctx, NewUser{Login: "ada"}); return err }, directory.ErrBadAddress},
			"nobody":     {func() error { _, err := c.SetDisabled(ctx, "who@example.org", true); return err }, directory.ErrNoAccount},
			"password":   {func() error { _, err := c.SetPassword(ctx, "ada", ""); return err }, directory.ErrBadPassword},
			"no such":    {func() error { return c.Transport.Call(ctx, "user.fly", Nothing{}, &struct{}{}) }, ErrBadRequest},
			"no stream":  {func() error { return c.Transport.Stream(ctx, "nothing", Nothing{}, io.Discard) }, ErrBadRequest},
		} {
			if err := c.do(); !errors.Is(err, c.want) || errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
	})
}

func TestARemovedUserLeavesNothing(t *testing.T) {
	bothWays(t, func(t *testing.T, h Config, c Client) {
		ctx := t.Context()
		u, err := c.AddUser(ctx, NewUser{Login: "ada@example.org", Password: "x", Domain: true})
		if err != nil {
			t.Fatal(err)
		}
		deliver(t, h, "ada@example.org")
		id := device.ID{Account: directory.AccountID(u.ID), Device: "PHONE"}
		err = h.Store.Update(ctx, func(tx *store.Tx) error { return h.Devices.Save(tx, device.Device{ID: id}) })
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.Apps.Add(ctx, announce.Registration{
			Account: id.Account, Kind: push.FCM, App: "mail", Token: "a-registration-token", Device: "PHONE", Mode: push.Badge,
		}); err != nil {
			t.Fatal(err)
		}
		if u, err = c.RemoveUser(ctx, "ada", false); err != nil || u.Items != 1 || u.Devices != 1 || u.Bytes == 0 {
			t.Errorf("would remove %+v, %v", u, err)
		}
		if users, err := c.ListUsers(ctx); err != nil || len(users) != 1 || users[0].Items != 1 || users[0].Disabled {
			t.Errorf("looking at it removed something: %+v, %v", users, err)
		}
		if _, err := c.RemoveUser(ctx, "ada", true); err != nil {
			t.Fatal(err)
		}
		if users, err := c.ListUsers(ctx); err != nil || len(users) != 0 {
			t.Errorf("%+v, %v", users, err)
		}
		whole(t, c)
		if apps, err := h.Apps.List(ctx, id.Account); err != nil || len(apps) != 0 {
			t.Errorf("%d apps are left, %v", len(apps), err)
		}
		err = h.Store.View(ctx, func(tx *store.Tx) error {
			folders, err := h.Mailboxes.Folders(tx, mail.MailboxOf(id.Account))
			if len(folders) != 0 {
				t.Errorf("%d folders are left, %v", len(folders), err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func deliver(t *testing.T, h Config, address string) {
	t.Helper()
	r, err := h.Directory.Resolve(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	env := mail.Envelope{From: "x@elsewhere.example", To: []mail.Recipient{{Address: address, Local: true, Accounts: r.Accounts}}}
	if err := h.Router.Deliver(t.Context(), env, []byte("Subject: hello\r\n\r\nHello.\r\n")); err != nil {
		t.Fatal(err)
	}
}

func whole(t *testing.T, c Client) {
	t.Helper()
	err := c.Fsck(t.Context(), FsckRequest{Deep: true}, func(e FsckEvent) {
		if e.Problem != nil {
			t.Errorf("%+v", *e.Problem)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPruningUsersWantsAYes(t *testing.T) {
	bothWays(t, func(t *testing.T, h Config, c Client) {
		ctx := t.Context()
		for _, login := range []string{"ada@example.org", "bob@example.org"} {
			if _, err := c.AddUser(ctx, NewUser{Login: login, Password: "x", Domain: true}); err != nil {
				t.Fatal(err)
			}
			deliver(t, h, login)
		}
		f, err := directory.ParseFile(strings.NewReader("[[domain]]\nname='example.org'\n[[user]]\nlogin='ada@example.org'\n"), "d.toml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Apply(ctx, ApplyRequest{File: f, Prune: true}); !errors.Is(err, ErrNeedsYes) {
			t.Errorf("without a yes: %v", err)
		}
		edits, err := c.Apply(ctx, ApplyRequest{File: f, Prune: true, DryRun: true})
		if err != nil || len(edits) != 1 || edits[0].Kind != directory.RemoveUserEdit {
			t.Errorf("a dry run says %+v, %v", edits, err)
		}
		if edits, err = c.Apply(ctx, ApplyRequest{File: f, Prune: true, Yes: true}); err != nil || len(edits) != 1 {
			t.Errorf("%+v, %v", edits, err)
		}
		if users, err := c.ListUsers(ctx); err != nil || len(users) != 1 || users[0].Items != 1 {
			t.Errorf("%+v, %v", users, err)
		}
		whole(t, c)
	})
}

func TestFsckReportsAndGoesOn(t *testing.T) {
	bothWays(t, func(t *testing.T, h Config, c Client) {
		err := h.Store.Update(t.Context(), func(tx *store.Tx) error {
			if err := tx.Set([]byte{byte(store.PrefixAdmin), 0, 0, 0, 0, 0, 0, 0, 9}, nil); err != nil {
				return err
			}
			if err := h.Mailboxes.Ensure(tx, 98); err != nil {
				return err
			}
			return h.Devices.Save(tx, device.Device{ID: device.ID{Account: 99, Device: "LOST"}})
		})
		if err != nil {
			t.Fatal(err)
		}
		var tables, stages []string
		err = c.Fsck(t.Context(), FsckRequest{}, func(e FsckEvent) {
			if e.Problem != nil {
				tables = append(tables, e.Problem.Table)
			}
			if e.Stage != "" {
				stages = append(stages, e.Stage)
			}
		})
		if err != nil || strings.Join(tables, ",") != "directory administrators,device,mailbox" || len(stages) != 22 {
			t.Errorf("problems in %v, stages %v, %v", tables, stages, err)
		}
	})
}

func TestABackupIsAnArchive(t *testing.T) {
	bothWays(t, func(t *testing.T, h Config, c Client) {
		if _, err := c.AddUser(t.Context(), NewUser{Login: "ada@example.org", Password: "x", Domain: true}); err != nil {
			t.Fatal(err)
		}
		deliver(t, h, "ada@example.org")
		var b bytes.Buffer
		if err := c.Backup(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		err := archive.Restore(t.Context(), &b, store.Config{Path: filepath.Join(dir, "rows")}, blob.Config{Path: filepath.Join(dir, "bodies")}, nil)
		if err != nil {
			t.Error(err)
		}
	})
}

// A stream that fails half-way must not look whole, whatever had been written.
func TestAFailedStreamIsAnError(t *testing.T) {
	a := New(house(t))
	a.table["half"] = streamed(func(_ context.Context, _ Nothing, w io.Writer) error {
		if _, err := w.Write([]byte("half of it")); err != nil {
			return err
		}
		return store.ErrDiskFull
	})
	s := serve(t, t.TempDir(), a)
	var b bytes.Buffer
	if err := s.Stream(t.Context(), "half", Nothing{}, &b); !errors.Is(err, store.ErrDiskFull) || b.String() != "half of it" {
		t.Errorf("%q, %v", b.String(), err)
	}
	a.table["panic"] = streamed(func(_ context.Context, _ Nothing, w io.Writer) error {
		if _, err := w.Write([]byte("half of it")); err != nil {
			return err
		}
		panic("the server dies here")
	})
	if err := s.Stream(t.Context(), "panic", Nothing{}, io.Discard); err == nil {
		t.Error("a stream that broke off looks whole")
	}
}

func TestOnlyTheOwnerMayOpenTheSocket(t *testing.T) {
	folder := filepath.Join(t.TempDir(), strings.Repeat("long", 30)) // longer than a socket's name may be
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), folder); !errors.Is(err, ErrNotRunning) {
		t.Errorf("without a server: %v", err)
	}
	a := New(house(t))
	c := Client{serve(t, folder, a)}
	if st, err := c.Status(t.Context()); err != nil || st.Running {
		t.Errorf("%+v, %v", st, err)
	}
	info, err := os.Stat(SocketPath(folder))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	// One that was killed leaves its socket; the next one takes the place.
	other := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: SocketPath(other), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(t.Context(), other); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a socket that was left behind: %v", err)
	}
	serve(t, other, a)
}

func TestKeysAreMadeShownAndRenewed(t *testing.T) {
	bothWays(t, func(t *testing.T, _ Config, c Client) {
		ctx := t.Context()
		if _, err := c.AddUser(ctx, NewUser{Login: "ada@example.org", Password: "correct horse", Domain: true}); err != nil {
			t.Fatal(err)
		}
		if known, err := c.KnownKeys(ctx); err != nil || len(known) != 0 {
			t.Fatal(known, err)
		}
		keys, err := c.SigningKeys(ctx, "example.org")
		if err != nil || len(keys) != 2 || keys[0].State != "waiting" || !strings.HasPrefix(keys[1].Record, "v=DKIM1; k=rsa; p=") || keys[1].Name != keys[1].Selector+"._domainkey.example.org" {
			t.Fatal(keys, err)
		}
		if used, err := c.UseKey(ctx, "example.org", keys[0].Selector); err != nil || used[0].State != "used" {
			t.Error(used, err)
		}
		if _, err := c.RetireKey(ctx, "example.org", keys[0].Selector, false); !errors.Is(err, sign.ErrLastKey) {
			t.Error(err)
		}
		if _, err := c.RotateKeys(ctx, "example.com"); !errors.Is(err, sign.ErrNoDomain) {
			t.Error(err)
		}
		if _, err := c.UseKey(ctx, "example.org", "none"); !errors.Is(err, sign.ErrNoKey) {
			t.Error(err)
		}
		if more, err := c.RotateKeys(ctx, "example.org"); err != nil || len(more) != 2 {
			t.Error(more, err)
		}
	})
}
