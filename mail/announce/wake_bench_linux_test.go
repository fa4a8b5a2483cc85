//go:build unix

package announce

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"martlet/directory"
	"martlet/mail"
	"martlet/push"
	"martlet/push/apns"
	"martlet/push/pushtest"
	"martlet/store"
)

// counted is the book, and tells when so many plans have been settled.
type counted struct {
	*Book
	want, settled, accepted atomic.Int64
	done                    chan struct{}
}

func (c *counted) Settle(ctx context.Context, id uint64, p *push.Plan, o push.Outcome, again bool) error {
	err := c.Book.Settle(ctx, id, p, o, again)
	if p.Notification == nil {
		return err
	}
	if o.Result == push.Accepted && err == nil {
		c.accepted.Add(1)
	}
	if c.settled.Add(1) == c.want.Load() {
		c.done <- struct{}{}
	}
	return err
}

// town is a house with many people, who have many apps.
type town struct {
	*house
	accounts []directory.AccountID
	inbox    mail.FolderID
}

// everywhere does something for each account, a few at a time, because commits
// are shared.
func (w *town) everywhere(f func(a directory.AccountID) error) {
	w.Helper()
	var wg sync.WaitGroup
	next := make(chan directory.AccountID)
	for range 64 {
		wg.Go(func() {
			for a := range next {
				if err := f(a); err != nil {
					w.Error(err)
				}
			}
		})
	}
	for _, a := range w.accounts {
		next <- a
	}
	close(next)
	wg.Wait()
	if w.Failed() {
		w.FailNow()
	}
}

func newTown(b *testing.B, people int) *town {
	w := &town{house: newHouse(b)}
	var file strings.Builder
	file.WriteString("[[domain]]\nname = \"example.org\"\n")
	for i := range people {
		fmt.Fprintf(&file, "[[user]]\nlogin = \"user%d@example.org\"\n", i)
	}
	f, err := directory.ParseFile(strings.NewReader(file.String()), "town.toml")
	w.must(err)
	_, err = w.directory.Apply(w.ctx(), f, false)
	w.must(err)
	for a, err := range w.directory.Accounts(w.ctx()) {
		w.must(err)
		if strings.HasPrefix(a.Login, "user") {
			w.accounts = append(w.accounts, a.ID)
		}
	}
	w.everywhere(func(a directory.AccountID) error { return w.boxes.Create(w.ctx(), mail.MailboxOf(a)) })
	w.inbox = w.folder(mail.RoleInbox) // it has the same number in all
	return w
}

// letters delivers one to everybody.
func (w *town) letters(n int) {
	w.Helper()
	raw := fmt.Sprintf("From: Ida Marsh <ida@example.net>\r\nTo: all@example.org\r\nSubject: Minutes %d\r\n"+
		"Message-ID: <%d@example.net>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHere is what we agreed on.\r\n", n, n)
	body, err := w.boxes.Prepare(w.ctx(), []byte(raw))
	w.must(err)
	w.everywhere(func(a directory.AccountID) error {
		return w.store.Update(w.ctx(), func(tx *store.Tx) error {
			_, err := w.boxes.Append(tx, mail.MailboxOf(a), w.inbox,
				mail.NewItem{Class: mail.ClassEmail, Received: time.Now().UnixMilli(), Body: body})
			return err
		})
	})
}

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// oneCore has the process run on one core, as the server does there: with two
// threads, so that one may wait for the disk.
func oneCore(b *testing.B) (end func()) {
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		b.Fatal(err)
	}
	for cpu := range 1024 {
		if all.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	pin := func(set *unix.CPUSet) {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			b.Fatal(err)
		}
		for _, thread := range threads {
			if id, err := strconv.Atoi(thread.Name()); err == nil {
				_ = unix.SchedSetaffinity(id, set) // it may have ended
			}
		}
	}
	procs := runtime.GOMAXPROCS(2)
	pin(&one)
	return func() { pin(&all); runtime.GOMAXPROCS(procs) }
}

// Apps of real accounts woken through the local APNs: every delivery is planned
// from the log, sent, and written down. The time is from the first publish to
// the last outcome that is durable, on one core with the service on it too; the
// processor's time alone shows what waits for the disk.
func BenchmarkWakeApps(b *testing.B) {
	for _, c := range []struct{ people, each int }{{1, 1}, {320, 32}} {
		devices := c.people * c.each
		b.Run(fmt.Sprintf("devices=%d", devices), func(b *testing.B) {
			service, err := pushtest.NewAPNs()
			if err != nil {
				b.Fatal(err)
			}
			defer service.Close()
			const topic = "com.example.mail"
			key, err := service.NewKey("TEAM123456", topic)
			if err != nil {
				b.Fatal(err)
			}
			sender, err := apns.New(apns.Config{Host: service.HostURL(), Roots: service.Roots(),
				Apps: []apns.App{{Name: "mail", Topic: topic, Key: key.P8, KeyID: key.KeyID, TeamID: key.TeamID}}})
			if err != nil {
				b.Fatal(err)
			}
			defer sender.Close()
			w := newTown(b, c.people)
			book := &counted{Book: w.book, done: make(chan struct{}, 1)}
			hub := push.NewHub() // not the house's: the storm begins when all is delivered
			n := push.NewNotifier(push.NotifierConfig{Hub: hub, Book: book,
				Senders: map[push.Kind]push.Sender{push.APNs: sender}, Limits: push.Limits{Interval: time.Nanosecond}})
			w.book.Tell(n.Follow, n.Forget)
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error)
			go func() { ended <- n.Run(ctx) }()
			w.everywhere(func(a directory.AccountID) error {
				for i := range c.each {
					_, _, err := w.book.Add(w.ctx(), Registration{Account: a, Kind: push.APNs, App: "mail",
						Token: service.Install(topic), Device: fmt.Sprint("phone", i), Mode: push.Alert})
					if err != nil {
						return err
					}
				}
				return nil
			})
			for st := n.Stats(); st.Plans < uint64(devices) || st.Due+st.InFlight+st.Waiting > 0; st = n.Stats() {
				<-time.After(10 * time.Millisecond) // each was looked at once when it was registered
			}
			defer oneCore(b)()
			b.ReportAllocs()
			var used time.Duration
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				w.letters(i)
				<-time.After(time.Second) // nobody rests from the last look
				book.want.Add(int64(devices))
				before := cpu(b)
				b.StartTimer()
				for _, a := range w.accounts {
					hub.Publish(uint64(mail.MailboxOf(a)), uint32(w.inbox))
				}
				<-book.done
				used += cpu(b) - before
			}
			b.ReportMetric(float64(used.Milliseconds())/float64(b.N), "cpu-ms/storm")
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/storm")
			cancel()
			if err := <-ended; err != nil {
				b.Error(err)
			}
			if got, want := book.accepted.Load(), book.want.Load(); got != want || int64(service.Taken()) != want {
				b.Errorf("%d of %d accepted, the service took %d", got, want, service.Taken())
			}
		})
	}
}
