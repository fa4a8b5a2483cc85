package imap_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/imap"
	"martlet/mail/share"
	"martlet/store"
)

// sharing is a house in which folders are shared, and Bob's connection.
type sharing struct {
	*house
	shares *share.Shares
	bob    *wire
}

func newSharing(t *testing.T) *sharing {
	t.Helper()
	s := &sharing{}
	s.house = newHouse(t, func(h *house, c *imap.Config) {
		s.shares = share.New(share.Config{Store: h.store, Directory: h.directory, Mailboxes: h.mailboxes})
		c.Shares = s.shares
	})
	s.bob = s.dial(true)
	s.bob.line()
	s.bob.ok(`LOGIN bob@example.org "` + password + `"`)
	t.Cleanup(func() {
		ctx := context.Background()
		report := func(p store.Problem) { t.Errorf("%s %s: %s", p.Table, p.Key, p.Text) }
		check(t, s.shares.Settle(ctx))
		check(t, s.shares.Check(ctx, report))
	})
	return s
}

func (s *sharing) grant(f mail.FolderID, r mail.Rights) {
	s.t.Helper()
	check(s.t, s.shares.Grant(context.Background(), share.Grant{Box: s.box, Folder: f, To: s.toBob(), Rights: r}))
}

func (s *sharing) toBob() (to share.Principal) {
	s.t.Helper()
	check(s.t, s.store.View(context.Background(), func(tx *store.Tx) (err error) {
		to, err = s.shares.Principal(tx, "bob@example.org")
		return err
	}))
	return to
}

