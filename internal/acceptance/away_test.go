package acceptance

import (
	"fmt"
	"strings"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// One who says on the phone to be away answers by itself, once to each, and the
// answer wakes the phone of who wrote.
func TestAnAutomaticReplyWakesWhoWrote(t *testing.T) {
	h := newHouse(t, "")
	h.Run("secret\n", "user", "add", "wren@acceptance.example", "--password-stdin", "--name", "Жанна")
	wren := h.newPhone("WREN", func(c *phone.Config) { c.User, c.Password = "wren@acceptance.example", "secret" })
	h.settle(wren)
	state, said := eas.OofGlobal, "<p>Bis <b>Dezember</b> weg. Grüße</p>"
	if _, err := wren.Settings(t.Context(), &eas.Settings{Properties: []eas.SettingsProperty{{Oof: &eas.Oof{Set: &eas.OofState{
		State: &state, Messages: []eas.OofMessage{{AppliesToInternal: true, Enabled: "1", ReplyMessage: &said, BodyType: "HTML"}},
	}}}}}); err != nil {
		t.Fatal(err)
	}
	if out := h.Run("", "user", "oof", "show", "wren@acceptance.example"); !strings.Contains(out, "wren@acceptance.example: away") || !strings.Contains(out, "Dezember") {
		t.Errorf("the administrator sees %s", out)
	}

	p, inbox := h.settled("WRITER", eas.V161)
	h.sync(p, inbox, phone.SyncOptions{})
	answer := h.pinging(t.Context(), p, inbox)
	h.held(1)
	question := strings.Replace(own("Frage"), "To: "+robin, "To: wren@acceptance.example", 1)
	if err := p.SendMail(t.Context(), "", []byte(question), true); err != nil {
		t.Fatal(err)
	}
	if got, want := <-answer, fmt.Sprint(eas.PingStatusChanges, []string{inbox}, nil); got != want {
		t.Errorf("the Ping is answered %s, want %s", got, want)
	}
	got := h.sync(p, inbox, phone.SyncOptions{}).Added
	if len(got) != 1 || !strings.HasSuffix(*got[0].Email.Subject, ": Frage") || !strings.Contains(*got[0].Email.Body.Data, "<b>Dezember</b> weg. Grüße") {
		t.Fatalf("the reply is %+v", got)
	}
	h.server.Kill() // whom it has told, it knows afterwards
	h.start()
	if err := p.SendMail(t.Context(), "", []byte(question), true); err != nil {
		t.Fatal(err)
	}
	h.well(p, inbox, "after the second question")
	if n := len(p.View(inbox)); n != 2 {
		t.Errorf("the Inbox holds %d messages, want one reply and the last", n)
	}
}

// A conversation that a phone has moved for good takes later mail with it, and
// a phone that waits there is woken.
func TestAConversationMovedForGoodTakesLaterMailAlong(t *testing.T) {
	h := newHouse(t, "")
	mail := func(n int) string {
		return strings.Replace(letter("Re: The tide", fmt.Sprint(n)), "Subject:", fmt.Sprintf("Message-ID: <tide%d@elsewhere.example>\r\nReferences: <tide1@elsewhere.example>\r\nSubject:", n), 1)
	}
	h.deliver(mail(1))
	h.deliver(mail(2))
	p, inbox := h.settled("MOVER", eas.V141)
	first := h.sync(p, inbox, phone.SyncOptions{}).Added
	target, err := p.FolderCreate(t.Context(), "0", "Tides", eas.FolderUserMail)
	if err != nil {
		t.Fatal(err)
	}
	h.sync(p, target, phone.SyncOptions{})
	var resp eas.ItemOperationsResponse
	if err := p.Call(t.Context(), "ItemOperations", phone.Params{}, &eas.ItemOperations{Operations: []eas.ItemOperation{{Move: &eas.ConversationMove{
		ConversationID: first[0].Email.ConversationID, DstFldID: target, Options: &eas.ConversationMoveOptions{MoveAlways: true},
	}}}}, &resp); err != nil || resp.Response[0].Move == nil || resp.Response[0].Move.Status != eas.ItemOperationsStatusSuccess {
		t.Fatalf("%+v, %v", resp, err)
	}
	if here, there := h.sync(p, inbox, phone.SyncOptions{}), h.sync(p, target, phone.SyncOptions{}); len(here.Deleted) != 2 || len(there.Added) != 2 {
		t.Errorf("%d left and %d arrived, want 2", len(here.Deleted), len(there.Added))
	}
	answer := h.pinging(t.Context(), p, inbox, target)
	h.held(1)
	h.deliver(mail(3))
	if got, want := <-answer, fmt.Sprint(eas.PingStatusChanges, []string{target}, nil); got != want {
		t.Errorf("the Ping is answered %s, want %s", got, want)
	}
	if n := h.sync(p, target, phone.SyncOptions{}).Adds; n != 1 {
		t.Errorf("%d messages followed, want 1", n)
	}
	if n := len(p.View(inbox)); n != 0 {
		t.Errorf("%d messages are in the Inbox, want none", n)
	}
}

// own is a letter from Robin to himself.
func own(subject string) string {
	return strings.Replace(letter(subject, "From the phone."), "wren@elsewhere.example", robin, 1)
}
