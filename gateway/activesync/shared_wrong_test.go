package activesync_test

import (
	"fmt"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/share"
	"martlet/store"
)

// moveItem moves an item and returns the status and the new id.
func (p *phone) moveItem(id, to string) (status, moved string) {
	p.t.Helper()
	from, _, _ := strings.Cut(id, ":")
	doc := p.send("MoveItems", `<MoveItems xmlns="Move"><Move><SrcMsgId>`+id+`</SrcMsgId><SrcFldId>`+from+`</SrcFldId><DstFldId>`+to+`</DstFldId></Move></MoveItems>`)
	return element(doc, "Status"), element(doc, "DstMsgId")
}

// Who may write, but not see what is private, does not get to see it by taking it
// away, and does not take it away unseen.
func TestAPrivateEventIsNotTakenByWhoMayNotSeeIt(t *testing.T) {
	for _, rights := range []mail.Rights{mail.MayWrite, mail.MayWrite | mail.MaySee} {
		c := newCouple(t, "16.1")
		k := kinds()[0]
		hers := c.anna.collect("7")
		hers.add("1", k.data("16.1", "operation")+`<Sensitivity xmlns="Calendar">2</Sensitivity>`)
		hers.add("2", k.data("16.1", "lunch"))
		c.grant(t, c.folder(t, mail.RoleCalendar), rights)
		c.his.folderSync()
		link := c.linkID(t)
		his := c.his.collect(link)
		doc := his.do("")
		ids := elements(doc, "ServerId")
		if len(ids) != 2 {
			t.Fatalf("he has\n%s", doc)
		}
		for _, id := range ids {
			c.his.moveItem(id, "7")
		}
		own := c.his.collect("7")
		doc = own.do("")
		if strings.Contains(doc, "operation") != (rights&mail.MaySee != 0) || !strings.Contains(doc, "lunch") {
			t.Errorf("rights %d have taken\n%s", rights, doc)
		}
		if rights&mail.MaySee != 0 {
			continue
		}
		c.his.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><EmptyFolderContents><CollectionId xmlns="AirSync">`+link+`</CollectionId></EmptyFolderContents></ItemOperations>`)
		his.do(`<Delete><ServerId>` + ids[0] + `</ServerId></Delete><Delete><ServerId>` + ids[1] + `</ServerId></Delete>`)
		if doc := hers.do(""); strings.Count(doc, "<Delete>") != 1 {
			t.Errorf("she is told\n%s", doc)
		}
		if all := c.kept(t, mail.RoleCalendar); len(all) != 1 || !strings.Contains(all[0].raw, "operation") {
			t.Errorf("she has %+v", all)
		}
	}
}

// inboxLink grants Bob the inbox, and returns the number that it has for him.
func (c *couple) inboxLink(t *testing.T, r mail.Rights) string {
	t.Helper()
	c.grant(t, c.folder(t, mail.RoleInbox), r)
	c.his.folderSync()
	return c.linkID(t)
}

// An answer to what may only be read is sent; nothing is noted there.
func TestAMessageThatMayOnlyBeReadIsAnswered(t *testing.T) {
	for _, cmd := range []string{"SmartReply", "SmartForward"} {
		c := newCouple(t, "16.1")
		letter := c.deliver(t, 1, plainMail, 0)
		link := c.inboxLink(t, mail.MayRead)
		children := `<ClientId>1</ClientId><Source><FolderId>` + link + `</FolderId><ItemId>` + link + `:` + fmt.Sprint(letter.ID) + `</ItemId></Source>` + opaque(mine)
		if a := c.his.smartXML(cmd, children); a.status != 200 || a.xml != "" {
			t.Errorf("%s: HTTP %d\n%s\n%s", cmd, a.status, a.xml, c.log)
		}
		if it := c.item(t, letter); it.LastVerb != 0 || it.Flags != 0 {
			t.Errorf("%s: noted: %+v", cmd, it)
		}
	}
}

// A conversation cannot be sent where nothing may be written, and mail comes in
// whatever has become of the folder that its conversation was sent to.
func TestMailComesInWhenTheFolderOfItsConversationIsOutOfReach(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, c *couple){
		"only to be read": func(t *testing.T, c *couple) { c.grant(t, c.folder(t, mail.RoleInbox), mail.MayRead) },
		"revoked": func(t *testing.T, c *couple) {
			err := c.shares.Revoke(t.Context(), c.box, c.folder(t, mail.RoleInbox), share.Principal{Account: c.bob.ID})
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCouple(t, "16.1")
			link := c.inboxLink(t, mail.MayWrite)
			box := mail.MailboxOf(c.bob.ID)
			send := func(n int) {
				t.Helper()
				raw := fmt.Sprintf("From: anna@example.org\r\nTo: bob@example.org\r\nSubject: Plan\r\nMessage-ID: <%d@example.org>\r\nReferences: <root@example.org>\r\n\r\nHello %d\r\n", n, n)
				doc := c.anna.send("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>`+fmt.Sprint(n)+`</ClientId>`+opaque(raw)+`</SendMail>`)
				if doc != "" {
					t.Fatalf("message %d: %s\n%s", n, doc, c.log)
				}
			}
			count := func() (n uint32) {
				c.update(t, func(tx *store.Tx) error {
					f, err := c.mailboxes.FolderByRole(tx, box, mail.RoleInbox)
					n = f.Items
					return err
				})
				return n
			}
			send(1)
			inbox := c.his.collect("1")
			conversation := element(inbox.do(""), "ConversationId")
			move := func() string {
				return element(c.his.send("ItemOperations", moveRequest(conversation, link, "<Options><MoveAlways/></Options>")), "Status")
			}
			if status := move(); status != "1" {
				t.Fatalf("moved: %s\n%s", status, c.log)
			}
			send(2)
			if n := count(); n != 0 {
				t.Fatalf("%d are in his inbox", n)
			}
			lose(t, c)
			if err := c.shares.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			send(3)
			if n := count(); n != 1 {
				t.Errorf("%d are in his inbox", n)
			}
		})
	}
	c := newCouple(t, "16.1")
	link := c.inboxLink(t, mail.MayRead)
	c.update(t, func(tx *store.Tx) error { return c.mailboxes.Ensure(tx, mail.MailboxOf(c.bob.ID)) })
	raw := "From: bob@example.org\r\nTo: bob@example.org\r\nSubject: Plan\r\n\r\nHello\r\n"
	c.his.send("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>1</ClientId>`+opaque(raw)+`</SendMail>`)
	conversation := element(c.his.collect("1").do(""), "ConversationId")
	doc := c.his.send("ItemOperations", moveRequest(conversation, link, "<Options><MoveAlways/></Options>"))
	if status := element(inner(doc, "Move"), "Status"); status == "1" || status == "3" || strings.Contains(c.log.String(), "level=ERROR") {
		t.Errorf("into what may only be read: %s\n%s", doc, c.log)
	}
}

