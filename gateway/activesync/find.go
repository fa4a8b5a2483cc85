package activesync

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/protocol/eas"
	"martlet/sync/class"
)

// findRows is how many results one answer of a Find has: as many as the address
// list and the mailbox give a Search (MS-ASCMD_R10031996, R3707101815).
const findRows = 100

// errNotFromZero refuses a page of a result that is not there to be paged
// through.
var errNotFromZero = errors.New("activesync: the first range of a search begins with zero")

// find finds messages and people, for lists (MS-ASCMD 2.2.1.2).
func (h *Handler) find(ctx context.Context, s *session, q *eas.Find) (*eas.FindResponse, error) {
	if !isGUID(q.SearchID) || q.ExecuteSearch == nil || (q.ExecuteSearch.Mailbox == nil) == (q.ExecuteSearch.GAL == nil) {
		return &eas.FindResponse{Status: eas.FindStatusInvalidRequest}, nil
	}
	timed, cancel := context.WithTimeoutCause(ctx, searchTime, errSearchTime)
	defer cancel()
	body := &eas.FindResponseBody{Store: eas.StoreMailbox}
	var err error
	if c := q.ExecuteSearch.Mailbox; c != nil {
		err = h.findMail(timed, s, q.SearchID, c, body)
	} else {
		err = h.findPeople(timed, q.ExecuteSearch.GAL, body)
	}
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	return findAnswer(body, err)
}

// findAnswer puts the status where it belongs: that the hierarchy is stale above
// all, the rest beside the results (MS-ASCMD 2.2.3.177.2).
func findAnswer(body *eas.FindResponseBody, err error) (*eas.FindResponse, error) {
	refused := &eas.FindResponseBody{Store: body.Store}
	switch {
	case err == nil:
		body.Status = eas.FindStatusSuccess
		return &eas.FindResponse{Status: eas.FindStatusSuccess, Response: body}, nil
	case errors.Is(err, mail.ErrNoFolder), errors.Is(err, errBadID):
		return &eas.FindResponse{Status: eas.FindStatusFolderSyncRequired}, nil
	case errors.Is(err, errNotFromZero):
		refused.Status = eas.FindStatusRangeMustStartAtZero
	case errors.Is(err, errBadSearch), errors.Is(err, search.ErrTooComplex):
		refused.Status = eas.FindStatusInvalidRequest
	default:
		return nil, err
	}
	return &eas.FindResponse{Status: eas.FindStatusSuccess, Response: refused}, nil
}

// isGUID tells whether a text is a GUID (MS-ASDTYPE 2.7.4), in braces or not.
func isGUID(s string) bool {
	if len(s) == 38 && s[0] == '{' && s[37] == '}' {
		s = s[1:37]
	}
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		digit := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		if dash != (c == '-') || !dash && !digit {
			return false
		}
	}
	return true
}

// findMail finds messages (MS-ASCMD 2.2.3.99).
func (h *Handler) findMail(ctx context.Context, s *session, id string, c *eas.FindCriterion, body *eas.FindResponseBody) error {
	q, o := c.Query, c.Options
	if o == nil {
		o = &eas.FindOptions{}
	}
	switch {
	case q == nil || strings.TrimSpace(q.FreeText) == "" || strings.TrimSpace(q.Text) != "" || o.Picture != nil:
		return errBadSearch
	case q.Class != "" && q.Class != className(mail.ClassEmail): // MS-ASCMD_R901100613
		return errBadSearch
	}
	rows, err := parseRows(o.Range, findRows)
	if err != nil {
		return err
	}
	var ids []string
	if q.CollectionID != "" {
		ids = []string{q.CollectionID}
	}
	folders, err := h.searchFolders(ctx, s, ids, o.DeepTraversal)
	if err != nil {
		return err
	}
	query := search.And{search.Parse(q.FreeText), search.Class(mail.ClassEmail)}
	if folders != nil {
		query = append(query, folders)
	}
	found, err := h.foundByID(ctx, s, id, query, rows.from)
	if err != nil {
		return err
	}
	items, err := h.loadFound(ctx, s, found.places, rows)
	if err != nil {
		return err
	}
	for i := range items {
		e := &eas.FindEmail{}
		class.RenderFound(&items[i].item, items[i].index, e)
		it := &items[i].item
		body.Results = append(body.Results, eas.FindResult{Class: className(it.Class), ServerID: itemServerID(it.Folder, it.ID),
			CollectionID: folderServerID(it.Folder), Properties: e})
	}
	finishFind(body, rows, found.total)
	return nil
}

// foundByID is the result of the search that the client calls id: a new one for
// its first page, afterwards the same (MS-ASCMD_R70981808).
func (h *Handler) foundByID(ctx context.Context, s *session, id string, q search.Query, from int) (foundPlaces, error) {
	key, digest := searchKey{s.id(), byID}, sha256.Sum256([]byte(strings.ToLower(strings.Trim(id, "{}"))))
	if from > 0 {
		f, ok := h.searches.recall(key, digest, time.Now())
		if !ok {
			return foundPlaces{}, errNotFromZero // MS-ASCMD_R72172518
		}
		return f, nil
	}
	return h.findPlaces(ctx, s, key, digest, q)
}

// findPeople looks in the address list (MS-ASCMD 2.2.3.82).
func (h *Handler) findPeople(ctx context.Context, c *eas.FindCriterion, body *eas.FindResponseBody) error {
	q, o := c.Query, c.Options
	if o == nil {
		o = &eas.FindOptions{}
	}
	if q == nil || q.Class != "" || q.CollectionID != "" || o.DeepTraversal { // MS-ASCMD_R6399100710
		return errBadSearch
	}
	text := strings.TrimSpace(q.Text)
	if text == "" {
		text = strings.TrimSpace(q.FreeText)
	}
	if text == "" {
		return errBadSearch
	}
	rows, err := parseRows(o.Range, findRows)
	if err != nil {
		return err
	}
	var wanted *pictures
	if p := o.Picture; p != nil {
		wanted = newPictures(p.MaxSize, p.MaxPictures)
	}
	entries, total, err := h.addressList(ctx, text, rows, wanted)
	if err != nil {
		return err
	}
	for _, e := range entries {
		body.Results = append(body.Results, eas.FindResult{Properties: e})
	}
	finishFind(body, rows, total)
	return nil
}

// finishFind says how much was found and which of it this is. Without a match
// there is no result at all (MS-ASCMD_R38391805).
func finishFind(body *eas.FindResponseBody, r rowRange, total int) {
	n := uint(total)
	body.Total = &n
	body.Range = rowsGiven(r.from, len(body.Results))
}
