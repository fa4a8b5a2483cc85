package message

import (
	"bytes"
	"strings"
)

// Parse indexes a message. It never fails: what it cannot understand is left
// in the part where it stands, in the end as one text/plain part that holds
// everything. It runs in time linear in len(raw) and keeps no reference to it.
func Parse(raw []byte) *Index {
	p := &parser{raw: raw, ix: &Index{Importance: ImportanceNormal, Size: int64(len(raw))}}
	p.eol, p.dashes = '\n', []byte("\n--")
	if bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') >= 0 {
		p.eol, p.dashes = '\r', []byte("\r--") // lines of an old Macintosh
	}
	p.ix.Parts = make([]Part, 0, 8)
	p.walk()
	p.finish()
	return p.ix
}

// parser is one run of Parse. The multiparts that are open stand on a stack;
// one pass over the lines that begin with "--" closes and opens parts, so a
// boundary that never comes costs nothing more than one that does.
type parser struct {
	raw    []byte
	ix     *Index
	eol    byte
	dashes []byte
	stack  []multipart
	leaf   int // the part whose content is being read, -1 between parts
}

type multipart struct {
	boundary []byte
	part     int32
	digest   bool
}

// walk finds all parts.
func (p *parser) walk() {
	pos := p.open(-1, p.start())
	for len(p.stack) > 0 {
		at := p.nextDashes(pos)
		if at < 0 {
			break
		}
		end, next := p.line(at)
		pos = next
		level, closing := p.match(p.raw[at+2 : end])
		if level < 0 {
			continue
		}
		p.close(level, at)
		if closing || next >= len(p.raw) {
			continue
		}
		if len(p.ix.Parts) == maxParts {
			break
		}
		pos = p.open(p.stack[level].part, next)
	}
	p.close(-1, len(p.raw))
}

// start skips what mailbox files and editors put before the header.
func (p *parser) start() int {
	at := 0
	if bytes.HasPrefix(p.raw, []byte("\xef\xbb\xbf")) {
		at = 3
	}
	if rest := p.raw[at:]; bytes.HasPrefix(rest, []byte("From ")) || bytes.HasPrefix(rest, []byte(">From ")) {
		_, at = p.line(at)
	}
	return at
}

// line returns where the line at pos ends, without its line end, and where the
// next one begins.
func (p *parser) line(pos int) (end, next int) {
	i := bytes.IndexByte(p.raw[pos:], p.eol)
	if i < 0 {
		end, next = len(p.raw), len(p.raw)
	} else {
		end, next = pos+i, pos+i+1
	}
	for end > pos && p.raw[end-1] == '\r' {
		end--
	}
	return end, next
}

// nextDashes returns the start of the first line from pos on, itself a line's
// start, that begins with two dashes, or -1.
func (p *parser) nextDashes(pos int) int {
	if bytes.HasPrefix(p.raw[pos:], p.dashes[1:]) {
		return pos
	}
	i := bytes.Index(p.raw[pos:], p.dashes)
	if i < 0 {
		return -1
	}
	return pos + i + 1
}

// match finds the open multipart that a line (without its dashes) delimits,
// the innermost first (RFC 2046 5.1.2).
func (p *parser) match(line []byte) (level int, closing bool) {
	line = bytes.TrimRight(line, " \t")
	for i := len(p.stack) - 1; i >= 0; i-- {
		b := p.stack[i].boundary
		switch len(line) - len(b) {
		case 0:
			if bytes.Equal(line, b) {
				return i, false
			}
		case 2:
			if bytes.HasPrefix(line, b) && line[len(b)] == '-' && line[len(b)+1] == '-' {
				return i, true
			}
		}
	}
	return -1, false
}

// close ends the parts above a level of the stack before the line at 'at'. A
// multipart stays open behind its last delimiter: some senders go on.
func (p *parser) close(level, at int) {
	end := at
	if level >= 0 { // the line end before a delimiter belongs to it
		if end > 0 && p.raw[end-1] == p.eol {
			end--
		}
		if end > 0 && p.eol == '\n' && p.raw[end-1] == '\r' {
			end--
		}
	}
	if p.leaf >= 0 {
		p.end(int32(p.leaf), end)
		p.leaf = -1
	}
	for i := len(p.stack) - 1; i > level; i-- {
		p.end(p.stack[i].part, end)
	}
	p.stack = p.stack[:level+1]
}

