package activesync_test

import (
	"errors"
	"slices"
	"strings"

	"martlet/protocol/wbxml"
)

// node is an element of a request, to be spoilt.
type node struct {
	tag    wbxml.Tag
	text   string
	opaque bool
	kids   []*node
}

// maxNodes bounds what spoiling may multiply.
const maxNodes = 4000

// treeOf reads what fromXML writes.
func treeOf(b []byte) (*node, error) {
	errCut := errors.New("not what fromXML writes")
	if len(b) < 4 {
		return nil, errCut
	}
	holder := &node{}
	stack := []*node{holder}
	page := byte(0)
	for i := 4; i < len(b); i++ {
		top := stack[len(stack)-1]
		switch c := b[i]; {
		case c == 0x00 && i+1 < len(b):
			i++
			page = b[i]
		case c == 0x01 && len(stack) > 1:
			stack = stack[:len(stack)-1]
		case c == 0x03:
			text, _, ok := strings.Cut(string(b[i+1:]), "\x00")
			if !ok {
				return nil, errCut
			}
			top.text += text
			i += len(text) + 1
		case c == 0xC3:
			n := 0
			for i++; i < len(b) && b[i]&0x80 != 0; i++ {
				n = n<<7 | int(b[i]&0x7f)
			}
			if i < len(b) {
				n = n<<7 | int(b[i])
			}
			if i+1+n > len(b) {
				return nil, errCut
			}
			top.text, top.opaque = string(b[i+1:i+1+n]), true
			i += n
		case c&0x3f > 4 && c&0x80 == 0:
			n := &node{tag: wbxml.Tag(uint16(page)<<8 | uint16(c&0x3f))}
			top.kids = append(top.kids, n)
			if c&0x40 != 0 {
				stack = append(stack, n)
			}
		default:
			return nil, errCut
		}
	}
	if len(stack) != 1 || len(holder.kids) != 1 {
		return nil, errCut
	}
	return holder.kids[0], nil
}

// encode writes the tree; an inline string ends at its first NUL.
func (n *node) encode() []byte {
	page := byte(0)
	b := []byte{3, 1, 0x6a, 0}
	var put func(n *node)
	put = func(n *node) {
		if n.tag.Page() != page {
			page = n.tag.Page()
			b = append(b, 0, page)
		}
		if n.text == "" && len(n.kids) == 0 {
			b = append(b, n.tag.Token())
			return
		}
		b = append(b, n.tag.Token()|0x40)
		if n.opaque {
			size := len(n.text)
			b = append(b, 0xC3, byte(size>>21&0x7f|0x80), byte(size>>14&0x7f|0x80), byte(size>>7&0x7f|0x80), byte(size&0x7f))
			b = append(b, n.text...)
		} else if n.text != "" {
			text, _, _ := strings.Cut(n.text, "\x00")
			b = append(append(append(b, 0x03), text...), 0)
		}
		for _, k := range n.kids {
			put(k)
		}
		b = append(b, 0x01)
	}
	put(n)
	return b
}

// all lists the tree's elements with their parents, the root first.
func (n *node) all() (nodes, parents []*node) {
	var walk func(n, parent *node)
	walk = func(n, parent *node) {
		nodes, parents = append(nodes, n), append(parents, parent)
		for _, k := range n.kids {
			walk(k, n)
		}
	}
	walk(n, nil)
	return nodes, parents
}

// clone copies a tree.
func (n *node) clone() *node {
	c := *n
	c.kids = nil
	for _, k := range n.kids {
		c.kids = append(c.kids, k.clone())
	}
	return &c
}

