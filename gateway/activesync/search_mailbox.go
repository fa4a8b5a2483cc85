package activesync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
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

// maxSearchFolders bounds the folders that one search may name.
const maxSearchFolders = 1000

// allFolders is the CollectionId with which Outlook and Android search
// everywhere.
const allFolders = "0"

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
	out.finish(m.rows, found.total)
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
	if err := checkBodyParts(s.version, wanted); err != nil {
		return err
	}
	if err := checkOptions(wanted, mail.ClassEmail); err != nil {
		return err
	}
	m.options = class.OptionsOf(s.version, wanted)
	m.weight = itemWeight(wanted, s.version)
	return nil
}

// readConditions turns the conditions into the index's query.
func (h *Handler) readConditions(ctx context.Context, s *session, c *eas.SearchConditions, deep bool) (search.Query, error) {
	var all search.And
	for _, text := range c.FreeText {
		if strings.TrimSpace(text) == "" {
			return nil, errBadSearch
		}
		all = append(all, search.Parse(text))
	}
	classes, err := searchClasses(s.version, c.Classes)
	if err != nil {
		return nil, err
	}
	if classes != nil {
		all = append(all, classes)
	}
	received, err := searchDates(c)
	if err != nil {
		return nil, err
	}
	if received != nil {
		all = append(all, received)
	}
	if len(c.EqualTo) > 0 { // MS-ASCMD_R2278
		return nil, errBadSearch
	}
	if c.ConversationID != nil {
		thread, err := searchThread(s.version, c.ConversationID)
		if err != nil {
			return nil, err
		}
		all = append(all, thread)
	}
	if len(all) == 0 && len(c.CollectionIDs) == 0 {
		return nil, errBadSearch
	}
	folders, err := h.searchFolders(ctx, s, c.CollectionIDs, deep)
	if err != nil {
		return nil, err
	}
	if folders != nil {
		all = append(all, folders)
	}
	return all, nil
}

// searchClasses are the classes whose items are wanted; nil: all (MS-ASCMD_R922,
// R6288).
func searchClasses(v eas.Version, names []string) (search.Query, error) {
	var any search.Or
	for _, name := range names {
		switch name {
		case "Email":
			any = append(any, search.Class(mail.ClassEmail))
		case "Calendar":
			any = append(any, search.Class(mail.ClassCalendar))
		case "Contacts":
			any = append(any, search.Class(mail.ClassContacts))
		case "Tasks":
			any = append(any, search.Class(mail.ClassTasks))
		case "Notes", "SMS":
			if v < eas.V140 {
				return nil, errBadSearch
			}
			c := mail.ClassNotes
			if name == "SMS" {
				c = mail.ClassSMS
			}
			any = append(any, search.Class(c))
		default: // MS-ASCMD_R920
			return nil, errBadSearch
		}
	}
	if any == nil {
		return nil, nil
	}
	return any, nil
}

// searchDates reads GreaterThan and LessThan, of which there may be one each.
// Both leave out the moment itself.
func searchDates(c *eas.SearchConditions) (search.Query, error) {
	if len(c.GreaterThan) == 0 && len(c.LessThan) == 0 {
		return nil, nil
	}
	var r search.Received
	var err error
	if r.Since, err = searchDate(c.GreaterThan); err != nil {
		return nil, err
	}
	if !r.Since.IsZero() {
		r.Since = r.Since.Add(time.Millisecond)
	}
	if r.Before, err = searchDate(c.LessThan); err != nil {
		return nil, err
	}
	return r, nil
}

func searchDate(list []eas.SearchComparison) (time.Time, error) {
	switch {
	case len(list) == 0:
		return time.Time{}, nil
	case len(list) > 1 || list[0].DateReceived == nil || list[0].LinkID != nil:
		return time.Time{}, errBadSearch
	}
	t, err := wbxml.ParseTime(strings.TrimSpace(list[0].Value))
	if err != nil || t.IsZero() {
		return time.Time{}, errBadSearch
	}
	return t, nil
}

// searchThread reads a conversation's id: the bytes that items show, or a GUID
// in words (MS-ASCMD 2.2.3.35.2).
func searchThread(v eas.Version, id []byte) (search.Query, error) {
	if v < eas.V140 {
		return nil, errBadSearch
	}
	var t search.Thread
	if len(id) == len(t) {
		copy(t[:], id)
		return t, nil
	}
	digits := strings.Map(func(r rune) rune {
		if r == '{' || r == '}' || r == '-' {
			return -1
		}
		return r
	}, strings.TrimSpace(string(id)))
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != len(t) {
		return nil, errBadSearch
	}
	copy(t[:], b)
	return t, nil
}

// searchFolders are the folders to search, with those below them if deep is
// set (MS-ASCMD_R2031, R2146); nil: all.
func (h *Handler) searchFolders(ctx context.Context, s *session, ids []string, deep bool) (search.Query, error) {
	if len(ids) > maxSearchFolders {
		return nil, errTooComplex
	}
	wanted := map[mail.FolderID]bool{}
	for _, id := range ids {
		if id == "" || id == allFolders {
			return nil, nil
		}
		f, err := h.folder(ctx, s, id)
		if err != nil {
			return nil, err
		}
		wanted[f] = true
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	err := h.c.Store.View(ctx, func(tx *store.Tx) error {
		all, err := h.c.Mailboxes.Folders(tx, s.box)
		if err != nil {
			return err
		}
		there := map[mail.FolderID]bool{}
		below := map[mail.FolderID][]mail.FolderID{}
		for i := range all {
			there[all[i].ID] = true
			below[all[i].Parent] = append(below[all[i].Parent], all[i].ID)
		}
		for f := range wanted {
			if !there[f] {
				return mail.ErrNoFolder
			}
		}
		if deep {
			descend(wanted, below)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	folders := make(search.Folders, 0, len(wanted))
	for f := range wanted {
		folders = append(folders, f)
	}
	return folders, nil
}

// descend adds all folders below those wanted.
func descend(wanted map[mail.FolderID]bool, below map[mail.FolderID][]mail.FolderID) {
	var open []mail.FolderID
	for f := range wanted {
		open = append(open, f)
	}
	for len(open) > 0 {
		f := open[len(open)-1]
		open = open[:len(open)-1]
		for _, sub := range below[f] {
			if !wanted[sub] {
				wanted[sub] = true
				open = append(open, sub)
			}
		}
	}
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
	r, err := h.c.Mailboxes.Search(ctx, s.box, m.query, mailbox.SearchOptions{})
	if err != nil {
		return foundPlaces{}, err
	}
	f := foundPlaces{digest: m.digest, places: r.Places, total: r.Total}
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
				if f.index, err = h.c.Mailboxes.Index(tx, it.Blob); err != nil {
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
	if f.index == nil {
		return eas.SearchResult{}, fmt.Errorf("%w: class %d", errNotRendered, f.item.Class)
	}
	e, err := h.renderItem(ctx, s, &f.item, f.index, opt)
	if err != nil {
		return eas.SearchResult{}, err
	}
	return eas.SearchResult{
		Class: className(f.item.Class), LongID: formatLongID(&f.item),
		CollectionID: folderServerID(f.item.Folder), Properties: e,
	}, nil
}
