package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

// smallSizes make everything happen with few messages.
func smallSizes() sizes {
	return sizes{fold: 3, pending: 5, foldBytes: 4 << 10, fanout: 2, prune: 2, write: 64, clear: 1}
}

// searchMachine does at random what may happen to a mailbox, and searches.
type searchMachine struct {
	h     *house
	box   mail.MailboxID
	is    map[mail.Place]*text
	own   []mail.FolderID // folders that may be deleted
	made  int             // folders so far
	fixed []mail.FolderID
}

func (m *searchMachine) folders() []mail.FolderID { return append(slices.Clone(m.fixed), m.own...) }

// fieldsOf draws a set of fields.
func fieldsOf(t *rapid.T) search.Field {
	return rapid.SampledFrom([]search.Field{
		search.AnyField, search.AnyField, search.From, search.To, search.Subject, search.Body, search.Attachment, search.From | search.Body,
	}).Draw(t, "fields")
}

// query draws a query.
func (m *searchMachine) query(t *rapid.T, depth int) search.Query {
	kinds := []string{"words", "words", "words", "phrase", "received", "folders", "attachment", "flags", "followup", "category", "class", "thread"}
	if depth < 3 {
		kinds = append(kinds, "and", "or", "not", "and", "or")
	}
	list := func() (all []search.Query) {
		for range rapid.IntRange(0, 3).Draw(t, "parts") {
			all = append(all, m.query(t, depth+1))
		}
		return all
	}
	word := rapid.SampledFrom(append([]string{"al", "be", "k", "example", "org", "me@example.org", "missing"}, vocabulary...))
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "and":
		return search.And(list())
	case "or":
		return search.Or(list())
	case "not":
		return search.Not{Query: m.query(t, depth+1)}
	case "phrase":
		return search.Phrase{Fields: fieldsOf(t), Text: word.Draw(t, "first") + " " + word.Draw(t, "second"), Prefix: rapid.Bool().Draw(t, "prefix")}
	case "received":
		since := rapid.Int64Range(0, 50).Draw(t, "since")
		return search.Received{Since: time.UnixMilli(since), Before: time.UnixMilli(since + rapid.Int64Range(0, 30).Draw(t, "span"))}
	case "folders":
		return search.Folders(rapid.SliceOfN(rapid.SampledFrom(append(m.folders(), 9999)), 0, 2).Draw(t, "folders"))
	case "attachment":
		return search.HasAttachment{}
	case "flags":
		return search.Flags{Set: mail.Flags(rapid.IntRange(0, 3).Draw(t, "set")), Clear: mail.Flags(rapid.IntRange(0, 3).Draw(t, "clear"))}
	case "followup":
		return search.FollowUp(rapid.IntRange(0, 2).Draw(t, "status"))
	case "category":
		return search.Category(rapid.SampledFrom([]string{"Red", "red", "Blue"}).Draw(t, "category"))
	case "class":
		return search.Class(rapid.SampledFrom([]mail.Class{mail.ClassEmail, mail.ClassSMS}).Draw(t, "class"))
	case "thread":
		for _, is := range m.is {
			return search.Thread(is.item.Thread)
		}
	}
	return search.Words{Fields: fieldsOf(t), Text: word.Draw(t, "word"), Prefix: rapid.Bool().Draw(t, "prefix")}
}

// search compares one search with the simplest one.
func (m *searchMachine) search(t *rapid.T) {
	q := m.query(t, 0)
	limit := rapid.IntRange(1, 6).Draw(t, "limit")
	var want []mail.Item
	for _, is := range m.is {
		if is.matches(q) {
			want = append(want, is.item)
		}
	}
	slices.SortFunc(want, func(a, b mail.Item) int {
		if a.Position().Before(b.Position()) {
			return 1
		}
		return -1
	})
	var places []mail.Place
	for _, it := range want[:min(len(want), limit)] {
		places = append(places, mail.Place{Folder: it.Folder, Item: it.ID})
	}
	got, err := m.h.Search(context.Background(), m.box, q, SearchOptions{Limit: limit})
	if err != nil {
		t.Fatalf("%#v: %v", q, err)
	}
	if got.Capped || got.Total != len(want) || !slices.Equal(got.Places, places) {
		t.Fatalf("%#v: %+v, want %d, %v", q, got, len(want), places)
	}
}

