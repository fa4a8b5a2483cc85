package crash

import (
	"context"
	"fmt"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// talk begins the subjects of conversations, which who deletes leaves alone.
const talk = "a talk "

// ignore moves conversations to the deleted items for good: what is there and,
// once that was answered, what is still to come.
func (l *load) ignore(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		subject, id := fmt.Sprint(talk, n), fmt.Sprintf("<talk-%d@elsewhere.example>", n)
		if !l.hand(subject, "Message-ID: "+id+"\r\n"+message(subject)) {
			pause(ctx, 5*time.Millisecond)
			continue
		}
		conversation := l.conversation(ctx, subject)
		if conversation == nil {
			return
		}
		if !l.answered(ctx, func() error {
			var resp eas.ItemOperationsResponse
			err := l.ignorer.Call(ctx, "ItemOperations", phone.Params{}, &eas.ItemOperations{Operations: []eas.ItemOperation{
				{Move: &eas.ConversationMove{ConversationID: conversation, DstFldID: l.trash, Options: &eas.ConversationMoveOptions{MoveAlways: true}}},
			}}, &resp)
			if err == nil && (len(resp.Response) != 1 || resp.Response[0].Move == nil || resp.Response[0].Move.Status != eas.ItemOperationsStatusSuccess) {
				return &phone.StatusError{Command: "ItemOperations", Name: fmt.Sprint(resp)}
			}
			return err
		}) {
			return
		}
		l.note(&l.ignored, subject)
		for later := 1; ctx.Err() == nil; later++ { // each is handed over once
			if subject := fmt.Sprintf("%s, %d later", subject, later); l.hand(subject, "In-Reply-To: "+id+"\r\n"+message(subject)) {
				l.note(&l.ignored, subject)
				break
			}
			pause(ctx, 5*time.Millisecond)
		}
	}
}

// conversation finds the message in the inbox and asks for its ConversationId.
func (l *load) conversation(ctx context.Context, subject string) (id []byte) {
	if _, ok := l.persist(ctx, l.ignorer, phone.SyncOptions{All: true, Window: 512, KeepNoMail: true}); !ok {
		return nil
	}
	for item, it := range l.ignorer.View(l.inbox) {
		if it.Subject != subject {
			continue
		}
		l.answered(ctx, func() error {
			mail, err := l.ignorer.Fetch(ctx, l.inbox, item, phone.FetchOptions{})
			if err == nil {
				id = mail.ConversationID
			}
			return err
		})
		return id
	}
	l.t.Errorf("%q is not in the inbox", subject)
	return nil
}

// compareConversations looks whether conversations went where they were to go.
func (l *load) compareConversations(truth *phone.Phone) {
	l.t.Helper()
	there := map[string]bool{}
	for _, it := range truth.View(l.trash) {
		there[it.Subject] = true
	}
	for _, subject := range l.ignored {
		if !there[subject] {
			l.t.Errorf("the conversation of %q was moved for good and it is not there", subject)
		}
	}
	if len(l.ignored) < 2 {
		l.t.Errorf("too little happened between the kills: %d messages of conversations", len(l.ignored))
	}
}
