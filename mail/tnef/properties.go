package tnef

import (
	"encoding/binary"
	"strings"
	"time"
)

// The types of properties (MS-OXCDATA 2.11.1).
const (
	typeInt16   = 0x0002
	typeInt32   = 0x0003
	typeFloat   = 0x0004
	typeDouble  = 0x0005
	typeMoney   = 0x0006
	typeAppTime = 0x0007
	typeError   = 0x000a
	typeBool    = 0x000b
	typeObject  = 0x000d
	typeInt64   = 0x0014
	typeString8 = 0x001e
	typeString  = 0x001f
	typeTime    = 0x0040
	typeGUID    = 0x0048
	typeBinary  = 0x0102
	multiValue  = 0x1000
)

// The properties that are read or written (MS-OXPROPS).
const (
	pidMessageClass      = 0x001a
	pidSubject           = 0x0037
	pidClientSubmitTime  = 0x0039
	pidSentName          = 0x0042
	pidSentAddressType   = 0x0064
	pidCorrelation       = 0x007f
	pidSentAddress       = 0x0065
	pidSentSMTP          = 0x5d02
	pidSenderName        = 0x0c1a
	pidSenderAddress     = 0x0c1f
	pidSenderSMTP        = 0x5d01
	pidRecipientType     = 0x0c15
	pidBody              = 0x1000
	pidRTFCompressed     = 0x1009
	pidHTML              = 0x1013
	pidMessageID         = 0x1035
	pidInternetCPID      = 0x3fde
	pidDisplayName       = 0x3001
	pidAddressType       = 0x3002
	pidEmailAddress      = 0x3003
	pidSMTPAddress       = 0x39fe
	pidAttachData        = 0x3701
	pidAttachFilename    = 0x3704
	pidAttachMethod      = 0x3705
	pidAttachLongName    = 0x3707
	pidAttachMIMETag     = 0x370e
	pidAttachContentID   = 0x3712
	pidAttachLocation    = 0x3713
	pidAttachFlags       = 0x3714
	pidAttachHidden      = 0x7ffe
	pidCallingNumber     = 0x6802
	pidVoiceDuration     = 0x6801
	pidVoiceOrder        = 0x6805
	pidResponseRequested = 0x0063
	pidStartDate         = 0x0060
	pidEndDate           = 0x0061
)

// value is one property's first value.
type value struct {
	id      int // for a named property 0
	kind    uint16
	set     [16]byte // of a named property
	name    string   // of a named property, or empty
	number  uint32   // of a named property
	from    int      // the value's bytes in the stream
	to      int
	integer int64
}

// named tells whether the property has a name rather than a number.
func (v *value) named() bool { return v.id == 0 }

// cursor reads a list of properties.
type cursor struct {
	in  []byte
	at  int
	end int
	bad bool
}

func (c *cursor) uint32() uint32 {
	if c.bad || c.at+4 > c.end {
		c.bad = true
		return 0
	}
	c.at += 4
	return binary.LittleEndian.Uint32(c.in[c.at-4:])
}

// bytes takes n bytes and the padding behind them.
func (c *cursor) bytes(n uint32) (from, to int) {
	if c.bad || int64(n) > int64(c.end-c.at) {
		c.bad = true
		return 0, 0
	}
	from, to = c.at, c.at+int(n)
	c.at = min(c.end, (to-from+3)&^3+from)
	return from, to
}

// properties calls fn for each property of a list (MS-OXTNEF 2.1.3.4).
func (p *parser) properties(from, to int, fn func(*value)) {
	c := &cursor{in: p.in, at: from, end: to}
	p.list(c, fn)
}

func (p *parser) list(c *cursor, fn func(*value)) {
	count := min(c.uint32(), maxProperties)
	for range count {
		var v value
		tag := c.uint32()
		v.kind, v.id = uint16(tag), int(tag>>16)
		if v.id >= 0x8000 {
			p.name(c, &v)
		}
		p.values(c, &v)
		if c.bad {
			return
		}
		fn(&v)
	}
}

