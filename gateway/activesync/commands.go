package activesync

import (
	"context"
	"fmt"
	"strings"

	"martlet/gateway/hold"
	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// handler answers a command.
type handler func(h *Handler, ctx context.Context, s *session) (reply, error)

// command is a row of the table.
type command struct {
	name     string
	code     uint8       // in the base64 query (MS-ASHTTP 2.2.1.1.1.1.2)
	from, to eas.Version // the versions that have it
	free     bool        // needs no policy key (MS-ASPROV 3.2.5.1)
	strict   bool        // elements that have no place in the request are an error
	maxBody  int64       // bytes
	run      handler
	// later answers a request that waited; nil where none does. It may find that
	// there is nothing to tell yet.
	later func(h *Handler, ctx context.Context, s *session, why hold.Reason) (rep reply, done bool, err error)
	// watches tells the folders that a request that waited waits for.
	watches func(h *Handler, ctx context.Context, s *session) ([]mail.FolderID, error)

	// fail is a response that holds nothing but a status; nil where the command
	// has no WBXML response.
	fail func(status uint16) any
	// malformed is the command's own status for a request that is WBXML but not
	// what the command wants; zero: the common one.
	malformed uint16
	// exact is for commands that mind an element that stands twice or in the
	// wrong place; twice is their status for the former, zero: malformed.
	exact bool
	twice uint16
}

// sendsMessage tells whether the body is a message instead of WBXML (MS-ASCMD
// 2.2.1.17).
func (c *command) sendsMessage(v eas.Version) bool {
	return v < eas.V140 && (c.name == "SendMail" || c.name == "SmartReply" || c.name == "SmartForward")
}

// Limits of bodies: most requests are a few hundred bytes. A Sync can carry 200
// changes (MS-ASCMD 3.1.5.10), drafts and their attachments among them.
const (
	maxRequest = 1 << 20
	maxSync    = 40 << 20
)

// table is the command table.
type table struct {
	rows   []command
	byCode [32]*command
	byName map[string]*command
}

func newTable(maxMessage int64) table {
	// Base64 and the envelope of a message in WBXML are opaque bytes: a little
	// more than the message.
	rows := rows(maxMessage + maxRequest)
	t := table{rows: rows, byName: map[string]*command{}}
	for i := range rows {
		c := &rows[i]
		if c.code != noCode {
			t.byCode[c.code] = c
		}
		t.byName[strings.ToLower(c.name)] = c
	}
	return t
}

// find returns the command of a request line, or nil.
func (t *table) find(q query) *command {
	if q.Command != "" {
		if c := t.byName[q.Command]; c != nil {
			return c
		}
		return t.byName[strings.ToLower(q.Command)]
	}
	if int(q.Code) < len(t.byCode) {
		return t.byCode[q.Code]
	}
	return nil
}

// names lists the commands as MS-ASProtocolCommands has them.
func (t *table) names() string {
	var names []string
	for _, c := range t.rows {
		names = append(names, c.name)
	}
	return strings.Join(names, ",")
}

// noCode marks the commands of 2.5 that the base64 query does not know.
const noCode = 0xff

func rows(maxMessage int64) []command {
	const first, last = eas.V25, eas.V161
	return []command{
		{name: "Sync", code: 0, from: first, to: last, maxBody: maxSync, run: (*Handler).sync, later: (*Handler).syncLater, watches: (*Handler).syncWatches,
			fail: func(s uint16) any { return &eas.SyncResponse{Status: eas.SyncStatus(s)} }, malformed: uint16(eas.SyncStatusProtocolError), exact: true},
		{name: "SendMail", code: 1, from: first, to: last, strict: true, maxBody: maxMessage, run: (*Handler).sendMail,
			fail: func(s uint16) any { return &eas.SendMailResponse{Status: eas.ComposeMailStatus(s)} }},
		{name: "SmartForward", code: 2, from: first, to: last, maxBody: maxMessage, run: (*Handler).smartForward,
			fail: func(s uint16) any { return &eas.SmartForwardResponse{Status: eas.ComposeMailStatus(s)} }},
		{name: "SmartReply", code: 3, from: first, to: last, maxBody: maxMessage, run: (*Handler).smartReply,
			fail: func(s uint16) any { return &eas.SmartReplyResponse{Status: eas.ComposeMailStatus(s)} }},
		{name: "GetAttachment", code: 4, from: first, to: eas.V121, maxBody: maxRequest, run: (*Handler).getAttachment},
		{name: "GetHierarchy", code: noCode, from: first, to: eas.V121, maxBody: maxRequest, run: (*Handler).getHierarchy},
		{name: "CreateCollection", code: noCode, from: first, to: first, maxBody: maxRequest, run: (*Handler).createCollection},
		{name: "DeleteCollection", code: noCode, from: first, to: first, maxBody: maxRequest, run: (*Handler).deleteCollection},
		{name: "MoveCollection", code: noCode, from: first, to: first, maxBody: maxRequest, run: (*Handler).moveCollection},
		{name: "FolderSync", code: 9, from: first, to: last, maxBody: maxRequest, run: (*Handler).folderSync,
			fail: func(s uint16) any { return &eas.FolderSyncResponse{Status: eas.FolderSyncStatus(s)} }, malformed: uint16(eas.FolderSyncStatusBadRequest)},
		{name: "FolderCreate", code: 10, from: first, to: last, maxBody: maxRequest, run: decoded((*Handler).folderCreate),
			fail: func(s uint16) any { return &eas.FolderCreateResponse{Status: eas.FolderCreateStatus(s)} }, malformed: uint16(eas.FolderCreateStatusBadRequest)},
		{name: "FolderDelete", code: 11, from: first, to: last, maxBody: maxRequest, run: decoded((*Handler).folderDelete),
			fail: func(s uint16) any { return &eas.FolderDeleteResponse{Status: eas.FolderDeleteStatus(s)} }, malformed: uint16(eas.FolderDeleteStatusBadRequest)},
		{name: "FolderUpdate", code: 12, from: first, to: last, strict: true /* MS-ASCMD_R3102 */, maxBody: maxRequest, run: decoded((*Handler).folderUpdate),
			fail: func(s uint16) any { return &eas.FolderUpdateResponse{Status: eas.FolderUpdateStatus(s)} }, malformed: uint16(eas.FolderUpdateStatusBadRequest)},
		{name: "MoveItems", code: 13, from: first, to: last, maxBody: maxRequest, run: decoded((*Handler).moveItems),
			fail: func(s uint16) any { return &eas.MoveItemsResponse{Status: eas.MoveItemsStatus(s)} }, exact: true, twice: uint16(eas.MoveItemsStatusFailure)},
		{name: "GetItemEstimate", code: 14, from: first, to: last, maxBody: maxRequest, run: decoded((*Handler).getItemEstimate),
			fail: func(s uint16) any { return &eas.GetItemEstimateResponse{Status: eas.GetItemEstimateStatus(s)} }},
		{name: "MeetingResponse", code: 15, from: first, to: last, maxBody: maxRequest, run: decoded((*Handler).meetingResponse),
			fail: func(s uint16) any {
				return &eas.MeetingResponseResponse{Results: []eas.MeetingResult{{Status: eas.MeetingResponseStatus(s)}}}
			}, malformed: uint16(eas.MeetingResponseStatusInvalidRequest)},
		{name: "Search", code: 16, from: first, to: last, strict: true, maxBody: maxRequest, run: (*Handler).search,
			fail: searchFailed, malformed: uint16(eas.SearchStatusInvalidRequest)},
		{name: "Settings", code: 17, from: eas.V120, to: last, maxBody: maxRequest, run: decoded((*Handler).settings),
			fail: func(s uint16) any { return &eas.SettingsResponse{Status: eas.SettingsStatus(s)} }, malformed: uint16(eas.SettingsStatusProtocolError), exact: true},
		{name: "Ping", code: 18, from: first, to: last, free: true, maxBody: maxRequest, run: (*Handler).ping, later: (*Handler).pingLater, watches: (*Handler).pingWatches,
			fail: func(s uint16) any { return &eas.PingResponse{Status: eas.PingStatus(s)} }, malformed: uint16(eas.PingStatusSyntaxError)},
		{name: "ItemOperations", code: 19, from: eas.V120, to: last, maxBody: maxRequest, run: (*Handler).itemOperations,
			fail: func(s uint16) any { return &eas.ItemOperationsResponse{Status: eas.ItemOperationsStatus(s)} }, malformed: uint16(eas.ItemOperationsStatusProtocolError), exact: true},
		{name: "Provision", code: 20, from: first, to: last, free: true, maxBody: maxRequest, run: decoded((*Handler).provision),
			fail: func(s uint16) any { return &eas.ProvisionResponse{Status: eas.ProvisionStatus(s)} }, malformed: uint16(eas.ProvisionStatusProtocolError), exact: true},
		{name: "ResolveRecipients", code: 21, from: first, to: last, maxBody: maxRequest, run: decoded((*Handler).resolveRecipients),
			fail: func(s uint16) any {
				return &eas.ResolveRecipientsResponse{Status: eas.ResolveRecipientsStatus(s)}
			}, malformed: uint16(eas.ResolveRecipientsStatusProtocolError), exact: true},
		{name: "ValidateCert", code: 22, from: first, to: last, maxBody: maxRequest, run: decoded((*Handler).validateCert),
			fail:      func(s uint16) any { return &eas.ValidateCertResponse{Status: eas.ValidateCertStatus(s)} },
			malformed: uint16(eas.ValidateCertStatusProtocolError)},
		{name: "Find", code: 23, from: eas.V161, to: last, strict: true, maxBody: maxRequest, run: decoded((*Handler).find),
			fail: func(s uint16) any { return &eas.FindResponse{Status: eas.FindStatus(s)} }, malformed: uint16(eas.FindStatusInvalidRequest)},
	}
}

// decoded makes a handler of a function from a request's struct to its
// response's.
func decoded[Q, R any](f func(*Handler, context.Context, *session, *Q) (*R, error)) handler {
	return func(h *Handler, ctx context.Context, s *session) (reply, error) {
		q := new(Q)
		if err := s.decode(q); err != nil {
			return reply{}, err
		}
		resp, err := f(h, ctx, s, q)
		if err != nil {
			return reply{}, err
		}
		return reply{document: resp}, nil
	}
}

// decode reads the request's WBXML.
func (s *session) decode(q any) error {
	if len(s.body) == 0 {
		return errNoBody
	}
	d := wbxml.Decoder{Exact: s.command.exact, Strict: s.command.strict}
	if err := d.Unmarshal(s.body, q); err != nil {
		return fmt.Errorf("activesync: request: %w", err)
	}
	for _, left := range d.Skipped { // MS-ASAIRS_R10032, R10036; MS-ASCMD_R3547
		if left.Parent.Namespace() == "AirSyncBase" || left.Parent.String() == "ItemOperations:Options" {
			return fmt.Errorf("activesync: request: %w", &wbxml.UnexpectedError{Tag: left.Tag, Parent: left.Parent})
		}
	}
	return nil
}
