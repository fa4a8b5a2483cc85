package phone

import (
	"net/http"
	"time"

	"martlet/protocol/wbxml"
)

// Exchange is one request and its answer, as they went over the wire. What
// proves who the user is, is not in it.
type Exchange struct {
	Method, URL string
	Header      http.Header // of the request, without Authorization
	Request     []byte
	Answer      *Answer // nil when there was none
	Err         error
	Took        time.Duration
}

// XML shows a body as text, if it is WBXML.
func XML(header http.Header, body []byte) (string, bool) {
	if len(body) == 0 || header.Get("Content-Type") != typeWBXML {
		return "", false
	}
	return wbxml.Dump(body), true
}

// trace tells of an exchange to whoever wants to know.
func (p *Phone) trace(req *http.Request, body []byte, answer *Answer, err error, start time.Time) {
	if p.cfg.Trace == nil {
		return
	}
	h := req.Header.Clone()
	h.Del("Authorization")
	p.cfg.Trace(Exchange{req.Method, req.URL.String(), h, body, answer, err, time.Since(start)})
}
