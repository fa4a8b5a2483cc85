package imap

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"martlet/mail/message"
)

// sortKey is one key of SORT (RFC 5256 3, RFC 5957 3).
type sortKey struct {
	name    string
	reverse bool
}

// order sorts messages. Of each it makes one key of bytes, whose order is theirs,
// so that it reads every message once and compares nothing but bytes.
type order struct {
	by     []sortKey
	memory memory
	arena  []byte // the keys
	rows   []sortRow
	places map[int]int // of messages, to rows: made by keyOf
}

// sortRow is a message that is sorted: its key is in the arena, the beginning of
// that here.
type sortRow struct {
	head     uint64
	from, to uint32
	hit      hit
}

// parseOrder takes the keys of SORT.
func parseOrder(p *parser) *order {
	o := &order{}
	p.list(false, func() {
		k := sortKey{name: p.name()}
		if k.name == "REVERSE" {
			p.sp()
			k.reverse, k.name = true, p.name()
		}
		switch k.name {
		case "ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO":
		default:
			p.fail()
		}
		if o.by = append(o.by, k); len(o.by) > maxSortKeys {
			p.fail()
		}
	})
	return o
}

// appendKey appends the key of a message.
func (o *order) appendKey(dst []byte, c *candidate) []byte {
	for _, k := range o.by {
		from := len(dst)
		switch k.name {
		case "ARRIVAL":
			dst = appendSortNumber(dst, c.item.Received)
		case "DATE":
			dst = appendSortNumber(dst, sentAt(c))
		case "SIZE":
			dst = appendSortNumber(dst, c.item.Blob.Size)
		case "SUBJECT":
			base, _ := baseSubject(c.index().Subject)
			dst = appendSortText(dst, base)
		case "FROM":
			dst = appendSortText(dst, localPart(c.index().From))
		case "TO":
			dst = appendSortText(dst, localPart(c.index().To))
		case "CC":
			dst = appendSortText(dst, localPart(c.index().Cc))
		case "DISPLAYFROM":
			dst = appendSortText(dst, displayName(c.index().From))
		case "DISPLAYTO":
			dst = appendSortText(dst, displayName(c.index().To))
		}
		if k.reverse {
			for i := from; i < len(dst); i++ {
				dst[i] = ^dst[i]
			}
		}
	}
	return dst
}

// appendSortNumber appends a number so that bytes sort as numbers do.
func appendSortNumber(dst []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(n)^1<<63)
}

// appendSortText appends a text as it is compared, ended by a NUL, which stands
// in none.
func appendSortText(dst []byte, s string) []byte {
	from := len(dst)
	dst = appendCasemap(dst, s)
	if len(dst) > from+maxSortText {
		dst = dst[:from+maxSortText]
	}
	return append(dst, 0)
}

// appendCasemap appends a text as i;unicode-casemap compares it (RFC 5051 2.2):
// in title case, decomposed.
func appendCasemap(dst []byte, s string) []byte {
	if len(s) > 4*maxSortText { // of which nothing more will count
		s = s[:4*maxSortText]
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf {
			return appendCasemapRunes(dst, s[i:])
		} else if 'a' <= c && c <= 'z' {
			dst = append(dst, c-'a'+'A')
		} else if c != 0 {
			dst = append(dst, c)
		}
	}
	return dst
}

func appendCasemapRunes(dst []byte, s string) []byte {
	titled := strings.Map(func(r rune) rune {
		if r == 0 {
			return -1
		}
		return unicode.ToTitle(r)
	}, s)
	return append(dst, norm.NFKD.String(titled)...)
}

// sentAt is the date of a message as it was written, or when it came (RFC 5256
// 2.2), in milliseconds.
func sentAt(c *candidate) int64 {
	if d := c.index().Date; !d.IsZero() {
		return d.UnixMilli()
	}
	return c.item.Received
}

// localPart is what stands before the host of the first address (RFC 5256 3).
func localPart(list []message.Address) string {
	if len(list) == 0 {
		return ""
	}
	a := list[0].Address
	if at := strings.LastIndexByte(a, '@'); at >= 0 {
		return a[:at]
	}
	return a
}

// displayName is what a list of messages shows of the first address (RFC 5957 3).
func displayName(list []message.Address) string {
	switch {
	case len(list) == 0:
		return ""
	case list[0].Name != "":
		return list[0].Name
	}
	return list[0].Address
}

// add takes a message up.
func (o *order) add(c *candidate) error {
	from := len(o.arena)
	o.arena = o.appendKey(o.arena, c)
	r := sortRow{from: uint32(from), to: uint32(len(o.arena)), hit: hit{c.at, c.item.ModSeq}}
	var head [8]byte
	copy(head[:], o.arena[from:])
	r.head = binary.BigEndian.Uint64(head[:])
	o.rows = append(o.rows, r)
	const rowSize = 40
	return o.memory.want(int64(cap(o.arena)) + int64(cap(o.rows))*rowSize)
}

// sort puts the messages in order; of those that are equal the first in the
// mailbox comes first (RFC 5256 3).
func (o *order) sort() []hit {
	slices.SortFunc(o.rows, func(a, b sortRow) int {
		if a.head != b.head {
			if a.head < b.head {
				return -1
			}
			return 1
		}
		if c := bytes.Compare(o.arena[a.from:a.to], o.arena[b.from:b.to]); c != 0 {
			return c
		}
		return a.hit.at - b.hit.at
	})
	hits := make([]hit, len(o.rows))
	for i, r := range o.rows {
		hits[i] = r.hit
	}
	return hits
}

// keyOf is the key of the message at a place.
func (o *order) keyOf(at int) string {
	if o.places == nil {
		o.places = make(map[int]int, len(o.rows))
		for i, r := range o.rows {
			o.places[r.hit.at] = i
		}
	}
	r := o.rows[o.places[at]]
	return string(o.arena[r.from:r.to])
}

// forget drops what was sorted.
func (o *order) forget() { o.arena, o.rows, o.places = nil, nil, nil }

// memory is what one command takes of the memory that there is for messages.
type memory struct {
	ctx  context.Context
	srv  *Server
	held int64
}

// want makes sure of n bytes in all.
func (m *memory) want(n int64) error {
	if n <= m.held {
		return nil
	}
	n = (n + sortStep - 1) / sortStep * sortStep
	wait, cancel := context.WithTimeout(m.ctx, memoryTimeout)
	defer cancel()
	if n > m.srv.cfg.MaxInFlightBytes || m.srv.inFlight.Acquire(wait, n-m.held) != nil {
		return errMemory
	}
	m.held = n
	return nil
}

func (m *memory) release() {
	m.srv.inFlight.Release(m.held)
	m.held = 0
}