// name reads what a property is called.
func (p *parser) name(c *cursor, v *value) {
	v.id = 0
	from, to := c.bytes(16)
	if to-from == 16 {
		copy(v.set[:], c.in[from:to])
	}
	if c.uint32() == 0 {
		v.number = c.uint32()
		return
	}
	from, to = c.bytes(c.uint32())
	v.name = text16(c.in[from:to])
}

// values reads a property's values and keeps the first one.
func (p *parser) values(c *cursor, v *value) {
	kind, n := v.kind, uint32(1)
	variable := false
	switch kind &^ multiValue {
	case typeString8, typeString, typeBinary, typeObject:
		variable = true
	}
	if variable || kind&multiValue != 0 {
		n = c.uint32()
	}
	if !variable && fixedSize(kind&^multiValue) == 0 {
		n = min(n, 1) // values of no size have no end
	}
	for i := uint32(0); i < n && !c.bad; i++ {
		var from, to int
		if variable {
			from, to = c.bytes(c.uint32())
		} else {
			from, to = c.bytes(fixedSize(kind &^ multiValue))
		}
		if i == 0 {
			v.from, v.to = from, to
		}
	}
	v.kind = kind &^ multiValue
	if b := c.in[v.from:v.to]; !c.bad {
		switch {
		case v.kind == typeInt16 && len(b) >= 2:
			v.integer = int64(int16(binary.LittleEndian.Uint16(b)))
		case v.kind == typeBool && len(b) >= 2:
			v.integer = int64(binary.LittleEndian.Uint16(b) & 1)
		case (v.kind == typeInt64 || v.kind == typeTime) && len(b) >= 8:
			v.integer = int64(binary.LittleEndian.Uint64(b))
		case v.kind == typeInt32 && len(b) >= 4:
			v.integer = int64(int32(binary.LittleEndian.Uint32(b)))
		}
	}
}

// fixedSize is how long a value of a type is; two bytes are padded to four.
func fixedSize(kind uint16) uint32 {
	switch kind {
	case typeInt16, typeBool:
		return 2
	case typeInt32, typeFloat, typeError:
		return 4
	case typeGUID:
		return 16
	case 0, 1:
		return 0
	}
	return 8
}

// text is a property as text.
func (p *parser) text(v *value) string {
	b := p.in[v.from:v.to]
	switch v.kind {
	case typeString:
		return text16(b)
	case typeString8:
		return p.text8(b)
	}
	return ""
}

// filetimeEpoch is 1601 before 1970, in seconds.
const filetimeEpoch = 11644473600

// time is a property as a point in time.
func (v *value) time() time.Time {
	if v.kind != typeTime || v.integer <= 0 {
		return time.Time{}
	}
	return time.Unix(v.integer/1e7-filetimeEpoch, v.integer%1e7*100).UTC()
}

// messageProperty takes a property of the message.
func (p *parser) messageProperty(v *value) {
	m := p.m
	if v.named() {
		p.namedProperty(v)
		return
	}
	switch v.id {
	case pidMessageClass:
		if s := p.text(v); s != "" {
			m.Class = className(s)
		}
	case pidSubject:
		if s := p.text(v); s != "" {
			m.Subject = s
		}
	case pidClientSubmitTime:
		if t := v.time(); !t.IsZero() {
			m.Sent = t
		}
	case pidBody:
		if v.kind == typeString || v.kind == typeString8 {
			m.Text, m.TextUnicode = p.placeOf(v), v.kind == typeString
		}
	case pidHTML:
		m.HTML = p.placeOf(v)
		if v.kind == typeString {
			m.HTMLPage = pageUTF16
		}
	case pidRTFCompressed:
		if v.kind == typeBinary {
			m.RTF = p.place(v.from, v.to)
		}
	case pidInternetCPID:
		if m.HTMLPage == 0 && v.integer > 0 && v.integer < 1<<17 {
			m.HTMLPage = int(v.integer)
		}
	case pidMessageID:
		m.MessageID = strings.Trim(p.text(v), "<> ")
	case pidStartDate:
		p.named.start = first(p.named.start, v.time())
	case pidEndDate:
		p.named.end = first(p.named.end, v.time())
	case pidCallingNumber:
		m.Voice.Caller = p.text(v)
	case pidVoiceDuration:
		m.Voice.Duration = int(max(0, v.integer))
	case pidResponseRequested:
		p.named.noResponse = v.integer == 0
	case pidVoiceOrder:
		m.Voice.Order = p.text(v)
	default:
		p.sender(v)
	}
}

