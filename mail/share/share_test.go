package share

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

const (
	read     = mail.MayRead
	write    = mail.MayRead | mail.MayWrite
	see      = mail.MayRead | mail.MaySee
	delegate = mail.MayRead | mail.MayWrite | mail.MaySee | mail.MayDelegate
)

func TestWhatWasGrantedIsAmongTheFoldersAndGoesWhenRevoked(t *testing.T) {
	h := newHouse(t, "anna", "bob", "carl")
	h.sees("bob")
	cal := h.role("anna", mail.RoleCalendar)
	h.grant("anna", cal, "bob", read)
	h.sees("bob", "Anna Example: Calendar r")
	h.sees("carl")
	h.sees("anna")
	h.grant("anna", cal, "bob", write)
	h.sees("bob", "Anna Example: Calendar rw")
	h.revoke("anna", cal, "bob")
	h.sees("bob")
	if err := h.Revoke(t.Context(), h.box("anna"), cal, h.to("bob")); !errors.Is(err, ErrNoGrant) {
		t.Errorf("revoked twice: %v", err)
	}
}

func TestTwoGrantsToOnePersonAddUp(t *testing.T) {
	h := newHouse(t, "anna", "bob")
	h.groups("team: bob", "all: team")
	cal := h.role("anna", mail.RoleCalendar)
	h.grant("anna", cal, "@team", see)
	h.grant("anna", cal, "*", read)
	h.grant("anna", cal, "bob", write)
	h.sees("bob", "Anna Example: Calendar rws")
	h.revoke("anna", cal, "bob")
	h.sees("bob", "Anna Example: Calendar rs")
	h.revoke("anna", cal, "@team")
	h.sees("bob", "Anna Example: Calendar r")
	h.grant("anna", cal, "@all", delegate) // through a group within the group
	h.sees("bob", "Anna Example: Calendar rwsd")
	h.view(func(tx *store.Tx) error {
		r, err := h.Rights(tx, h.box("anna"), cal, h.id("bob"))
		if r != delegate || err != nil {
			t.Errorf("rights %#x, %v", r, err)
		}
		return nil
	})
}

func TestGroupsWithinGroupsCount(t *testing.T) {
	h := newHouse(t, "anna", "bob", "carl")
	h.groups("one: two bob", "two: three", "three: carl")
	h.grant("anna", h.role("anna", mail.RoleTasks), "@two", write)
	h.grant("anna", h.role("anna", mail.RoleNotes), "@one", read)
	h.sees("bob", "Anna Example: Notes r")
	h.sees("carl", "Anna Example: Notes r", "Anna Example: Tasks rw")
	h.groups("three:")
	h.sees("carl")
	h.sees("bob", "Anna Example: Notes r")
	// A cycle is no directory at all.
	f, err := directory.ParseFile(strings.NewReader("[[group]]\naddress = \"three@example.org\"\nmembers = [\"one@example.org\"]\n"), "directory.toml")
	if err == nil {
		_, err = h.directory.Apply(t.Context(), f, false)
	}
	if !errors.Is(err, directory.ErrBadValue) {
		t.Errorf("groups in a circle: %v", err)
	}
}

func TestTheOwnerInAGroupGetsNoLinkToHerOwnFolder(t *testing.T) {
	h := newHouse(t, "anna", "bob")
	h.groups("team: anna bob")
	cal := h.role("anna", mail.RoleCalendar)
	h.grant("anna", cal, "@team", write)
	h.grant("anna", cal, "*", write)
	h.sees("anna")
	h.sees("bob", "Anna Example: Calendar rw")
}

