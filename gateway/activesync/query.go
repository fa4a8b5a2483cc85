package activesync

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"martlet/protocol/eas"
	"martlet/sync/device"
)

// Limits of the request line.
const (
	maxQuery      = 4096 // bytes of the query value; the longest parameter is a LongId of 256
	maxDeviceID   = 32   // letters and digits (MS-ASCMD_R4828); a GUID's dashes and braces stand beside them
	maxDeviceType = 32   // MS-ASCMD_R4830
)

// Errors of the request line.
var (
	errBadQuery      = errors.New("activesync: the query value is malformed")
	errBadDeviceID   = errors.New("activesync: the device id is missing or malformed")
	errBadDeviceType = errors.New("activesync: the device type is missing or malformed")
)

// query is what the request line says (MS-ASHTTP 2.2.1.1.1).
type query struct {
	Command    string // as written; empty when Code names it
	Code       uint8
	Version    eas.Version // zero: in the header, as the plain form has it
	DeviceID   string
	DeviceType string

	PolicyKey    uint32
	HasPolicyKey bool // the base64 form carries one; the plain form has a header

	AttachmentName  string
	CollectionID    string
	CollectionName  string
	ParentID        string
	ItemID          string
	LongID          string
	Occurrence      string
	SaveInSent      bool
	AcceptMultipart bool
}

// DeviceOf is the device that a request says it comes from, "" if it says none or
// only tries whether it could come.
func DeviceOf(r *http.Request) string {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil || strings.EqualFold(q.DeviceID, "validate") {
		return ""
	}
	return q.DeviceID
}

// parseQuery reads either form of the query value. Errors of the device's id
// and type come with everything else that could be read, so that they can be
// answered in the way of the command.
func parseQuery(raw string) (query, error) {
	if len(raw) > maxQuery {
		return query{}, errBadQuery
	}
	// The base64 alphabet has '=' only as padding, so a name says the form.
	if i := strings.IndexByte(raw, '='); i > 0 && strings.TrimRight(raw[i:], "=") != "" {
		return parsePlainQuery(raw)
	}
	return parseEncodedQuery(raw)
}

// parsePlainQuery reads the text form (MS-ASHTTP 2.2.1.1.1.2). Names of
// parameters are taken in any case.
func parsePlainQuery(raw string) (query, error) {
	var q query
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if strings.IndexByte(value, '%') >= 0 || strings.IndexByte(value, '+') >= 0 {
			v, err := url.QueryUnescape(value)
			if err != nil {
				return query{}, errBadQuery
			}
			value = v
		}
		q.set(name, value)
	}
	if q.Command == "" {
		return query{}, errBadQuery
	}
	return q, q.checkDevice()
}

// set takes one parameter of the text form (MS-ASHTTP 2.2.1.1.1.2.5). Unknown
// ones and User, which Authorization overrides, are of no use.
func (q *query) set(name, value string) {
	switch {
	case strings.EqualFold(name, "Cmd"):
		q.Command = value
	case strings.EqualFold(name, "DeviceId"):
		q.DeviceID = value
	case strings.EqualFold(name, "DeviceType"):
		q.DeviceType = value
	case strings.EqualFold(name, "AttachmentName"):
		q.AttachmentName = value
	case strings.EqualFold(name, "CollectionId"):
		q.CollectionID = value
	case strings.EqualFold(name, "CollectionName"):
		q.CollectionName = value
	case strings.EqualFold(name, "ParentId"):
		q.ParentID = value
	case strings.EqualFold(name, "ItemId"):
		q.ItemID = value
	case strings.EqualFold(name, "LongId"):
		q.LongID = value
	case strings.EqualFold(name, "Occurrence"):
		q.Occurrence = value
	case strings.EqualFold(name, "SaveInSent"):
		q.SaveInSent = strings.EqualFold(value, "T")
	}
}

// The tags of encoded parameters (MS-ASHTTP 2.2.1.1.1.1.3).
const (
	tagAttachmentName = 0
	tagCollectionID   = 1
	tagItemID         = 3
	tagLongID         = 4
	tagOccurrence     = 6
	tagOptions        = 7
)

