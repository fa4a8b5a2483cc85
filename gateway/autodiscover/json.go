package autodiscover

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Protocols that version 2 of Autodiscover can be asked for here.
const (
	protocolActiveSync = "ActiveSync"
	protocolVersion1   = "AutodiscoverV1"
	endpointVersion1   = "/autodiscover/autodiscover.xml"
)

// found is the answer of version 2.
type found struct {
	Protocol string
	URL      string `json:"Url"`
}

// failure is how version 2 says that it cannot help.
type failure struct {
	ErrorCode    string
	ErrorMessage string
}

// ServeJSON answers version 2: /autodiscover/autodiscover.json with Email and
// Protocol in the query, or the address as the last part of the path. Nobody
// has authenticated yet, so the answer is the same for every address.
func (h *Handler) ServeJSON(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		write(w, http.StatusMethodNotAllowed, "", nil)
		return
	}
	q := parameters(r.URL.RawQuery)
	email, protocol := q["email"], q["protocol"]
	if email == "" {
		email = r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	}
	switch {
	case !looksLikeAddress(email):
		fail(w, "MandatoryParameterMissing", "A valid value must be provided for the query parameter 'Email'")
	case protocol == "":
		fail(w, "MandatoryParameterMissing", "A valid value must be provided for the query parameter 'Protocol'")
	case strings.EqualFold(protocol, protocolActiveSync):
		succeed(w, found{protocolActiveSync, h.base(r) + endpoint})
	case strings.EqualFold(protocol, protocolVersion1):
		succeed(w, found{protocolVersion1, h.base(r) + endpointVersion1})
	default:
		fail(w, "ProtocolNotSupported", "The given protocol value '"+protocol+"' is not supported. Supported values are '"+
			protocolActiveSync+","+protocolVersion1+"'")
	}
}

// parameters reads a query; names are taken in any case.
func parameters(raw string) map[string]string {
	all := map[string]string{}
	values, _ := url.ParseQuery(raw) // what can be read is enough
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if key := strings.ToLower(name); all[key] == "" { // of several spellings the first
			all[key] = values[name][0]
		}
	}
	return all
}

// looksLikeAddress tells an address from a part of the path.
func looksLikeAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && len(s) <= 320
}

func succeed(w http.ResponseWriter, v found) { writeJSON(w, http.StatusOK, v) }

func fail(w http.ResponseWriter, code, message string) {
	w.Header().Set("jsonerror", "true")
	writeJSON(w, http.StatusBadRequest, failure{code, message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // strings always marshal
		status, b = http.StatusInternalServerError, nil
	}
	write(w, status, "application/json; charset=utf-8", b)
}
