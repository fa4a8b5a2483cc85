// Package tnef reads the Transport Neutral Encapsulation Format (MS-OXTNEF):
// the winmail.dat into which Outlook and Exchange put a message's text in its
// own form, its properties and its attachments. It writes one thing: the notice
// to an organizer that their meeting was sent on.
//
// It must never fail over a stream whose beginning can be read, nor copy what it
// can point at: contents are given as places in the stream.
package tnef

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf16"
)

// ErrNotTNEF is returned for bytes that are no such stream.
var ErrNotTNEF = errors.New("tnef: not a TNEF stream")

// What a stream may make us read. Beyond a limit the rest is left out.
const (
	maxAttachments = 500
	maxProperties  = 4096 // of one list
	maxRecipients  = 1024
	maxString      = 64 << 10 // bytes of a property shown as text
	maxDepth       = 4        // messages in one another
)

// Place is where content stands in the stream: from Start to before End. The
// zero Place is none.
type Place struct{ Start, End int }

// Len is how long the content is, in bytes.
func (p Place) Len() int { return p.End - p.Start }

// Message is what a stream holds.
type Message struct {
	Class     string // "IPM.Note", as MAPI spells it
	CodePage  int    // of texts that are not Unicode
	Subject   string
	From      Recipient
	To        []Recipient
	Cc        []Recipient
	Sent      time.Time
	MessageID string

	Text        Place // in CodePage, or in UTF-16 if TextUnicode
	TextUnicode bool
	HTML        Place // in HTMLPage
	HTMLPage    int
	RTF         Place // compressed (MS-OXRTFCP)

	Attachments []Attachment
	Meeting     *Meeting // of a meeting request, response or cancellation
	Voice       Voice
}

// Recipient is somebody the message names.
type Recipient struct{ Name, Address string }

// The methods of an attachment (MS-OXCMSG 2.2.2.9).
const (
	ByValue  = 1
	Embedded = 5 // a message
	OLE      = 6
)

// Attachment is one attachment.
type Attachment struct {
	Name        string
	Type        string // media type, lower case; may be empty
	ContentID   string // without angle brackets
	Location    string
	Method      int
	Hidden      bool // not to be shown among the attachments: a picture in the text
	Data        Place
	IsMessage   bool // Data is a TNEF stream of its own
	descriptive bool
}

// Voice is what a voice mail says of itself (MS-OXOUM 2.2.5).
type Voice struct {
	Caller   string // telephone number
	Duration int    // seconds
	Order    string // names of attachments, the latest first, between semicolons
	Notes    string // the user's
}

const (
	signature = 0x223e9f78

	levelMessage    = 1
	levelAttachment = 2

	attDateStart     = 0x0006
	attDateEnd       = 0x0007
	attMessageClass  = 0x8008
	attSubject       = 0x8004
	attDateSent      = 0x8005
	attBody          = 0x800c
	attMsgProps      = 0x9003
	attRecipTable    = 0x9004
	attAttachment    = 0x9005
	attOemCodepage   = 0x9007
	attRendData      = 0x9002
	attAttachTitle   = 0x8010
	attAttachData    = 0x800f
	attTransportName = 0x9001
)

// Parse reads a stream. What cannot be understood is left out.
func Parse(b []byte) (*Message, error) {
	if len(b) < 6 || binary.LittleEndian.Uint32(b) != signature {
		return nil, ErrNotTNEF
	}
	p := &parser{in: b, m: &Message{CodePage: 1252}}
	for at := 6; at+9 <= len(b); {
		level, id := b[at], binary.LittleEndian.Uint16(b[at+1:])
		n := int64(binary.LittleEndian.Uint32(b[at+5:]))
		at += 9
		end := int(min(int64(len(b)), int64(at)+n))
		p.attribute(level, id, at, end)
		at = end + 2 // its checksum, which nobody minds
	}
	p.finish()
	return p.m, nil
}

// parser is one run of Parse.
type parser struct {
	in    []byte
	m     *Message
	named meetingProps
}

func (p *parser) place(from, to int) Place { return Place{from, to} }

