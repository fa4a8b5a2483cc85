// Package wbxml is the codec of the binary XML that Exchange ActiveSync speaks
// (MS-ASWBXML, WAP-192-WBXML): it turns documents into tagged Go structs and
// back. It must never do I/O, keep a clock or know what a command means; and
// since what it reads comes from anybody who can reach the door, it must never
// use more memory or stack than its named limits allow.
//
// A struct names the element it stands for in the tag of a blank first field,
// and its children in the tags of the other fields:
//
//	type Ping struct {
//		_                 struct{} `wbxml:"Ping:Ping"`
//		HeartbeatInterval *uint    `wbxml:"Ping:HeartbeatInterval"`
//		Folders           []Folder `wbxml:"Ping:Folders>Folder"`
//	}
//
// The tag is "Page:Element", or "Page:Container>Element" for a slice whose
// elements stand in a container of their own: the container is present when
// the slice is not nil. After it may follow, separated by commas:
//
//	omitempty  a zero value is absent
//	empty      a bool that is true when the (empty) element is present
//	required   Unmarshal returns a *MissingError when the element is absent
//	choice     a slice of structs of pointers, one pointer for each
//	           alternative: keeps elements of several kinds in their order
//	text       a string: the element's own text beside its children
//	base64     a []byte written as base64 text instead of as opaque data
//	compact    a time written as 20061102T150405Z
//	ordered    an Exact Decoder returns an *OrderError when an element that is
//	           ordered too and stands later in the struct comes before
//	max=64     a string of at most so many characters: a longer one is a
//	           *ValueError, and so with filled is one without any
//	filled
//	repeats    may stand more than once where once is meant: the last counts
//
// A pointer is an optional element, a slice a repeated one, a plain bool is
// written as 0 or 1 (and an empty element is read as 1), a []byte is opaque
// data, a Raw keeps the children undecoded and an interface is written as what
// it holds and read as a Raw. A struct embedded without a tag adds its fields.
package wbxml

// Empty is an element without content; use *Empty for its presence.
type Empty struct{}

// Raw is the content of an element, not decoded. It is self-contained: it
// remembers the code pages that hold at its start and at its end. A nil Raw is
// an absent element, an EmptyRaw one without content.
type Raw []byte

// EmptyRaw returns the Raw of an element without content.
func EmptyRaw() Raw { return Raw{0, 0} }
