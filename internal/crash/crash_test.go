package crash

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/internal/process"
	"martlet/protocol/eas"
)

// kills is how often the process is killed under load.
const kills = 50

// TestNothingAcknowledgedIsLostToKill9 kills a real `martlet serve` under load
// fifty times. Senders deliver over SMTP, one phone reads and deletes, one only
// reads, others send mail and drafts, reply and forward, accept invitations, move
// conversations, say that somebody is away, write events and contacts, and all
// repeat what was not answered. In the end
// every acknowledged message is there exactly once, every phone went on from its
// SyncKey to the server's view, and fsck finds nothing.
func TestNothingAcknowledgedIsLostToKill9(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a process fifty times: left out with -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	in := process.Install(t)
	in.Run(password+"\n", "user", "add", login, "--new-domain", "--password-stdin")
	in.Run("", "queue", "hold", "--all") // nobody elsewhere is written to, and no report of that comes back
	p := in.Start(ctx)
	l := newLoad(t, in)
	l.setUp(ctx)

	working, stopWork := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() { l.deliver(working, i) })
	}
	wg.Go(func() { l.readAndDelete(working) })
	wg.Go(func() { l.read(working) })
	wg.Go(func() { l.submit(working) })
	wg.Go(func() { l.draft(working) })
	wg.Go(func() { l.reply(working) })
	wg.Go(func() { l.meet(working) })
	wg.Go(func() { l.leave(working) })
	wg.Go(func() { l.ignore(working) })
	wg.Go(func() { l.keep(working) })
	for range kills {
		pause(working, time.Duration(20+rand.IntN(180))*time.Millisecond)
		p.Kill()
		p = in.Start(ctx)
	}
	pause(working, 200*time.Millisecond)
	stopWork()
	wg.Wait()
	// A request that was given up may still be at work: it ends with its process.
	p.Kill()
	p = in.Start(ctx)
	l.compare(ctx)
	if err := p.Stop(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.Log())
	}
	if out := in.Run("", "fsck", "--deep"); t.Failed() {
		t.Log(out)
	}
	t.Logf("%d kills; %d messages acknowledged, %d sent by the phone, %d deleted, %d of conversations moved", kills, len(l.accepted), len(l.sent), len(l.deleted), len(l.ignored))
}

// pause lets the load go on for a while.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (l *load) compare(ctx context.Context) {
	t := l.t
	t.Helper()
	truth := l.newPhone("FRESH")
	l.must(ctx, truth)
	inbox, deleted := truth.View(l.inbox), truth.View(l.trash)
	count := map[string]int{}
	for _, it := range inbox {
		count[it.Subject]++
	}
	for _, it := range deleted {
		count[it.Subject]++
	}
	for _, subject := range append(slices.Clone(l.accepted), l.sent...) {
		if count[subject] != 1 {
			t.Errorf("%q was acknowledged and is there %d times", subject, count[subject])
		}
	}
	for subject, n := range count {
		if n != 1 {
			t.Errorf("%q is there %d times", subject, n)
		}
	}
	if left := truth.View(l.drafts); len(left) > 1 {
		t.Errorf("%d drafts are left; one may have been on its way", len(left))
	}
	l.compareAnswers(ctx, truth)
	l.compareConversations(truth)
	l.compareObjects(ctx, truth)
	there := map[string]bool{}
	for _, it := range inbox {
		there[it.Subject] = true
	}
	for _, subject := range l.deleted {
		if there[subject] {
			t.Errorf("%q was deleted by a phone and is in the inbox", subject)
		}
	}
	for name, p := range map[string]*phone.Phone{"the deleting phone": l.deleter, "the reading phone": l.reader} {
		if _, err := p.Sync(ctx, l.inbox, phone.SyncOptions{All: true, Window: 512}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := difference(p.View(l.inbox), inbox); diff != "" {
			t.Errorf("%s sees the inbox otherwise than the server: %s", name, diff)
		}
		for _, odd := range p.Odd() {
			t.Errorf("%s: %s", name, odd)
		}
		if p == l.deleter && l.resyncs.Load() > 0 || p == l.reader && l.resyncs.Load() > 0 {
			t.Errorf("%d times a phone had to begin anew", l.resyncs.Load())
		}
	}
	drafts := slices.ContainsFunc(l.sent, func(subject string) bool { return strings.HasPrefix(subject, "a draft") })
	if len(l.accepted) < kills || len(l.sent) == 0 || !drafts || len(l.deleted) == 0 {
		t.Errorf("too little happened between the kills: %d accepted, %d sent, %d deleted", len(l.accepted), len(l.sent), len(l.deleted))
	}
}

// difference names the first few items in which two views differ.
func difference(got, want map[string]phone.Item) string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(want)) {
		g, ok := got[id]
		if w := want[id]; !ok {
			out = append(out, fmt.Sprintf("lacks %s %q", id, w.Subject))
		} else if g.Subject != w.Subject || g.Read != w.Read {
			out = append(out, fmt.Sprintf("%s is %q read=%v, want %q read=%v", id, g.Subject, g.Read, w.Subject, w.Read))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[id]; !ok {
			out = append(out, fmt.Sprintf("has %s %q", id, got[id].Subject))
		}
	}
	if len(out) > 10 {
		out = append(out[:10], fmt.Sprintf("and %d more", len(out)-10))
	}
	return fmt.Sprint(out)[1 : len(fmt.Sprint(out))-1]
}

func (l *load) must(ctx context.Context, p *phone.Phone) {
	l.t.Helper()
	if _, err := p.Provision(ctx); err != nil {
		l.t.Fatal(err)
	}
	if _, err := p.FolderSync(ctx); err != nil {
		l.t.Fatal(err)
	}
	for _, kind := range []eas.FolderType{eas.FolderInbox, eas.FolderDeletedItems, eas.FolderDrafts, eas.FolderSentItems, eas.FolderCalendar, eas.FolderContacts} {
		f, err := p.Folder(kind)
		if err != nil {
			l.t.Fatal(err)
		}
		switch kind {
		case eas.FolderInbox:
			l.inbox = f.ServerID
		case eas.FolderDrafts:
			l.drafts = f.ServerID
		case eas.FolderSentItems:
			l.sentItems = f.ServerID
		case eas.FolderCalendar:
			l.calendar = f.ServerID
		case eas.FolderContacts:
			l.contacts = f.ServerID
		default:
			l.trash = f.ServerID
		}
		if _, err := p.Sync(ctx, f.ServerID, phone.SyncOptions{All: true, Window: 512}); err != nil {
			l.t.Fatal(err)
		}
	}
}
