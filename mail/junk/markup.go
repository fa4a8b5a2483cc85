package junk

import (
	"bytes"
	"net/netip"
	"strings"
)

// maxTag is how much of one tag is looked at, in bytes.
const maxTag = 2048

// tricks are what markup does to be seen by programs and not by people, or the
// other way round. They are looked for in a tag in lower case without blanks.
var tricks = []struct{ in, is string }{
	{"display:none", "hidden"}, {"visibility:hidden", "hidden"}, {"font-size:0", "no size"}, {"font-size:1px", "no size"},
	{"max-height:0", "no size"}, {"opacity:0", "no color"}, {"color:#fff", "white"}, {"color:white", "white"}, {"text-indent:-", "off screen"},
	{"src=\"cid:", "picture inside"}, {"src=\"data:", "picture in data"}, {"width=\"1\"", "pixel"}, {"height=\"1\"", "pixel"},
	{"href=\"data:", "link to data"}, {"href=\"javascript:", "script"}, {"onload=", "script"}, {"http-equiv=\"refresh", "refresh"},
}

// markup adds what the tags of a text do, and where its links lead.
func (t *tokens) markup(html string) {
	var low [maxTag]byte
	pictures, hosts := 0, 0
	href := ""
	linkAt := 0
	for n, i := 0, 0; n < maxTags; n++ {
		j := strings.IndexByte(html[i:], '<')
		if j < 0 {
			break
		}
		i += j + 1
		k := strings.IndexByte(html[i:min(len(html), i+maxTag)], '>')
		if k < 0 {
			k = min(len(html)-i, maxTag)
		}
		tag := squeezed(low[:0], html[i:i+k])
		name, _, _ := bytes.Cut(tag, []byte(" "))
		switch string(name) {
		case "form", "script", "iframe", "object", "embed", "base", "marquee", "svg", "map", "input":
			t.add(kindMarkup, name)
		case "img":
			pictures++
		case "/a":
			t.disguised(href, html[min(linkAt, i-1):i-1])
			href = ""
		}
		tight := bytes.ReplaceAll(tag, []byte(" "), nil)
		for _, trick := range tricks {
			if bytes.Contains(tight, []byte(trick.in)) {
				t.addString(kindMarkup, trick.is)
			}
		}
		if link := attributeOf(tag, "href"); link != "" && hosts < maxHosts {
			t.host(link)
			hosts++
			if string(name) == "a" {
				href, linkAt = link, min(i+k+1, len(html))
			}
		} else if link := attributeOf(tag, "src"); link != "" && hosts < maxHosts {
			t.host(link)
			hosts++
		}
		i += k
	}
	t.addString(kindMarkup, "pictures "+count(pictures))
	if strings.Contains(html, "\u200b") || strings.Contains(html, "\u200c") || strings.Contains(html, "\u00ad") {
		t.addString(kindMarkup, "unseen characters")
	}
}

// squeezed is a tag in lower case with single blanks, at most maxTag bytes.
func squeezed(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '\t' || c == '\n' || c == '\r':
			c = ' '
		case c == '\'':
			c = '"'
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		if c == ' ' && (len(dst) == 0 || dst[len(dst)-1] == ' ') {
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// attributeOf is an attribute of a squeezed tag.
func attributeOf(tag []byte, name string) string {
	_, v, ok := bytes.Cut(tag, []byte(" "+name+"="))
	if !ok || len(v) == 0 {
		return ""
	}
	if v[0] == '"' {
		v, _, _ = bytes.Cut(v[1:], []byte{'"'})
	} else {
		v, _, _ = bytes.Cut(v, []byte{' '})
	}
	return string(v)
}

// host adds where a web address leads: the host, and each domain above it that
// somebody may own.
func (t *tokens) host(link string) {
	host := hostOf(link)
	if host == "" {
		return
	}
	if strings.Contains(strings.TrimPrefix(link, "http"), "@") && strings.Contains(link, "://") {
		t.addString(kindHost, "with a name")
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		t.addString(kindHost, "address")
		t.addString(kindHost, clipped(host))
		return
	}
	if strings.Contains(host, "xn--") {
		t.addString(kindHost, "foreign letters")
	}
	for range 4 {
		t.addString(kindHost, clipped(host))
		_, above, ok := strings.Cut(host, ".")
		if !ok {
			return
		}
		host = above
	}
}

// hostOf is the host of a web address in lower case, or nothing.
func hostOf(link string) string {
	_, rest, ok := strings.Cut(link, "//")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#\\\"' <>"); i >= 0 {
		rest = rest[:i]
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		rest = rest[:i]
	}
	if len(rest) > 255 {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(rest, "."))
}

// disguised adds that a link says that it leads elsewhere.
func (t *tokens) disguised(href, text string) {
	host := hostOf(href)
	if host == "" || len(text) > 512 {
		return
	}
	if i := strings.LastIndexByte(text, '>'); i >= 0 {
		text = text[i+1:]
	}
	text = strings.ToLower(strings.TrimSpace(text))
	if !strings.HasPrefix(text, "http") && !strings.HasPrefix(text, "www.") {
		return
	}
	if !strings.Contains(text, "//") {
		text = "//" + text
	}
	says := hostOf(text)
	if says != "" && strings.TrimPrefix(says, "www.") != strings.TrimPrefix(host, "www.") {
		t.addString(kindMarkup, "link says another host")
	}
}

// links adds where the web addresses of a plain text lead.
func (t *tokens) links(text string) {
	for n := 0; n < maxHosts; n++ {
		i := strings.Index(text, "://")
		if i < 0 {
			return
		}
		end := strings.IndexAny(text[i+3:], " \t\r\n<>\"")
		if end < 0 {
			end = len(text) - i - 3
		}
		t.host("http" + text[i:i+3+min(end, maxTag)])
		text = text[i+3+end:]
	}
}
