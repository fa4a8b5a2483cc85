package pushtest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// apnsMaxBody is as much of a body as is kept: enough to see that it is too
// large.
const apnsMaxBody = apnsMaxVoIPPayload + 1

// apnsConn is one connection of a provider, served frame by frame (RFC 9113):
// a whole HTTP server could neither raise its limit of streams in the middle,
// nor say why it goes away, nor refuse a stream.
type apnsConn struct {
	service *APNs
	nc      net.Conn
	frozen  atomic.Bool

	// Of the goroutine that serves.
	topic           string // of the certificate
	key             *apnsKey
	keyID, bearer   string
	issued, renewed time.Time // of bearer: by the provider's clock, and by ours

	mu      sync.Mutex // guards what follows, and what is written
	out     *bufio.Writer
	framer  *http2.Framer
	headers bytes.Buffer
	hpack   *hpack.Encoder
	streams map[uint32]*apnsRequest
	max     uint32 // streams at once
	last    uint32 // the highest stream that was looked at
	going   bool   // GOAWAY was sent
}

func newAPNsConn(a *APNs, nc net.Conn) *apnsConn {
	c := &apnsConn{service: a, nc: nc, streams: map[uint32]*apnsRequest{}, max: 1}
	c.hpack = hpack.NewEncoder(&c.headers)
	return c
}

// hangUp resets the connection.
func (c *apnsConn) hangUp() {
	if t, ok := c.nc.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.nc.Close()
}

func (c *apnsConn) serve() {
	defer c.nc.Close()
	conn := tls.Server(c.nc, c.service.tls)
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	preface := make([]byte, len(http2.ClientPreface))
	if conn.Handshake() != nil || conn.ConnectionState().NegotiatedProtocol != "h2" {
		return
	}
	in := bufio.NewReaderSize(conn, 32<<10)
	if _, err := io.ReadFull(in, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	conn.SetDeadline(time.Time{})
	c.topic = certificateTopic(conn.ConnectionState())
	c.open(conn, in)
	for {
		if in.Buffered() == 0 {
			c.flush()
		}
		frame, err := c.framer.ReadFrame()
		if err != nil || !c.read(frame) {
			c.flush()
			return
		}
	}
}

// open sends our settings: with a provider token only one stream "until you
// post a request with a valid authentication token".
func (c *apnsConn) open(conn net.Conn, in io.Reader) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = bufio.NewWriterSize(apnsWriter{conn, &c.frozen}, 32<<10)
	c.framer = http2.NewFramer(c.out, in)
	c.framer.SetReuseFrames()
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.framer.MaxHeaderListSize = 16 << 10
	if c.topic != "" {
		c.raiseLocked()
		return
	}
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1})
}

func (c *apnsConn) raiseLocked() {
	c.service.mu.Lock()
	c.max = c.service.maxStreams
	c.service.mu.Unlock()
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: c.max})
}

// apnsWriter swallows what a frozen connection would say.
type apnsWriter struct {
	net.Conn
	frozen *atomic.Bool
}

func (w apnsWriter) Write(p []byte) (int, error) {
	if w.frozen.Load() {
		return len(p), nil
	}
	return w.Conn.Write(p)
}

func (c *apnsConn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out != nil {
		c.out.Flush()
	}
}

// read handles a frame. False: the connection is at its end.
func (c *apnsConn) read(frame http2.Frame) bool {
	switch f := frame.(type) {
	case *http2.MetaHeadersFrame:
		return c.begin(f)
	case *http2.DataFrame:
		return c.data(f)
	case *http2.SettingsFrame:
		if !f.IsAck() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.framer.WritePing(true, f.Data)
		}
	case *http2.RSTStreamFrame:
		c.end(f.StreamID)
	}
	return true // WINDOW_UPDATE does not matter: answers are small
}

// begin opens a stream, if there may be one more.
func (c *apnsConn) begin(f *http2.MetaHeadersFrame) bool {
	c.mu.Lock()
	if c.going {
		c.mu.Unlock()
		return true // above what GOAWAY said
	}
	if len(c.streams) >= int(c.max) {
		c.framer.WriteRSTStream(f.StreamID, http2.ErrCodeRefusedStream)
		c.mu.Unlock()
		c.service.countRefused()
		return true
	}
	r := &apnsRequest{header: make(map[string]string, 8)}
	for _, h := range f.Fields {
		switch {
		case h.Name == ":method":
			r.method = h.Value
		case h.Name == ":path":
			r.path = h.Value
		case h.Name == "authorization":
			r.duplicate = r.duplicate || r.authorization != ""
			r.authorization = h.Value
		case strings.HasPrefix(h.Name, "apns-"):
			_, twice := r.header[h.Name]
			r.duplicate = r.duplicate || twice
			r.header[h.Name] = h.Value
		}
	}
	c.streams[f.StreamID] = r
	c.last = f.StreamID
	c.mu.Unlock()
	if f.StreamEnded() {
		return c.process(f.StreamID, r)
	}
	return true
}

