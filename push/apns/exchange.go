package apns

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"

	"martlet/push"
)

// maxAnswer is how much of an answer is read; Apple's fit into a tenth of it.
const maxAnswer = 1024

// exchangeKey is the key of a request's *exchange in its context.
type exchangeKey struct{}

// exchange accompanies a request through apns2.Client: what that cannot send,
// and what it does not keep of the answer.
type exchange struct {
	authorization []string
	immediate     bool // apns-expiration 0, which apns2 takes for nothing to send

	conn       *http.ClientConn
	reason     string
	timestamp  time.Time
	retryAfter time.Duration
}

// prepare completes the headers that apns2 made for this one request.
func (x *exchange) prepare(h http.Header) {
	if x.authorization != nil {
		h["Authorization"] = x.authorization
	}
	if x.immediate {
		h.Set("apns-expiration", "0")
	}
	h.Set("User-Agent", "martlet")
}

// read takes what matters from an answer, and leaves none of the body to apns2,
// which would lose the status if it were not as it should be.
func (x *exchange) read(resp *http.Response) error {
	body := resp.Body
	resp.Body = http.NoBody
	if v := resp.Header.Get("Retry-After"); v != "" {
		x.retryAfter = push.RetryAfter(v, time.Now())
	}
	if resp.StatusCode == http.StatusOK {
		return body.Close()
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil {
		return err
	}
	x.reason, x.timestamp = parseAnswer(b)
	return nil
}

// parseAnswer reads the body of a refusal, "Understand error codes": a reason,
// and with 410 a time in milliseconds. What is nothing of the kind is neither.
func parseAnswer(b []byte) (reason string, timestamp time.Time) {
	var answer struct {
		Reason    string          `json:"reason"`
		Timestamp json.RawMessage `json:"timestamp"`
	}
	if json.Unmarshal(b, &answer) != nil || !validReason(answer.Reason) {
		return "", time.Time{}
	}
	// A time that is no time must not cost the reason.
	ms, err := strconv.ParseInt(strings.Trim(string(answer.Timestamp), `"`), 10, 64)
	if err != nil || ms <= 0 || ms > maxTimestamp {
		return answer.Reason, time.Time{}
	}
	return answer.Reason, time.UnixMilli(ms)
}

// maxTimestamp is the year 3000.
const maxTimestamp = 32_503_680_000_000

// validReason keeps out of the outcome what cannot be one of Apple's words.
func validReason(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// refusedStream: RFC 9113 8.7, the request was not looked at.
func refusedStream(err error) bool {
	var stream http2.StreamError
	return errors.As(err, &stream) && stream.Code == http2.ErrCodeRefusedStream
}

// goneAway: the server has said GOAWAY, and this request is above the last that
// it looked at (RFC 9113 6.8), or was never sent. net/http has only words for it.
func goneAway(err error) bool {
	s := err.Error()
	return strings.Contains(s, "client conn not usable") || strings.Contains(s, "graceful shutdown GOAWAY")
}

// goAwayReason reads what the service said as it ended a connection: "The
// payload of the GOAWAY frame includes JSON data with a reason key". net/http
// shows that payload in its error's text only.
func goAwayReason(err error) string {
	_, debug, _ := strings.Cut(err.Error(), "GOAWAY and closed the connection")
	_, debug, _ = strings.Cut(debug, "debug=")
	quoted, err := strconv.QuotedPrefix(debug)
	if err != nil {
		return ""
	}
	payload, err := strconv.Unquote(quoted)
	if err != nil {
		return ""
	}
	reason, _ := parseAnswer([]byte(payload))
	return reason
}