// attribute takes one attribute (MS-OXTNEF 2.1.3.3).
func (p *parser) attribute(level byte, id uint16, from, to int) {
	data := p.in[from:to]
	switch {
	case level == levelAttachment:
		p.attachment(id, from, to)
		return
	case level != levelMessage:
		return
	}
	switch id {
	case attOemCodepage:
		if len(data) >= 4 {
			if page := int(binary.LittleEndian.Uint32(data)); page > 0 {
				p.m.CodePage = page
			}
		}
	case attMessageClass:
		if p.m.Class == "" {
			p.m.Class = className(cString(data))
		}
	case attDateStart:
		p.named.start = dtr(data)
	case attDateEnd:
		p.named.end = dtr(data)
	case attSubject:
		if p.m.Subject == "" {
			p.m.Subject = p.text8(data)
		}
	case attDateSent:
		if p.m.Sent.IsZero() {
			p.m.Sent = dtr(data)
		}
	case attBody:
		if p.m.Text.Len() == 0 {
			p.m.Text = p.place(from, from+len(trimZero(data)))
		}
	case attMsgProps:
		p.properties(from, to, p.messageProperty)
	case attRecipTable:
		p.recipients(from, to)
	}
}

// attachment takes an attribute of the last attachment; attRendData begins the
// next one (MS-OXTNEF 2.1.3.3.15).
func (p *parser) attachment(id uint16, from, to int) {
	if id == attRendData {
		if len(p.m.Attachments) < maxAttachments {
			a := Attachment{Method: ByValue}
			if to-from >= 2 && binary.LittleEndian.Uint16(p.in[from:]) == 2 {
				a.Method = OLE
			}
			p.m.Attachments = append(p.m.Attachments, a)
		}
		return
	}
	if len(p.m.Attachments) == 0 {
		return
	}
	a := &p.m.Attachments[len(p.m.Attachments)-1]
	switch id {
	case attAttachTitle:
		if a.Name == "" {
			a.Name = p.text8(p.in[from:to])
		}
	case attTransportName:
		if a.Name == "" {
			a.Name = p.text8(p.in[from:to])
		}
	case attAttachData:
		if a.Data.Len() == 0 {
			a.Data = p.place(from, to)
		}
	case attAttachment:
		p.properties(from, to, func(v *value) { p.attachmentProperty(a, v) })
	}
}

// finish completes what is known only at the end.
func (p *parser) finish() {
	if p.m.Class == "" {
		p.m.Class = "IPM.Note"
	}
	if p.m.HTMLPage == 0 {
		p.m.HTMLPage = p.m.CodePage
	}
	if strings.HasPrefix(p.m.Class, "IPM.Schedule.Meeting.") {
		p.m.Meeting = p.named.meeting()
	}
	kept := p.m.Attachments[:0]
	for _, a := range p.m.Attachments {
		if a.Data.Len() > 0 || a.Name != "" {
			kept = append(kept, a)
		}
	}
	p.m.Attachments = kept
}

// className turns the classes of Microsoft Mail into those of MAPI (MS-OXTNEF
// 2.1.3.3.1).
func className(s string) string {
	switch strings.ToLower(s) {
	case "ipm.microsoft mail.note":
		return "IPM.Note"
	case "ipm.microsoft mail.read receipt":
		return "Report.IPM.Note.IPNRN"
	case "ipm.microsoft mail.non-delivery":
		return "Report.IPM.Note.NDR"
	case "ipm.microsoft schedule.mtgreq":
		return "IPM.Schedule.Meeting.Request"
	case "ipm.microsoft schedule.mtgcncl":
		return "IPM.Schedule.Meeting.Canceled"
	case "ipm.microsoft schedule.mtgrespp":
		return "IPM.Schedule.Meeting.Resp.Pos"
	case "ipm.microsoft schedule.mtgrespn":
		return "IPM.Schedule.Meeting.Resp.Neg"
	case "ipm.microsoft schedule.mtgrespa":
		return "IPM.Schedule.Meeting.Resp.Tent"
	}
	return s
}

// dtr reads a date of seven 16-bit numbers (MS-OXTNEF 2.1.3.2).
func dtr(b []byte) time.Time {
	if len(b) < 12 {
		return time.Time{}
	}
	n := func(i int) int { return int(binary.LittleEndian.Uint16(b[2*i:])) }
	if n(0) < 1601 || n(1) < 1 || n(1) > 12 {
		return time.Time{}
	}
	return time.Date(n(0), time.Month(n(1)), n(2), n(3), n(4), n(5), 0, time.UTC)
}

func trimZero(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}

func cString(b []byte) string { return string(trimZero(b[:min(len(b), maxString)])) }

// text8 decodes a text of the stream's code page.
func (p *parser) text8(b []byte) string {
	return decode(trimZero(b[:min(len(b), maxString)]), p.m.CodePage)
}

// text16 decodes UTF-16.
func text16(b []byte) string {
	b = b[:min(len(b), maxString)]
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}