// The flags of the Options parameter.
const (
	optionSaveInSent      = 0x01
	optionAcceptMultipart = 0x02
)

// parseEncodedQuery reads the base64 form (MS-ASHTTP 2.2.1.1.1.1).
func parseEncodedQuery(raw string) (query, error) {
	b, err := decodeBase64(raw)
	if err != nil {
		return query{}, err
	}
	f := fields{rest: b}
	var q query
	q.Version = eas.Version(f.byte())
	q.Code = f.byte()
	f.take(2) // the locale: nothing that we answer is in a language
	q.DeviceID = deviceID(f.counted())
	switch key := f.counted(); len(key) {
	case 0:
	case 4:
		q.PolicyKey, q.HasPolicyKey = binary.LittleEndian.Uint32(key), true
	default:
		return query{}, errBadQuery
	}
	q.DeviceType = string(f.counted())
	for len(f.rest) > 0 && !f.short {
		tag := f.byte()
		value := f.counted()
		switch tag {
		case tagAttachmentName:
			q.AttachmentName = string(value)
		case tagCollectionID:
			q.CollectionID = string(value)
		case tagItemID:
			q.ItemID = string(value)
		case tagLongID:
			q.LongID = string(value)
		case tagOccurrence:
			q.Occurrence = string(value)
		case tagOptions:
			if len(value) > 0 {
				q.SaveInSent = value[0]&optionSaveInSent != 0
				q.AcceptMultipart = value[0]&optionAcceptMultipart != 0
			}
		}
	}
	if f.short {
		return query{}, errBadQuery
	}
	return q, q.checkDevice()
}

// decodeBase64 takes both alphabets, with and without padding, also escaped.
func decodeBase64(raw string) ([]byte, error) {
	s, err := url.PathUnescape(raw)
	if err != nil {
		return nil, errBadQuery
	}
	s = strings.TrimRight(s, "=")
	enc := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		enc = base64.RawURLEncoding
	}
	b, err := enc.DecodeString(s)
	if err != nil {
		return nil, errBadQuery
	}
	return b, nil
}

// fields reads a byte sequence; short tells that it ended too early.
type fields struct {
	rest  []byte
	short bool
}

func (f *fields) take(n int) []byte {
	if n > len(f.rest) {
		f.short, f.rest = true, nil
		return nil
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) byte() uint8 {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

// counted reads a field with its length before it.
func (f *fields) counted() []byte { return f.take(int(f.byte())) }

// deviceID is the text of a device id in the base64 form, which may be a GUID's
// sixteen bytes.
func deviceID(b []byte) string {
	if s := string(b); validDeviceID(s) {
		return s
	}
	return strings.ToUpper(hex.EncodeToString(b))
}

// checkDevice tells whether the device's id and type can be used.
func (q *query) checkDevice() error {
	if !validDeviceID(q.DeviceID) {
		return errBadDeviceID
	}
	if q.DeviceType == "" || len(q.DeviceType) > maxDeviceType || strings.ContainsFunc(q.DeviceType, unprintable) {
		return errBadDeviceType
	}
	return nil
}

// validDeviceID refuses what MS-ASHTTP 2.2.1.1.1.2.3 calls commas and special
// characters, but for those of a GUID, which come on top of its 32 digits.
func validDeviceID(s string) bool {
	if len(s) > device.MaxIDLength {
		return false
	}
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			n++
		case c == '-', c == '_', c == '.', c == '{', c == '}', c == ':':
		default:
			return false
		}
	}
	return n > 0 && n <= maxDeviceID
}

func unprintable(r rune) bool { return r < ' ' || r == 0x7f || r == '�' }

// policyKey reads the X-MS-PolicyKey header (MS-ASHTTP 2.2.1.1.2.8).
func policyKey(s string) (key uint32, present bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		// Not one of ours: as good as a wrong one.
		return ^uint32(0), true
	}
	return uint32(n), true
}
