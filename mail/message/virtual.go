package message

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"martlet/mail/rtf"
	"martlet/mail/tnef"
)

// The encodings of parts that stand in a TNEF part: what must be converted
// before it is of the part's type.
const (
	encodingRTF  = "x-rtf"  // compressed RTF, to text/html or text/plain
	encodingTNEF = "x-tnef" // a TNEF stream, to message/rfc822 or text/calendar
)

// Methods of virtual parts.
const (
	MethodRTF = "rtf" // a text that truly is RTF
	MethodOLE = "ole" // an object of OLE
)

// Virtual tells whether a part stands in a winmail.dat: its parent is the TNEF
// part, and its offsets are into that part's content. Its header is empty.
func (ix *Index) Virtual(part int) bool {
	if part <= 0 || part >= len(ix.Parts) {
		return false
	}
	return isTNEF(&ix.Parts[ix.Parts[part].Parent])
}

func isTNEF(pt *Part) bool { return pt.Type == "application/ms-tnef" }

// unwrap finds what stands in TNEF parts. It becomes their children: readers
// find it as any other part.
func (p *parser) unwrap() {
	left, size := maxTNEF, int64(maxTNEFSize)
	for i := 0; i < len(p.ix.Parts) && left > 0; i++ {
		pt := &p.ix.Parts[i]
		named := isTNEF(pt) || pt.Type == "application/vnd.ms-tnef" || pt.Type == "application/octet-stream" && strings.EqualFold(pt.Filename, "winmail.dat")
		if !named || pt.DecodedSize > size {
			continue
		}
		left--
		size -= pt.DecodedSize
		content := p.raw[pt.Body:pt.End]
		if pt.Encoding != "" {
			content = decodeAll(nil, pt.Encoding, content, true)
		}
		m, err := tnef.Parse(content)
		if err != nil {
			continue
		}
		u := unwrapper{content: content, parent: int32(i)}
		u.message(m)
		if len(u.parts) == 0 && m.Class == "IPM.Note" {
			continue // it stays the file that it is
		}
		pt.Type, pt.Method = "application/ms-tnef", clip(m.Class, maxToken)
		pt.DecodedSize = int64(len(content))
		p.ix.fillFrom(m)
		at := i + 1
		for _, child := range u.parts {
			if len(p.ix.Parts) == maxParts {
				break
			}
			p.insert(at, child)
			at++
		}
		i = at - 1
	}
}

// unwrapper makes parts of what a TNEF stream holds.
type unwrapper struct {
	content []byte
	parent  int32
	parts   []Part
}

func (u *unwrapper) add(at tnef.Place, pt Part) {
	pt.Parent = u.parent
	pt.Header, pt.Body, pt.End = int64(at.Start), int64(at.Start), int64(at.End)
	if pt.Encoding == "" {
		pt.DecodedSize = int64(at.Len())
	} else {
		b := convert(&pt, u.content[at.Start:at.End])
		if len(b) == 0 {
			return
		}
		pt.DecodedSize = int64(len(b))
	}
	u.parts = append(u.parts, pt)
}

// message adds the texts in the order of a multipart/alternative, a meeting, and
// the attachments.
func (u *unwrapper) message(m *tnef.Message) {
	if m.Text.Len() > 0 {
		charset := tnef.Charset(m.CodePage)
		if m.TextUnicode {
			charset = "utf-16le"
		}
		u.add(m.Text, Part{Type: "text/plain", Charset: charset})
	}
	switch {
	case m.HTML.Len() > 0:
		u.add(m.HTML, Part{Type: "text/html", Charset: tnef.Charset(m.HTMLPage)})
	case m.RTF.Len() > 0:
		u.rtf(m.RTF)
	}
	whole := tnef.Place{Start: 0, End: len(u.content)}
	if method := m.CalendarMethod(); method != "" {
		u.add(whole, Part{Type: "text/calendar", Charset: "utf-8", Encoding: encodingTNEF, Method: method})
	}
	for i := range m.Attachments {
		u.attachment(&m.Attachments[i])
	}
}

func (u *unwrapper) rtf(at tnef.Place) {
	doc, _ := rtf.Decompress(u.content[at.Start:at.End])
	pt := Part{Type: "text/html", Charset: "utf-8", Encoding: encodingRTF}
	switch rtf.FormOf(doc) {
	case rtf.Text:
		pt.Type = "text/plain"
		if len(u.parts) > 0 { // there is a plain text already
			return
		}
	case rtf.Plain:
		pt.Method = MethodRTF
	}
	u.add(at, pt)
}

