package engine_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/device"
	"martlet/sync/engine"
)

const box = mail.MailboxID(1)

// phone and tablet are two devices of the mailbox's owner.
var (
	phone  = device.ID{Account: 1, Device: "phone"}
	tablet = device.ID{Account: 1, Device: "tablet"}
)

// house is an engine over a real mailbox, whose reads are counted.
type house struct {
	tb    testing.TB
	store *store.Store
	boxes *mailbox.Mailboxes
	devs  *device.Devices
	eng   *engine.Engine
	rows  *counting

	inbox, drafts, bin mail.FolderID
}

// counting counts the rows that the engine reads.
type counting struct {
	*mailbox.Mailboxes
	log, positions, items int
}

func (c *counting) Changes(tx *store.Tx, b mail.MailboxID, f mail.FolderID, since mail.ModSeq) iter.Seq2[mail.Change, error] {
	return counted(&c.log, c.Mailboxes.Changes(tx, b, f, since))
}

func (c *counting) Newest(tx *store.Tx, b mail.MailboxID, f mail.FolderID, below mail.Position, oldest int64) iter.Seq2[mail.Position, error] {
	return counted(&c.positions, c.Mailboxes.Newest(tx, b, f, below, oldest))
}

func (c *counting) Between(tx *store.Tx, b mail.MailboxID, f mail.FolderID, from, to int64) iter.Seq2[mail.Position, error] {
	return counted(&c.positions, c.Mailboxes.Between(tx, b, f, from, to))
}

func (c *counting) Items(tx *store.Tx, b mail.MailboxID, f mail.FolderID, after mail.ItemID) iter.Seq2[mail.Item, error] {
	return counted(&c.items, c.Mailboxes.Items(tx, b, f, after))
}

func (c *counting) Item(tx *store.Tx, b mail.MailboxID, f mail.FolderID, id mail.ItemID) (mail.Item, error) {
	c.items++
	return c.Mailboxes.Item(tx, b, f, id)
}

func counted[T any](n *int, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range seq {
			*n++
			if !yield(v, err) {
				return
			}
		}
	}
}

func open(tb testing.TB) *house {
	tb.Helper()
	dir := tb.TempDir()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	st, err := store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: quiet, Reserve: 1, NoCompaction: true})
	if err != nil {
		tb.Fatal(err)
	}
	blobs, err := blob.Open(blob.Config{Store: st, Path: filepath.Join(dir, "blob"), Logger: quiet})
	if err != nil {
		tb.Fatal(err)
	}
	boxes := mailbox.New(mailbox.Config{Store: st, Blobs: blobs, Hub: push.NewHub(), Logger: quiet})
	h := &house{tb: tb, store: st, boxes: boxes, devs: device.New(device.Config{Store: st}), rows: &counting{Mailboxes: boxes}}
	h.eng = engine.New(engine.Config{Store: st, Devices: h.devs, Source: h.rows, Logger: quiet})
	tb.Cleanup(func() {
		report := func(p store.Problem) { tb.Errorf("check: %s %s: %s", p.Table, p.Key, p.Text) }
		if err := errors.Join(h.devs.Check(context.Background(), report), blobs.Close(), st.Close()); err != nil {
			tb.Error(err)
		}
	})
	h.update(func(tx *store.Tx) error {
		for role, f := range map[mail.Role]*mail.FolderID{mail.RoleInbox: &h.inbox, mail.RoleDrafts: &h.drafts, mail.RoleDeletedItems: &h.bin} {
			folder, err := boxes.FolderByRole(tx, box, role)
			if err != nil {
				return err
			}
			*f = folder.ID
		}
		return nil
	})
	return h
}

func (h *house) update(fn func(tx *store.Tx) error) {
	h.tb.Helper()
	if err := h.store.Update(context.Background(), fn); err != nil {
		h.tb.Fatal(err)
	}
}

