package crash

import (
	"context"
	"fmt"
	"strings"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// kept is what a phone was told of an event or a contact that it wrote.
type kept struct {
	collection string
	names      []string // what it may be called: the last one that was answered, and one that was not
	gone       bool
	perhaps    bool // its deletion was not answered
}

// keep writes contacts and events, changes and deletes some, and repeats each
// request until it is answered.
func (l *load) keep(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		collection, data := l.contacts, contact
		if n%2 == 0 {
			collection, data = l.calendar, event
		}
		first, second := fmt.Sprintf("item %d", n), fmt.Sprintf("item %d changed", n)
		k := &kept{collection: collection, names: []string{first}}
		l.mu.Lock()
		l.objects = append(l.objects, k)
		l.mu.Unlock()
		k.perhaps = true // the Add may have come to nothing
		got, ok := l.persistIn(ctx, l.keeper, collection, phone.SyncOptions{Commands: []eas.SyncCommand{phone.Add(fmt.Sprintf("object-%d", n), data(first))}})
		if !ok {
			return
		}
		reply := got.Replies[0].Add
		if reply == nil || reply.Status != eas.SyncStatusSuccess {
			l.t.Errorf("a new item is answered with %+v", got.Replies[0])
			return
		}
		k.perhaps = false
		k.names = []string{first, second}
		if _, ok = l.persistIn(ctx, l.keeper, collection, phone.SyncOptions{Commands: []eas.SyncCommand{phone.ChangeTo(reply.ServerID, data(second))}}); !ok {
			return
		}
		k.names = []string{second}
		if n%3 == 0 {
			k.perhaps = true
			if _, ok = l.persistIn(ctx, l.keeper, collection, phone.SyncOptions{Commands: []eas.SyncCommand{phone.Delete(reply.ServerID)}}); !ok {
				return
			}
			k.gone = true
		}
		pause(ctx, 5*time.Millisecond)
	}
}

func contact(name string) any {
	first := "Eve"
	return &eas.Contact{FileAs: &name, FirstName: &first, LastName: &name}
}

func event(name string) any {
	start := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	end := start.Add(time.Hour)
	return &eas.Calendar{Subject: &name, StartTime: &start, EndTime: &end}
}

// compareObjects holds what is there to what was answered.
func (l *load) compareObjects(ctx context.Context, truth *phone.Phone) {
	t := l.t
	t.Helper()
	count := map[string]int{}
	for _, collection := range []string{l.contacts, l.calendar} {
		if _, err := truth.Sync(ctx, collection, phone.SyncOptions{All: true, Window: 512}); err != nil {
			t.Error(err)
		}
		view := truth.View(collection)
		for _, it := range view {
			count[collection+" "+it.Subject]++
		}
		if _, err := l.keeper.Sync(ctx, collection, phone.SyncOptions{All: true, Window: 512}); err != nil {
			t.Errorf("the phone that keeps: %v", err)
		}
		if diff := difference(l.keeper.View(collection), view); diff != "" {
			t.Errorf("the phone that keeps sees %s otherwise than the server: %s", collection, diff)
		}
	}
	for _, odd := range l.keeper.Odd() {
		t.Errorf("the phone that keeps: %s", odd)
	}
	for _, k := range l.objects {
		n := 0
		for _, name := range k.names {
			n += count[k.collection+" "+name]
			delete(count, k.collection+" "+name)
		}
		if k.gone && n != 0 || !k.gone && n != 1 && !(k.perhaps && n == 0) {
			t.Errorf("%v is there %d times, deleted %t", k.names, n, k.gone)
		}
	}
	for name, n := range count {
		if !strings.Contains(name, " item ") { // an invitation that was accepted
			continue
		}
		t.Errorf("%q is there %d times", name, n)
	}
	if len(l.objects) < 2 {
		t.Error("no events and contacts were written")
	}
}