// sender takes who the message is from. Addresses of an Exchange organization
// are no use outside it.
func (p *parser) sender(v *value) {
	m := p.m
	switch v.id {
	case pidSentName, pidSenderName:
		if m.From.Name == "" || v.id == pidSentName {
			m.From.Name = p.text(v)
		}
	case pidSentAddress, pidSenderAddress, pidSentSMTP, pidSenderSMTP:
		if s := p.text(v); strings.Contains(s, "@") && (m.From.Address == "" || v.id == pidSentSMTP) {
			m.From.Address = s
		}
	}
}

func (p *parser) placeOf(v *value) Place {
	to := v.to
	switch v.kind {
	case typeString:
		if to-v.from >= 2 && p.in[to-1] == 0 && p.in[to-2] == 0 {
			to -= 2
		}
	case typeString8:
		if to > v.from && p.in[to-1] == 0 {
			to--
		}
	}
	return p.place(v.from, to)
}

// attachmentProperty takes a property of an attachment.
func (p *parser) attachmentProperty(a *Attachment, v *value) {
	switch v.id {
	case pidAttachLongName:
		if s := p.text(v); s != "" {
			a.Name, a.descriptive = s, true
		}
	case pidAttachFilename, pidDisplayName:
		if s := p.text(v); s != "" && !a.descriptive && (a.Name == "" || v.id == pidAttachFilename) {
			a.Name = s
		}
	case pidAttachMethod:
		a.Method = int(v.integer)
	case pidAttachMIMETag:
		a.Type = strings.ToLower(p.text(v))
	case pidAttachContentID:
		a.ContentID = strings.Trim(p.text(v), "<> ")
	case pidAttachLocation:
		a.Location = p.text(v)
	case pidAttachHidden:
		a.Hidden = v.integer != 0
	case pidAttachFlags:
		a.Hidden = a.Hidden || v.integer&4 != 0 // rendered in the body
	case pidAttachData:
		p.attachmentData(a, v)
	}
}

// iidMessage names the interface of an embedded message; it stands before the
// object's bytes.
var iidMessage = [16]byte{0x07, 0x03, 0x02, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46}

func (p *parser) attachmentData(a *Attachment, v *value) {
	if v.kind == typeBinary {
		a.Data = p.place(v.from, v.to)
		return
	}
	if v.kind != typeObject || v.to-v.from < 16 {
		return
	}
	a.IsMessage = [16]byte(p.in[v.from:v.from+16]) == iidMessage
	a.Data = p.place(v.from+16, v.to)
}

// recipients reads the list of recipients (MS-OXTNEF 2.1.3.5).
func (p *parser) recipients(from, to int) {
	c := &cursor{in: p.in, at: from, end: to}
	count := min(c.uint32(), maxRecipients)
	for range count {
		var r Recipient
		kind := int64(1)
		p.list(c, func(v *value) {
			switch v.id {
			case pidRecipientType:
				kind = v.integer
			case pidDisplayName:
				r.Name = p.text(v)
			case pidEmailAddress, pidSMTPAddress:
				if s := p.text(v); strings.Contains(s, "@") && (r.Address == "" || v.id == pidSMTPAddress) {
					r.Address = strings.TrimPrefix(s, "SMTP:")
				}
			}
		})
		if c.bad {
			return
		}
		switch kind & 0xf {
		case 1:
			p.m.To = append(p.m.To, r)
		case 2:
			p.m.Cc = append(p.m.Cc, r)
		}
	}
}
