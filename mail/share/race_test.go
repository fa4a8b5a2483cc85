package share

import (
	"context"
	"sync"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// Whoever asks after a revoke has nothing, and after a grant has it, whatever
// others ask and whatever is done in the background.
func TestWhatIsGrantedCountsAtOnceWhileOthersAsk(t *testing.T) {
	h := newHouse(t, "anna", "bob", "carl", "dora")
	cal, tasks := h.role("anna", mail.RoleCalendar), h.role("anna", mail.RoleTasks)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := h.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for _, login := range []string{"bob", "carl", "dora"} {
		id := h.id(login)
		running.Go(func() {
			for ctx.Err() == nil {
				if _, err := h.Refresh(context.WithoutCancel(ctx), id); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	bob, everybody := h.to("bob"), h.to("*")
	count := func() (n int) {
		if _, err := h.Refresh(t.Context(), h.id("bob")); err != nil {
			t.Fatal(err)
		}
		h.view(func(tx *store.Tx) error {
			links, err := h.mailboxes.Links(tx, mail.MailboxOf(bob.Account))
			n = len(links)
			return err
		})
		return n
	}
	for i := range 12 {
		for _, step := range []struct {
			do   func() error
			want int
		}{
			{func() error { return h.Grant(t.Context(), Grant{h.box("anna"), cal, bob, write}) }, 1},
			{func() error { return h.Grant(t.Context(), Grant{h.box("anna"), tasks, everybody, see}) }, 2},
			{func() error { return h.Revoke(t.Context(), h.box("anna"), cal, bob) }, 1},
			{func() error { return h.Revoke(t.Context(), h.box("anna"), tasks, everybody) }, 0},
		} {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if n := count(); n != step.want {
				t.Fatalf("round %d: %d links, want %d", i, n, step.want)
			}
		}
	}
	cancel()
	running.Wait()
}
