package gateway

import (
	"net/http"
	"time"
)

// bodyTime is how long the body of a request may take to arrive, unless the
// endpoint allows it more.
const bodyTime = time.Minute

// arriving gives up bodies that do not arrive. Where nobody reads one, as when a
// stranger is refused, net/http waits for it before it answers, and would wait
// for ever. An endpoint that has read its body and goes on for longer takes the
// deadline back.
func arriving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			// Recorders of tests know no deadlines, hence the ignored error.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
		}
		next.ServeHTTP(w, r)
	})
}
