// Package message reads Internet messages (RFC 5322, MIME) as they really
// arrive: it indexes a message once, so that later readers find its envelope,
// its parts and its preview without parsing it again, and it decodes parts
// straight from the stored bytes.
//
// It must never refuse a message, panic, or take more than linear time and
// bounded memory, whatever the bytes are. It does no I/O of its own and knows
// neither the store nor any protocol that shows messages.
package message

import "time"

// Address is one mailbox of an address list (RFC 5322 3.4). Either half may be
// empty; text that is no address is kept as the name.
type Address struct {
	Name    string
	Address string
}

// The values of Index.Importance.
const (
	ImportanceLow    int8 = 0
	ImportanceNormal int8 = 1
	ImportanceHigh   int8 = 2
)

// Index is what is known of a message without opening it again.
type Index struct {
	Subject      string
	From         []Address
	Sender       []Address
	ReplyTo      []Address
	To           []Address
	Cc           []Address
	Bcc          []Address
	Date         time.Time // zero when there is none that can be read
	MessageID    string    // without angle brackets
	InReplyTo    string    // the first one, without angle brackets
	References   []string  // without angle brackets, at most maxReferences, the root first
	ThreadTopic  string    // of the header, else the subject without its prefixes
	ThreadIndex  []byte    // Outlook's Thread-Index, decoded (MS-OXOMSG 2.2.1.3)
	Importance   int8
	Sensitivity  int8   // 0 normal, 1 personal, 2 private, 3 confidential
	ContentClass string // of the header, lower case
	AutoReply    bool   // Auto-Submitted other than "no", or Precedence bulk, list or junk
	Receipt      string // Disposition-Notification-To
	Voice        Voice  // what a voice mail says of itself
	Parts        []Part // depth first; Parts[0] is the whole message
	Preview      string // at most 256 characters of plain text
	Size         int64
}

// Voice is what a voice mail says of itself (MS-OXOUM 2.2.5, MS-OXCMAIL
// 2.1.3.2.3). Other programs misuse its fields: it counts only where the
// message's class is that of a voice mail.
type Voice struct {
	Caller   string // telephone number or SIP address
	Duration uint32 // of the latest recording, in seconds
	Order    string // names of the recordings, the latest first, between semicolons
	Notes    string // the user's, from winmail.dat
}

// Part is one MIME entity. The offsets are into the raw message: its header is
// [Header,Body), its content [Body,End). Those of a virtual part are into the
// content of its parent (Index.Virtual).
type Part struct {
	Parent      int32  // -1 for the whole message
	Type        string // lower case: "text/plain"
	Charset     string // lower case, as declared; empty when not
	Encoding    string // lower case: "", "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", and those of virtual parts
	Disposition string // lower case: "", "inline", "attachment"
	Filename    string
	ContentID   string // without angle brackets
	Location    string
	Method      string // of text/calendar, upper case: "REQUEST"; of multipart/report its report-type; of S/MIME its smime-type, lower case; of TNEF its message class
	Flowed      bool   // format=flowed (RFC 3676)
	Header      int64
	Body        int64
	End         int64
	DecodedSize int64 // exact for 7bit, 8bit and base64, else at most this
}
