package dav

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"martlet/directory"
	"martlet/store"
)

// The address list (GAL) is an address book that everybody has and nobody writes:
// accounts, groups, rooms and shared contacts as cards. It is the directory's; a
// token is the directory's number, an ETag that of the entry's last change.

// directoryName is what the address book is called.
const directoryName = "Directory"

// entrySuffix ends the names of entries.
const entrySuffix = ".vcf"

// addressList is the address book at a moment.
type addressList struct {
	epoch    uint64
	restored uint32
}

func (l *addressList) token(at uint64) string {
	return fmt.Sprintf("%sd-%x-%x", tokenPrefix, l.restored, at)
}

// findList opens the address list.
func (q *request) findList(tx *store.Tx) (*resource, error) {
	var l addressList
	var err error
	if l.epoch, err = q.h.c.Directory.EpochIn(tx); err != nil {
		return nil, err
	}
	if l.restored, err = tx.Restored(); err != nil {
		return nil, err
	}
	return &resource{kind: kindDirectory, href: homeHref(atBooks, q.account.Login) + directorySegment + "/", list: &l}, nil
}

// entry is the resource of an entry.
func (r *resource) entryResource(e *directory.Entry) *resource {
	return &resource{kind: kindEntry, href: r.href + pathEscape(e.ID()) + entrySuffix, list: r.list, entry: e}
}

// findEntry opens an entry of the address list.
func (q *request) findEntry(list *resource, name string) (*resource, error) {
	id, ok := strings.CutSuffix(name, entrySuffix)
	if !ok {
		return nil, fail(http.StatusNotFound)
	}
	e, err := q.h.c.Directory.EntryByID(q.r.Context(), id)
	if errors.Is(err, directory.ErrNoEntry) {
		return nil, fail(http.StatusNotFound)
	}
	if err != nil {
		return nil, err
	}
	return list.entryResource(&e), nil
}

// entries visits all of the address list, in the order of the last changes: so it
// can be read in steps, between which nothing is held.
func (q *request) entries(list *resource, visit func(*resource) error) error {
	for at := uint64(0); ; {
		changes, upTo, err := q.h.c.Directory.ChangedSince(q.r.Context(), at, rowsAtOnce)
		if err != nil {
			return err
		}
		for i := range changes {
			if e := changes[i].Entry; e != nil {
				if err := visit(list.entryResource(e)); err != nil {
					return err
				}
			}
		}
		if at = upTo; len(changes) < rowsAtOnce {
			return nil
		}
	}
}

// entryCard is an entry as a card, with its photo.
func (q *request) entryCard(e *directory.Entry) ([]byte, error) {
	photo, err := q.h.c.Directory.EntryPhoto(q.r.Context(), e)
	if err != nil {
		return nil, err
	}
	return e.Card(photo).Bytes(), nil
}

// syncList tells what has changed in the address list (RFC 6578 3.2).
func (q *request) syncList(doc *element, r *resource, a *asked) error {
	since := uint64(0)
	if token := doc.child(dav("sync-token")).word(); token != "" {
		i := strings.LastIndexByte(token, '-')
		n, err := strconv.ParseUint(token[i+1:], 16, 64)
		if err != nil || token != r.list.token(n) || n > r.list.epoch {
			return unmet(dav("valid-sync-token"), "the token is not one of the address list, as it is now")
		}
		since = n
	}
	limit := 0
	if e := doc.child(dav("limit")).child(dav("nresults")); e != nil {
		var err error
		if limit, err = strconv.Atoi(e.word()); err != nil || limit < 1 {
			return badXML("the limit is no number of results")
		}
	}
	m := q.newMultistatus()
	told, at := 0, since
	for {
		changes, upTo, err := q.h.c.Directory.ChangedSince(q.r.Context(), at, rowsAtOnce)
		if err != nil {
			return m.broken(err)
		}
		for i := range changes {
			c := &changes[i]
			if c.Entry == nil && since == 0 {
				at = c.Seq // it never had it
				continue
			}
			if limit > 0 && told == limit {
				return m.broken(m.cut(r.href, r.list.token(at)))
			}
			told++
			if err := m.entryChange(r, c, a); err != nil {
				return m.broken(err)
			}
			at = c.Seq
		}
		if at = upTo; len(changes) < rowsAtOnce {
			return m.end(r.list.token(at))
		}
	}
}

func (m *multistatus) entryChange(r *resource, c *directory.EntryChange, a *asked) error {
	if c.Entry == nil {
		return m.status(r.href+pathEscape(c.ID)+entrySuffix, &failure{status: http.StatusNotFound})
	}
	return m.response(r.entryResource(c.Entry), a)
}

// cut ends an answer that a limit has cut (RFC 6578 3.6).
func (m *multistatus) cut(href, token string) error {
	if err := m.status(href, &failure{status: http.StatusInsufficientStorage, condition: dav("number-of-matches-within-limits")}); err != nil {
		return err
	}
	return m.end(token)
}
