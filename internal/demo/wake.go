package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// heartbeat is what the phone asks for. The wake comes long before.
const heartbeat = 10 * time.Minute

// patience bounds what has to happen at once.
const patience = 20 * time.Second

// pinged is how a held Ping ended.
type pinged struct {
	result phone.PingResult
	at     time.Time
	err    error
}

// wakeAndSync is what it is all for: a Ping is held, a message arrives, the
// Ping is answered, a Sync brings the message, and the apps are woken too.
func (r *run) wakeAndSync(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan pinged, 1)
	err := r.step(ctx, "hold", func(ctx context.Context) (string, map[string]any, error) {
		before := r.Held()
		go func() {
			got, err := r.phone.Ping(ctx, heartbeat, r.inbox)
			answer <- pinged{got, time.Now(), err}
		}()
		if err := r.awaitHeld(ctx, before, answer); err != nil {
			return "", nil, err
		}
		return fmt.Sprintf("the phone holds a Ping, for up to %v", heartbeat), map[string]any{"heartbeat_s": int(heartbeat.Seconds())}, nil
	})
	if err != nil {
		return err
	}

	message, err := Waking()
	if err != nil {
		return err
	}
	var accepted time.Time
	err = r.step(ctx, "new_mail", func(ctx context.Context) (string, map[string]any, error) {
		if err := Send(ctx, r.SMTP, message); err != nil {
			return "", nil, err
		}
		accepted = time.Now()
		return "SMTP answered 250: the message is durable", map[string]any{"bytes": len(message.Raw)}, nil
	})
	if err != nil {
		return err
	}
	if err := r.step(ctx, "wake", func(ctx context.Context) (string, map[string]any, error) { return r.woken(ctx, accepted, answer) }); err != nil {
		return err
	}
	if err := r.appsWoken(ctx, accepted, message); err != nil {
		return err
	}
	return r.step(ctx, "synced_message", func(ctx context.Context) (string, map[string]any, error) { return r.newMessage(ctx, message) })
}

// awaitHeld returns once the server holds one request more than before.
func (r *run) awaitHeld(ctx context.Context, before int, answer <-chan pinged) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for r.Held() <= before {
		select {
		case a := <-answer:
			if a.err != nil {
				return a.err
			}
			return fmt.Errorf("the Ping was answered at once: status %v", a.result.Status)
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("the server does not hold the Ping")
		}
	}
	return nil
}

func (r *run) woken(ctx context.Context, accepted time.Time, answer <-chan pinged) (string, map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case a := <-answer:
		if a.err != nil {
			return "", nil, a.err
		}
		if a.result.Status != eas.PingStatusChanges || !slices.Contains(a.result.Folders, r.inbox) {
			return "", nil, fmt.Errorf("the Ping ended with status %v and folders %v", a.result.Status, a.result.Folders)
		}
		after := millis(a.at.Sub(accepted))
		when := fmt.Sprintf("%.2f ms after the 250", after)
		if after < 0 { // the answer overtook the sender's reading of the 250
			when = fmt.Sprintf("%.2f ms before the sender had read the 250", -after)
		}
		return "the phone is awake, " + when, map[string]any{"after_250_ms": after, "folders": a.result.Folders}, nil
	case <-ctx.Done():
		return "", nil, fmt.Errorf("the phone was not woken within %v", patience)
	}
}

func (r *run) newMessage(ctx context.Context, want Message) (string, map[string]any, error) {
	got, err := r.phone.Sync(ctx, r.inbox, phone.SyncOptions{})
	if err != nil {
		return "", nil, err
	}
	if len(got.Added) != 1 || len(got.Changed)+len(got.Deleted) != 0 {
		return "", nil, fmt.Errorf("the Sync brought %d additions, %d changes and %d deletions instead of the one message", len(got.Added), len(got.Changed), len(got.Deleted))
	}
	e := got.Added[0].Email
	if e.Subject == nil || *e.Subject != want.Subject {
		return "", nil, errors.New("the Sync brought another message")
	}
	body := ""
	if e.Body != nil && e.Body.Data != nil {
		body = string(*e.Body.Data)
	}
	return fmt.Sprintf("%q from %s is on the phone", *e.Subject, e.From), map[string]any{
		"server_id": got.Added[0].ServerID, "subject": *e.Subject, "from": e.From,
		"received": e.DateReceived.UTC().Format(time.RFC3339Nano), "body": body,
	}, nil
}
