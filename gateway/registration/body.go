package registration

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// Limits of what a client sends.
const (
	maxBody  = 16 << 10 // a registration with all its lists
	maxDepth = 4        // of a document: the registration, a part of it, a list in that
)

// The kinds of documents that are read.
const (
	kindJSON  = "application/json"
	kindMerge = "application/merge-patch+json" // RFC 7396
)

// bodyPatience is how long a document may take to arrive.
const bodyPatience = 20 * time.Second

// readBody reads a document of one of the kinds, within maxBody and the
// patience.
func readBody(w http.ResponseWriter, r *http.Request, patience time.Duration, kinds ...string) ([]byte, error) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, named := parameters["charset"]
	if err != nil || !slices.Contains(kinds, kind) || named && !strings.EqualFold(charset, "utf-8") {
		p := problemf(http.StatusUnsupportedMediaType, codeContentType, "send the document as %s, in UTF-8", strings.Join(kinds, " or "))
		if r.Method == http.MethodPatch {
			p.patch = strings.Join(kinds, ", ")
		}
		return nil, p
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, problemf(http.StatusUnsupportedMediaType, codeContentType, "send the document as it is, without Content-Encoding")
	}
	// Who cannot set a deadline, as in some tests, has none.
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(patience))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, problemf(http.StatusRequestEntityTooLarge, codeTooLarge, "a registration is at most %d bytes of JSON", maxBody)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problemf(http.StatusRequestTimeout, codeSlow, "the document took longer than %v; send it again", patience)
	case err != nil:
		return nil, problemf(http.StatusBadRequest, codeBadJSON, "the document broke off; send it again")
	}
	// Only now: of a document that did not come, net/http would wait for the rest
	// before it answers.
	_ = rc.SetReadDeadline(time.Time{})
	return body, nil
}

// readTree reads one JSON object into maps, so that wrong fields can be named.
// It refuses what two readers could understand differently: a key that stands
// twice, and what is nested deeper than any registration.
func readTree(body []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err == nil {
		if _, rest := d.Token(); rest != io.EOF {
			err = errors.New("something follows the document")
		}
	}
	if err != nil {
		return nil, problemf(http.StatusBadRequest, codeBadJSON, "the document is no JSON that a registration could be: %s", plainJSON(err))
	}
	tree, ok := v.(map[string]any)
	if !ok {
		return nil, problemf(http.StatusBadRequest, codeBadJSON, "a registration is a JSON object, {…}")
	}
	return tree, nil
}

var (
	errTooDeep = errors.New("it is nested too deeply")
	errTwice   = errors.New("a field stands twice in it")
)

func readValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth++; depth > maxDepth {
		return nil, errTooDeep
	}
	if open == '[' {
		return readList(d, depth)
	}
	tree := map[string]any{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string) // the decoder takes nothing else
		if _, twice := tree[name]; twice {
			return nil, errTwice
		}
		if tree[name], err = readValue(d, depth); err != nil {
			return nil, err
		}
	}
	_, err = d.Token()
	return tree, err
}

func readList(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := readValue(d, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

// plainJSON is a decoder's error without what the client wrote.
func plainJSON(err error) string {
	switch {
	case errors.Is(err, errTooDeep), errors.Is(err, errTwice):
		return err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	}
	return "it is not well formed"
}

// merge applies a merge patch to a document (RFC 7396 2).
func merge(into, patch map[string]any) map[string]any {
	if into == nil {
		into = map[string]any{}
	}
	for name, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(into, name)
		case map[string]any:
			below, _ := into[name].(map[string]any)
			into[name] = merge(below, v)
		default:
			into[name] = v
		}
	}
	return into
}