func (c *apnsConn) data(f *http2.DataFrame) bool {
	c.mu.Lock()
	r := c.streams[f.StreamID]
	if n := f.Length; n > 0 {
		c.framer.WriteWindowUpdate(0, n)
		if r != nil && !f.StreamEnded() {
			c.framer.WriteWindowUpdate(f.StreamID, n)
		}
	}
	c.mu.Unlock()
	if r == nil {
		return true
	}
	data := f.Data()
	r.body = append(r.body, data[:min(len(data), apnsMaxBody-len(r.body))]...)
	if f.StreamEnded() {
		return c.process(f.StreamID, r)
	}
	return true
}

// end forgets a stream.
func (c *apnsConn) end(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.streams, id)
	c.lingerLocked()
}

// lingerLocked ends a connection that has said GOAWAY and has nothing left to
// answer. Not at once: a request that is on its way here would have the system
// reset the connection, and the provider would never read why.
func (c *apnsConn) lingerLocked() {
	if c.going && len(c.streams) == 0 {
		c.nc.SetReadDeadline(time.Now().Add(time.Second))
	}
}

// process answers a request that is complete.
func (c *apnsConn) process(id uint32, r *apnsRequest) bool {
	s, scripted := c.service.nextAnswer()
	if s.Fault == NoFault && s.Status == 0 {
		s = c.look(r, s)
	}
	if !scripted || s.Delay == 0 {
		return c.say(id, r, &s)
	}
	time.AfterFunc(s.Delay, func() {
		more := c.say(id, r, &s)
		c.flush()
		if !more {
			c.nc.Close()
		}
	})
	return true
}

// look finds the answer that the request deserves, and takes what is right.
func (c *apnsConn) look(r *apnsRequest, s Answer) Answer {
	d, n, refusal, gone := c.check(r)
	if refusal.status == 0 {
		c.service.take(d, n)
	}
	if c.bearer != "" {
		c.mu.Lock()
		if c.max == 1 {
			c.raiseLocked()
		}
		c.mu.Unlock()
	}
	s.Status, s.Reason, s.Timestamp = refusal.status, refusal.reason, gone
	if s.Status == 0 {
		s.Status = 200
	}
	return s
}

// say writes an answer, or fails as it says.
func (c *apnsConn) say(id uint32, r *apnsRequest, s *Answer) bool {
	switch s.Fault {
	case NoAnswer:
		return true
	case HangUp:
		c.hangUp()
		return false
	case GoAway:
		c.goAway(max(id, 2)-2, "Shutdown")
		c.end(id)
		return true
	case ThrowOut:
		c.goAway(id, s.Reason)
		return false
	}
	c.mu.Lock()
	switch s.Fault {
	case ResetStream:
		c.framer.WriteRSTStream(id, http2.ErrCodeInternal)
	case Refuse:
		c.framer.WriteRSTStream(id, http2.ErrCodeRefusedStream)
	case Garbage:
		io.WriteString(c.out, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nwhat is this?")
	default:
		c.writeLocked(id, r, s)
	}
	c.mu.Unlock()
	c.end(id)
	return true
}

func (c *apnsConn) writeLocked(id uint32, r *apnsRequest, s *Answer) {
	body := s.Body
	if body == nil && s.Reason != "" {
		v := struct {
			Reason    string `json:"reason"`
			Timestamp int64  `json:"timestamp,omitempty"`
		}{Reason: s.Reason}
		if !s.Timestamp.IsZero() {
			v.Timestamp = s.Timestamp.UnixMilli()
		}
		body, _ = json.Marshal(v)
	}
	c.headers.Reset()
	c.hpack.WriteField(hpack.HeaderField{Name: ":status", Value: strconv.Itoa(s.Status)})
	name := r.header["apns-id"]
	if name == "" {
		name = uuid.NewString()
	}
	c.hpack.WriteField(hpack.HeaderField{Name: "apns-id", Value: name})
	if len(body) > 0 {
		c.hpack.WriteField(hpack.HeaderField{Name: "content-type", Value: "application/json"})
	}
	if s.RetryAfter != "" {
		c.hpack.WriteField(hpack.HeaderField{Name: "retry-after", Value: s.RetryAfter})
	}
	for name, value := range s.Header {
		c.hpack.WriteField(hpack.HeaderField{Name: name, Value: value})
	}
	c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: c.headers.Bytes(), EndHeaders: true, EndStream: len(body) == 0 && s.Fault != HalfAnswer,
	})
	if s.Fault == HalfAnswer {
		c.framer.WriteData(id, false, body)
		return
	}
	if len(body) > 0 {
		c.framer.WriteData(id, true, body[:min(len(body), 16<<10)])
	}
}

// goAwayLater is GoAway from another goroutine.
func (c *apnsConn) goAwayLater(reason string) {
	c.mu.Lock()
	last, ready := c.last, c.framer != nil
	c.mu.Unlock()
	if !ready {
		c.nc.Close()
		return
	}
	c.goAway(last, reason)
	c.flush()
}

// goAway says that nothing above the stream last is looked at any more.
func (c *apnsConn) goAway(last uint32, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.going {
		return
	}
	c.going = true
	debug, _ := json.Marshal(map[string]string{"reason": reason})
	c.framer.WriteGoAway(last, http2.ErrCodeNo, debug)
	c.lingerLocked()
}
