// Package autodiscover tells clients where the ActiveSync endpoint is: as XML
// to those that authenticated (MS-ASCMD 2.2.1.1), as JSON to anybody, where it
// says nothing of who exists. It must never give out more of an account than
// its own name and address, and those only to itself.
package autodiscover

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"martlet/directory"
)

// Config is what a Handler needs.
type Config struct {
	Directory *directory.Directory
	Logger    *slog.Logger // nil: nothing is logged
	// PublicURL is where phones reach us, "https://mail.example.org"; empty: as
	// the request was addressed.
	PublicURL string
	// Mail are the ways to mail besides ActiveSync, for clients that speak none.
	Mail []MailServer
}

// Handler answers Autodiscover requests.
type Handler struct {
	directory *directory.Directory
	log       *slog.Logger
	public    string
	mail      []MailServer
}

// New makes a handler.
func New(c Config) *Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{directory: c.Directory, log: c.Logger, public: strings.TrimRight(c.PublicURL, "/"), mail: c.Mail}
}

// maxRequest is far more than the XML of a request takes.
const maxRequest = 16 << 10

// The schemas of requests and responses.
const (
	schemaMobile    = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"
	schemaResponse  = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	endpoint        = "/Microsoft-Server-ActiveSync"
	pathXML         = "/autodiscover/autodiscover.xml"
	contentType     = "text/xml; charset=utf-8"
	codeInvalid     = 600 // MS-ASCMD_R2287
	codeNoProvider  = 601 // MS-ASCMD_R2288
	statusProtocol  = 2   // MS-ASCMD_R4002
	invalidRequest  = "Invalid Request"
	noProvider      = "Provider is not available"
	notThatMailbox  = "The mailbox of this address is not yours"
	mobileSyncType  = "MobileSync"
	responseCulture = "en:us"
)

var errInvalid = errors.New("autodiscover: not an Autodiscover request")

// request is what a client asks (MS-ASCMD 2.2.1.1).
type request struct {
	XMLName  xml.Name `xml:"Autodiscover"`
	Requests []asked  `xml:"Request"`
}

// asked is what one request asks for.
type asked struct {
	EMailAddress             string
	AcceptableResponseSchema string
}

// ServeXML answers an account's own request. Some clients send nothing, or GET.
func (h *Handler) ServeXML(w http.ResponseWriter, r *http.Request, a directory.Account) {
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET, POST")
		write(w, http.StatusMethodNotAllowed, "", nil)
		return
	}
	q, err := read(r)
	outlook := q.AcceptableResponseSchema == schemaOutlook && (len(h.mail) > 0 || a.Server != "")
	switch {
	case err != nil:
		h.frameworkError(w, codeInvalid, invalidRequest)
		return
	case q.AcceptableResponseSchema != "" && q.AcceptableResponseSchema != schemaMobile && !outlook:
		h.frameworkError(w, codeNoProvider, noProvider)
		return
	}
	if !h.owns(r, a, q.EMailAddress) {
		h.log.Info("autodiscover for another address", "login", a.Login, "account", uint64(a.ID))
		if outlook {
			h.outlookError(w)
		} else {
			h.actionError(w, q.EMailAddress)
		}
		return
	}
	h.log.Info("autodiscover", "login", a.Login, "account", uint64(a.ID))
	switch {
	case outlook:
		h.outlook(w, a)
	case a.Server != "": // MS-ASCMD_R46
		h.settings(w, a, a.Server+endpoint)
	default:
		h.settings(w, a, h.base(r)+endpoint)
	}
}