func (m *searchMachine) change(t *rapid.T, fn func(tx *store.Tx) error) {
	if err := m.h.store.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// append delivers a few messages, some of which the mailbox has already.
func (m *searchMachine) append(t *rapid.T) {
	f := rapid.SampledFrom(m.folders()).Draw(t, "into")
	for range rapid.IntRange(1, 4).Draw(t, "messages") {
		raw, is := compose(t, rapid.IntRange(1, 1<<30).Draw(t, "serial"))
		body, err := m.h.Prepare(context.Background(), []byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		n := mail.NewItem{
			Class: mail.ClassEmail, Body: body, Received: rapid.Int64Range(1, 60).Draw(t, "received"),
			Flags: mail.Flags(rapid.IntRange(0, 3).Draw(t, "flags")),
		}
		m.change(t, func(tx *store.Tx) (err error) {
			is.item, err = m.h.Append(tx, m.box, f, n)
			return err
		})
		m.is[mail.Place{Folder: f, Item: is.item.ID}] = is
	}
}

// pick draws a message; the second result is false if there is none.
func (m *searchMachine) pick(t *rapid.T) (mail.Place, *text, bool) {
	if len(m.is) == 0 {
		return mail.Place{}, nil, false
	}
	places := slices.SortedFunc(maps.Keys(m.is), func(a, b mail.Place) int { return int(a.Item) - int(b.Item) })
	at := rapid.SampledFrom(places).Draw(t, "item")
	return at, m.is[at], true
}

func (m *searchMachine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"append": m.append, "append2": m.append, "search": m.search, "search2": m.search, "search3": m.search,
		"move": func(t *rapid.T) {
			at, is, ok := m.pick(t)
			if !ok {
				return
			}
			dst := rapid.SampledFrom(m.folders()).Draw(t, "to")
			m.change(t, func(tx *store.Tx) (err error) {
				is.item, err = m.h.Move(tx, m.box, at.Folder, at.Item, dst)
				return err
			})
			delete(m.is, at)
			m.is[mail.Place{Folder: dst, Item: is.item.ID}] = is
		},
		"delete": func(t *rapid.T) {
			if at, _, ok := m.pick(t); ok {
				m.change(t, func(tx *store.Tx) error {
					_, err := m.h.Delete(tx, m.box, at.Folder, at.Item)
					return err
				})
				delete(m.is, at)
			}
		},
		"replace": func(t *rapid.T) {
			at, is, ok := m.pick(t)
			if !ok {
				return
			}
			raw, now := compose(t, 0)
			body, err := m.h.Prepare(context.Background(), []byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			m.change(t, func(tx *store.Tx) (err error) {
				is.item, err = m.h.ReplaceBody(tx, m.box, at.Folder, at.Item, body, nil)
				return err
			})
			is.fields, is.files = now.fields, now.files
		},
		"edit": func(t *rapid.T) {
			at, is, ok := m.pick(t)
			if !ok {
				return
			}
			flags := mail.Flags(rapid.IntRange(0, 3).Draw(t, "flags"))
			status := mail.FollowUpStatus(rapid.IntRange(0, 2).Draw(t, "status"))
			keywords := rapid.SliceOfN(rapid.SampledFrom([]string{"Red", "Blue"}), 0, 1).Draw(t, "keywords")
			m.change(t, func(tx *store.Tx) (err error) {
				is.item, err = m.h.UpdateItem(tx, m.box, at.Folder, at.Item, func(it *mail.Item) {
					it.Flags, it.FollowUp.Status, it.Keywords = flags, status, keywords
				})
				return err
			})
		},
		"create": func(t *rapid.T) {
			if len(m.own) < 3 {
				m.made++
				m.change(t, func(tx *store.Tx) error {
					f, err := m.h.CreateFolder(tx, m.box, 0, fmt.Sprint("folder", m.made), mail.ClassEmail)
					if err == nil {
						m.own = append(m.own, f.ID)
					}
					return err
				})
			}
		},
		"drop": func(t *rapid.T) {
			if len(m.own) == 0 {
				return
			}
			f := rapid.SampledFrom(m.own).Draw(t, "drop")
			m.change(t, func(tx *store.Tx) error { return m.h.DeleteFolder(tx, m.box, f) })
			m.own = slices.DeleteFunc(m.own, func(o mail.FolderID) bool { return o == f })
			maps.DeleteFunc(m.is, func(p mail.Place, _ *text) bool { return p.Folder == f })
		},
		"sweep": func(t *rapid.T) {
			if err := m.h.Sweep(context.Background()); err != nil {
				t.Fatal(err)
			}
		},
		"tend": func(t *rapid.T) {
			td := tender{m: m.h.Mailboxes, box: m.box, sizes: smallSizes(), prune: rapid.Bool().Draw(t, "prune")}
			for range rapid.IntRange(1, 10).Draw(t, "steps") {
				if more, err := td.step(context.Background()); err != nil {
					t.Fatal(err)
				} else if !more {
					break
				}
			}
		},
		// What a process that is killed leaves: a step of which some
		// transactions are done.
		"broken off": func(t *rapid.T) {
			td := tender{m: m.h.Mailboxes, box: m.box, sizes: smallSizes(), prune: true}
			ctx := &ending{Context: context.Background(), left: rapid.IntRange(1, 30).Draw(t, "left")}
			for {
				more, err := td.step(ctx)
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				if err != nil || !more {
					return
				}
			}
		},
		"restart": func(*rapid.T) { m.h.restart() },
	}
}

// ending is a context that ends after it was asked a number of times.
type ending struct {
	context.Context
	left int
}

func (e *ending) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

// restart forgets all that is in memory.
func (h *house) restart() {
	h.Mailboxes = New(Config{Store: h.store, Blobs: h.blobs, Hub: h.hub, Logger: h.log})
	h.keeper.sizes = smallSizes()
}

func newSearchMachine(h *house, box mail.MailboxID) *searchMachine {
	h.keeper.sizes = smallSizes()
	return &searchMachine{h: h, box: box, is: map[mail.Place]*text{}, fixed: []mail.FolderID{
		h.role(box, mail.RoleInbox), h.role(box, mail.RoleDeletedItems),
	}}
}

func TestSearchFindsWhatTheSimplestSearchFinds(t *testing.T) {
	h := newHouse(t)
	var box mail.MailboxID
	rapid.Check(t, func(t *rapid.T) {
		box++
		m := newSearchMachine(h, box)
		t.Repeat(m.actions())
		for range 5 {
			m.search(t)
		}
	})
}

// A copy of the files while the store is open is what a machine that lost its
// power would find.
func TestTheIndexIsRightAfterACrash(t *testing.T) {
	for seed := range 5 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := openHouse(t, t.TempDir())
			m := newSearchMachine(h.house, 1)
			draw := rapid.Custom(func(rt *rapid.T) int {
				actions := m.actions()
				names := slices.Sorted(maps.Keys(actions))
				for range 25 {
					actions[rapid.SampledFrom(names).Draw(rt, "action")](rt)
				}
				return 0
			})
			for round := range 3 {
				draw.Example(seed*100 + round)
				h = h.crash(t)
				m.h = h.house
				m.h.keeper.sizes = smallSizes()
			}
			h.clean()
			h.close(t)
		})
	}
}

// opened is a house whose files may be copied.
type opened struct {
	*house
	dir string
}

func openHouse(tb testing.TB, dir string) *opened {
	tb.Helper()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	st, err := store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: quiet, Reserve: 1, NoCompaction: true})
	if err != nil {
		tb.Fatal(err)
	}
	blobs, err := blob.Open(blob.Config{Store: st, Path: filepath.Join(dir, "blob"), Logger: quiet})
	if err != nil {
		tb.Fatal(err)
	}
	hub := push.NewHub()
	return &opened{&house{New(Config{Store: st, Blobs: blobs, Hub: hub, Logger: quiet}), tb, hub}, dir}
}

func (o *opened) close(tb testing.TB) {
	tb.Helper()
	if err := errors.Join(o.blobs.Close(), o.store.Close()); err != nil {
		tb.Error(err)
	}
}

// crash opens a copy of the files as they are now.
func (o *opened) crash(tb testing.TB) *opened {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.CopyFS(dir, os.DirFS(o.dir)); err != nil {
		tb.Fatal(err)
	}
	o.close(tb)
	return openHouse(tb, dir)
}
