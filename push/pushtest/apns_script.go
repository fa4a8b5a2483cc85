package pushtest

import (
	"maps"
	"slices"
	"time"
)

// Fault is how the service fails in place of an answer.
type Fault int

// The faults.
const (
	NoFault     Fault = iota
	NoAnswer          // it takes the request and says nothing, for ever
	ResetStream       // RST_STREAM with INTERNAL_ERROR
	Refuse            // RST_STREAM with REFUSED_STREAM: nothing was looked at
	HangUp            // the TCP connection is reset, with all that is under way on it
	Garbage           // bytes that are no HTTP/2
	GoAway            // GOAWAY below this request, then the connection drains
	ThrowOut          // GOAWAY with the answer's reason, and the end of the connection, without an answer
	HalfAnswer        // the status, and a body that never ends
)

// Answer is what the service says in place of what it would say by itself.
type Answer struct {
	Fault      Fault
	Delay      time.Duration     // before anything happens
	Status     int               // zero: the request is looked at as always, after the delay
	Reason     string            // of the JSON body
	Timestamp  time.Time         // of the JSON body
	Body       []byte            // in place of the JSON body
	RetryAfter string            // the header
	Header     map[string]string // further ones, in lower case
}

// Script has the next requests answered as given, in the order in which they
// come in.
func (a *APNs) Script(answers ...Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.script = append(a.script, answers...)
}

// Always has every request answered so when the script is at its end, until it
// is called with nil.
func (a *APNs) Always(answer *Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.always = answer
}

// nextAnswer is the scripted answer for a request that came in, if there is one.
func (a *APNs) nextAnswer() (Answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests++
	if len(a.script) > 0 {
		s := a.script[0]
		a.script = a.script[1:]
		return s, true
	}
	if a.always != nil {
		return *a.always, true
	}
	return Answer{}, false
}

// SetMaxStreams sets how many requests a new connection may have under way
// (with a provider token: after the first request with a valid one).
func (a *APNs) SetMaxStreams(n uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.maxStreams = n
}

// GoAway ends every connection in the friendly way: what is under way is
// answered, nothing new is taken. reason is Apple's word for it.
func (a *APNs) GoAway(reason string) {
	a.mu.Lock()
	conns := slices.Collect(maps.Keys(a.conns))
	a.mu.Unlock()
	for _, c := range conns { // whose locks come before ours
		c.goAwayLater(reason)
	}
}

// Freeze stops every connection that is there from saying anything more, PING
// included, without closing it: a path that has become a black hole. New
// connections work.
func (a *APNs) Freeze() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.conns {
		c.frozen.Store(true)
	}
}
