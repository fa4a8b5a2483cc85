package simulation

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"martlet/directory"
	"martlet/gateway"
	"martlet/internal/phone"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/queue"
	"martlet/mail/route"
	"martlet/protocol/eas"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/device"
	"martlet/sync/engine"
)

var wireSeeds = flag.Int("simulation.wire", 4, "how many simulations over the wire to run")

// wire is the whole server with phones that speak WBXML to it. There are no
// sockets: a request is a call of the server's handler.
type wire struct {
	t     *testing.T
	rng   *rand.Rand
	root  string
	dir   string
	lives int

	store   *store.Store
	blobs   *blob.Blobs
	boxes   *mailbox.Mailboxes
	router  *route.Router
	door    *gateway.Server
	account directory.Account

	phones  []*handset
	mails   int
	calm    bool // the network is good
	lost    int
	crashes int
	woken   int
}

// handset is one phone with what it has yet to repeat.
type handset struct {
	*phone.Phone
	repeat map[string]phone.SyncOptions
}

func (w *wire) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// RoundTrip hands a request to the server as it is at the moment.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	return arrive(w.door.Handler(), req)
}

// arrive has a server answer a request as one that came over the network. Who gave
// up meanwhile has no answer.
func arrive(door http.Handler, req *http.Request) (*http.Response, error) {
	r := req.Clone(req.Context())
	r.RequestURI, r.RemoteAddr = req.URL.RequestURI(), "192.0.2.1:443"
	if r.Body == nil {
		r.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	door.ServeHTTP(rec, r)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	resp := rec.Result()
	resp.Request = req
	return resp, nil
}

func (w *wire) open() {
	w.t.Helper()
	log := slog.New(slog.DiscardHandler)
	var err error
	w.store, err = store.Open(store.Config{Path: filepath.Join(w.dir, "store"), Logger: log, Reserve: 1, NoCompaction: true})
	w.must(err)
	w.blobs, err = blob.Open(blob.Config{Store: w.store, Path: filepath.Join(w.dir, "blob"), Logger: log})
	w.must(err)
	hub := push.NewHub()
	dirs, err := directory.New(directory.Config{Store: w.store, Logger: log, HashCost: directory.HashCost{Memory: 8, Time: 1, Threads: 1}})
	w.must(err)
	w.boxes = mailbox.New(mailbox.Config{Store: w.store, Blobs: w.blobs, Hub: hub, Logger: log})
	devs := device.New(device.Config{Store: w.store})
	w.router = route.New(route.Config{
		Store: w.store, Directory: dirs, Mailboxes: w.boxes, Queue: queue.New(queue.Config{Store: w.store, Blobs: w.blobs}),
		Hostname: "mail.example.org", Logger: log,
	})
	w.door, err = gateway.New(gateway.Config{
		Store: w.store, Directory: dirs, Devices: devs, Mailboxes: w.boxes, Router: w.router, Hub: hub, Logger: log,
		Engine: engine.New(engine.Config{Store: w.store, Devices: devs, Source: w.boxes}),
	})
	w.must(err)
	if w.lives++; w.lives > 1 {
		return
	}
	w.must(dirs.AddDomain(context.Background(), directory.Domain{Name: "example.org"}))
	w.account, err = dirs.AddUser(context.Background(),
		directory.Account{Login: "ada@example.org", Name: "Ada", ActiveSync: true}, "secret")
	w.must(err)
	w.must(w.boxes.Create(context.Background(), w.box()))
}

func (w *wire) close() {
	w.t.Helper()
	if n := w.door.Panics(); n > 0 {
		w.t.Errorf("%d requests panicked", n)
	}
	report := func(p store.Problem) { w.t.Errorf("check: %s %s: %s", p.Table, p.Key, p.Text) }
	w.must(errors.Join(w.boxes.Check(context.Background(), report), w.router.Close(), w.blobs.Close(), w.store.Close()))
}

// crash goes on from a copy of the files of the running server.
func (w *wire) crash() {
	w.t.Helper()
	old := w.dir
	w.crashes++
	w.dir = filepath.Join(w.root, strconv.Itoa(w.crashes))
	w.must(crashCopy(old, w.dir))
	w.close()
	w.must(os.RemoveAll(old))
	w.open()
}

func (w *wire) box() mail.MailboxID { return mail.MailboxOf(w.account.ID) }

// deliver puts a message into a folder.
func (w *wire) deliver(f mail.FolderID) {
	w.t.Helper()
	w.mails++
	raw := fmt.Sprintf("From: Bob <bob@example.net>\r\nTo: ada@example.org\r\nSubject: number %d\r\n"+
		"Message-ID: <%[1]d@example.net>\r\n\r\nHello %[1]d\r\n", w.mails)
	body, err := w.boxes.Prepare(context.Background(), []byte(raw))
	w.must(err)
	age := time.Duration(0)
	if w.rng.IntN(4) == 0 {
		age = time.Duration(w.rng.IntN(300)) * time.Hour
	}
	w.update(func(tx *store.Tx) error {
		_, err := w.boxes.Append(tx, w.box(), f, mail.NewItem{
			Class: mail.ClassEmail, Body: body, Received: time.Now().Add(-age).UnixMilli(),
		})
		return err
	})
}

func (w *wire) update(fn func(tx *store.Tx) error) {
	w.t.Helper()
	w.must(w.store.Update(context.Background(), fn))
}

// shown is what is compared of an item.
type shown struct {
	read       bool
	categories string
}

// server reads the folders that phones show.
func (w *wire) server() map[string]map[string]shown {
	w.t.Helper()
	all := map[string]map[string]shown{}
	w.must(w.store.View(context.Background(), func(tx *store.Tx) error {
		folders, err := w.boxes.Folders(tx, w.box())
		if err != nil {
			return err
		}
		for _, f := range folders {
			items := map[string]shown{}
			for it, err := range w.boxes.Items(tx, w.box(), f.ID, 0) {
				if err != nil {
					return err
				}
				items[fmt.Sprintf("%d:%d", f.ID, it.ID)] = shown{it.Flags&mail.FlagSeen != 0, strings.Join(it.Keywords, ",")}
			}
			all[fmt.Sprint(f.ID)] = items
		}
		return nil
	}))
	return all
}

// disturb changes something as another program would.
func (w *wire) disturb() {
	w.t.Helper()
	type place struct {
		f    mail.FolderID
		item mail.ItemID
	}
	var folders []mail.FolderID
	var items []place
	w.must(w.store.View(context.Background(), func(tx *store.Tx) error {
		all, err := w.boxes.Folders(tx, w.box())
		for _, f := range all {
			if f.Class != mail.ClassEmail {
				continue
			}
			folders = append(folders, f.ID)
			for it, err := range w.boxes.Items(tx, w.box(), f.ID, 0) {
				if err != nil {
					return err
				}
				items = append(items, place{f.ID, it.ID})
			}
		}
		return err
	}))
	f := folders[w.rng.IntN(min(3, len(folders)))]
	kind := w.rng.IntN(6)
	if kind < 3 || len(items) == 0 {
		w.deliver(f)
		return
	}
	at := items[w.rng.IntN(len(items))]
	w.update(func(tx *store.Tx) (err error) {
		switch kind {
		case 3:
			_, err = w.boxes.UpdateItem(tx, w.box(), at.f, at.item, func(it *mail.Item) {
				it.Flags ^= mail.FlagSeen
				it.Keywords = []string{fmt.Sprint("k", w.mails)}
			})
		case 4:
			_, err = w.boxes.Delete(tx, w.box(), at.f, at.item)
		case 5:
			_, err = w.boxes.Move(tx, w.box(), at.f, at.item, folders[w.rng.IntN(len(folders))])
		}
		return err
	})
}

func TestEveryPhoneSeesTheServerOverTheWire(t *testing.T) {
	for i := range *wireSeeds {
		seed := *first + uint64(i)
		synctest.Test(t, func(t *testing.T) {
			w := &wire{t: t, rng: rand.New(rand.NewPCG(seed, 1)), root: memory(t)}
			w.dir = filepath.Join(w.root, "0")
			w.open()
			defer func() {
				if t.Failed() { // close waits for goroutines that the bubble must not keep
					_ = errors.Join(w.router.Close(), w.blobs.Close(), w.store.Close())
					t.Logf("run it alone with -simulation.seed=%d -simulation.wire=1", seed)
				}
			}()
			for n, version := range []eas.Version{eas.V161, eas.V141, eas.V121, eas.V25} {
				p, err := phone.New(phone.Config{
					URL: "http://mail.example.org", User: "ada@example.org", Password: "secret", DeviceID: fmt.Sprint("PHONE", n),
					Version: version, HTTPClient: &http.Client{Transport: w}, Fate: w.fate, Base64Query: n == 1,
				})
				w.must(err)
				_, err = p.Provision(context.Background())
				w.must(err)
				w.phones = append(w.phones, &handset{p, map[string]phone.SyncOptions{}})
			}
			for range 250 {
				p := w.phones[w.rng.IntN(len(w.phones))]
				switch n := w.rng.IntN(60); {
				case n < 20:
					w.disturb()
				case n < 57:
					w.use(p)
				case n == 57:
					w.hold(p)
				case n == 58:
					w.quiet()
				default:
					w.crash()
				}
			}
			w.quiet()
			w.close()
			t.Logf("seed %d: %d mails, %d lost answers, %d crashes, %d wakes", seed, w.mails, w.lost, w.crashes, w.woken)
		})
	}
}