func TestWhatCannotBeGrantedIsRefused(t *testing.T) {
	h := newHouse(t, "anna", "bob")
	h.groups("team: bob")
	cal, box := h.role("anna", mail.RoleCalendar), h.box("anna")
	h.grant("anna", cal, "bob", read)
	h.sees("bob", "Anna Example: Calendar r")
	var link mail.FolderID
	h.view(func(tx *store.Tx) error {
		links, err := h.mailboxes.Links(tx, h.box("bob"))
		link = links[0].ID
		return err
	})
	public, err := h.CreatePublic(t.Context(), "Rooms", mail.ClassCalendar)
	if err != nil {
		t.Fatal(err)
	}
	var pub mail.MailboxID
	h.view(func(tx *store.Tx) (err error) { pub, err = h.PublicMailbox(tx); return err })
	bob := h.to("bob")
	for text, c := range map[string]struct {
		g    Grant
		want error
	}{
		"to the owner":                  {Grant{box, cal, h.to("anna"), read}, ErrOwner},
		"no rights":                     {Grant{box, cal, bob, 0}, ErrBadRights},
		"unknown rights":                {Grant{box, cal, bob, 0x80}, ErrBadRights},
		"everybody acting for somebody": {Grant{box, cal, Principal{}, delegate}, ErrBadRights},
		"acting for a public folder":    {Grant{pub, public.ID, bob, delegate}, ErrBadRights},
		"no folder":                     {Grant{box, 999, bob, read}, mail.ErrNoFolder},
		"no mailbox":                    {Grant{999, 1, bob, read}, mail.ErrNoFolder},
		"a link":                        {Grant{h.box("bob"), link, h.to("anna"), read}, ErrIsLink},
		"the recipients":                {Grant{box, h.role("anna", mail.RoleRecipientInfo), bob, read}, ErrNotShareable},
		"the outbox":                    {Grant{box, h.role("anna", mail.RoleOutbox), bob, read}, ErrNotShareable},
		"the journal":                   {Grant{box, h.role("anna", mail.RoleJournal), bob, read}, ErrNotShareable},
		"nobody":                        {Grant{box, cal, Principal{Account: 999}, read}, directory.ErrNoAccount},
		"no group":                      {Grant{box, cal, Principal{Group: "who@example.org"}, read}, directory.ErrNoAddress},
		"a login for a group":           {Grant{box, cal, Principal{Group: "bob@example.org"}, read}, directory.ErrNoAddress},
	} {
		if err := h.Grant(t.Context(), c.g); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", text, err, c.want)
		}
	}
	h.view(func(tx *store.Tx) error {
		if _, err := h.Principal(tx, "nobody@example.org"); !errors.Is(err, directory.ErrNoAddress) {
			t.Errorf("a principal who is nobody: %v", err)
		}
		return nil
	})
}

func TestWhoIsGoneLeavesNoGrantToInherit(t *testing.T) {
	h := newHouse(t, "anna", "bob", "carl")
	h.groups("team: bob carl")
	cal, tasks := h.role("anna", mail.RoleCalendar), h.role("anna", mail.RoleTasks)
	h.grant("anna", cal, "@team", read)
	h.grant("anna", tasks, "bob", read)
	h.grant("carl", h.role("carl", mail.RoleCalendar), "bob", read)
	h.sees("bob", "Anna Example: Calendar r", "Anna Example: Tasks r", "Carl Example: Calendar r")

	// The owner goes, then a group, which comes again with the same address.
	carl := h.id("carl")
	if err := errors.Join(h.directory.RemoveUser(t.Context(), carl), h.mailboxes.Remove(t.Context(), mail.MailboxOf(carl))); err != nil {
		t.Fatal(err)
	}
	h.sees("bob", "Anna Example: Calendar r", "Anna Example: Tasks r")
	everybody := "[[domain]]\nname = \"example.org\"\n[[user]]\nlogin = \"anna@example.org\"\n[[user]]\nlogin = \"bob@example.org\"\n"
	h.apply(everybody, directory.Prune)
	h.sees("bob", "Anna Example: Tasks r")
	h.groups("team: bob")
	h.sees("bob", "Anna Example: Tasks r")

	// A grantee goes.
	if err := h.directory.RemoveUser(t.Context(), h.id("bob")); err != nil {
		t.Fatal(err)
	}
	h.view(func(tx *store.Tx) error {
		grants, err := h.Grants(tx, 0, 0)
		if len(grants) > 0 || err != nil {
			t.Errorf("grants that are left: %+v, %v", grants, err)
		}
		return nil
	})
}