func (u *unwrapper) attachment(a *tnef.Attachment) {
	pt := Part{
		Type: a.Type, Disposition: "attachment", Filename: cleanFilename(a.Name),
		ContentID: clip(a.ContentID, maxMessageID), Location: clip(a.Location, maxMessageID),
	}
	if a.Hidden {
		pt.Disposition = "inline"
	}
	switch {
	case a.IsMessage:
		pt.Type, pt.Encoding = "message/rfc822", encodingTNEF
		if !strings.HasSuffix(strings.ToLower(pt.Filename), ".eml") {
			pt.Filename = clip(pt.Filename, maxFilename-len(".eml")) + ".eml"
		}
	case a.Method == tnef.OLE:
		pt.Method = MethodOLE
	}
	if slash := strings.IndexByte(pt.Type, '/'); slash <= 0 || slash == len(pt.Type)-1 || len(pt.Type) > maxToken || isTNEF(&pt) || strings.HasPrefix(pt.Type, "multipart/") {
		pt.Type = typeByName(pt.Filename)
	}
	u.add(a.Data, pt)
}

// fillFrom completes the envelope from what only TNEF has.
func (ix *Index) fillFrom(m *tnef.Message) {
	if ix.Subject == "" {
		ix.Subject = clip(tidy(m.Subject), maxSubject)
	}
	if m.Voice != (tnef.Voice{}) && ix.Voice == (Voice{}) {
		ix.Voice = Voice{
			Caller: clip(tidy(m.Voice.Caller), maxToken), Duration: uint32(max(0, min(m.Voice.Duration, maxDuration))),
			Order: clip(tidy(m.Voice.Order), maxVoiceOrder), Notes: clip(m.Voice.Notes, maxVoiceNotes),
		}
	}
}

// convert makes a virtual part's content of its bytes.
func convert(pt *Part, b []byte) []byte {
	switch pt.Encoding {
	case encodingRTF:
		doc, _ := rtf.Decompress(b)
		if len(doc) == 0 {
			return nil
		}
		if pt.Type == "text/plain" {
			return []byte(rtf.ToText(doc))
		}
		return []byte(rtf.ToHTML(doc))
	case encodingTNEF:
		m, err := tnef.Parse(b)
		if err != nil {
			return nil
		}
		if pt.Type == "text/calendar" {
			return m.Calendar()
		}
		return m.MIME(b)
	}
	return b
}

// openVirtual returns the content of a virtual part.
func (ix *Index) openVirtual(part int, src io.ReaderAt) io.Reader {
	pt := &ix.Parts[part]
	r := &skipReader{r: ix.Open(int(pt.Parent), src), skip: pt.Body, left: pt.End - pt.Body}
	if pt.Encoding == "" {
		return r
	}
	return &convertReader{src: r, part: pt}
}

// readVirtual returns a virtual part's content as it is shown, at most limit
// bytes of it.
func (ix *Index) readVirtual(part int, src io.ReaderAt, limit int64) (text string, total int64, truncated bool, err error) {
	pt := ix.Parts[part]
	raw, err := io.ReadAll(io.LimitReader(ix.openVirtual(part, src), maxText))
	if err != nil {
		return "", 0, false, fmt.Errorf("message: read text: %w", err)
	}
	s := scratchPool.Get().(*scratch)
	defer s.release()
	pt.Encoding = ""
	out := s.decode(&pt, raw, true)
	if limit < 0 || int64(len(out)) <= limit {
		return string(out), int64(len(out)), false, nil
	}
	return cutText(out, limit), int64(len(out)), true, nil
}

// ReadRTF returns the compressed RTF that a text of MethodRTF truly is.
func (ix *Index) ReadRTF(part int, src io.ReaderAt) ([]byte, error) {
	if part < 0 || part >= len(ix.Parts) || ix.Parts[part].Encoding != encodingRTF {
		return nil, ErrNoPart
	}
	pt := &ix.Parts[part]
	b, err := io.ReadAll(&skipReader{r: ix.Open(int(pt.Parent), src), skip: pt.Body, left: pt.End - pt.Body})
	if err != nil {
		return nil, fmt.Errorf("message: read rtf: %w", err)
	}
	if len(b) >= 4 { // what stands behind it is padding
		b = b[:min(len(b), int(binary.LittleEndian.Uint32(b))+4)]
	}
	return b, nil
}

// skipReader reads a range of what another reader brings.
type skipReader struct {
	r          io.Reader
	skip, left int64
}

// Read implements io.Reader.
func (r *skipReader) Read(p []byte) (int, error) {
	if r.skip > 0 {
		n, err := io.CopyN(io.Discard, r.r, r.skip)
		r.skip -= n
		if err != nil {
			return 0, err
		}
	}
	if r.left <= 0 {
		return 0, io.EOF
	}
	n, err := r.r.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}

// convertReader converts content when it is first read.
type convertReader struct {
	src  io.Reader
	part *Part
	out  *bytes.Reader
}

// Read implements io.Reader.
func (r *convertReader) Read(p []byte) (int, error) {
	if r.out == nil {
		b, err := io.ReadAll(io.LimitReader(r.src, maxText))
		if err != nil {
			return 0, err
		}
		r.out = bytes.NewReader(convert(r.part, b))
	}
	return r.out.Read(p)
}
