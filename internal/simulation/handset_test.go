package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	"martlet/internal/phone"
	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// fate is the network.
func (w *wire) fate(command string) phone.Fate {
	if w.calm || command == "Provision" {
		return phone.Delivered
	}
	switch w.rng.IntN(10) {
	case 0:
		w.lost++
		return phone.AnswerLost
	case 1:
		return phone.Repeated
	case 2:
		return phone.RequestLost
	}
	return phone.Delivered
}

// syncOnce synchronizes a folder once; a lost request is repeated as it was.
func (w *wire) syncOnce(p *handset, id string, opt phone.SyncOptions) *phone.SyncResult {
	w.t.Helper()
	if again, ok := p.repeat[id]; ok {
		opt = again
	}
	res, err := p.Sync(context.Background(), id, opt)
	delete(p.repeat, id)
	var status *phone.StatusError
	switch {
	case errors.Is(err, phone.ErrLost):
		p.repeat[id] = opt
	case errors.As(err, &status) && status.Status == uint16(eas.SyncStatusFolderHierarchyChanged):
		// The folder is gone: FolderSync will say so.
	default:
		w.must(err)
	}
	return res
}

// use is the user of a phone.
func (w *wire) use(p *handset) {
	w.t.Helper()
	ctx := context.Background()
	folders := p.Folders()
	mails := folders[:0:0]
	for _, f := range folders {
		switch f.Type {
		case eas.FolderInbox, eas.FolderSentItems, eas.FolderDrafts, eas.FolderDeletedItems, eas.FolderUserMail:
			mails = append(mails, f)
		}
	}
	if len(mails) == 0 || w.rng.IntN(12) == 0 {
		if _, err := p.FolderSync(ctx); !errors.Is(err, phone.ErrLost) {
			w.must(err)
		}
		return
	}
	f := mails[w.rng.IntN(len(mails))].ServerID
	view := slices.Sorted(maps.Keys(p.View(f)))
	opt := phone.SyncOptions{Window: uint(1 + w.rng.IntN(8))}
	if _, waiting := p.repeat[f]; waiting || len(view) == 0 {
		w.syncOnce(p, f, opt)
		return
	}
	item := view[w.rng.IntN(len(view))]
	switch w.rng.IntN(6) {
	case 0:
		read := w.rng.IntN(2) == 0
		data, err := wbxml.MarshalRaw(&eas.Email{Read: &read})
		w.must(err)
		opt.Commands = []eas.SyncCommand{{Change: &eas.SyncChange{ServerID: item, ApplicationData: data}}}
	case 1:
		opt.Commands = []eas.SyncCommand{{Delete: &eas.SyncDelete{ServerID: item}}}
		opt.Permanent = w.rng.IntN(2) == 0
	case 2:
		if _, err := p.MoveItems(ctx, f, mails[w.rng.IntN(len(mails))].ServerID, item); !errors.Is(err, phone.ErrLost) {
			w.must(err)
		}
		return
	case 3:
		if len(mails) < 10 {
			w.mails++
			if _, err := p.FolderCreate(ctx, "0", fmt.Sprint("folder ", w.mails), eas.FolderUserMail); !errors.Is(err, phone.ErrLost) {
				w.must(err)
			}
			return
		}
	}
	w.syncOnce(p, f, opt)
}

// hold lets a phone hold a Ping: mail that comes must wake it, and the Sync
// that follows must bring it.
func (w *wire) hold(p *handset) {
	w.t.Helper()
	w.rest(p)
	inbox, err := p.Folder(eas.FolderInbox)
	w.must(err)
	type answer struct {
		res phone.PingResult
		err error
	}
	answers := make(chan answer, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.calm = true
	defer func() { w.calm = false }()
	// It waits only for a folder that it synchronizes.
	delete(p.repeat, inbox.ServerID)
	w.syncOnce(p, inbox.ServerID, phone.SyncOptions{All: true})
	go func() {
		res, err := p.Ping(ctx, 10*time.Minute, inbox.ServerID)
		answers <- answer{res, err}
	}()
	synctest.Wait()
	select {
	case a := <-answers:
		w.t.Fatalf("a Ping at rest is answered at once: %+v, %v", a.res, a.err)
	default:
	}
	f, err := strconv.ParseUint(inbox.ServerID, 10, 32)
	w.must(err)
	w.deliver(mail.FolderID(f))
	synctest.Wait()
	select {
	case a := <-answers:
		w.must(a.err)
		if a.res.Status != eas.PingStatusChanges || !slices.Equal(a.res.Folders, []string{inbox.ServerID}) {
			w.t.Fatalf("the Ping says %+v", a.res)
		}
	default:
		w.t.Fatal("new mail does not wake the phone")
	}
	if res := w.syncOnce(p, inbox.ServerID, phone.SyncOptions{}); res.Adds != 1 {
		w.t.Fatalf("the Sync after the Ping brings %d", res.Adds)
	}
	w.woken++
}

// rest lets a phone finish on a good network.
func (w *wire) rest(p *handset) {
	w.t.Helper()
	w.calm = true
	defer func() { w.calm = false }()
	_, err := p.FolderSync(context.Background())
	w.must(err)
	for _, f := range p.Collections() {
		if _, waiting := p.repeat[f]; waiting {
			w.syncOnce(p, f, phone.SyncOptions{})
		}
		w.syncOnce(p, f, phone.SyncOptions{All: true, Window: 50})
	}
}

func (w *wire) quiet() {
	w.t.Helper()
	for range 2 { // what one does is news to the others
		for _, p := range w.phones {
			w.rest(p)
		}
	}
	server := w.server()
	for i, p := range w.phones {
		for _, f := range p.Collections() {
			view := map[string]shown{}
			for id, it := range p.View(f) {
				view[id] = shown{it.Read, strings.Join(it.Categories, ",")}
			}
			if p.Version() < eas.V140 { // it has no categories
				for _, items := range []map[string]shown{view, server[f]} {
					for id, it := range items {
						items[id] = shown{read: it.read}
					}
				}
			}
			if !maps.Equal(view, server[f]) {
				w.t.Fatalf("phone %d, folder %s: it shows %v, the server has %v", i, f, view, server[f])
			}
		}
		server = w.server()
		if odd := p.Odd(); len(odd) > 0 {
			w.t.Fatalf("phone %d: %q", i, odd)
		}
	}
}