func TestADeletedFolderTakesItsGrantsAlong(t *testing.T) {
	h := newHouse(t, "anna", "bob")
	trips := h.folder("anna", "Trips")
	h.grant("anna", trips, "bob", write)
	h.sees("bob", "Anna Example: Trips rw")
	box := h.box("anna")
	h.update(func(tx *store.Tx) error { return h.mailboxes.DeleteFolder(tx, box, trips) })
	h.sees("bob")
	h.view(func(tx *store.Tx) error {
		grants, err := h.Grants(tx, box, 0)
		if len(grants) > 0 || err != nil {
			t.Errorf("%+v, %v", grants, err)
		}
		return nil
	})
}

func TestAGrantWakesWhoeverIsConcernedAndNobodyElse(t *testing.T) {
	h := newHouse(t, "anna", "bob", "carl")
	h.groups("team: bob")
	if err := h.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	cal := h.role("anna", mail.RoleCalendar)
	watches := map[string]*push.Watch{}
	for _, login := range []string{"bob", "carl"} {
		w := h.hub.Watch(uint64(h.box(login)), uint32(mail.Hierarchy))
		defer w.Close()
		watches[login] = w
	}
	woken := func(login string) bool {
		select {
		case <-watches[login].C():
			return true
		default:
			return false
		}
	}
	settle := func() {
		t.Helper()
		if err := h.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		text      string
		do        func()
		bob, carl bool
	}{
		{"a grant", func() { h.grant("anna", cal, "@team", read) }, true, false},
		{"somebody joins the group", func() { h.groups("team: bob carl") }, false, true},
		{"somebody leaves the group", func() { h.groups("team: carl") }, true, false},
		{"the owner's password", func() {
			if err := h.directory.SetPassword(t.Context(), h.id("anna"), "another"); err != nil {
				t.Fatal(err)
			}
		}, false, false},
		{"a revoke", func() { h.revoke("anna", cal, "@team") }, false, true},
	}
	for _, st := range steps {
		st.do()
		settle()
		if b, c := woken("bob"), woken("carl"); b != st.bob || c != st.carl {
			t.Errorf("%s: bob is woken: %v, carl: %v", st.text, b, c)
		}
	}
}

func TestRefreshCostsOneGetWhenNothingHasChanged(t *testing.T) {
	h := newHouse(t, "anna", "bob")
	reads := func(login string) int {
		n := 0
		r := refresh{s: h.Shares, id: h.id(login), make: true}
		h.view(func(tx *store.Tx) error {
			err := r.look(tx)
			n = tx.Reads()
			return err
		})
		return n
	}
	if n := reads("bob"); n != 1 {
		t.Errorf("without any grants: %d rows read", n)
	}
	cal := h.role("anna", mail.RoleCalendar)
	h.grant("anna", cal, "bob", read)
	h.links("bob")
	if n := reads("bob"); n != 1 {
		t.Errorf("with a link: %d rows read", n)
	}
	h.links("anna")
	if n := reads("anna"); n != 1 {
		t.Errorf("without a link: %d rows read", n)
	}
	box := h.box("bob")
	h.update(func(tx *store.Tx) error { // bob shares nothing: his folders are his business
		_, err := h.mailboxes.CreateFolder(tx, box, 0, "Mine", mail.ClassEmail)
		return err
	})
	if n := reads("bob"); n != 1 {
		t.Errorf("after a change of his own: %d rows read", n)
	}
}

