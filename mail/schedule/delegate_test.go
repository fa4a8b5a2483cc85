package schedule

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// RFC 5322 3.6.2: From is who speaks, Sender who has written it.
func TestWhatADelegateSendsNamesThem(t *testing.T) {
	h := openHouse(t)
	h.delegates[h.people["bob"]] = []directory.AccountID{h.people["cat"]}
	asCat := func(c *Change) { c.Account = h.people["cat"] }
	h.change("ann", "1", event("1", lunch...))
	h.change("bob", "2", event("2", "DTSTART:20261110T120000Z", "DTEND:20261110T130000Z", "SUMMARY:His", "ATTENDEE:mailto:ann@example.org"), asCat)
	h.settle()
	h.answer("cat", "1", accepted)
	raw := strings.Replace(string(h.has("bob", "1").Encode()), "PARTSTAT=ACCEPTED:mailto:bob", "PARTSTAT=DECLINED:mailto:bob", 1)
	h.change("bob", "1", []byte(raw), asCat)
	for _, l := range h.letters("ann", mail.RoleInbox) {
		ix := l.index
		if len(ix.From) != 1 || ix.From[0].Address != "bob@example.org" || len(ix.Sender) != 1 || ix.Sender[0].Address != "cat@example.org" {
			t.Errorf("%s\n%s", l, l.raw)
		}
	}
	h.settle()
	h.expect("Ann's view", h.statusOf("ann", "1", "bob@example.org"), declined)
	h.expect("it is Bob's", h.statusOf("ann", "2", "ann@example.org"), needsAction)
	h.expect("verified", fmt.Sprint(h.unverified("ann", "2")), "false")
}

// Who may write in a calendar does not speak for its owner.
func TestWhoIsNoDelegateSendsNothingInTheOwnersName(t *testing.T) {
	h := openHouse(t)
	asDan := func(c *Change) { c.Account = h.people["dan"] }
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	raw := string(h.has("ann", "1").Encode())
	for name, wanted := range map[string][]byte{"moved": []byte(strings.ReplaceAll(raw, "T120000", "T110000")), "deleted": nil} {
		if _, err := h.tryChange("ann", "1", wanted, asDan); !errors.Is(err, ErrNotDelegate) || !errors.Is(err, mail.ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.tryChange("bob", "1", nil, asDan); !errors.Is(err, ErrNotDelegate) {
		t.Errorf("declined for Bob: %v", err)
	}
	if _, err := h.tryChange("ann", "2", event("2", lunch...), asDan); !errors.Is(err, ErrNotDelegate) {
		t.Errorf("a new one: %v", err)
	}
	if n := h.change("ann", "1", []byte(strings.Replace(raw, "SUMMARY", "CATEGORIES:x\r\nSUMMARY", 1)), asDan); n != 0 {
		t.Errorf("%d messages", n)
	}
}

// MS-ASEMAIL_R538, R539.
func TestAnInvitationThatDelegatesGetIsMarkedOnBothSides(t *testing.T) {
	h := openHouse(t)
	h.delegates[h.people["bob"]] = []directory.AccountID{h.people["cat"]}
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	h.tick(time.Hour)
	h.edit("ann", "1", "Canteen", "Park")
	h.change("ann", "2", event("2", append([]string{"CLASS:PRIVATE"}, lunch...)...))
	h.settle()
	const delegation = mail.FlagDelegator | mail.FlagDelegated
	flags := func(who string) (all []mail.Flags) {
		for _, l := range h.letters(who, mail.RoleInbox) {
			all = append(all, l.item.Flags&delegation)
		}
		return all
	}
	h.expect("Bob's", fmt.Sprint(flags("bob")), fmt.Sprint([]mail.Flags{mail.FlagDelegator, mail.FlagDelegator, 0}))
	h.expect("Cat's", fmt.Sprint(flags("cat")), fmt.Sprint([]mail.Flags{mail.FlagDelegated, mail.FlagDelegated}))
	// Who has deleted it by then has not got it back.
	h.tick(time.Hour)
	h.edit("ann", "1", "Park", "Pub")
	l := h.letters("bob", mail.RoleInbox)[3].item
	h.update(func(tx *store.Tx) error {
		_, err := h.mailboxes.Delete(tx, h.box("bob"), l.Folder, l.ID)
		return err
	})
	h.settle()
	h.expect("Bob's", fmt.Sprint(len(flags("bob")), len(flags("cat"))), "3 3")
	h.expect("Bob's place", h.has("bob", "1").Master().Location, "Pub")
}

func TestWhatIsNotPublicIsNotForDelegates(t *testing.T) {
	h := openHouse(t)
	h.delegates[h.people["bob"]] = []directory.AccountID{h.people["cat"]}
	for _, class := range []string{"PRIVATE", "CONFIDENTIAL", "X-SECRET", "PUBLIC"} {
		h.change("ann", class, event(class, append([]string{"CLASS:" + class}, lunch...)...))
	}
	h.settle()
	h.expect("Cat's inbox", h.got("cat"), "REQUEST Lunch; with a comma, and ü")
	if e := h.has("bob", "CONFIDENTIAL").Master(); e.Summary == "" {
		t.Error("Bob has not got it")
	}
}

// A delegate who has once written a meeting does not stand in what the owner sends.
func TestSentByNamesWhoSendsItNow(t *testing.T) {
	h := openHouse(t)
	h.delegates[h.people["ann"]] = []directory.AccountID{h.people["cat"]}
	h.change("ann", "1", event("1", lunch...), func(c *Change) { c.Account = h.people["cat"] })
	h.settle()
	h.tick(time.Hour)
	h.edit("ann", "1", "Canteen", "Park")
	for i, want := range []string{"cat@example.org", ""} {
		h.expect("Bob's", h.letters("bob", mail.RoleInbox)[i].object.Master().Organizer.SentBy, want)
	}
}

func TestADelegateWhoIsInvitedGetsTheInvitationOnce(t *testing.T) {
	h := openHouse(t)
	ann, bob, cat := h.people["ann"], h.people["bob"], h.people["cat"]
	h.delegates[bob], h.delegates[cat] = []directory.AccountID{cat, ann}, []directory.AccountID{bob} // each for the other
	h.change("ann", "1", event("1", append([]string{"ATTENDEE:mailto:cat@example.org"}, lunch...)...))
	h.settle()
	for _, who := range []string{"bob", "cat"} {
		h.expect(who, h.got(who), "REQUEST Lunch; with a comma, and ü")
		h.expect(who, h.statusOf(who, "1", who+"@example.org"), needsAction)
	}
	h.expect("who has invited them", h.got("ann"), "")
	h.change("ann", "2", event("2", lunch...)) // Bob alone
	h.settle()
	h.expect("Cat's", h.got("cat"), "REQUEST Lunch; with a comma, and ü | REQUEST Lunch; with a comma, and ü")
	h.expect("Bob's", h.got("bob"), "REQUEST Lunch; with a comma, and ü | REQUEST Lunch; with a comma, and ü")
}
