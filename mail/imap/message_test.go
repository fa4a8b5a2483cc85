package imap_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
	"martlet/store"
)

// A category of a phone that cannot be an IMAP keyword is not shown, and no mail
// program takes it away.
func TestCategoriesThatAreNoKeywordsStay(t *testing.T) {
	h := newHouse(t)
	it := h.deliver(letter, time.Now())
	h.edit(it.ID, func(it *mail.Item) { it.Keywords = []string{"Red category", "grün", "work"} })
	w := h.login()
	w.ok("SELECT INBOX")
	got := w.ok("FETCH 1 FLAGS")
	if got[len(got)-2] != "* 1 FETCH (FLAGS (work))" {
		t.Errorf("heard %q", got)
	}
	w.ok(`STORE 1 FLAGS (\Seen home)`)
	check(t, h.store.View(context.Background(), func(tx *store.Tx) error {
		it, err := h.mailboxes.Item(tx, h.box, it.Folder, it.ID)
		if want := []string{"Red category", "grün", "home"}; fmt.Sprint(it.Keywords) != fmt.Sprint(want) {
			t.Errorf("the keywords are %q", it.Keywords)
		}
		return err
	}))
}

// The flag of a phone is \Flagged while it is active, and gone with it.
func TestFollowUpFlags(t *testing.T) {
	h := newHouse(t)
	it := h.deliver(letter, time.Now())
	w := h.login()
	w.ok("SELECT INBOX")
	for _, c := range []struct {
		before mail.FollowUpStatus
		store  string
		after  mail.FollowUpStatus
	}{
		{mail.FollowUpNone, `+FLAGS (\Flagged)`, mail.FollowUpActive},
		{mail.FollowUpActive, `+FLAGS (\Flagged)`, mail.FollowUpActive},
		{mail.FollowUpActive, `-FLAGS (\Seen)`, mail.FollowUpActive},
		{mail.FollowUpActive, `-FLAGS (\Flagged)`, mail.FollowUpNone},
		{mail.FollowUpActive, `FLAGS ()`, mail.FollowUpNone},
		{mail.FollowUpComplete, `FLAGS ()`, mail.FollowUpComplete}, // done is not flagged
		{mail.FollowUpComplete, `-FLAGS (\Flagged)`, mail.FollowUpComplete},
		{mail.FollowUpComplete, `+FLAGS (\Flagged)`, mail.FollowUpActive},
	} {
		h.edit(it.ID, func(it *mail.Item) { it.FollowUp = mail.FollowUp{Status: c.before} })
		w.ok("STORE 1 " + c.store)
		var got mail.Item
		check(t, h.store.View(context.Background(), func(tx *store.Tx) (err error) {
			got, err = h.mailboxes.Item(tx, h.box, it.Folder, it.ID)
			return err
		}))
		if got.FollowUp.Status != c.after {
			t.Errorf("%d and %s make %d, want %d", c.before, c.store, got.FollowUp.Status, c.after)
		}
	}
}

// Folders that phones name as they like.
func TestNamesThatOnlyAPhoneGives(t *testing.T) {
	h := newHouse(t)
	check(t, h.store.Update(context.Background(), func(tx *store.Tx) error {
		for _, name := range []string{"Sea/Lake", "100%", "a*b", `quo"te`, "INBOX.old", "ünï"} {
			if _, err := h.mailboxes.CreateFolder(tx, h.box, 0, name, mail.ClassEmail); err != nil {
				return err
			}
		}
		tasks, err := h.mailboxes.CreateFolder(tx, h.box, 0, "Chores", mail.ClassTasks)
		if err == nil {
			_, err = h.mailboxes.CreateFolder(tx, h.box, tasks.ID, "Letters", mail.ClassEmail)
		}
		return err
	}))
	c := h.client(nil)
	all, err := c.List("", "*", nil).Collect()
	check(t, err)
	seen := map[string]bool{}
	for _, f := range all {
		seen[f.Mailbox] = true
		if _, err := c.Select(f.Mailbox, nil).Wait(); (err != nil) != (f.Mailbox == "Chores") {
			t.Errorf("SELECT %q: %v", f.Mailbox, err)
		}
	}
	for _, want := range []string{"Sea\u2215Lake", "100%", "a*b", `quo"te`, "INBOX.old", "ünï", "Chores", "Chores/Letters"} {
		if !seen[want] {
			t.Errorf("%q is not listed", want)
		}
	}
	check(t, c.Rename("Sea\u2215Lake", "Pond\u2215Lake", nil).Wait())
	check(t, h.store.View(context.Background(), func(tx *store.Tx) error {
		folders, err := h.mailboxes.Folders(tx, h.box)
		for _, f := range folders {
			if f.Name == "Pond/Lake" {
				return err
			}
		}
		t.Error("the phone does not have Pond/Lake")
		return err
	}))
}

// A message that is read piece by piece comes whole; NUL, which no literal may
// hold, is replaced.
func TestALargeMessageComesWhole(t *testing.T) {
	h := newHouse(t)
	raw := "Subject: large\n\n" + strings.Repeat(strings.Repeat("y", 76)+"\n", 20_000) + "a\x00b\n"
	h.deliver(raw, time.Now())
	c := h.client(nil)
	_, err := c.Select("INBOX", nil).Wait()
	check(t, err)
	whole, tail := &goimap.FetchItemBodySection{Peek: true}, &goimap.FetchItemBodySection{Peek: true, Partial: &goimap.SectionPartial{Offset: 1_500_000, Size: 10_000}}
	msgs, err := c.Fetch(goimap.SeqSetNum(1), &goimap.FetchOptions{BodySection: []*goimap.FetchItemBodySection{whole, tail}, BodyStructure: &goimap.FetchItemBodyStructure{}}).Collect()
	check(t, err)
	want := []byte(strings.ReplaceAll(strings.ReplaceAll(raw, "\n", "\r\n"), "\x00", "\x80"))
	if got := msgs[0].FindBodySection(whole); !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d", len(got), len(want))
	}
	if got := msgs[0].FindBodySection(tail); !bytes.Equal(got, want[1_500_000:1_510_000]) {
		t.Errorf("%d bytes of the part", len(got))
	}
	if text := msgs[0].BodyStructure.(*goimap.BodyStructureSinglePart).Text; text.NumLines != 20_001 {
		t.Errorf("%d lines", text.NumLines)
	}
}

