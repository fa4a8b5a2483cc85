package dav

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// flushAt is how much of an answer is gathered before it is sent.
const flushAt = 32 << 10

// multistatus writes a 207 answer (RFC 4918 13): in one piece with its length if
// it is small, else as it comes.
type multistatus struct {
	q       *request
	d       document
	begun   bool         // something has been sent
	zip     *gzip.Writer // nil: it goes out as it is
	minimal bool         // properties that are not there are not told of (RFC 8144)
}

func (q *request) newMultistatus() *multistatus {
	m := &multistatus{q: q, minimal: minimal(q.r)}
	m.d.root(dav("multistatus"))
	return m
}

// minimal tells whether the client wants to hear of what is there only.
func minimal(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Brief"), "t") || prefers(r, "return", "minimal")
}

// prefers reads Prefer (RFC 7240).
func prefers(r *http.Request, token, value string) bool {
	for _, line := range r.Header["Prefer"] {
		for p := range strings.SplitSeq(line, ",") {
			p, _, _ = strings.Cut(p, ";")
			k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
			if strings.EqualFold(k, token) && strings.EqualFold(strings.Trim(v, `"`), value) {
				return true
			}
		}
	}
	return false
}

// response writes what is asked of one resource.
func (m *multistatus) response(r *resource, a *asked) error {
	d := &m.d
	d.open(dav("response"))
	d.href(r.href)
	if err := m.q.propstats(d, r, a, m.minimal); err != nil {
		return err
	}
	d.close(dav("response"))
	return m.flush(false)
}

// status writes that a resource has a status, and why.
func (m *multistatus) status(href string, f *failure) error {
	d := &m.d
	d.open(dav("response"))
	d.href(href)
	d.statusLine(f.status)
	if f.condition.local != "" {
		d.open(dav("error"))
		d.conditionOf(f)
		d.close(dav("error"))
	}
	d.close(dav("response"))
	return m.flush(false)
}

func (d *document) statusLine(status int) {
	text := http.StatusText(status)
	d.text(dav("status"), "HTTP/1.1 "+strconv.Itoa(status)+" "+text)
}

// flush sends what has gathered.
func (m *multistatus) flush(whole bool) error {
	if !whole && len(m.d.b) < flushAt {
		return nil
	}
	m.begin(whole)
	var err error
	if m.zip != nil {
		if _, err = m.zip.Write(m.d.b); err == nil && whole {
			err = m.zip.Close()
			compressors.Put(m.zip)
		}
	} else {
		_, err = sentWriter{m.q}.Write(m.d.b)
	}
	m.d.b = m.d.b[:0]
	if err != nil {
		return fmt.Errorf("%w: %w", errSent, err)
	}
	return nil
}

// begin writes the header, and decides whether the answer is compressed: it is
// mostly the same words.
func (m *multistatus) begin(whole bool) {
	if m.begun {
		return
	}
	m.begun = true
	q := m.q
	hd := q.w.Header()
	hd.Set("Content-Type", "application/xml; charset=utf-8")
	hd.Set("Vary", "Accept-Encoding, Brief, Prefer")
	switch {
	case len(m.d.b) >= compressFrom && acceptsGzip(q.r):
		hd.Set("Content-Encoding", "gzip")
		m.zip = compressors.Get().(*gzip.Writer)
		m.zip.Reset(sentWriter{q})
	case whole:
		hd.Set("Content-Length", strconv.Itoa(len(m.d.b)))
	}
	if m.minimal {
		hd.Set("Preference-Applied", "return=minimal")
	}
	q.begin(http.StatusMultiStatus)
}

// compressFrom is the size from which an answer is compressed: below, it fits
// into a packet or two anyhow.
const compressFrom = 2048

var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return z
}}

// sentWriter is what goes out.
type sentWriter struct{ q *request }

// Write sends the bytes.
func (w sentWriter) Write(p []byte) (int, error) { return w.q.send(p) }

