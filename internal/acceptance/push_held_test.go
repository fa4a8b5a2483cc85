package acceptance

import (
	"fmt"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// An app on a phone that holds a Ping is not pushed what the Ping announces,
// neither then nor when the phone has fetched it. As soon as it holds none, it
// is pushed again.
func TestAnAppOnAPhoneThatHoldsAPingIsLeftInPeace(t *testing.T) {
	s := newServices(t)
	h := newHouse(t, s.config)
	p, inbox := h.settled("IPHONE", eas.V161)
	h.sync(p, inbox, phone.SyncOptions{})
	token, _ := h.registerApple(s, "IPHONE", "alert")
	other, _ := h.registerApple(s, "IPAD", "alert")
	for i := range 2 {
		answer := h.pinging(t.Context(), p, inbox)
		h.held(1)
		h.deliver(letter(fmt.Sprint("held ", i), "…"))
		if got, want := <-answer, fmt.Sprint(eas.PingStatusChanges, []string{inbox}, nil); got != want {
			t.Fatalf("the held Ping is answered %s, want %s", got, want)
		}
		s.shows(t.Context(), other, fmt.Sprint("held ", i)) // a slow phone: others are pushed before it fetches
		h.sync(p, inbox, phone.SyncOptions{})
	}
	h.deliver(letter("asleep", "…"))
	s.shows(t.Context(), token, "asleep")
	for i := range 2 {
		if n := s.told(token, fmt.Sprint("held ", i)); n != 0 {
			t.Errorf("what the Ping announced is pushed %d times", n)
		}
	}
	h.fsck()
}
