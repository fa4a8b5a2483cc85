package dav

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"martlet/mail"
	"martlet/store"
)

// tokenPrefix begins every sync-token: it has to be a URI (RFC 6578 6.1).
const tokenPrefix = "data:,"

// token is a cursor into the folder's log. It is good for this store, as it is
// since it was restored, for this folder where it really is, and for what the
// user may see of it.
func (c *collection) token(at mail.ModSeq) string {
	return fmt.Sprintf("%s%x-%x-%x-%x-%x", tokenPrefix, c.store, uint64(c.box), uint32(c.real), uint8(c.rights), uint64(at))
}

// since reads a token.
func (c *collection) since(token string) (mail.ModSeq, error) {
	bad := unmet(dav("valid-sync-token"), "the token is not one of this collection, as it is now")
	i := strings.LastIndexByte(token, '-')
	if i < 0 {
		return 0, bad
	}
	n, err := strconv.ParseUint(token[i+1:], 16, 64)
	if err != nil || token != c.token(mail.ModSeq(n)) || mail.ModSeq(n) > c.highest && n > 0 {
		return 0, bad
	}
	return mail.ModSeq(n), nil
}

// syncCollection tells what has changed since a token (RFC 6578 3.2). It reads
// what changed, never the collection; without a token that is everything.
func (q *request) syncCollection(doc *element, r *resource) error {
	a, err := readReported(doc, r)
	if err != nil {
		return err
	}
	if level := doc.child(dav("sync-level")).word(); level != "1" && level != "infinite" && level != "infinity" && level != "" {
		return badXML("the sync-level is 1 or infinite")
	}
	if r.list != nil {
		return q.syncList(doc, r, a)
	}
	c := r.col
	var since mail.ModSeq
	if token := doc.child(dav("sync-token")).word(); token != "" {
		if since, err = c.since(token); err != nil {
			return err
		}
	}
	limit := 0
	if e := doc.child(dav("limit")).child(dav("nresults")); e != nil {
		if limit, err = strconv.Atoi(e.word()); err != nil || limit < 1 {
			return badXML("the limit is no number of results")
		}
	}
	m := q.newMultistatus()
	w := syncWalk{q: q, m: m, a: a, c: c, at: since, limit: limit, first: since == 0}
	if err := w.walk(); err != nil {
		return m.broken(err)
	}
	if w.more { // RFC 6578 3.6
		return m.broken(m.cut(c.href, c.token(w.at)))
	}
	return m.end(c.token(w.at))
}

// syncWalk walks the log in steps, each in a transaction of its own. What changes
// meanwhile comes at the end of the log, or with the next token.
type syncWalk struct {
	q     *request
	m     *multistatus
	a     *asked
	c     *collection
	at    mail.ModSeq // how far the client is
	seen  mail.ModSeq // how far the log was read
	limit int         // of results; 0: none
	told  int
	first bool // it had nothing: what is gone, it never had
	more  bool // the limit came before the end
}

// told of one item.
type news struct {
	at   mail.ModSeq
	item mail.Item
	gone string // the name of one that is not there any more
}

func (w *syncWalk) walk() error {
	since := w.at // at the beginning
	w.seen = w.at
	for {
		var found []news
		var end bool
		err := w.q.view(func(tx *store.Tx) (err error) {
			found, end, err = w.read(tx, since)
			return err
		})
		if err != nil {
			return err
		}
		for i := range found {
			n := &found[i]
			if w.limit > 0 && w.told == w.limit {
				w.more = true
				return nil
			}
			if err := w.tell(n); err != nil {
				return err
			}
			w.at = n.at
		}
		w.at = w.seen
		if end {
			w.at = max(w.at, w.c.highest)
			return nil
		}
	}
}

// read reads the next entries of the log; end tells that there are no more up to
// what the collection was when the request came.
func (w *syncWalk) read(tx *store.Tx, since mail.ModSeq) (found []news, end bool, err error) {
	read, from := 0, w.seen
	for ch, err := range w.q.h.c.Mailboxes.Changes(tx, w.q.box, w.c.folder.ID, from) {
		if err != nil {
			return nil, false, err
		}
		if ch.ModSeq > w.c.highest {
			return found, true, nil
		}
		if read++; read > rowsAtOnce {
			return found, false, nil
		}
		w.seen = ch.ModSeq
		n := news{at: ch.ModSeq, gone: ch.Name}
		switch {
		case ch.Deleted && (w.first || ch.Created > since || ch.Name == ""):
			continue // it has never seen it
		case !ch.Deleted:
			n.gone = ""
			if n.item, err = w.q.h.c.Mailboxes.Item(tx, w.q.box, w.c.folder.ID, ch.Item); errors.Is(err, mail.ErrNoItem) {
				continue
			}
			if err != nil {
				return nil, false, err
			}
			if !w.c.shows(&n.item) {
				if ch.Created > since { // nor has it ever been
					continue
				}
				n.gone = n.item.Name
			}
		default: // the name may be another item's by now, which has an entry of its own
			if _, err := w.q.item(tx, w.c, ch.Name); err == nil {
				continue
			}
		}
		found = append(found, n)
	}
	return found, true, nil
}

func (w *syncWalk) tell(n *news) error {
	if n.gone != "" {
		if w.first {
			return nil
		}
		w.told++
		return w.m.status(w.c.href+pathEscape(n.gone), &failure{status: http.StatusNotFound})
	}
	w.told++
	return w.m.object(w.c.object(&n.item), w.a)
}
