package activesync

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// Limits of request bodies.
const (
	// maxBodyMemory bounds the bytes of large bodies in memory at once; more are
	// asked to come back.
	maxBodyMemory = 256 << 20
	// smallBody need not be counted.
	smallBody = 64 << 10

	// A body or an answer may take this long and, for its size, as long as the
	// slowest link we care for needs.
	transferTime = 60 * time.Second
	slowestLink  = 8 << 10 // bytes a second
)

// Errors of request bodies.
var (
	errBodyTooLarge = errors.New("activesync: the request body is too large")
	errBodyMemory   = errors.New("activesync: too many large bodies at once")
	errBodyCut      = errors.New("activesync: the request body ended too early")
	errContentType  = errors.New("activesync: the body is not of the command's content type")
)

// The content types of requests and responses (MS-ASHTTP 2.2.1.1.2.3).
const (
	typeWBXML     = "application/vnd.ms-sync.wbxml"
	typeWBXMLOld  = "application/vnd.ms-sync"
	typeMultipart = "application/vnd.ms-sync.multipart"
	typeMessage   = "message/rfc822"
)

// transferDeadline is when n bytes must have gone over the slowest link.
func transferDeadline(n int64) time.Time {
	return time.Now().Add(transferTime + time.Duration(n/slowestLink)*time.Second)
}

// allowSlowWriting sets how long the answer's n bytes may take; zero removes
// what an earlier request on the connection has set. Recorders of tests know no
// deadlines, hence the ignored error.
func allowSlowWriting(w http.ResponseWriter, n int64) {
	d := time.Time{}
	if n > 0 {
		d = transferDeadline(n)
	}
	_ = http.NewResponseController(w).SetWriteDeadline(d)
}

// readBody reads the request's body into the session. The returned function
// must be called when the body is no longer used.
func (h *Handler) readBody(w http.ResponseWriter, s *session) (release func(), err error) {
	release = func() {}
	r, limit := s.r, s.command.maxBody
	n := r.ContentLength
	if n == 0 || r.Body == nil || r.Body == http.NoBody {
		return release, nil
	}
	if err := s.checkContentType(); err != nil {
		return release, err
	}
	if n > limit {
		return release, errBodyTooLarge
	}
	if n < 0 {
		n = limit // chunked: it may grow to that
	}
	if n > smallBody {
		if !h.bodies.TryAcquire(n) {
			return release, errBodyMemory
		}
		release = func() { h.bodies.Release(n) }
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(transferDeadline(n))
	s.body, err = readAll(r.Body, r.ContentLength, limit)
	if err == nil {
		// A held request's connection is read from to notice that the phone hung up:
		// the deadline must not end that. Of a body that did not come it stays:
		// net/http waits for the rest before it answers.
		_ = rc.SetReadDeadline(time.Time{})
	}
	return release, err
}

// readAll reads a body whose length is known, or -1.
func readAll(body io.Reader, n, limit int64) ([]byte, error) {
	if n >= 0 {
		b := make([]byte, n)
		if _, err := io.ReadFull(body, b); err != nil {
			return nil, errBodyCut
		}
		return b, nil
	}
	b, err := io.ReadAll(io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return nil, errBodyCut
	case int64(len(b)) > limit:
		return nil, errBodyTooLarge
	}
	return b, nil
}

// checkContentType holds a body to its declared type (MS-ASCMD 2.2.2, status
// 101).
func (s *session) checkContentType() error {
	t, _, _ := strings.Cut(s.r.Header.Get("Content-Type"), ";")
	t = strings.TrimSpace(t)
	if s.command.sendsMessage(s.version) {
		if strings.EqualFold(t, typeMessage) {
			return nil
		}
	} else if strings.EqualFold(t, typeWBXML) || strings.EqualFold(t, typeWBXMLOld) {
		return nil
	}
	return errContentType
}
