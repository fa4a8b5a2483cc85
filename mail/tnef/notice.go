package tnef

import (
	"encoding/binary"
	"strings"
	"time"
)

// ClassForwarded is the class of a notice to an organizer that their meeting was
// sent on (MS-OXOCAL 2.2.9).
const ClassForwarded = "IPM.Schedule.Meeting.Notification.Forward"

// IsForwarded tells whether a class is that of such a notice.
func IsForwarded(class string) bool { return strings.EqualFold(class, ClassForwarded) }

// Notice is such a notice, to be written. What it says of the meeting is that of
// the request which was sent on.
type Notice struct {
	Key        string // ties the stream to its message (MS-OXCMAIL 2.1.3.2.26)
	Subject    string
	From       Recipient // who sent the meeting on
	Organizer  Recipient
	Forwarded  []Recipient
	Sent       time.Time
	GlobalID   []byte // of the meeting or one occurrence of it
	CleanID    []byte // of the whole
	Start, End time.Time
	AllDay     bool
	Location   string
	Sequence   int
	Recurs     bool // it recurs; the pattern is not told
}

// Encode writes the notice as a TNEF stream. Its text is the message's own.
func (n *Notice) Encode() []byte {
	s := newStream(1252)
	s.attribute(levelMessage, attMessageClass, 0x0007, append([]byte(ClassForwarded), 0))
	kind := func(v uint32) property { return num(pidRecipientType, v) }
	s.recipients([]property{kind(1), str(pidDisplayName, n.Organizer.Name), str(pidAddressType, "SMTP"), str(pidEmailAddress, n.Organizer.Address), str(pidSMTPAddress, n.Organizer.Address)})
	list := []property{
		str(pidMessageClass, ClassForwarded), str(pidSubject, n.Subject), num(pidInternetCPID, 65001),
		bin(pidCorrelation, append([]byte(n.Key), 0)),
		when(pidClientSubmitTime, n.Sent),
		str(pidSentName, n.From.Name), str(pidSentAddressType, "SMTP"), str(pidSentAddress, n.From.Address), str(pidSentSMTP, n.From.Address),
		boolean(pidResponseRequested, false),
	}
	named := []property{
		inSet(bin(0, n.GlobalID), setMeeting, lidGlobalID), inSet(bin(0, n.CleanID), setMeeting, lidCleanID),
		inSet(str(0, n.Location), setAppointment, lidLocation), inSet(num(0, uint32(n.Sequence)), setAppointment, lidSequence),
		inSet(boolean(0, n.AllDay), setAppointment, lidAllDay), inSet(boolean(0, n.Recurs), setAppointment, lidRecurring),
		inSet(num(0, 2), setAppointment, lidBusy),
		inSet(bin(0, recipientRows(n.Forwarded)), setAppointment, lidForwarded),
	}
	if !n.Start.IsZero() {
		list = append(list, when(pidStartDate, n.Start), when(pidEndDate, n.End))
		named = append(named, inSet(when(0, n.Start), setAppointment, lidStart), inSet(when(0, n.End), setAppointment, lidEnd))
	}
	for i := range named {
		named[i].id = 0x8000 + uint16(i) // each its own
	}
	s.attribute(levelMessage, attMsgProps, 0x0006, props(append(list, named...)...))
	return s.b
}

// The bits of RecipientFlags (MS-OXCDATA 2.8.3.1).
const (
	rowType         = 0x0007
	rowX500         = 0x0001
	rowSMTP         = 0x0003
	rowEmail        = 0x0008
	rowDisplay      = 0x0010
	rowTransmit     = 0x0020
	rowSameTransmit = 0x0040
	rowSimple       = 0x0400
	rowUnicode      = 0x0200
	rowOtherType    = 0x8000
)

// recipientRows writes a list of RecipientRow structures (MS-OXOCAL 2.2.1.25,
// MS-OXCDATA 2.8.3.2), without columns of their own.
func recipientRows(list []Recipient) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(list)))
	for _, r := range list {
		b = binary.LittleEndian.AppendUint16(b, rowSMTP|rowEmail|rowDisplay|rowSameTransmit|rowUnicode)
		b = append(append(b, wide(r.Address)...), wide(r.Name)...)
		b = append(b, 0, 0, 0) // no columns, in a row of which nothing is said
	}
	return b
}

// parseRows reads such a list: with a version before the count, or without one,
// as older documents have it.
func parseRows(b []byte) []Recipient {
	if len(b) >= 8 && binary.LittleEndian.Uint32(b) == 1 {
		if out := rowsOf(b[8:], binary.LittleEndian.Uint32(b[4:])); len(out) > 0 {
			return out
		}
	}
	if len(b) < 4 {
		return nil
	}
	return rowsOf(b[4:], binary.LittleEndian.Uint32(b))
}

// rowsOf reads up to n rows. Where one with columns ends cannot be known: it is
// the last that is read.
func rowsOf(b []byte, n uint32) (out []Recipient) {
	c := &rowCursor{b: b}
	for range min(n, maxRecipients) {
		r, columns := c.row()
		if c.bad {
			break
		}
		if strings.Contains(r.Address, "@") { // that of an Exchange organization is no use outside it
			out = append(out, r)
		}
		if columns != 0 {
			break
		}
	}
	return out
}

// rowCursor reads RecipientRow structures.
type rowCursor struct {
	b   []byte
	bad bool
}

func (c *rowCursor) take(n int) []byte {
	if c.bad || n > len(c.b) {
		c.bad = true
		return make([]byte, 2)
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *rowCursor) text(unicode bool) string {
	if !unicode {
		for i, v := range c.b {
			if v == 0 {
				return decode(c.take(i + 1)[:i], 1252)
			}
		}
		c.bad = true
		return ""
	}
	for i := 0; i+1 < len(c.b); i += 2 {
		if c.b[i] == 0 && c.b[i+1] == 0 {
			return text16(c.take(i + 2))
		}
	}
	c.bad = true
	return ""
}

func (c *rowCursor) row() (r Recipient, columns uint16) {
	flags := binary.LittleEndian.Uint16(c.take(2))
	unicode := flags&rowUnicode != 0
	if flags&rowType == rowX500 {
		c.take(2) // prefix and kind
		c.text(false)
	}
	if flags&rowOtherType != 0 {
		c.text(false)
	}
	if flags&rowEmail != 0 {
		r.Address = c.text(unicode)
	}
	if flags&rowDisplay != 0 {
		r.Name = c.text(unicode)
	}
	if flags&rowSimple != 0 {
		c.text(unicode)
	}
	if flags&rowTransmit != 0 {
		c.text(unicode)
	}
	columns = binary.LittleEndian.Uint16(c.take(2))
	if columns == 0 {
		c.take(1)
	}
	return r, columns
}
