package activesync

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"martlet/directory"
	"martlet/internal/tracing"
	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/sync/device"
)

// session is one request on its way: who asks, with what device, in which
// version, for which command.
type session struct {
	w       http.ResponseWriter // nil like r of a request that waited
	r       *http.Request
	start   time.Time
	query   query
	command *command // nil until it is known
	version eas.Version
	account directory.Account
	box     mail.MailboxID
	device  device.Device // as it was when the request came
	body    []byte
	logger  *slog.Logger // made on first use

	gzip         bool // the client takes compressed answers
	linked       bool // there are folders of others among the account's
	policyKey    uint32
	hasPolicyKey bool
	validating   bool          // the device id is "validate": nothing is stored
	held         time.Duration // how long it was parked
	span         tracing.Span  // of the request; none of one that waited
}

// id names the partnership.
func (s *session) id() device.ID {
	return device.ID{Account: s.account.ID, Device: s.query.DeviceID}
}

// log returns a logger that says who asks for what.
func (h *Handler) sessionLog(s *session) *slog.Logger {
	if s.logger == nil {
		s.logger = h.log.With("login", s.account.Login, "account", uint64(s.account.ID), "device", s.query.DeviceID, "command", s.name())
	}
	return s.logger
}

// logFailure logs an error that is ours and not the client's.
func (h *Handler) logFailure(s *session, err error, ours bool) {
	if ours {
		h.sessionLog(s).Error("command failed", "error", err)
	}
}

// name is the command's name, for the log.
func (s *session) name() string {
	if s.command != nil {
		return s.command.name
	}
	return "unknown"
}

// acceptsMultipart tells whether the client wants the content of fetched items
// in parts (MS-ASHTTP 2.2.1.1.2.5).
func (s *session) acceptsMultipart() bool {
	return s.query.AcceptMultipart || strings.EqualFold(strings.TrimSpace(s.r.Header.Get("MS-ASAcceptMultiPart")), "T")
}

// validateID is the device id with which Android asks whether the account
// works, before it is set up.
const validateID = "validate"

// open reads the request line and what belongs to it, and finds the command.
func (h *Handler) open(s *session) error {
	q, err := parseQuery(s.r.URL.RawQuery)
	s.query = q
	if errors.Is(err, errBadQuery) {
		return err
	}
	s.command = h.commands.find(q)
	if s.command == nil {
		return errUnknownCommand
	}
	if verr := s.readVersion(); verr != nil {
		return verr
	}
	if err != nil { // of the device's id or type
		return err
	}
	s.policyKey, s.hasPolicyKey = q.PolicyKey, q.HasPolicyKey
	if !s.hasPolicyKey {
		s.policyKey, s.hasPolicyKey = policyKey(s.r.Header.Get("X-MS-PolicyKey"))
	}
	s.validating = strings.EqualFold(q.DeviceID, validateID)
	if s.version < s.command.from || s.version > s.command.to {
		return statusError(eas.StatusVersionNotSupported)
	}
	return nil
}

// readVersion takes the version from the base64 query or from the header
// (MS-ASHTTP 2.2.1.1.2.6).
func (s *session) readVersion() error {
	if v := s.query.Version; v != 0 {
		if v.String() == "unknown" {
			return errUnknownVersion
		}
		s.version = v
		return nil
	}
	header := strings.TrimSpace(s.r.Header.Get("MS-ASProtocolVersion"))
	v, err := eas.ParseVersion(header)
	if err != nil {
		if header == "1.0" {
			return errVersion1
		}
		return errUnknownVersion
	}
	s.version = v
	return nil
}
