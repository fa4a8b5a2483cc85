package imap_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"martlet/mail"
	"martlet/store"
)

// The library's client, which was written apart from this server, understands
// everything it is told.
func TestTheLibrarysClientGoesThroughItsDay(t *testing.T) {
	for _, rev2 := range []bool{false, true} {
		t.Run(fmt.Sprint("rev2 ", rev2), func(t *testing.T) {
			h := newHouse(t)
			h.fill()
			c := h.client(nil)
			if rev2 {
				_, err := c.Enable(goimap.CapIMAP4rev2).Wait()
				check(t, err)
			}
			// With IMAP4rev2 the client takes an "&" for the mark of UTF-7 all the same.
			name := "Müll & mehr"
			if rev2 {
				name = "Müll"
			}
			folders(t, c, name)
			reading(t, c)
			writing(t, c)
			check(t, c.Logout().Wait())
		})
	}
}

func folders(t *testing.T, c *imapclient.Client, name string) {
	check(t, c.Create(name, nil).Wait())
	all, err := c.List("", "*", &goimap.ListOptions{ReturnStatus: &goimap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, NumUnseen: true, Size: true}}).Collect()
	check(t, err)
	var names []string
	for _, f := range all {
		names = append(names, f.Mailbox)
		if f.Delim != '/' || f.Status == nil || f.Status.UIDValidity == 0 {
			t.Errorf("listed %+v", f)
		}
		if f.Mailbox == "Sent Items" && !slices.Contains(f.Attrs, goimap.MailboxAttrSent) {
			t.Errorf("Sent Items is %v", f.Attrs)
		}
	}
	if want := "INBOX,Deleted Items,Drafts,Junk E-mail," + name + ",Sent Items"; strings.Join(names, ",") != want {
		t.Errorf("listed %q", names)
	}
	check(t, c.Rename(name, "Alt/Müll", nil).Wait())
	check(t, c.Unsubscribe("Alt/Müll").Wait())
	check(t, c.Subscribe("Alt/Müll").Wait())
	status, err := c.Status("INBOX", &goimap.StatusOptions{NumMessages: true, NumUnseen: true}).Wait()
	check(t, err)
	if *status.NumMessages != 3 || *status.NumUnseen != 3 {
		t.Errorf("status %+v", status)
	}
	space, err := c.Namespace().Wait()
	check(t, err)
	if len(space.Personal) != 1 || space.Personal[0].Delim != '/' {
		t.Errorf("namespace %+v", space)
	}
}

