package hold

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// append appends the answer as an HTTP/1.1 response (RFC 9112 4).
func (a *Answer) append(b []byte, last bool) []byte {
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	b = slices.Grow(b, 320+len(a.Body))
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	b = append(b, "\r\nDate: "...)
	b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(a.Body)), 10)
	b = append(b, "\r\n"...)
	if last {
		b = append(b, "Connection: close\r\n"...)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		if name == "Content-Length" {
			continue
		}
		for _, value := range a.Header[name] {
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, value...)
			b = append(b, "\r\n"...)
		}
	}
	b = append(b, "\r\n"...)
	return append(b, a.Body...)
}
