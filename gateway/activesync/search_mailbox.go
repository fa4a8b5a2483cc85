package activesync

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/message"
	"martlet/mail/search"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/store"
	"martlet/sync/class"
)

// mailboxSearch is a search in the mailbox, as it is to be done.
type mailboxSearch struct {
	query   search.Query
	digest  [sha256.Size]byte // of what was asked, without the range
	rows    rowRange
	options *class.Options
	weight  func(*mail.Item) int64
}

// searchMailbox finds items of the mailbox (MS-ASCMD 2.2.3.142.2).
func (h *Handler) searchMailbox(ctx context.Context, s *session, q *eas.SearchStore, out *searchAnswer) error {
	m, err := h.readMailboxSearch(ctx, s, q)
	if err != nil {
		return err
	}
	found, err := h.foundItems(ctx, s, m, q.Options.RebuildResults)
	if err != nil {
		return err
	}
	items, err := h.loadFound(ctx, s, found.places, m.rows)
	if err != nil {
		return err
	}
	if items, err = out.take(ctx, h, items, m.weight); err != nil {
		return err
	}
	for i := range items {
		r, err := h.renderFound(ctx, s, &items[i], m.options)
		if err != nil {
			h.sessionLog(s).Error("item cannot be rendered", "folder", uint32(items[i].item.Folder), "item", uint32(items[i].item.ID), "error", err)
			continue
		}
		out.store.Results = append(out.store.Results, r)
	}
	out.finish(m.rows, found.total, mailbox.MaxSearchLimit)
	return nil
}

// take reserves memory for the items, and leaves out those for which an answer
// has no room.
func (a *searchAnswer) take(ctx context.Context, h *Handler, items []foundItem, weight func(*mail.Item) int64) ([]foundItem, error) {
	var n int64
	for i := range items {
		w := weight(&items[i].item)
		if i > 0 && n+w > maxFetched {
			items = items[:i]
			break
		}
		n += w
	}
	var err error
	a.memory, err = h.reserve(ctx, n)
	return items, err
}

// readMailboxSearch reads the conditions. They stand in one And; anywhere else
// they are too complex (MS-ASCMD_R772, R923, R2032, R2086, R3105, R3143, R3220).
func (h *Handler) readMailboxSearch(ctx context.Context, s *session, q *eas.SearchStore) (*mailboxSearch, error) {
	top := &q.Query.SearchConditions
	switch {
	case len(top.And) > 1 || top.Joined():
		return nil, errTooComplex
	case len(top.And) == 0 || strings.TrimSpace(q.Query.Text) != "":
		return nil, errBadSearch
	case len(top.And[0].And) > 0 || len(top.And[0].Or) > 0:
		return nil, errTooComplex
	}
	m := &mailboxSearch{}
	var err error
	if m.rows, err = parseRows(q.Options.Range, mailboxRows); err != nil {
		return nil, err
	}
	if err := m.readOptions(s, q); err != nil {
		return nil, err
	}
	if m.query, err = h.readConditions(ctx, s, &top.And[0], q.Options.DeepTraversal); err != nil {
		return nil, err
	}
	m.digest, err = digestOf(&eas.SearchStore{Name: "mailbox", Query: q.Query, Options: &eas.SearchOptions{DeepTraversal: q.Options.DeepTraversal}})
	return m, err
}

func digestOf(q *eas.SearchStore) (d [sha256.Size]byte, err error) {
	b, err := wbxml.MarshalRaw(q)
	if err != nil {
		return d, err
	}
	return sha256.Sum256(b), nil
}

// readOptions reads what of the items is wanted (MS-ASCMD 2.2.3.125.5).
func (m *mailboxSearch) readOptions(s *session, q *eas.SearchStore) error {
	o := q.Options
	if o.Picture != nil { // people have pictures, messages have none (MS-ASCMD_R3586)
		return errBadSearch
	}
	if len(o.BodyPartPreference) > 0 && len(q.Query.And[0].ConversationID) == 0 { // MS-ASCMD_R5568
		return errBadSearch
	}
	wanted := &eas.SyncOptions{BodyPreference: o.BodyPreference, BodyPartPreference: o.BodyPartPreference, MIMESupport: o.MIMESupport}
	options, err := emailOptions(s.version, wanted)
	m.options, m.weight = options, itemWeight(wanted, s.version)
	return err
}

// foundItems is the result of a search: that of the request before, when a
// client pages through it (MS-ASCMD_R3739), else a new one.
func (h *Handler) foundItems(ctx context.Context, s *session, m *mailboxSearch, rebuild bool) (foundPlaces, error) {
	key := searchKey{s.id(), byQuery}
	if m.rows.from > 0 && !rebuild {
		if f, ok := h.searches.recall(key, m.digest, time.Now()); ok {
			return f, nil
		}
	}
	return h.findPlaces(ctx, s, key, m.digest, m.query)
}

// findPlaces searches the mailbox, and keeps what it finds to be paged through.
func (h *Handler) findPlaces(ctx context.Context, s *session, key searchKey, digest [sha256.Size]byte, q search.Query) (foundPlaces, error) {
	r, err := h.c.Mailboxes.Search(ctx, s.box, q, mailbox.SearchOptions{})
	if err != nil {
		return foundPlaces{}, err
	}
	f := foundPlaces{digest: digest, places: r.Places, total: r.Total}
	places, total, err := h.findObjects(ctx, s, q, mailbox.MaxSearchLimit-len(r.Places))
	if err != nil {
		return foundPlaces{}, err
	}
	f.places, f.total = append(f.places, places...), f.total+total
	h.searches.keep(key, f, time.Now())
	return f, nil
}

// foundItem is an item on its way into an answer.
type foundItem struct {
	item  mail.Item
	index *message.Index
}

// loadFound reads the rows of a result that are wanted. What is gone since is
// left out (MS-ASCMD_R3757), what has moved is where it is now.
func (h *Handler) loadFound(ctx context.Context, s *session, places []mail.Place, r rowRange) ([]foundItem, error) {
	if r.from >= len(places) {
		return nil, nil
	}
	places = places[r.from:min(r.to+1, len(places))]
	items := make([]foundItem, 0, len(places))
	err := h.c.Store.View(ctx, func(tx *store.Tx) error {
		items = items[:0]
		for _, at := range places {
			it, err := h.trace(tx, s, at, 0)
			if errors.Is(err, mail.ErrNoItem) {
				continue
			}
			if err != nil {
				return err
			}
			f := foundItem{item: it}
			if it.Class == mail.ClassEmail || it.Class == mail.ClassSMS {
				f.index, err = h.c.Mailboxes.Index(tx, it.Blob)
				if errors.Is(err, mail.ErrNoItem) { // broken, which must not hide the rest
					h.sessionLog(s).Warn("item has no index", "folder", uint32(it.Folder), "item", uint32(it.ID))
					continue
				}
				if err != nil {
					return err
				}
			}
			items = append(items, f)
		}
		return nil
	})
	return items, err
}

// renderFound makes a result of an item (MS-ASCMD 2.2.3.155.3).
func (h *Handler) renderFound(ctx context.Context, s *session, f *foundItem, opt *class.Options) (eas.SearchResult, error) {
	e, err := h.renderAny(ctx, s, &f.item, f.index, opt)
	if err != nil {
		return eas.SearchResult{}, err
	}
	return eas.SearchResult{
		Class: className(f.item.Class), LongID: formatLongID(&f.item),
		CollectionID: folderServerID(f.item.Folder), Properties: e,
	}, nil
}
