package activesync

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"martlet/gateway/hold"
	"martlet/protocol/wbxml"
)

// reply is what a command answers. The zero reply is 200 without a body.
type reply struct {
	status      int // HTTP; zero: 200
	document    any // a response to encode, or nil
	body        []byte
	contentType string       // of body; with document it is WBXML
	free        func()       // when the body has been written; nil: nothing
	held        *hold.Answer // of a request that waited: the whole response
	resync      bool         // tell the protocol's versions and commands anew
	retryAfter  int          // seconds after which the phone should come back; zero: it is not told
}

// compressFrom is the size from which an answer is compressed: below, it fits
// into a packet or two anyhow.
const compressFrom = 1024

// maxKept bounds the buffers that are kept for the next answer.
const maxKept = 24 << 20

// buffers keeps the memory of answers for the next ones.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func getBuffer() *[]byte { return buffers.Get().(*[]byte) }

func putBuffer(b *[]byte) {
	if cap(*b) <= maxKept {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

// response is an answer ready to be written.
type response struct {
	status int
	header http.Header
	body   []byte
	plain  int // bytes before compression
	free   func()
}

// respond makes the response of an answer. Its free must be called when the body
// is no longer used.
func (h *Handler) respond(s *session, rep reply) response {
	if a := rep.held; a != nil {
		return response{status: a.Status, header: a.Header, body: a.Body, plain: len(a.Body), free: func() {}}
	}
	body, contentType := rep.body, rep.contentType
	var used [2]*[]byte
	free := func() {
		for _, b := range used {
			if b != nil {
				putBuffer(b)
			}
		}
		if rep.free != nil {
			rep.free()
		}
	}
	hd := make(http.Header, 8)
	if rep.document != nil {
		buf := getBuffer()
		used[0] = buf
		var err error
		if *buf, err = wbxml.AppendMarshal((*buf)[:0], rep.document); err != nil {
			h.sessionLog(s).Error("cannot encode the response", "error", err)
			rep.status, rep.resync, rep.retryAfter, body = http.StatusInternalServerError, false, 0, nil
		} else {
			body, contentType = *buf, typeWBXML
		}
	}
	hd["MS-Server-ActiveSync"] = []string{serverVersion}
	hd["Cache-Control"] = []string{"private"}
	if rep.resync { // MS-ASHTTP_R1104
		hd["X-MS-RP"] = []string{h.versions}
		hd["MS-ASProtocolVersions"] = []string{h.versions}
		hd["MS-ASProtocolCommands"] = []string{h.names}
	}
	if rep.retryAfter > 0 {
		hd["Retry-After"] = []string{strconv.Itoa(rep.retryAfter)}
	}
	plain := len(body)
	if plain >= compressFrom && s.gzip && compressible(contentType) {
		buf := getBuffer()
		used[1] = buf
		*buf = compress((*buf)[:0], body)
		body = *buf
		hd["Content-Encoding"] = []string{"gzip"}
	}
	if len(body) > 0 {
		hd["Content-Type"] = []string{contentType}
	}
	hd["Content-Length"] = []string{strconv.Itoa(len(body))}
	return response{status: cmp.Or(rep.status, http.StatusOK), header: hd, body: body, plain: plain, free: free}
}

// write writes the answer: the one place that does.
func (h *Handler) write(w http.ResponseWriter, s *session, rep reply) {
	resp := h.respond(s, rep)
	defer resp.free()
	maps.Copy(w.Header(), resp.header)
	allowSlowWriting(w, int64(len(resp.body)+1))
	w.WriteHeader(resp.status)
	_, err := w.Write(resp.body)
	s.span.Number("http.response.status_code", resp.status)
	s.span.Number("http.response.body.size", len(resp.body))
	if resp.status >= http.StatusInternalServerError {
		s.span.Fail("server error")
	}
	h.logAnswer(s, &resp, err)
}

// retryAfter is what a phone is asked to wait when we cannot help it now, in
// seconds.
const retryAfter = 30

// writeStatus answers with a status alone.
func (h *Handler) writeStatus(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

// acceptsGzip tells whether the answer may be compressed.
func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header["Accept-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			name, q, _ := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				q = strings.ReplaceAll(q, " ", "")
				return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
			}
		}
	}
	return false
}

// compressible is false for what is compressed already.
func compressible(contentType string) bool {
	for _, p := range []string{"image/", "video/", "audio/", "application/zip", "application/x-gzip", "application/gzip"} {
		if strings.HasPrefix(contentType, p) {
			return false
		}
	}
	return true
}

var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return z
}}

// appender is a slice as a writer.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

// compress appends the body in gzip. Writing to memory does not fail.
func compress(dst, body []byte) []byte {
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	out := appender(dst)
	z.Reset(&out)
	_, _ = z.Write(body)
	_ = z.Close()
	return out
}

// logAnswer writes the request's line in the log: who, what, how much, how
// long; never what it says.
func (h *Handler) logAnswer(s *session, resp *response, err error) {
	status, plain, sent := resp.status, resp.plain, len(resp.body)
	level := slog.LevelInfo
	if status >= http.StatusBadRequest {
		// No error: before 14.0 a phone's own mistakes are answered with 500, too,
		// and a failure of ours has been logged as one.
		level = slog.LevelWarn
	}
	ctx := context.Background()
	if !h.log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 13)
	attrs = append(attrs, slog.String("login", s.account.Login), slog.Uint64("account", uint64(s.account.ID)), slog.String("device", s.query.DeviceID),
		slog.String("command", s.name()), slog.String("version", s.version.String()), slog.Int("http", status),
		slog.Int("bytes_in", len(s.body)), slog.Int("bytes_out", plain), slog.Duration("took", time.Since(s.start)-s.held))
	if sent != plain {
		attrs = append(attrs, slog.Int("bytes_sent", sent))
	}
	if s.held > 0 {
		attrs = append(attrs, slog.Duration("held", s.held))
	}
	if err != nil && !errors.Is(err, http.ErrHandlerTimeout) {
		attrs = append(attrs, slog.String("write_error", err.Error()))
	}
	h.log.LogAttrs(ctx, level, "activesync request", attrs...)
}

// logGone notes a phone that hung up before its answer.
func (h *Handler) logGone(s *session) {
	h.sessionLog(s).Info("client gone", "took", time.Since(s.start))
}