// wrongTexts are values that some element or other does not like. Those with an
// @ stand for what is there.
var wrongTexts = []string{
	"@key", "@item", "@long", "@file", "@folder", "@conversation",
	"", "0", "1", "2", "3", "4", "5", "9", "12", "-1", "100", "101", "255", "256", "512", "3600", "65536", "2147483648", "4294967295", "4294967296",
	"18446744073709551615", "18446744073709551616", "99999999999999999999999999", "1e9", "0x10", "+1", " 1", "1.5", "true",
	"0-18446744073709551615", "0-99", "0-999", "9-0", "18446744073709551615-0", "0-", "-", "99999-100000",
	"1:1", "1:99999", "2:1", "7:1", "01:1", "1:4294967295", "1:1:1", "1:1:2", "1:1:18446744073709551615", "1:1:4294967295", "RI", "99999",
	"9999-12-31T23:59:59.999Z", "0000-01-01T00:00:00.000Z", "2026-02-30T00:00:00.000Z", "99991231T235959Z", "00010101T000000Z", "2026-11-23T08:00:00.000Z", "20261123T080000Z",
	"Mailbox", "GAL", "DocumentLibrary", "Document Library", "Email", "SMS", "Calendar", "IPM.Note", `\\files\shelf\notes\a.txt`, `\\files\shelf\..\..\store`, `\\files\`, "file:///etc/passwd",
	"anna@example.org", "anna", "*", "a*b*c*d*", strings.Repeat("*a", 200), strings.Repeat("(", 500), strings.Repeat("NOT ", 300), strings.Repeat("a OR ", 300), `"`, "subject:", "from:*", "date>1000000000-01-01",
	"\xff\xfe\x80", "a\rb\nc: d\r\n\r\ne", "\u202e\ufeff\u0301", "<b>&amp;</b>", "=?utf-8?q?=FF?=", "\x01\x02\x1b", strings.Repeat("x", 300), strings.Repeat("y ", 40000), "MS-EAS-Provisioning-WBXML", "MS-WAP-Provisioning-XML",
	"To: anna@example.org\r\nSubject: x\r\n\r\ny", "To: \r\n", strings.Repeat("To: a@example.org\r\n", 2000) + "\r\n", "From: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", 200),
}

// spoil changes the tree as the bytes say: three for each change.
func (n *node) spoil(edits []byte) {
	for ; len(edits) >= 3; edits = edits[3:] {
		nodes, parents := n.all()
		if len(nodes) > maxNodes {
			return
		}
		at, what := int(edits[1])%len(nodes), int(edits[2])
		e, parent := nodes[at], parents[at]
		place := 0
		if parent != nil {
			place = slices.Index(parent.kids, e)
		}
		switch op := edits[0] % 12; {
		case op == 0 && parent != nil: // missing
			parent.kids = slices.Delete(parent.kids, place, place+1)
		case op == 1 && parent != nil: // twice
			parent.kids = slices.Insert(parent.kids, place, e.clone())
		case op == 2 && parent != nil: // out of place
			to := nodes[what%len(nodes)]
			to.kids = append(to.kids, e.clone())
		case op == 3, op == 4: // a wrong value
			e.text = wrongTexts[what%len(wrongTexts)]
		case op == 5: // a value of no sense
			size := min(what%16, len(edits)-3)
			e.text = string(edits[3 : 3+size])
		case op == 6: // empty
			e.text, e.kids = "", nil
		case op == 7 && parent != nil: // in another order
			other := what % len(parent.kids)
			parent.kids[place], parent.kids[other] = parent.kids[other], parent.kids[place]
		case op == 8: // another element of the namespace
			if tag := wbxml.Tag(uint16(e.tag.Page())<<8 | uint16(what&0x3f)); tag.Name() != "" {
				e.tag = tag
			}
		case op == 9 && parent != nil: // too many
			for range min(2*what, maxNodes/(1+countOf(e))) {
				parent.kids = append(parent.kids, e.clone())
			}
		case op == 10: // one of another namespace, or version
			if tag := wbxml.Tag(uint16(what%26)<<8 | uint16(edits[1]&0x3f)); tag.Name() != "" {
				e.kids = append(e.kids, &node{tag: tag, text: wrongTexts[at%len(wrongTexts)]})
			}
		case op == 11: // the other form of a text
			e.opaque = !e.opaque
		}
	}
}

func countOf(n *node) int {
	nodes, _ := n.all()
	return len(nodes)
}
