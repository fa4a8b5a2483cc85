package announce

import (
	"errors"
	"testing"

	"martlet/store"
)

// Who changes the password because a phone was stolen wants it to show no more
// mail. The app that knows the new one registers again when it starts.
func TestANewPasswordEndsWhatTheOldOneRegistered(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{subject: "Before"})
	h.says(id, "[alert | Carol | Before | Text 1. | 1]")
	h.must(h.directory.SetPassword(h.ctx(), h.alice, "a second nest"))
	h.deliver(letter{subject: "Secret"})
	h.nothing(id)
	if err := h.book.Test(h.ctx(), h.alice, id); !errors.Is(err, ErrPassword) {
		t.Errorf("a test: %v", err)
	}
	_, err := h.book.Change(h.ctx(), h.alice, id, func(r *Registration) error { r.Detail = DetailSender; return nil })
	h.must(err)
	h.deliver(letter{subject: "Secret too"})
	h.nothing(id)

	if again := h.phone(); again.ID != id {
		t.Fatalf("registered again it is %d, and was %d", again.ID, id)
	}
	h.must(h.book.Test(h.ctx(), h.alice, id))
	h.says(id, "[alert high | Test |  | This device is woken when there is mail. | 3][badge |  |  |  | 3]")
	h.deliver(letter{subject: "After"})
	h.says(id, "[alert | Carol | After | Text 4. | 4]")
	h.must(h.directory.SetDisabled(h.ctx(), h.alice, true))
	h.must(h.directory.SetDisabled(h.ctx(), h.alice, false))
	h.deliver(letter{subject: "The same password"})
	h.says(id, "[alert | Carol | The same password | Text 5. | 5]")
}

// What a removed account's registrations are told while they are taken away.
func TestAnAccountThatIsGoneIsNotTold(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{})
	h.must(h.directory.RemoveUser(h.ctx(), h.alice))
	h.nothing(id)
	h.update(func(tx *store.Tx) error { return h.book.RemoveAccount(tx, h.alice) })
}