func (s *sharing) says(w *wire, command string, want ...string) {
	s.t.Helper()
	bare := func(all []string) (out []string) { // a name may stand in quotes or not
		for _, l := range all {
			out = append(out, strings.ReplaceAll(l, `"`, ""))
		}
		return out
	}
	if got := w.do("k", command); !slices.Equal(bare(got), bare(want)) {
		s.t.Errorf("%s:\n%s\nwant\n%s", command, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const aliceInbox = `"Other Users/alice@example.org/Inbox"`

func TestFoldersOfOthersStandInNamespacesOfTheirs(t *testing.T) {
	s := newSharing(t)
	s.says(s.bob, "NAMESPACE", `* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Public Folders/" "/"))`, "k OK NAMESPACE completed")
	if all := strings.Join(s.bob.ok(`LIST "" "*"`), "\n"); strings.Contains(all, "Other") {
		t.Errorf("nothing is shared, and listed is\n%s", all)
	}
	s.grant(s.folder(mail.RoleInbox).ID, mail.MayRead)
	s.grant(s.folder(mail.RoleCalendar).ID, mail.MayRead) // holds no mail
	ctx := context.Background()
	for _, path := range []string{"Company", "Company/News"} {
		_, err := s.shares.CreatePublic(ctx, path, mail.ClassEmail)
		check(t, err)
	}
	check(t, s.store.Update(ctx, func(tx *store.Tx) error {
		box, f, err := s.shares.FindPublic(tx, "Company/News")
		if err != nil {
			return err
		}
		return s.shares.GrantIn(tx, share.Grant{Box: box, Folder: f, Rights: mail.MayRead})
	}))
	s.says(s.bob, `LIST "" "O*r*"`,
		`* LIST (\Noselect \HasChildren) "/" "Other Users"`,
		`* LIST (\Noselect \HasChildren) "/" "Other Users/alice@example.org"`,
		`* LIST (\HasNoChildren) "/" "Other Users/alice@example.org/Inbox"`,
		`k OK LIST completed`)
	s.says(s.bob, `LIST "" "Public*"`,
		`* LIST (\Noselect \HasChildren) "/" "Public Folders"`,
		`* LIST (\Noselect \HasChildren) "/" "Public Folders/Company"`,
		`* LIST (\HasNoChildren) "/" "Public Folders/Company/News"`,
		`k OK LIST completed`)
	for _, c := range []string{`CREATE "Other Users/me"`, `CREATE "Public Folders/Company/Mine"`, `RENAME Drafts "Other Users"`, `RENAME INBOX "Public Folders/x"`} {
		s.says(s.bob, c, "k NO [NOPERM] Nothing can be made among the folders of others")
	}
	s.says(s.bob, `DELETE `+aliceInbox, "k NO [CANNOT] This mailbox is needed as it is")
	s.says(s.bob, `RENAME `+aliceInbox+` Mine`, "k NO [CANNOT] This mailbox is needed as it is")
	s.says(s.bob, `SELECT "Public Folders/Company"`, "k NO [CANNOT] This mailbox holds no messages")
}

func TestASharedFolderIsReadAndWrittenByRights(t *testing.T) {
	s := newSharing(t)
	s.fill()
	inbox := s.folder(mail.RoleInbox).ID
	s.grant(inbox, mail.MayRead)
	last := func(all []string) string { return all[len(all)-1] }
	if got := last(s.bob.ok("SELECT " + aliceInbox)); !strings.HasPrefix(got, "k OK [READ-ONLY]") {
		t.Error(got)
	}
	if got := s.bob.ok("FETCH 1:* (UID FLAGS BODY[HEADER.FIELDS (SUBJECT)])"); len(got) < 4 {
		t.Errorf("%q", got)
	}
	for command, want := range map[string]string{
		`STORE 1 +FLAGS (\Seen)`:                  "k NO [READ-ONLY]",
		`MOVE 1 INBOX`:                            "k NO [READ-ONLY]",
		`APPEND ` + aliceInbox + " {3+}\r\nx\r\n": "k NO [NOPERM]",
	} {
		if got := last(s.bob.do("k", command)); !strings.HasPrefix(got, want) {
			t.Errorf("%.30q: %s, want %s", command, got, want)
		}
	}
	if got := last(s.bob.ok("COPY 1 INBOX")); !strings.Contains(got, "COPYUID") {
		t.Error(got)
	}
	s.bob.ok("SELECT INBOX")
	if got := last(s.bob.do("k", "COPY 1 "+aliceInbox)); !strings.HasPrefix(got, "k NO [NOPERM]") {
		t.Error(got)
	}

	// By who may write, everything: what Bob does, Alice sees.
	s.grant(inbox, mail.MayWrite)
	a := s.login()
	a.ok("SELECT INBOX")
	if got := last(s.bob.ok("MOVE 1 " + aliceInbox)); got != "k OK MOVE completed" {
		t.Error(got)
	}
	if got := last(s.bob.ok("SELECT " + aliceInbox)); !strings.HasPrefix(got, "k OK [READ-WRITE]") {
		t.Error(got)
	}
	s.bob.ok(`STORE 2 +FLAGS (\Flagged)`)
	s.bob.ok("APPEND " + aliceInbox + " {3+}\r\nx\r\n")
	s.bob.ok("MOVE 1 INBOX")
	got := strings.Join(a.ok("NOOP"), "\n")
	for _, want := range []string{"* 1 EXPUNGE", `\Flagged`, "* 4 EXISTS"} {
		if !strings.Contains(got, want) {
			t.Errorf("Alice is told\n%s\nwithout %s", got, want)
		}
	}
}

func TestIdleHearsOfChangesInTheFolderOfAnother(t *testing.T) {
	s := newSharing(t)
	s.fill()
	inbox := s.folder(mail.RoleInbox).ID
	s.grant(inbox, mail.MayRead)
	s.bob.ok("SELECT " + aliceInbox)
	s.bob.send("k IDLE\r\n")
	s.bob.until("+")
	s.fill()
	if got := s.bob.until("* 6 EXISTS"); got[len(got)-1] != "* 6 EXISTS" {
		t.Errorf("%q", got)
	}
	// What is revoked is gone, also from under who waits for it.
	check(t, s.shares.Revoke(context.Background(), s.box, inbox, s.toBob()))
	check(t, s.shares.Settle(context.Background()))
	if got := s.bob.until("* BYE"); got[len(got)-1] != "* BYE The selected mailbox is gone" {
		t.Errorf("%q", got)
	}
}

func TestWhatWasRevokedIsGoneWithTheNextCommand(t *testing.T) {
	s := newSharing(t)
	s.fill()
	inbox := s.folder(mail.RoleInbox).ID
	s.grant(inbox, mail.MayRead)
	s.bob.ok("SELECT " + aliceInbox)
	check(t, s.shares.Revoke(context.Background(), s.box, inbox, s.toBob()))
	got := s.bob.do("k", "FETCH 1 BODY[]")
	for _, line := range got {
		if strings.Contains(line, "BODY[]") {
			t.Errorf("%q", got)
		}
	}
}

// Who may not write any more reads on, in a mailbox that was selected for both.
func TestRightsThatWereTakenAwayMakeTheSelectedMailboxReadOnly(t *testing.T) {
	s := newSharing(t)
	s.fill()
	inbox := s.folder(mail.RoleInbox).ID
	s.grant(inbox, mail.MayWrite)
	s.bob.ok("SELECT " + aliceInbox)
	s.grant(inbox, mail.MayRead)
	for command, want := range map[string]string{
		"FETCH 1 BODY[]": "k OK", `STORE 1 +FLAGS (\Flagged)`: "k NO [READ-ONLY]", "EXPUNGE": "k NO [READ-ONLY]", "MOVE 1 INBOX": "k NO [READ-ONLY]", "COPY 1 INBOX": "k OK",
	} {
		got := s.bob.do("k", command)
		if last := got[len(got)-1]; !strings.HasPrefix(last, want) {
			t.Errorf("%s: %s, want %s", command, last, want)
		}
	}
	s.bob.ok("CLOSE")
	a := s.login()
	a.ok("SELECT INBOX")
	if got := strings.Join(a.ok("FETCH 1 FLAGS"), "\n"); strings.Contains(got, "Seen") || strings.Contains(got, "Flagged") {
		t.Error(got)
	}
}

func TestOwnersShareByACL(t *testing.T) {
	s := newSharing(t)
	a := s.login()
	a.ok("CREATE Orders")
	s.says(a, "MYRIGHTS INBOX", "* MYRIGHTS INBOX lrswipkteacd", "k OK MYRIGHTS completed")
	s.says(a, "MYRIGHTS Orders", "* MYRIGHTS Orders lrswipkxteacd", "k OK MYRIGHTS completed")
	s.says(a, "LISTRIGHTS Orders bob@example.org", `* LISTRIGHTS Orders bob@example.org "" lr swited`, "k OK LISTRIGHTS completed")
	s.says(a, "LISTRIGHTS Orders alice@example.org", `* LISTRIGHTS Orders alice@example.org lrswipkxteacd`, "k OK LISTRIGHTS completed")
	shown := func(want string) {
		t.Helper()
		s.says(a, "GETACL Orders", "* ACL Orders alice@example.org lrswipkxteacd"+want, "k OK GETACL completed")
	}
	orders := `"Other Users/alice@example.org/Orders"`
	steps := []struct{ command, acl, mine string }{
		{"SETACL Orders bob@example.org lrs", " bob@example.org lr", "lr"},
		{"SETACL Orders bob@example.org +swite", " bob@example.org lrswited", "lrswited"},
		{"SETACL Orders bob@example.org -swited", " bob@example.org lr", "lr"},
		{"SETACL Orders anyone lrswid", " anyone lrswited bob@example.org lr", "lrswited"},
		{"DELETEACL Orders anyone", " bob@example.org lr", "lr"},
		{`SETACL Orders bob@example.org ""`, "", ""},
		{"DELETEACL Orders bob@example.org", "", ""},
	}
	for _, st := range steps {
		a.ok(st.command)
		shown(st.acl)
		if st.mine == "" {
			s.says(s.bob, "MYRIGHTS "+orders, "k NO [NONEXISTENT] No such mailbox")
			continue
		}
		s.says(s.bob, "MYRIGHTS "+orders, "* MYRIGHTS "+orders+" "+st.mine, "k OK MYRIGHTS completed")
	}
	a.ok("SETACL Orders bob@example.org lrswite")
	for _, command := range []string{"GETACL " + orders, "SETACL " + orders + " anyone lr", "DELETEACL " + orders + " bob@example.org", "LISTRIGHTS " + orders + " anyone"} {
		s.says(s.bob, command, "k NO [NOPERM] Only its owner shares this mailbox")
	}
	for command, want := range map[string]string{
		"SETACL Orders bob@example.org lrw":          "k NO [CANNOT]",
		"SETACL Orders bob@example.org lra":          "k NO [CANNOT]",
		"SETACL Orders bob@example.org lrswipte":     "k NO [CANNOT]",
		"SETACL Orders bob@example.org lrZ":          "k BAD",
		"SETACL Orders who@example.org lr":           "k NO [CANNOT]",
		"SETACL Orders -bob@example.org lr":          "k NO [CANNOT]",
		`SETACL Orders "" lr`:                        "k NO [CANNOT]",
		"SETACL Orders alice@example.org lr":         "k NO [CANNOT]",
		"SETACL Nothing bob@example.org lr":          "k NO [NONEXISTENT]",
		"SETACL Orders bob@example.org":              "k BAD",
		"GETACL \"Other Users/carol@example.org/x\"": "k NO [NONEXISTENT]",
	} {
		got := a.do("k", command)
		if last := got[len(got)-1]; !strings.HasPrefix(last, want) {
			t.Errorf("%s: %s, want %s", command, last, want)
		}
	}
	shown(" bob@example.org lrswited")
}

func TestWithoutSharesThereIsNoACL(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	if got := w.do("k", "MYRIGHTS INBOX"); !strings.HasPrefix(got[0], "k BAD") {
		t.Errorf("%q", got)
	}
	if got := strings.Join(w.ok("CAPABILITY"), ""); strings.Contains(got, "ACL") {
		t.Error(got)
	}
}
