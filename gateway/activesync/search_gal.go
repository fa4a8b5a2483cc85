package activesync

import (
	"context"
	"math"
	"strings"

	"martlet/directory"
	"martlet/protocol/eas"
)

// searchGAL looks in the address list (MS-ASCMD 2.2.1.16).
func (h *Handler) searchGAL(ctx context.Context, s *session, q *eas.SearchStore, out *searchAnswer) error {
	c := &q.Query.SearchConditions
	switch {
	case len(c.And) > 0 || c.Joined() || len(c.EqualTo) > 0: // the text alone (MS-ASCMD 2.2.3.142.2)
		return errTooComplex
	case strings.TrimSpace(q.Query.Text) == "":
		return errBadSearch
	case q.Options.Picture != nil && s.version < eas.V141:
		return errBadSearch
	}
	rows, err := parseRows(q.Options.Range, galRows)
	if err != nil {
		return err
	}
	var wanted *pictures
	if p := q.Options.Picture; p != nil {
		wanted = newPictures(p.MaxSize, p.MaxPictures)
	}
	entries, total, err := h.addressList(ctx, q.Query.Text, rows, wanted)
	if err != nil {
		return err
	}
	for i := range entries {
		out.store.Results = append(out.store.Results, eas.SearchResult{Properties: entries[i]})
	}
	out.finish(rows, total, maxGALReach)
	return nil
}

// maxGALReach is how far into the address list's hits one may page.
const maxGALReach = 10 * galRows

// addressList returns the wanted rows of those who match, by name, and how many
// there are (MS-ASCMD_R420, R426).
func (h *Handler) addressList(ctx context.Context, text string, r rowRange, wanted *pictures) ([]*eas.GALEntry, int, error) {
	found, err := h.c.Directory.Search(ctx, text, min(r.to+1, maxGALReach))
	if err != nil {
		return nil, 0, err
	}
	if r.from >= len(found.Entries) {
		return nil, found.Total, nil
	}
	var out []*eas.GALEntry
	for i := r.from; i < len(found.Entries); i++ {
		e := &found.Entries[i]
		g := galEntry(e)
		if wanted != nil {
			if g.Picture, err = h.galPicture(ctx, e, wanted); err != nil {
				return nil, 0, err
			}
		}
		out = append(out, g)
	}
	return out, found.Total, nil
}

// galEntry is somebody as the list shows them: only what is there (MS-ASCMD_R3691).
func galEntry(e *directory.Entry) *eas.GALEntry {
	a := &e.Account
	return &eas.GALEntry{
		DisplayName: e.Name(), Phone: a.Phone, Office: a.Office, Title: a.Title, Company: a.Company, Alias: e.Alias(),
		FirstName: a.GivenName, LastName: a.Surname, HomePhone: a.HomePhone, MobilePhone: a.Mobile, EmailAddress: e.Address(),
	}
}

// pictures bounds the photos of one answer (MS-ASCMD 2.2.3.104, 2.2.3.105).
type pictures struct {
	size int64 // bytes of one
	left int64 // how many more
}

func newPictures(maxSize, maxPictures *uint32) *pictures {
	p := &pictures{size: directory.MaxPhoto, left: galRows}
	if maxSize != nil {
		p.size = int64(*maxSize)
	}
	if maxPictures != nil {
		p.left = int64(*maxPictures)
	}
	return p
}

// refuse tells why a photo is not given, or zero, and then counts it.
func (p *pictures) refuse(photo []byte, room int64) (status uint16) {
	size := int64(len(photo))
	switch {
	case size == 0:
		return eas.StatusNoPicture
	case size > p.size:
		return eas.StatusPictureTooLarge
	case p.left <= 0 || size > room:
		return eas.StatusPictureLimitReached
	}
	p.left--
	return 0
}

// galPicture is somebody's photo, or why there is none (MS-ASCMD_R3294, R3295,
// R3296, R3297).
func (h *Handler) galPicture(ctx context.Context, e *directory.Entry, p *pictures) (*eas.GALPicture, error) {
	photo, err := h.photo(ctx, e)
	if err != nil {
		return nil, err
	}
	if why := p.refuse(photo, math.MaxInt64); why != 0 {
		return &eas.GALPicture{Status: eas.SearchStatus(why)}, nil
	}
	return &eas.GALPicture{Status: eas.SearchStatusSuccess, Data: photo}, nil
}

// photo is that of an entry, of whatever kind.
func (h *Handler) photo(ctx context.Context, e *directory.Entry) ([]byte, error) {
	return h.c.Directory.EntryPhoto(ctx, e)
}