// A move to another's folder or from there that is repeated, since its answer was
// lost, is answered as the first (MS-ASCMD_R289).
func TestAMoveBetweenMailboxesIsRepeated(t *testing.T) {
	for _, kind := range []string{"TestPhone", "WindowsOutlook15"} {
		c := newCouple(t, "14.1")
		k := kinds()[0]
		c.grant(t, c.folder(t, mail.RoleCalendar), mail.MayWrite)
		c.his.kind = kind
		c.his.folderSync()
		link := c.linkID(t)
		own, shared := c.his.collect("7"), c.his.collect(link)
		shared.do("")
		id := own.add("1", k.data("14.1", "his"))
		for _, to := range []string{link, "7"} {
			status, moved := c.his.moveItem(id, to)
			again, same := c.his.moveItem(id, to)
			if status != "3" || again != status || moved == "" || same != moved {
				t.Errorf("%s to %s: %s %s, then %s %s", kind, to, status, moved, again, same)
			}
			own.do("")
			shared.do("")
			id = moved
		}
		if own, theirs := len(c.keptIn(t, mail.MailboxOf(c.bob.ID), 7)), len(c.kept(t, mail.RoleCalendar)); own != 1 || theirs != 0 {
			t.Errorf("%s: he has %d, she %d", kind, own, theirs)
		}
		// Who has no part in it is not told where it went.
		c.update(t, func(tx *store.Tx) error {
			for ch, err := range c.mailboxes.Changes(tx, c.box, c.folder(t, mail.RoleCalendar), 0) {
				if err != nil {
					return err
				}
				if gone, err := c.mailboxes.Tombstone(tx, c.box, c.folder(t, mail.RoleCalendar), ch.Item); err != nil || gone.MovedTo != (mail.Place{}) {
					t.Errorf("she is told that it went to %+v, %v", gone.MovedTo, err)
				}
			}
			return nil
		})
	}
}

// An invitation in the inbox of another is answered in their name by who acts for
// them, and is done with then; others answer for themselves, and it stays.
func TestAnInvitationInTheInboxOfAnotherIsAnswered(t *testing.T) {
	for _, tt := range []struct {
		inbox, calendar mail.Rights
		stays, hers     bool
	}{
		{mail.MayRead, 0, true, false},
		{mail.MayWrite, 0, true, false},
		{mail.MayRead, mail.MayDelegate, true, true},
		{mail.MayWrite, mail.MayDelegate, false, true},
	} {
		c := newCouple(t, "16.1")
		it := c.deliver(t, 1, invitation, 0)
		link := c.inboxLink(t, tt.inbox)
		if tt.calendar != 0 {
			c.grant(t, c.folder(t, mail.RoleCalendar), tt.calendar)
		}
		doc := c.his.send("MeetingResponse", `<MeetingResponse xmlns="MeetingResponse"><Request><UserResponse>1</UserResponse><CollectionId>`+link+
			`</CollectionId><RequestId>`+link+":"+fmt.Sprint(it.ID)+`</RequestId><SendResponse/></Request></MeetingResponse>`)
		if got := element(doc, "Status"); got != "1" || strings.Contains(c.log.String(), "level=ERROR") {
			t.Errorf("%+v: status %s\n%s\n%s", tt, got, doc, c.log)
		}
		if n := c.items(t, mail.RoleInbox); (n == 1) != tt.stays {
			t.Errorf("%+v: %d are in her inbox", tt, n)
		}
		hers, his := len(c.kept(t, mail.RoleCalendar)), len(c.keptIn(t, mail.MailboxOf(c.bob.ID), 7))
		if (hers == 1) != tt.hers || (his == 1) == tt.hers {
			t.Errorf("%+v: she has %d meetings, he %d", tt, hers, his)
		}
	}
}