// read parses the request; without a body it is an empty one.
func read(r *http.Request) (q asked, err error) {
	if r.Method == http.MethodGet {
		return q, nil
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil || len(b) > maxRequest {
		return q, errInvalid
	}
	if b = bytes.TrimSpace(b); len(b) == 0 {
		return q, nil
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	// Addresses are ASCII in whatever the document calls itself.
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var document request
	if err := d.Decode(&document); err != nil || len(document.Requests) != 1 { // MS-ASCMD_R3799
		return q, errInvalid
	}
	q = document.Requests[0]
	q.EMailAddress = strings.TrimSpace(q.EMailAddress)
	q.AcceptableResponseSchema = strings.TrimSpace(q.AcceptableResponseSchema)
	return q, nil
}

// owns tells whether the address leads to the account.
func (h *Handler) owns(r *http.Request, a directory.Account, address string) bool {
	if address == "" || strings.EqualFold(address, a.Login) {
		return true
	}
	route, err := h.directory.Resolve(r.Context(), address)
	return err == nil && slices.Contains(route.Accounts, a.ID)
}

// base is the URL by which we are reached.
func (h *Handler) base(r *http.Request) string {
	if h.public != "" {
		return h.public
	}
	scheme := "https"
	if !secure(r) {
		scheme = "http"
	}
	host := r.Host
	if strings.ContainsFunc(host, func(c rune) bool { return c <= ' ' || strings.ContainsRune(`/\@?#"'<>%`, c) || c > '~' }) {
		host = "localhost"
	}
	if _, err := url.Parse(scheme + "://" + host); err != nil || host == "" {
		host = "localhost"
	}
	if name, port, err := net.SplitHostPort(host); err == nil && (scheme == "https" && port == "443" || scheme == "http" && port == "80") {
		host = name
	}
	return scheme + "://" + host
}

// settings answers with the endpoint.
func (h *Handler) settings(w http.ResponseWriter, a directory.Account, url string) {
	name := a.Name
	if name == "" {
		name = a.Login
	}
	b := start(schemaMobile)
	b = element(b, "Culture", responseCulture)
	b = append(b, "<User>"...)
	b = element(b, "DisplayName", name)
	b = element(b, "EMailAddress", a.Login)
	b = append(b, "</User><Action><Settings><Server>"...)
	b = element(b, "Type", mobileSyncType)
	b = element(b, "Url", url)
	b = element(b, "Name", url)
	b = append(b, "</Server></Settings></Action></Response></Autodiscover>"...)
	write(w, http.StatusOK, contentType, b)
}

// actionError answers that the address is not the account's (MS-ASCMD 2.2.3.63).
func (h *Handler) actionError(w http.ResponseWriter, address string) {
	b := start(schemaMobile)
	b = element(b, "Culture", responseCulture)
	b = append(b, "<User>"...)
	b = element(b, "EMailAddress", address)
	b = append(b, "</User><Action><Error>"...)
	b = element(b, "Status", strconv.Itoa(statusProtocol))
	b = element(b, "Message", notThatMailbox)
	b = element(b, "DebugData", "")
	b = append(b, "</Error></Action></Response></Autodiscover>"...)
	write(w, http.StatusOK, contentType, b)
}

// frameworkError answers a request that is not for us (MS-ASCMD 2.2.3.64).
func (h *Handler) frameworkError(w http.ResponseWriter, code int, message string) {
	b := start("")
	b = append(b, `<Error Time="`...)
	b = time.Now().UTC().AppendFormat(b, "15:04:05.0000000")
	b = append(b, `" Id="1">`...)
	b = element(b, "ErrorCode", strconv.Itoa(code))
	b = element(b, "Message", message)
	b = element(b, "DebugData", "")
	b = append(b, "</Error></Response></Autodiscover>"...)
	write(w, http.StatusOK, contentType, b)
}

// start opens a document up to its Response, which may have a schema of its own.
func start(schema string) []byte {
	b := append([]byte(nil), `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="`+schemaResponse+`"><Response`...)
	if schema != "" {
		b = append(b, ` xmlns="`+schema+`"`...)
	}
	return append(b, '>')
}

func element(b []byte, name, text string) []byte {
	out := bytes.NewBuffer(b)
	out.WriteString("<" + name + ">")
	_ = xml.EscapeText(out, []byte(text)) // a Buffer does not fail
	out.WriteString("</" + name + ">")
	return out.Bytes()
}

func write(w http.ResponseWriter, status int, contentType string, b []byte) {
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	w.Header().Set("Cache-Control", "private")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b)
}