func reading(t *testing.T, c *imapclient.Client) {
	box, err := c.Select("INBOX", nil).Wait()
	check(t, err)
	if box.NumMessages != 3 || box.UIDNext != 4 || box.UIDValidity == 0 {
		t.Errorf("selected %+v", box)
	}
	whole := &goimap.FetchItemBodySection{Peek: true}
	part := &goimap.FetchItemBodySection{Part: []int{2, 1}, Peek: true}
	msgs, err := c.Fetch(goimap.UIDSetNum(1, 2, 3), &goimap.FetchOptions{
		Envelope: true, Flags: true, InternalDate: true, RFC822Size: true, UID: true,
		BodyStructure: &goimap.FetchItemBodyStructure{Extended: true}, BodySection: []*goimap.FetchItemBodySection{whole, part},
	}).Collect()
	check(t, err)
	if len(msgs) != 3 {
		t.Fatalf("%d messages", len(msgs))
	}
	first := msgs[0]
	if first.Envelope.Subject != "Grüße from the lake" || first.Envelope.From[0].Name != "Bob Grün" || first.Envelope.Date.Unix() != time.Date(2026, 11, 19, 8, 10, 11, 0, time.UTC).Unix() ||
		first.Envelope.MessageID != "1@example.org" || !slices.Equal(first.Envelope.InReplyTo, []string{"0@example.org"}) {
		t.Errorf("envelope %+v", first.Envelope)
	}
	if got := len(first.FindBodySection(whole)); int64(got) != first.RFC822Size {
		t.Errorf("%d bytes of %d", got, first.RFC822Size)
	}
	if got := string(msgs[2].FindBodySection(part)); got != "Seventeen candles." {
		t.Errorf("part 2.1 is %q", got)
	}
	var kinds []string
	msgs[2].BodyStructure.Walk(func(path []int, p goimap.BodyStructure) bool {
		kinds = append(kinds, fmt.Sprint(path, p.MediaType()))
		return true
	})
	if got := strings.Join(kinds, " "); got != "[]multipart/mixed [1]text/plain [2]message/rfc822" {
		t.Errorf("structure %s", got)
	}
	if nested := msgs[2].BodyStructure.(*goimap.BodyStructureMultiPart).Children[1].(*goimap.BodyStructureSinglePart).MessageRFC822; nested.Envelope.Subject != "Order 17" {
		t.Errorf("nested %+v", nested.Envelope)
	}
	found, err := c.UIDSearch(&goimap.SearchCriteria{Text: []string{"towel"}}, nil).Wait()
	check(t, err)
	if got := found.AllUIDs(); !slices.Equal(got, []goimap.UID{1}) {
		t.Errorf("found %v", got)
	}
	binary, err := c.Fetch(goimap.UIDSetNum(2), &goimap.FetchOptions{BinarySection: []*goimap.FetchItemBinarySection{{Part: []int{2}, Peek: true}}}).Collect()
	check(t, err)
	if got := string(binary[0].BinarySection[0].Bytes); got != "hello world!\x00" {
		t.Errorf("binary %q", got)
	}
}

func writing(t *testing.T, c *imapclient.Client) {
	a := c.Append("INBOX", 18, &goimap.AppendOptions{Flags: []goimap.Flag{goimap.FlagSeen}, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
	_, err := io.WriteString(a, "Subject: x\r\n\r\nabcd")
	check(t, err)
	check(t, a.Close())
	added, err := a.Wait()
	check(t, err)
	msgs, err := c.Store(goimap.UIDSetNum(added.UID), &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Flags: []goimap.Flag{goimap.FlagFlagged, "work"}}, nil).Collect()
	check(t, err)
	if len(msgs) != 1 || len(msgs[0].Flags) != 3 {
		t.Errorf("stored %+v", msgs)
	}
	copied, err := c.Copy(goimap.UIDSetNum(added.UID), "Drafts").Wait()
	check(t, err)
	if copied.UIDValidity == 0 || len(copied.DestUIDs) != 1 {
		t.Errorf("copied %+v", copied)
	}
	moved, err := c.Move(goimap.UIDSetNum(1), "Alt/Müll").Wait()
	check(t, err)
	if moved.UIDValidity == 0 {
		t.Errorf("moved %+v", moved)
	}
	check(t, c.Store(goimap.UIDSetNum(2, 3), &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Silent: true, Flags: []goimap.Flag{goimap.FlagDeleted}}, nil).Close())
	gone, err := c.UIDExpunge(goimap.UIDSetNum(2)).Collect()
	check(t, err)
	if !slices.Equal(gone, []uint32{1}) {
		t.Errorf("gone %v", gone)
	}
	check(t, c.UnselectAndExpunge().Wait())
	box, err := c.Select("INBOX", &goimap.SelectOptions{ReadOnly: true}).Wait()
	check(t, err)
	if box.NumMessages != 1 {
		t.Errorf("selected %+v", box)
	}
	check(t, c.Unselect().Wait())
	check(t, c.Delete("Alt/Müll").Wait())
}

func TestTheLibrarysClientIdles(t *testing.T) {
	h := newHouse(t)
	news := make(chan uint32, 10)
	c := h.client(&imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				news <- *d.NumMessages
			}
		},
	}})
	_, err := c.Select("INBOX", nil).Wait()
	check(t, err)
	idle, err := c.Idle()
	check(t, err)
	h.deliver(letter, time.Now())
	select {
	case n := <-news:
		if n != 1 {
			t.Errorf("%d messages", n)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("not woken")
	}
	check(t, idle.Close())
	check(t, idle.Wait())
}

