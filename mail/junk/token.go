package junk

import (
	"cmp"
	"slices"
)

// What is looked at of one message. What lies beyond says nothing.
const (
	maxTokens  = 700       // different ones
	maxMeta    = 160       // of those, of the header, the parts and the markup
	maxSubject = 60        // and of the subject
	maxPairs   = 250       // and pairs of words of the body
	maxText    = 32 << 10  // bytes of text that are cut into words
	maxHTML    = 128 << 10 // bytes of HTML that are rendered and searched for tricks
	maxHeader  = 64 << 10  // bytes of the header
	maxFields  = 200       // of it
	maxHosts   = 40        // of web addresses
	maxTags    = 2000      // of HTML
	maxFiles   = 20        // parts whose kinds count
	maxWord    = 24        // bytes; a longer word counts by its length
)

// token is one thing that a message has, as a hash.
type token uint64

// kind parts the same words of different places.
type kind uint8

// The kinds. They are in the hashes: a number is never given to another.
const (
	kindWord    kind = iota + 1 // of the body
	kindPair                    // two words of the body, one behind the other
	kindSubject                 // word or pair of the subject
	kindFrom                    // domain of From, whether proven or not
	kindName                    // word of a name in From
	kindHeader                  // that a field is there, or what it says
	kindMailer                  // word of User-Agent or X-Mailer
	kindID                      // form of Message-ID
	kindNetwork                 // where it came from
	kindHost                    // of a web address
	kindFile                    // ending of an attachment's name
	kindType                    // media type of a part
	kindMarkup                  // what the HTML does
	kindAddress                 // domain of an address in the text
)

// names are how a kind is shown, before the word.
var names = [...]string{
	kindWord: "", kindPair: "", kindSubject: "subject:", kindFrom: "from:", kindName: "name:", kindHeader: "header:", kindMailer: "mailer:",
	kindID: "id:", kindNetwork: "network:", kindHost: "host:", kindFile: "file:", kindType: "type:", kindMarkup: "markup:", kindAddress: "address:",
}

// tokens are those of one message, each once.
type tokens struct {
	all   []token
	words []word
	text  []byte // the words, one after the other
	slots []int32
	limit int // how many there may be by now
}

// word is where the text of a token is, for who asks why.
type word struct {
	at   uint32
	size uint8
	kind kind
}

func newTokens() *tokens { return &tokens{slots: make([]int32, 2048), limit: maxTokens} }

// hash is FNV-1a, stirred so that the first bits are as good as the last.
func hash(k kind, parts ...[]byte) token {
	h := uint64(14695981039346656037)
	h = (h ^ uint64(k)) * 1099511628211
	for i, p := range parts {
		if i > 0 {
			h = (h ^ ' ') * 1099511628211
		}
		for _, c := range p {
			h = (h ^ uint64(c)) * 1099511628211
		}
	}
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return token(h ^ h>>31)
}

// add notes that the message has a thing of one or two words.
func (t *tokens) add(k kind, parts ...[]byte) {
	if len(t.all) >= t.limit {
		return
	}
	h := hash(k, parts...)
	mask := uint64(len(t.slots) - 1)
	i := uint64(h) & mask
	for ; t.slots[i] != 0; i = (i + 1) & mask {
		if t.all[t.slots[i]-1] == h {
			return
		}
	}
	t.slots[i] = int32(len(t.all) + 1)
	w := word{at: uint32(len(t.text)), kind: k}
	for j, p := range parts {
		if j > 0 {
			t.text = append(t.text, ' ')
		}
		t.text = append(t.text, p...)
	}
	w.size = uint8(min(len(t.text)-int(w.at), 255))
	t.all, t.words = append(t.all, h), append(t.words, w)
}

func (t *tokens) addString(k kind, s string) { t.add(k, []byte(s)) }

// upTo lets n more be added, and returns what ends that.
func (t *tokens) upTo(n int) (end func()) {
	before := t.limit
	t.limit = min(before, len(t.all)+n)
	return func() { t.limit = before }
}

// name is a token as people read it, in ASCII.
func (t *tokens) name(i int) string {
	w := t.words[i]
	s := []byte(names[w.kind])
	for _, c := range t.text[w.at : int(w.at)+int(w.size)] {
		if c < ' ' || c > '~' {
			c = '?'
		}
		s = append(s, c)
	}
	return string(s)
}

// sorted returns the tokens in the order in which an owner's rows have them.
func (t *tokens) sorted(o owner) []token {
	out := slices.Clone(t.all)
	slices.SortFunc(out, func(a, b token) int {
		return cmp.Or(cmp.Compare(o.bucket(a), o.bucket(b)), cmp.Compare(uint32(a), uint32(b)))
	})
	return out
}