// Messages within messages, one in the other and encoded where they must not be,
// are looked into as far as a limit; beyond it they are files.
func TestMessagesWithinMessages(t *testing.T) {
	h := newHouse(t)
	inner := "Subject: core\n\nThe core.\n"
	for i := range 20 {
		inner = fmt.Sprintf("Subject: shell %d\nContent-Type: message/rfc822\n\n%s", i, inner)
	}
	h.deliver(inner, time.Now())
	h.deliver("Subject: outer\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"+
		base64.StdEncoding.EncodeToString([]byte("Subject: coded\r\n\r\nThe code.\r\n"))+"\n", time.Now())
	c := h.client(nil)
	_, err := c.Select("INBOX", nil).Wait()
	check(t, err)
	coded := &goimap.FetchItemBodySection{Part: []int{1}, Specifier: goimap.PartSpecifierHeader, Peek: true}
	msgs, err := c.Fetch(goimap.SeqSetNum(1, 2), &goimap.FetchOptions{
		BodyStructure: &goimap.FetchItemBodyStructure{Extended: true}, BodySection: []*goimap.FetchItemBodySection{coded},
	}).Collect()
	check(t, err)
	depth := 0
	part := msgs[0].BodyStructure.(*goimap.BodyStructureSinglePart)
	for ; part.MessageRFC822 != nil; depth++ {
		part = part.MessageRFC822.BodyStructure.(*goimap.BodyStructureSinglePart)
	}
	if depth != 8 || part.MediaType() != "application/octet-stream" {
		t.Errorf("looked %d deep, to %s", depth, part.MediaType())
	}
	if got := string(msgs[1].FindBodySection(coded)); got != "Subject: coded\r\n\r\n" {
		t.Errorf("the encoded message has the header %q", got)
	}
	found, err := c.Search(&goimap.SearchCriteria{Text: []string{"The code"}}, nil).Wait()
	check(t, err)
	if got := found.AllSeqNums(); len(got) != 1 || got[0] != 2 {
		t.Errorf("found %v", got)
	}
}

// An attachment is decoded without being kept.
func TestALargeAttachmentIsDecoded(t *testing.T) {
	h := newHouse(t)
	content := bytes.Repeat([]byte("The sea, the sea! \x00\xff"), 40_000)
	h.deliver("Subject: file\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"+
		base64.StdEncoding.EncodeToString(content)+"\n", time.Now())
	c := h.client(nil)
	_, err := c.Select("INBOX", nil).Wait()
	check(t, err)
	msgs, err := c.Fetch(goimap.SeqSetNum(1), &goimap.FetchOptions{
		BinarySection:     []*goimap.FetchItemBinarySection{{Part: []int{1}, Peek: true}},
		BinarySectionSize: []*goimap.FetchItemBinarySectionSize{{Part: []int{1}}},
	}).Collect()
	check(t, err)
	if got := msgs[0].BinarySection[0].Bytes; !bytes.Equal(got, content) {
		t.Errorf("%d bytes of %d", len(got), len(content))
	}
	if got := msgs[0].BinarySectionSize[0].Size; int(got) != len(content) {
		t.Errorf("the size is %d, not %d", got, len(content))
	}
}

// Bodies that are fetched alone are read to where they are sent from. Those with a
// NUL in them, with a size that takes several reads, and those that are gone among
// others come out right.
func TestWholeMessagesComeOutAsTheyWentIn(t *testing.T) {
	h := newHouse(t)
	c := h.client(nil)
	var want []string
	for i, n := range []int{0, 10, 70 << 10, 200 << 10, 300 << 10, 5} {
		raw := fmt.Sprintf("Subject: %d\r\n\r\n", i) + strings.Repeat("0123456789\r\n", n/12)
		h.deliver(strings.ReplaceAll(raw, "\r\n", "\n"), time.Now())
		want = append(want, raw)
	}
	h.deliver("Subject: nul\n\na\x00b\x00", time.Now())
	want = append(want, "Subject: nul\r\n\r\na\x80b\x80")
	_, err := c.Select("INBOX", nil).Wait()
	check(t, err)
	h.remove(2)
	want = slices.Delete(want, 1, 2)
	all, err := c.Fetch(goimap.UIDSet{{Start: 1, Stop: 0}}, &goimap.FetchOptions{Flags: true, BodySection: []*goimap.FetchItemBodySection{{}}}).Collect()
	check(t, err)
	if len(all) != len(want) {
		t.Fatalf("%d messages, want %d", len(all), len(want))
	}
	for i, m := range all {
		if got := string(m.BodySection[0].Bytes); got != want[i] {
			t.Errorf("message %d has %d bytes, want %d", i, len(got), len(want[i]))
		}
		if !slices.Contains(m.Flags, goimap.FlagSeen) {
			t.Errorf("message %d is not marked as seen", i)
		}
	}
}
