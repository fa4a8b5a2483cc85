package wbxml

import "strings"

//go:generate go run gen.go

// tokenCount is how many tag tokens a code page has: a tag is the lower six
// bits of its byte (WAP-192-WBXML 5.8.2).
const tokenCount = 64

// Tag is an element's name: its code page and its token.
type Tag uint16

func makeTag(page, token byte) Tag { return Tag(page)<<8 | Tag(token) }

// Page is the number of the tag's code page.
func (t Tag) Page() byte { return byte(t >> 8) }

// Token is the tag's token in its code page, without content and attribute bits.
func (t Tag) Token() byte { return byte(t) }

// Name is the element's name without its namespace, "" for an unknown tag.
func (t Tag) Name() string {
	if t.Page() >= pageCount || t.Token() >= tokenCount {
		return ""
	}
	return tagNames[t.Page()][t.Token()]
}

// Namespace is the name of the tag's code page, "" for an unknown page.
func (t Tag) Namespace() string {
	if t.Page() >= pageCount {
		return ""
	}
	return pageNames[t.Page()]
}

// String writes the tag as struct tags name it: "AirSync:SyncKey".
func (t Tag) String() string { return t.Namespace() + ":" + t.Name() }

// ParseTag finds the tag with that name, "AirSync:SyncKey".
func ParseTag(name string) (Tag, bool) {
	space, local, ok := strings.Cut(name, ":")
	if !ok || local == "" {
		return 0, false
	}
	for page, s := range pageNames {
		if s != space {
			continue
		}
		for token, n := range tagNames[page] {
			if n == local {
				return makeTag(byte(page), byte(token)), true
			}
		}
	}
	return 0, false
}
