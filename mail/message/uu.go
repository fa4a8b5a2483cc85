package message

import (
	"bytes"
	"mime"
	"path"
	"strings"
)

// uuencoded finds files that stand uuencoded in plain texts, as mail had them
// before MIME. They become children of the text: its readers leave them out.
func (p *parser) uuencoded() {
	found := 0
	for i := 0; i < len(p.ix.Parts) && found < maxUUParts && len(p.ix.Parts) < maxParts; i++ {
		pt := &p.ix.Parts[i]
		if pt.Type != "text/plain" || pt.Encoding != "" {
			continue
		}
		pos, at := int(pt.Body), i+1
		for found < maxUUParts && len(p.ix.Parts) < maxParts {
			file, next, ok := p.uuFile(pos, int(p.ix.Parts[i].End))
			if next < 0 {
				break
			}
			if pos = next; !ok {
				continue
			}
			file.Parent = int32(i)
			p.insert(at, file)
			p.ix.Parts[i].DecodedSize -= file.End - file.Header
			at++
			found++
		}
		i = at - 1
	}
}

// insert puts a part into the depth-first order.
func (p *parser) insert(at int, pt Part) {
	parts := append(p.ix.Parts, Part{})
	copy(parts[at+1:], parts[at:])
	parts[at] = pt
	for j := at + 1; j < len(parts); j++ {
		if parts[j].Parent >= int32(at) {
			parts[j].Parent++
		}
	}
	p.ix.Parts = parts
}

// uuFile looks for the next "begin 644 name" and its "end" in [pos,end). next
// is where to go on, -1 when there is no more.
func (p *parser) uuFile(pos, end int) (file Part, next int, ok bool) {
	begin := []byte("begin ")
	at := pos
	for !bytes.HasPrefix(p.raw[at:end], begin) || at > 0 && p.raw[at-1] != p.eol {
		i := bytes.Index(p.raw[at:end], begin)
		if i < 0 {
			return file, -1, false
		}
		if i > 0 {
			at += i
			continue
		}
		at++
	}
	lineEnd, body := p.line(at)
	mode, name, _ := strings.Cut(string(p.raw[at+len(begin):min(lineEnd, at+512)]), " ")
	if len(mode) < 3 || len(mode) > 4 || strings.Trim(mode, "01234567") != "" || strings.TrimSpace(name) == "" || body >= end {
		return file, body, false
	}
	for pos = body; pos < end; {
		e, after := p.line(pos)
		line := p.raw[pos:e]
		if bytes.Equal(line, []byte("end")) {
			name = cleanFilename(guessText([]byte(name)))
			return Part{
				Type: typeByName(name), Encoding: "x-uuencode", Disposition: "attachment", Filename: name,
				Header: int64(at), Body: int64(body), End: int64(min(after, end)), DecodedSize: decodedSize("x-uuencode", p.raw[body:pos]),
			}, after, true
		}
		if len(line) > 0 && (line[0] < ' ' || line[0] > '`') || len(line) > 90 {
			return file, pos, false // not a file after all
		}
		pos = after
	}
	return file, -1, false
}

// typeByName guesses a type by a file's name.
func typeByName(name string) string {
	ext := strings.ToLower(path.Ext(name))
	for _, t := range fileTypes {
		if t.ext == ext {
			return t.kind
		}
	}
	if kind, _, err := mime.ParseMediaType(mime.TypeByExtension(ext)); err == nil {
		return kind
	}
	return "application/octet-stream"
}

// extensionOf is the usual extension of a type, "" for one that has none here.
func extensionOf(kind string) string {
	for _, t := range fileTypes {
		if t.kind == kind {
			return t.ext
		}
	}
	return ""
}

// fileTypes are the types whose names must not depend on the machine.
var fileTypes = [...]struct{ ext, kind string }{
	{".txt", "text/plain"},
	{".html", "text/html"},
	{".htm", "text/html"},
	{".ics", "text/calendar"},
	{".vcf", "text/vcard"},
	{".vcf", "text/x-vcard"},
	{".csv", "text/csv"},
	{".rtf", "text/rtf"},
	{".xml", "text/xml"},
	{".eml", "message/rfc822"},
	{".txt", "message/delivery-status"},
	{".txt", "message/disposition-notification"},
	{".txt", "text/rfc822-headers"},
	{".jpg", "image/jpeg"},
	{".jpeg", "image/jpeg"},
	{".png", "image/png"},
	{".gif", "image/gif"},
	{".bmp", "image/bmp"},
	{".tif", "image/tiff"},
	{".webp", "image/webp"},
	{".heic", "image/heic"},
	{".svg", "image/svg+xml"},
	{".pdf", "application/pdf"},
	{".zip", "application/zip"},
	{".p7m", "application/pkcs7-mime"},
	{".p7m", "application/x-pkcs7-mime"},
	{".p7s", "application/pkcs7-signature"},
	{".p7s", "application/x-pkcs7-signature"},
	{".asc", "application/pgp-signature"},
	{".asc", "application/pgp-encrypted"},
	{".asc", "application/pgp-keys"},
	{".dat", "application/ms-tnef"},
	{".doc", "application/msword"},
	{".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{".xls", "application/vnd.ms-excel"},
	{".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{".ppt", "application/vnd.ms-powerpoint"},
	{".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	{".mp3", "audio/mpeg"},
	{".amr", "audio/amr"},
	{".wav", "audio/x-wav"},
	{".mp4", "video/mp4"},
	{".mov", "video/quicktime"},
}