func (p *parser) end(part int32, at int) {
	pt := &p.ix.Parts[part]
	pt.End = max(int64(at), pt.Body)
}

// open begins a part whose header is at pos and returns where its body begins.
func (p *parser) open(parent int32, pos int) int {
	n := int32(len(p.ix.Parts))
	p.ix.Parts = append(p.ix.Parts, Part{Parent: parent, Header: int64(pos)})
	h := header{part: &p.ix.Parts[n]}
	if parent < 0 {
		h.ix, h.part.Header = p.ix, 0
	}
	body := p.fields(pos, &h)
	h.finish()
	pt := h.part
	pt.Body, pt.End = int64(body), int64(body)
	digest := len(p.stack) > 0 && p.stack[len(p.stack)-1].digest
	pt.settle(digest)
	if strings.HasPrefix(pt.Type, "multipart/") && len(p.stack) < maxDepth {
		boundary := h.boundary
		if len(boundary) == 0 {
			boundary = p.guessBoundary(body)
		}
		if len(boundary) > 0 {
			p.stack = append(p.stack, multipart{boundary, n, pt.Type == "multipart/digest"})
			p.leaf = -1
			return body
		}
	}
	p.leaf = int(n)
	return body
}

// guessBoundary takes the first line with dashes for the delimiter of a
// multipart that names none. The walk stops at that line next, so looking for
// it does not change the order of time.
func (p *parser) guessBoundary(body int) []byte {
	at := p.nextDashes(body)
	if at < 0 {
		return nil
	}
	end, _ := p.line(at)
	line := bytes.TrimRight(p.raw[at+2:end], " \t")
	if level, _ := p.match(line); level >= 0 || len(line) == 0 || len(line) > maxBoundary || bytes.IndexByte(line, ' ') >= 0 {
		return nil
	}
	return line
}

// settle gives a part the type that its readers can rely on.
func (pt *Part) settle(digest bool) {
	slash := strings.IndexByte(pt.Type, '/')
	switch {
	case pt.Type == "" && digest:
		pt.Type = "message/rfc822" // RFC 2046 5.1.5
	case pt.Type == "" || pt.Type == "text":
		pt.Type = "text/plain" // RFC 2045 5.2
	case slash <= 0 || slash == len(pt.Type)-1:
		pt.Type = "text/plain"
		if pt.Filename != "" || pt.Parent >= 0 {
			pt.Type = "application/octet-stream"
		}
	}
	if pt.Type == "text/plain" && pt.Filename != "" && pt.Encoding == "base64" && pt.Charset == "" && pt.Disposition == "" {
		pt.Disposition = "attachment" // a file of a sender that knows no types
	}
}

// finish computes what needs the ends of all parts.
func (p *parser) finish() {
	parent := make([]bool, len(p.ix.Parts))
	for i := range p.ix.Parts {
		if up := p.ix.Parts[i].Parent; up >= 0 {
			parent[up] = true
		}
	}
	n := len(p.ix.Parts)
	for i := range n {
		pt := &p.ix.Parts[i]
		if strings.HasPrefix(pt.Type, "multipart/") {
			if parent[i] {
				pt.Encoding = ""
				pt.DecodedSize = pt.End - pt.Body
				continue
			}
			// No delimiter was found: all that is left is to show it.
			pt.Type = "text/plain"
		}
		content := p.raw[pt.Body:pt.End]
		pt.DecodedSize = decodedSize(pt.Encoding, content)
		if pt.Type == "message/rfc822" && pt.Filename == "" {
			pt.Filename = nestedName(pt.Encoding, content)
		}
	}
	p.uuencoded()
	p.unwrap()
	p.ix.ThreadTopic = clip(p.ix.ThreadTopic, maxSubject)
	if p.ix.ThreadTopic == "" {
		p.ix.ThreadTopic = Topic(p.ix.Subject)
	}
	p.ix.Preview = p.ix.preview(Bytes(p.raw))
}

// nestedName names an attached message by its subject.
func nestedName(encoding string, content []byte) string {
	head := content[:min(len(content), maxNestedHead)]
	if encoding != "" {
		head = decodeAll(nil, encoding, head, false)
	}
	p := &parser{raw: head, ix: &Index{}, eol: '\n'}
	h := header{ix: p.ix, part: &Part{}, subjectOnly: true}
	p.fields(p.start(), &h)
	name := cleanFilename(p.ix.Subject)
	if name == "" {
		return ""
	}
	return clip(name, maxFilename-len(".eml")) + ".eml"
}