func TestAnEmptyAccountGetsNoMailboxForALink(t *testing.T) {
	h := newHouse(t, "anna")
	h.apply("[[user]]\nlogin = \"new@example.org\"\n")
	h.grant("anna", h.role("anna", mail.RoleCalendar), "*", read)
	if err := h.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.view(func(tx *store.Tx) error {
		if _, err := h.mailboxes.Links(tx, h.box("new")); !errors.Is(err, mail.ErrNoMailbox) {
			t.Errorf("a mailbox was made: %v", err)
		}
		return nil
	})
	h.sees("new", "Anna Example: Calendar r") // it was, when somebody asked
}

func TestManyGrantsAreBounded(t *testing.T) {
	h := newHouse(t, "anna", "bob")
	box, ctx := h.box("anna"), context.Background()
	bob := h.to("bob")
	h.update(func(tx *store.Tx) error {
		for i := range 150 {
			f, err := h.mailboxes.CreateFolder(tx, box, 0, "Folder "+string(rune('a'+i%26))+strings.Repeat("x", i/26), mail.ClassTasks)
			if err != nil {
				return err
			}
			if err := h.GrantIn(tx, Grant{box, f.ID, bob, write}); err != nil {
				return err
			}
		}
		return nil
	})
	if n := len(h.links("bob")); n != 150 {
		t.Errorf("%d links", n)
	}
	cal := h.role("anna", mail.RoleCalendar)
	h.update(func(tx *store.Tx) error {
		for i := range maxGrants { // rows of people who were never there
			k := grantKey{box: box, folder: cal, kind: toAccount, to: directory.AccountID(10_000 + i)}
			if err := setGrant(tx, k, read); err != nil {
				return err
			}
		}
		return nil
	})
	if err := h.Grant(ctx, Grant{box, cal, bob, read}); !errors.Is(err, ErrTooMany) {
		t.Errorf("one grant more than there may be: %v", err)
	}
	h.update(func(tx *store.Tx) error {
		for i := range maxGrants {
			if err := dropGrant(tx, grantKey{box: box, folder: cal, kind: toAccount, to: directory.AccountID(10_000 + i)}); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestADelegateMaySendOnBehalfOfTheOwner(t *testing.T) {
	h := newHouse(t, "boss", "aide", "other")
	h.groups("aides: aide")
	may := func(login string) bool {
		t.Helper()
		ok, err := h.directory.MaySendOnBehalf(t.Context(), h.id(login), "boss@example.org")
		if err != nil {
			t.Fatal(err)
		}
		as, err := h.directory.MaySendAs(t.Context(), h.id(login), "boss@example.org")
		if as || err != nil {
			t.Errorf("%s may send as: %v, %v", login, as, err)
		}
		return ok
	}
	cal := h.role("boss", mail.RoleCalendar)
	h.grant("boss", cal, "other", write)
	if may("aide") || may("other") {
		t.Error("who may write is no delegate")
	}
	h.grant("boss", cal, "@aides", delegate)
	if !may("aide") || may("other") {
		t.Error("the delegate may not, or another may")
	}
	h.view(func(tx *store.Tx) error {
		ids, err := h.Delegates(tx, h.id("boss"))
		if want := []directory.AccountID{h.id("aide")}; !slices.Equal(ids, want) || err != nil {
			t.Errorf("delegates %v, %v", ids, err)
		}
		return nil
	})
	h.groups("aides:")
	if may("aide") {
		t.Error("who left the group still may")
	}
}

func TestPrivateItemsAreBlankedWithoutTheRightToSeeThem(t *testing.T) {
	for _, c := range []struct {
		link mail.Link
		want bool
	}{
		{mail.Link{}, false}, {mail.Link{Box: 1, Folder: 1, Rights: read}, true}, {mail.Link{Box: 1, Folder: 1, Rights: write}, true},
		{mail.Link{Box: 1, Folder: 1, Rights: see}, false}, {mail.Link{Box: 1, Folder: 1, Rights: delegate}, false},
	} {
		if got := Blanks(&mail.Folder{Link: c.link}); got != c.want {
			t.Errorf("%+v: %v", c.link, got)
		}
	}
}
