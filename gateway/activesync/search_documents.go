package activesync

import (
	"context"
	"errors"
	"io"

	"martlet/directory"
	"martlet/documents"
	"martlet/protocol/eas"
)

// How long a UserName and a Password in a request may be, in characters.
const (
	maxUserName       = 100 // MS-ASCMD_R3582, R5399
	maxSearchPassword = 100 // MS-ASCMD_R3656
	maxFetchPassword  = 256 // MS-ASCMD_R3653, R5886
)

// searchDocuments lists what a link names (MS-ASDOC 3.2.5.2).
func (h *Handler) searchDocuments(ctx context.Context, s *session, q *eas.SearchStore, out *searchAnswer) error {
	c, library := &q.Query.SearchConditions, h.documents()
	switch {
	case len(c.And) > 0 || c.Joined():
		return errBadSearch
	case len(c.EqualTo) != 1 || c.EqualTo[0].LinkID == nil || c.EqualTo[0].DateReceived != nil: // MS-ASDOC_R85
		return errBadSearch
	case library == nil:
		return errNoStore
	}
	rows, err := parseRows(q.Options.Range, documentRows)
	if err != nil {
		return err
	}
	if len([]rune(q.Options.Password)) > maxSearchPassword {
		return errCredential
	}
	who, err := h.documentReader(ctx, s, q.Options.UserName, q.Options.Password)
	if err != nil {
		return err
	}
	page, err := library.Browse(ctx, who, c.EqualTo[0].Value, rows.from, rows.to)
	if err != nil {
		return h.unreachable(s, err)
	}
	for i := range page.Documents {
		out.store.Results = append(out.store.Results, eas.SearchResult{Properties: documentProperties(&page.Documents[i])})
	}
	out.finish(rows, page.Total, documents.MaxListed+1)
	return nil
}

// documentReader is who reads documents: the phone's user, or whose name and
// password the request has. Too many wrong ones cost what they cost at the
// door.
func (h *Handler) documentReader(ctx context.Context, s *session, user, password string) (documents.Reader, error) {
	if user == "" && password == "" {
		return documents.Reader{Account: s.account.ID}, nil
	}
	if len([]rune(user)) > maxUserName || len([]rune(password)) > maxFetchPassword {
		return documents.Reader{}, errCredential
	}
	a, err := h.c.Authenticate(s.r.WithContext(ctx), user, password)
	switch {
	case errors.Is(err, directory.ErrBadCredentials), errors.Is(err, directory.ErrDisabled):
		h.sessionLog(s).Warn("credentials for documents refused", "error", err)
		return documents.Reader{}, errCredential
	case err != nil:
		return documents.Reader{}, err
	}
	return documents.Reader{Account: a.ID, Named: true}, nil
}

// unreachable tells the administrator of a published folder that cannot be
// opened, which the error names, and returns the error.
func (h *Handler) unreachable(s *session, err error) error {
	if errors.Is(err, documents.ErrUnreachable) {
		h.sessionLog(s).Warn("published folder cannot be opened", "error", err)
	}
	return err
}

// documentProperties are a document's (MS-ASDOC 2.2.2).
func documentProperties(d *documents.Document) *eas.Document {
	p := &eas.Document{LinkID: d.Link, DisplayName: d.Name, CreationDate: d.Created, LastModifiedDate: d.Modified,
		ContentLength: uint64(max(d.Size, 0)), ContentType: d.Type}
	if d.Folder {
		p.IsFolder = 1
	}
	if d.Hidden {
		p.IsHidden = 1
	}
	return p
}

// fetchDocument brings a document's bytes (MS-ASDOC 3.2.4.3).
func (h *Handler) fetchDocument(ctx context.Context, s *session, q *eas.Fetch, out *operated) (*eas.FetchReply, error) {
	library := h.documents()
	switch {
	case library == nil:
		return nil, errUnknownStore
	case q.LinkID == "":
		return nil, errProtocol
	}
	o := q.Options
	if o == nil {
		o = &eas.FetchOptions{}
	}
	who, err := h.documentReader(ctx, s, o.UserName, o.Password)
	if err != nil {
		return nil, err
	}
	f, err := library.Open(ctx, who, q.LinkID)
	if err != nil {
		return nil, h.unreachable(s, err)
	}
	defer f.Close()
	from, want, err := documentRange(o.Range, f.Size)
	if err != nil {
		return nil, err
	}
	if err := h.take(ctx, out, want); err != nil {
		return nil, err
	}
	data := make([]byte, want)
	n, err := f.ReadAt(data, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(documents.ErrUnreadable, err)
	}
	if n == 0 { // it was cut short meanwhile
		return nil, errBadRange
	}
	total := uint64(f.Size)
	p := &eas.AttachmentProperties{Range: formatRange(from, n), Total: &total, Version: f.Modified}
	if out.parts != nil {
		p.Part = out.parts.add(data[:n])
	} else {
		p.Data = data[:n]
	}
	return &eas.FetchReply{Status: eas.ItemOperationsStatusSuccess, Properties: p}, nil
}

// documentRange is which bytes of a file are wanted. Without a range it is the
// whole file (MS-ASCMD_R3716), if that is not too large for an answer.
func documentRange(s string, size int64) (from, n int64, err error) {
	to := size - 1
	if s != "" {
		if from, to, err = parseRange(s); err != nil {
			return 0, 0, err
		}
	}
	switch {
	case size == 0:
		return 0, 0, errEmptyAttachment
	case from >= size:
		return 0, 0, errBadRange
	}
	n = min(to, size-1) - from + 1
	if n > maxAttachment {
		if s == "" {
			return 0, 0, errAnswerFull
		}
		n = maxAttachment // a best effort (MS-ASCMD_R3713)
	}
	return from, n, nil
}