// deliver puts items into a folder, each of the age in turn, and returns their
// numbers.
func (h *house) deliver(f mail.FolderID, ages ...time.Duration) []mail.ItemID {
	h.tb.Helper()
	var ids []mail.ItemID
	now := time.Now()
	h.update(func(tx *store.Tx) error {
		ids = ids[:0]
		for _, age := range ages {
			it, err := h.boxes.Append(tx, box, f, mail.NewItem{Class: mail.ClassEmail, Received: now.Add(-age).UnixMilli()})
			if err != nil {
				return err
			}
			ids = append(ids, it.ID)
		}
		return nil
	})
	return ids
}

func read(it *mail.Item) { it.Flags |= mail.FlagSeen }

// edit changes an item as another program would.
func (h *house) edit(f mail.FolderID, id mail.ItemID, edit func(*mail.Item)) {
	h.tb.Helper()
	h.update(func(tx *store.Tx) error {
		_, err := h.boxes.UpdateItem(tx, box, f, id, edit)
		return err
	})
}

// remove deletes an item as another program would.
func (h *house) remove(f mail.FolderID, id mail.ItemID) {
	h.tb.Helper()
	h.update(func(tx *store.Tx) error {
		_, err := h.boxes.Delete(tx, box, f, id)
		return err
	})
}

func (h *house) item(f mail.FolderID, id mail.ItemID) (it mail.Item, err error) {
	h.tb.Helper()
	h.store.View(context.Background(), func(tx *store.Tx) error {
		it, err = h.boxes.Item(tx, box, f, id)
		return nil
	})
	return it, err
}

// request is a plain request for a folder.
func request(f mail.FolderID, key string, commands ...engine.Command) engine.Request {
	return engine.Request{
		Box: box, Folder: f, Key: key, Window: 100, GetChanges: key != engine.NewKey,
		ServerWins: true, DeletesAsMoves: true, Commands: commands,
	}
}

func (h *house) send(id device.ID, req engine.Request) engine.Result {
	h.tb.Helper()
	res, err := h.eng.Sync(context.Background(), id, []engine.Request{req}, nil)
	if err != nil {
		h.tb.Fatal(err)
	}
	return res[0]
}

// sync sends a request that must succeed.
func (h *house) sync(f mail.FolderID, key string, commands ...engine.Command) engine.Result {
	h.tb.Helper()
	res := h.send(phone, request(f, key, commands...))
	if res.Err != nil {
		h.tb.Fatal(res.Err)
	}
	return res
}

// settle syncs a folder from the start until the phone has it all.
func (h *house) settle(f mail.FolderID) (key string) {
	h.tb.Helper()
	return h.settleAs(phone, request(f, engine.NewKey))
}

func (h *house) settleAs(id device.ID, req engine.Request) (key string) {
	h.tb.Helper()
	for {
		req.GetChanges = req.Key != engine.NewKey
		res := h.send(id, req)
		if res.Err != nil {
			h.tb.Fatal(res.Err)
		}
		if res.Unchanged {
			return res.Key
		}
		req.Key = res.Key
	}
}

func (h *house) changed(folders ...mail.FolderID) []mail.FolderID {
	h.tb.Helper()
	got, err := h.eng.Changed(context.Background(), phone, box, folders)
	if err != nil {
		h.tb.Fatal(err)
	}
	return got
}

// told writes an answer's changes as + ~ - x and the item's number.
func told(res engine.Result) []change {
	var out []change
	for _, c := range res.Changes {
		out = append(out, change{c.Kind, c.ID})
	}
	return out
}

type change struct {
	kind engine.ChangeKind
	id   mail.ItemID
}

func adds(ids ...mail.ItemID) (out []change) {
	for _, id := range ids {
		out = append(out, change{engine.Added, id})
	}
	return out
}

func add(clientID string, received int64) engine.Command {
	return engine.Command{Kind: engine.Add, ClientID: clientID, New: &mail.NewItem{Class: mail.ClassEmail, Received: received}}
}

func markRead(id mail.ItemID) engine.Command {
	return engine.Command{Kind: engine.Change, Item: id, Edit: func(it *mail.Item) error {
		read(it)
		return nil
	}}
}

func del(id mail.ItemID) engine.Command { return engine.Command{Kind: engine.Delete, Item: id} }
