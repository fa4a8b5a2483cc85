package activesync_test

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"martlet/protocol/wbxml"
)

// lockedWriter lets several goroutines log.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// fromXML encodes XML as WBXML, in the way that Dump writes it: the namespace of
// an element is its code page. Text of an element with encoding="opaque" goes
// as opaque data, with encoding="base64" as what it decodes to.
func fromXML(text string) ([]byte, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	b := []byte{0x03, 0x01, 0x6A, 0x00}
	page, open := byte(0), 0
	type element struct {
		at       int
		encoding string
		text     string
		children bool
	}
	var stack []element
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			if open != 0 || len(b) == 4 {
				return nil, errors.New("unfinished XML")
			}
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			tag, ok := wbxml.ParseTag(strings.TrimSuffix(tok.Name.Space, ":") + ":" + tok.Name.Local)
			if !ok {
				return nil, fmt.Errorf("no tag %s:%s", tok.Name.Space, tok.Name.Local)
			}
			if len(stack) > 0 {
				parent := &stack[len(stack)-1]
				parent.children = true
				b[parent.at] |= 0x40
			}
			if tag.Page() != page {
				page = tag.Page()
				b = append(b, 0x00, page)
			}
			e := element{at: len(b)}
			for _, a := range tok.Attr {
				if a.Name.Local == "encoding" {
					e.encoding = a.Value
				}
			}
			stack = append(stack, e)
			b = append(b, tag.Token())
			open++
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(tok)
			}
		case xml.EndElement:
			e := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			open--
			if !e.children {
				if e.encoding == "" {
					e.text = strings.TrimSpace(e.text)
				}
				if e.text != "" {
					b[e.at] |= 0x40
					if b, err = appendText(b, e.text, e.encoding); err != nil {
						return nil, err
					}
				}
			}
			if b[e.at]&0x40 != 0 {
				b = append(b, 0x01)
			}
		}
	}
}

func appendText(b []byte, text, encoding string) ([]byte, error) {
	data := []byte(text)
	switch encoding {
	case "":
		b = append(append(b, 0x03), data...)
		return append(b, 0x00), nil
	case "base64":
		var err error
		if data, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")); err != nil {
			return nil, err
		}
	case "opaque":
		data = []byte(crlf(strings.TrimLeft(text, "\n")))
	}
	b = append(b, 0xC3)
	n := uint32(len(data))
	var mb []byte
	for {
		mb = append([]byte{byte(n & 0x7f)}, mb...)
		if n >>= 7; n == 0 {
			break
		}
	}
	for i := range len(mb) - 1 {
		mb[i] |= 0x80
	}
	return append(append(b, mb...), data...), nil
}

// exactly reads a header spelled as MS-ASHTTP spells it, which is not how
// net/http would.
func exactly(h http.Header, name string) []string { return h[name] }