func TestStartTLSWithTheLibrarysClient(t *testing.T) {
	h := newHouse(t)
	c, err := imapclient.DialStartTLS(h.plain, &imapclient.Options{TLSConfig: &tls.Config{RootCAs: h.roots, ServerName: "localhost"}})
	check(t, err)
	defer c.Close()
	check(t, c.Login(alice, password).Wait())
	if caps := c.Caps(); caps.Has(goimap.CapLoginDisabled) || !caps.Has(goimap.CapMove) {
		t.Errorf("capabilities %v", caps)
	}
}

// Many messages, more than one transaction or one look takes.
func TestManyMessages(t *testing.T) {
	h := newHouse(t)
	for range 250 {
		h.deliver(letter, time.Now())
	}
	c := h.client(nil)
	_, err := c.Select("INBOX", nil).Wait()
	check(t, err)
	all := goimap.UIDSet{goimap.UIDRange{Start: 1, Stop: 0}}
	copied, err := c.Copy(all, "Drafts").Wait()
	check(t, err)
	if got, _ := copied.DestUIDs.Nums(); len(got) != 250 {
		t.Errorf("%d copied", len(got))
	}
	msgs, err := c.Fetch(all, &goimap.FetchOptions{BodySection: []*goimap.FetchItemBodySection{{}}}).Collect()
	check(t, err)
	if len(msgs) != 250 {
		t.Errorf("%d fetched", len(msgs))
	}
	if f := h.folder(mail.RoleInbox); f.Unread != 0 {
		t.Errorf("%d unread", f.Unread)
	}
	moved, err := c.Move(all, "Deleted Items").Wait()
	check(t, err)
	if got, _ := moved.DestUIDs.(goimap.UIDSet).Nums(); len(got) != 250 {
		t.Errorf("%d moved", len(got))
	}
	if f := h.folder(mail.RoleInbox); f.Items != 0 {
		t.Errorf("%d left", f.Items)
	}
}

// Who logs in and who does not.
func TestLogins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct{ login, password, want string }{
		{"alice", password, "k OK"},
		{alice, "wrong", "k NO [AUTHENTICATIONFAILED]"},
		{"nobody@example.org", password, "k NO [AUTHENTICATIONFAILED]"},
		{"carol@example.org", password, "k NO [AUTHENTICATIONFAILED]"},
		{"dave@example.org", password, "k NO [CONTACTADMIN]"},
	} {
		w := h.dial(true)
		w.line()
		got := w.do("k", fmt.Sprintf("LOGIN %q %q", c.login, c.password))
		if last := got[len(got)-1]; !strings.HasPrefix(last, c.want) {
			t.Errorf("%s: %s", c.login, last)
		}
	}
	if _, err := h.directory.AccountByLogin(context.Background(), alice); err != nil {
		t.Error(err)
	}
}

// A store that was restored gives numbers again: a mail program must not take
// what it knows for what is there.
func TestUIDsOfARestoredStoreAreOthers(t *testing.T) {
	h := newHouse(t)
	validity := func() uint32 {
		c := h.client(nil)
		box, err := c.Select("INBOX", nil).Wait()
		check(t, err)
		added := c.Append("INBOX", 13, nil)
		_, err = io.WriteString(added, "Subject: x\r\n\n")
		check(t, err)
		check(t, added.Close())
		data, err := added.Wait()
		check(t, err)
		if data.UIDValidity != box.UIDValidity {
			t.Errorf("APPEND says %d, SELECT %d", data.UIDValidity, box.UIDValidity)
		}
		return box.UIDValidity
	}
	before := validity()
	check(t, h.store.Update(context.Background(), func(tx *store.Tx) error { return tx.SetRestored(time.Now()) }))
	if after := validity(); after <= before {
		t.Errorf("UIDVALIDITY was %d and is %d", before, after)
	}
}
