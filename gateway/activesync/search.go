package activesync

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"martlet/documents"
	"martlet/mail"
	"martlet/mail/search"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Errors of a search as a whole.
var (
	errBadSearch  = errors.New("activesync: a condition or an option of the search is not one")
	errTooComplex = errors.New("activesync: the search joins conditions in a way that is not supported")
	errSearchTime = errors.New("activesync: the search took too long")
	errNoStore    = errors.New("activesync: no documents are published")
	errCredential = errors.New("activesync: the credentials in the request are not right")
)

// How many results one answer of each store has, which is the range that a
// client means when it names none, too (MS-ASCMD_R3733, R3734, R3735).
const (
	mailboxRows  = 100
	documentRows = 1000
	galRows      = 100
)

// searchTime is how long one search may take.
const searchTime = 30 * time.Second

// search finds messages, people and documents (MS-ASCMD 2.2.1.16).
func (h *Handler) search(ctx context.Context, s *session) (reply, error) {
	q, err := s.decodeSearch()
	if err != nil {
		return reply{}, err
	}
	out := &searchAnswer{}
	timed, cancel := context.WithTimeoutCause(ctx, searchTime, errSearchTime)
	defer cancel()
	err = h.searchStore(timed, s, q.Store, out)
	if err != nil && ctx.Err() != nil {
		out.release()
		return reply{}, err
	}
	if err != nil {
		if timed.Err() != nil {
			err = context.Cause(timed)
		}
		out.release()
		if errors.Is(err, errBodyPartType) {
			return s.failed(eas.StatusBodyPartPreferenceTypeNotSupported), nil
		}
		out.store = eas.SearchResponseStore{Status: searchStatus(err)}
		h.logFailure(s, err, out.store.Status == eas.SearchStatusServerError)
	}
	resp := &eas.SearchResponse{Status: eas.SearchStatusSuccess, Response: &eas.SearchResponseBody{Store: out.store}}
	return reply{document: resp, free: out.release}, nil
}

// decodeSearch reads the request. Some elements may stand twice, as Exchange has
// it (MS-ASCMD_R2143, R3374, R3723, R3747, R4535); others may not (R5815,
// MS-ASAIRS_R10034).
func (s *session) decodeSearch() (*eas.Search, error) {
	q := &eas.Search{}
	err := s.decode(q)
	var twice *wbxml.DuplicateError
	if errors.As(err, &twice) {
		switch twice.Tag.String() {
		case "Search:Store", "Search:Range", "Search:DeepTraversal", "Search:RebuildResults", "AirSync:MIMESupport":
			q = &eas.Search{}
			err = wbxml.Unmarshal(s.body, q)
		}
	}
	return q, err
}

// searchFailed answers a Search that came to nothing. Its own statuses stand in
// the store; above it only success and a server's failure are told (MS-ASCMD_R4321).
func searchFailed(status uint16) any {
	if status >= 100 {
		return &eas.SearchResponse{Status: eas.SearchStatus(status)}
	}
	return &eas.SearchResponse{Status: eas.SearchStatusSuccess,
		Response: &eas.SearchResponseBody{Store: eas.SearchResponseStore{Status: eas.SearchStatus(status)}}}
}

// searchAnswer is an answer in the making.
type searchAnswer struct {
	store  eas.SearchResponseStore
	memory func()
}

func (a *searchAnswer) release() {
	if a.memory != nil {
		a.memory()
		a.memory = nil
	}
}

func (h *Handler) searchStore(ctx context.Context, s *session, q *eas.SearchStore, out *searchAnswer) error {
	if q == nil || q.Query == nil {
		return errBadSearch
	}
	if q.Options == nil {
		q.Options = &eas.SearchOptions{}
	}
	switch storeName(q.Name) {
	case storeName(eas.StoreMailbox):
		if s.version < eas.V120 {
			return errBadSearch
		}
		return h.searchMailbox(ctx, s, q, out)
	case storeName(eas.StoreGAL):
		return h.searchGAL(ctx, s, q, out)
	case storeName(eas.StoreDocumentLibrary):
		if s.version < eas.V120 {
			return errBadSearch
		}
		return h.searchDocuments(ctx, s, q, out)
	}
	return errBadSearch
}

// storeName is a store's name as it is compared: "Document Library" stands in
// the text and "DocumentLibrary" in requests (MS-ASCMD_R3489, R3491).
func storeName(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) }

// rowRange is the part of a result that a client wants, both ends included.
type rowRange struct {
	from, to int
	past     bool // more was asked for than one answer brings (MS-ASCMD_R3736)
}

// parseRows reads a Range (MS-ASCMD 2.2.3.143.3).
func parseRows(s string, rows int) (rowRange, error) {
	if s == "" {
		return rowRange{to: rows - 1}, nil
	}
	m, n, ok := strings.Cut(s, "-")
	from, err1 := strconv.ParseUint(strings.TrimSpace(m), 10, 31)
	to, err2 := strconv.ParseUint(strings.TrimSpace(n), 10, 31)
	if !ok || err1 != nil || err2 != nil || from > to {
		return rowRange{}, fmt.Errorf("%w: range", errBadSearch)
	}
	r := rowRange{from: int(from), to: int(to)}
	if r.to-r.from >= rows {
		r.to, r.past = r.from+rows-1, true
	}
	return r, nil
}

// finish says how much was found and which of it this is: always, because
// Android wants to know. Of all that there is, reach can be had.
func (a *searchAnswer) finish(r rowRange, total, reach int) {
	a.store.Status = eas.SearchStatusSuccess
	if r.past || r.from > 0 && r.from >= min(total, reach) { // MS-ASCMD_R3736, R4361
		a.store.Status = eas.SearchStatusEndOfRange
	}
	n := uint(total)
	a.store.Total = &n
	a.store.Range = rowsGiven(r.from, len(a.store.Results))
	if len(a.store.Results) == 0 { // MS-ASCMD_R3850
		a.store.Results = []eas.SearchResult{{}}
	}
}

// rowsGiven is the Range of an answer; nothing has one, too.
func rowsGiven(from, n int) string {
	return strconv.Itoa(from) + "-" + strconv.Itoa(from+max(n, 1)-1)
}

// searchStatus is the status of a store (MS-ASCMD 2.2.3.177.13).
func searchStatus(err error) eas.SearchStatus {
	switch {
	case errors.Is(err, errTooComplex), errors.Is(err, search.ErrTooComplex):
		return eas.SearchStatusTooComplex
	case errors.Is(err, errBadSearch), errors.Is(err, errProtocol):
		return eas.SearchStatusInvalidRequest
	case errors.Is(err, errSearchTime):
		return eas.SearchStatusTimedOut
	case errors.Is(err, mail.ErrNoFolder), errors.Is(err, errBadID):
		return eas.SearchStatusFolderSyncRequired
	case errors.Is(err, documents.ErrBadLink):
		return eas.SearchStatusBadLink
	case errors.Is(err, errCredential), errors.Is(err, documents.ErrDenied):
		return eas.SearchStatusAccessDenied
	case errors.Is(err, documents.ErrNotFound):
		return eas.SearchStatusNotFound
	case errors.Is(err, documents.ErrUnreachable):
		return eas.SearchStatusConnectFailed
	case errors.Is(err, documents.ErrElsewhere), errors.Is(err, errNoStore):
		return eas.SearchStatusAccessBlocked
	case errors.Is(err, documents.ErrCredentials):
		return eas.SearchStatusCredentialsRequired
	}
	return eas.SearchStatusServerError
}
