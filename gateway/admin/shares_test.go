package admin

import (
	"errors"
	"slices"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/share"
	"martlet/store"
)

func TestFoldersAreSharedByTheirPath(t *testing.T) {
	bothWays(t, func(t *testing.T, h Config, c Client) {
		ctx := t.Context()
		for _, login := range []string{"anna@example.org", "bob@example.org"} {
			if _, err := c.AddUser(ctx, NewUser{Login: login, Password: "x", Domain: true}); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range []FolderEdit{{Path: "Company", Class: "mail"}, {Path: "Company/Customers", Class: "contacts"}, {Owner: "anna@example.org", Path: "Journeys", Class: "calendar"}} {
			got, err := c.CreateFolder(ctx, f)
			if err != nil || got.Path != f.Path || got.Class != f.Class || got.Owner != f.Owner {
				t.Fatalf("%+v: %+v, %v", f, got, err)
			}
		}
		want := Share{Owner: "anna@example.org", Folder: "Journeys", To: "bob@example.org", Rights: "write"}
		got, err := c.Grant(ctx, ShareRequest{Owner: "anna@example.org", Folder: "journeys", To: "bob@example.org", Rights: "write"})
		if err != nil || !slices.Equal(got, []Share{want}) {
			t.Errorf("%+v, %v", got, err)
		}
		got, err = c.Grant(ctx, ShareRequest{Folder: "Company", To: "everyone", Rights: "read", SeePrivate: true, Below: true})
		public := []Share{
			{Folder: "Company", To: "everyone", Rights: "read", SeePrivate: true}, {Folder: "Company/Customers", To: "everyone", Rights: "read", SeePrivate: true},
		}
		if err != nil || !slices.Equal(got, public) {
			t.Errorf("%+v, %v", got, err)
		}
		all, err := c.Shares(ctx, ShareRequest{All: true})
		if err != nil || !slices.Equal(all, append(slices.Clone(public), want)) {
			t.Errorf("all: %+v, %v", all, err)
		}
		bob, err := h.Directory.AccountByLogin(ctx, "bob@example.org")
		if err != nil {
			t.Fatal(err)
		}
		if linked, err := h.Shares.Refresh(ctx, bob.ID); !linked || err != nil {
			t.Errorf("bob has links: %v, %v", linked, err)
		}
		for text, c := range map[string]struct {
			do   func() error
			want error
		}{
			"to the owner": {func() error {
				_, err := c.Grant(ctx, ShareRequest{Owner: "anna@example.org", Folder: "Journeys", To: "anna@example.org", Rights: "read"})
				return err
			}, share.ErrOwner},
			"to nobody": {func() error {
				_, err := c.Grant(ctx, ShareRequest{Owner: "anna@example.org", Folder: "Journeys", To: "who@example.org", Rights: "read"})
				return err
			}, directory.ErrNoAddress},
			"no such rights": {func() error {
				_, err := c.Grant(ctx, ShareRequest{Folder: "Company", To: "everyone", Rights: "own"})
				return err
			}, directory.ErrBadValue},
			"no such folder": {func() error {
				_, err := c.Grant(ctx, ShareRequest{Folder: "Firm", To: "everyone", Rights: "read"})
				return err
			}, mail.ErrNoFolder},
			"a link": {func() error {
				_, err := c.Grant(ctx, ShareRequest{Owner: "bob@example.org", Folder: "anna@example.org: Journeys", To: "everyone", Rights: "read"})
				return err
			}, share.ErrIsLink},
			"not granted": {func() error {
				_, err := c.Revoke(ctx, ShareRequest{Owner: "anna@example.org", Folder: "Calendar", To: "bob@example.org"})
				return err
			}, share.ErrNoGrant},
			"a default folder": {func() error {
				_, err := c.DeleteFolder(ctx, FolderEdit{Owner: "anna@example.org", Path: "Calendar", Yes: true})
				return err
			}, mail.ErrSystemFolder},
			"its name is taken": {func() error {
				_, err := c.CreateFolder(ctx, FolderEdit{Path: "company", Class: "mail"})
				return err
			}, mail.ErrFolderExists},
		} {
			if err := c.do(); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", text, err, c.want)
			}
		}
		if left, err := c.Revoke(ctx, ShareRequest{Owner: "anna@example.org", Folder: "Journeys", To: "bob"}); err != nil || len(left) != 0 {
			t.Errorf("revoked: %+v, %v", left, err)
		}
	})
}

func TestADeletedFolderIsShownFirst(t *testing.T) {
	bothWays(t, func(t *testing.T, h Config, c Client) {
		ctx := t.Context()
		for _, path := range []string{"Company", "Company/Rooms", "Other"} {
			if _, err := c.CreateFolder(ctx, FolderEdit{Path: path, Class: "calendar"}); err != nil {
				t.Fatal(err)
			}
		}
		for _, yes := range []bool{false, true} {
			gone, err := c.DeleteFolder(ctx, FolderEdit{Path: "Company", Yes: yes})
			if err != nil || len(gone) != 2 || gone[0].Path != "Company" {
				t.Errorf("yes %v: %+v, %v", yes, gone, err)
			}
		}
		if f, err := c.RenameFolder(ctx, FolderEdit{Path: "Other", To: "Another"}); err != nil || f.Path != "Another" {
			t.Errorf("%+v, %v", f, err)
		}
		all, err := c.Folders(ctx, "")
		if err != nil || len(all) != 1 || all[0].Path != "Another" {
			t.Errorf("%+v, %v", all, err)
		}
		a := New(h)
		for _, stage := range a.stages(false) {
			if err := stage.check(ctx, func(p store.Problem) { t.Errorf("%s %s: %s", p.Table, p.Key, p.Text) }); err != nil {
				t.Error(err)
			}
		}
	})
}