// acceptsGzip tells whether the answer may be compressed.
func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header["Accept-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			coding, q, _ := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				return !strings.HasPrefix(strings.ReplaceAll(q, " ", ""), "q=0") || strings.ContainsAny(q, "123456789")
			}
		}
	}
	return false
}

// end ends the answer; a token tells where a synchronisation goes on.
func (m *multistatus) end(token string) error {
	if token != "" {
		m.d.text(dav("sync-token"), token)
	}
	m.d.close(dav("multistatus"))
	return m.flush(true)
}

// broken is an error after which the answer cannot be another one.
func (m *multistatus) broken(err error) error {
	if err != nil && m.begun {
		return fmt.Errorf("%w: %w", errSent, err)
	}
	return err
}

// asked are the properties that a client wants of each resource.
type asked struct {
	names []name     // wanted
	all   bool       // those of DAV:allprop besides (RFC 4918 14.2)
	only  bool       // their names alone (RFC 4918 14.20)
	data  *dataAsked // how calendar-data or address-data is wanted; nil: as it is
	whole bool       // objects may be told of: it is a report
	body  []byte     // of the object at hand, if it has been read
}

// propstats writes the properties of a resource by their status (RFC 4918 14.22).
func (q *request) propstats(d *document, r *resource, a *asked, minimal bool) error {
	d.open(dav("propstat"))
	d.open(dav("prop"))
	missing := a.names[:0:0]
	found := 0
	for _, n := range a.names {
		ok, err := q.property(d, r, a, n)
		if err != nil {
			return err
		}
		if ok {
			found++
		} else {
			missing = append(missing, n)
		}
	}
	if a.all || a.only {
		more, err := q.allProperties(d, r, a)
		if err != nil {
			return err
		}
		found += more
	}
	if found > 0 || len(missing) == 0 || minimal {
		d.close(dav("prop"))
		d.statusLine(http.StatusOK)
		d.close(dav("propstat"))
		if len(missing) == 0 || minimal {
			return nil
		}
		d.open(dav("propstat"))
		d.open(dav("prop"))
	}
	for _, n := range missing {
		d.empty(n)
	}
	d.close(dav("prop"))
	d.statusLine(http.StatusNotFound)
	d.close(dav("propstat"))
	return nil
}

// property writes one property if the resource has it.
func (q *request) property(d *document, r *resource, a *asked, n name) (bool, error) {
	if p, live := q.h.properties[n]; live {
		if p.kinds&r.kind == 0 {
			return false, nil
		}
		mark := len(d.b)
		d.open(n)
		ok, err := p.write(q, r, a, d)
		if err != nil || !ok {
			d.b = d.b[:mark]
			return false, err
		}
		d.close(n)
		return true, nil
	}
	for _, k := range r.dead() {
		if k.name == n {
			d.b = append(d.b, k.xml...)
			return true, nil
		}
	}
	return false, nil
}

// allProperties writes what allprop stands for, or the names of all there are.
func (q *request) allProperties(d *document, r *resource, a *asked) (found int, err error) {
	for _, n := range q.h.order {
		p := q.h.properties[n]
		if !p.all && !a.only || p.kinds&r.kind == 0 {
			continue
		}
		mark := len(d.b)
		ok, err := q.property(d, r, a, n)
		if err != nil {
			return found, err
		}
		if ok && a.only {
			d.b = d.b[:mark]
			d.empty(n)
		}
		if ok {
			found++
		}
	}
	for _, k := range r.dead() {
		if a.only {
			d.empty(k.name)
		} else {
			d.b = append(d.b, k.xml...)
		}
		found++
	}
	return found, nil
}

// dead are the resource's properties that are only kept.
func (r *resource) dead() []dead {
	switch {
	case r.col != nil && r.item == nil:
		return r.col.meta.Dead
	case r.file != nil:
		return r.file.Dead
	case r.home != nil:
		return r.home.Dead
	}
	return nil
}
