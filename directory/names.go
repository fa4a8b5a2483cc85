package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Limits of what the address list knows of one entry, and of a query.
const (
	maxNameWord   = 64   // bytes of a folded word; what is longer is cut
	maxNameWords  = 1000 // of one entry
	maxQueryWords = 8    // further words of a query are not looked at
	maxQuery      = 1024 // bytes
	minPhone      = 3    // digits that look like a number
)

// foldName brings a text into the form in which the address list compares: no
// case, no accents.
func foldName(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	s = cases.Fold().String(norm.NFKD.String(s))
	var b strings.Builder
	for _, r := range s {
		if unicode.Is(unicode.Mn, r) || r == 0 {
			continue
		}
		if plain, ok := strokes(r); ok {
			b.WriteString(plain)
			continue
		}
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String())
}

// strokes are the letters that decompose into nothing and that people type
// without their stroke all the same.
func strokes(r rune) (string, bool) {
	switch r {
	case 'ø':
		return "o", true
	case 'ł':
		return "l", true
	case 'đ', 'ð':
		return "d", true
	case 'æ':
		return "ae", true
	case 'œ':
		return "oe", true
	case 'þ':
		return "th", true
	case 'ı':
		return "i", true
	}
	return "", false
}

// umlauts writes a name as those do who have no key for its vowels: Mueller.
var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "å", "aa", "Ä", "ae", "Ö", "oe", "Ü", "ue", "Å", "aa")

// cutName cuts a folded word to what the index keeps of it.
func cutName(s string) string {
	if len(s) <= maxNameWord {
		return s
	}
	n := maxNameWord
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// nameWords collects the words of one entry.
type nameWords map[string]struct{}

func (w nameWords) add(folded string) {
	if folded = cutName(folded); folded != "" && len(w) < maxNameWords {
		w[folded] = struct{}{}
	}
}

// text adds the words of a name: each as it stands, and its parts where it is
// made of several, so that both "smith-jones" and "jones" find it.
func (w nameWords) text(s string) {
	if s == "" {
		return
	}
	w.folded(foldName(s))
	if composed := norm.NFC.String(s); !isASCII(s) {
		if other := umlauts.Replace(composed); other != composed {
			w.folded(foldName(other))
		}
	}
}

func (w nameWords) folded(s string) {
	for _, word := range strings.FieldsFunc(s, unicode.IsSpace) {
		word = strings.TrimFunc(word, notWord)
		w.add(word)
		parts := strings.FieldsFunc(word, notWord)
		if len(parts) > 1 {
			w.add(strings.Join(parts, ""))
		}
		for _, p := range parts {
			w.add(p)
		}
		w.suffixes(word)
	}
}

// suffixes adds what a word without spaces is made of in scripts that write
// none: a search may begin at any character of it.
func (w nameWords) suffixes(word string) {
	for i, r := range word {
		if i > 0 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			w.add(word[i:])
		}
	}
}

// address adds an address as a whole, and the words of its local part: those of
// the domain would find everybody.
func (w nameWords) address(canonical string) {
	w.add(foldName(canonical))
	if i := strings.LastIndexByte(canonical, '@'); i > 0 {
		w.text(canonical[:i])
	}
}

// phone adds a number by its digits, from the beginning of each group: whether
// a search has the country's or the town's prefix, it finds it.
func (w nameWords) phone(s string) {
	groups := strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	for i := range groups {
		digits := strings.TrimLeft(strings.Join(groups[i:], ""), "0")
		if len(digits) >= minPhone {
			w.add(digits)
		}
	}
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }

// accountWords are what an account is found by in the address list: what
// ambiguous name resolution knows (MS-ASCMD_R425), and company, department,
// office and telephones.
func accountWords(a *Account) nameWords {
	w := nameWords{}
	for _, s := range []string{a.Name, a.GivenName, a.Surname, a.Alias, a.Company, a.Department, a.Office} {
		w.text(s)
	}
	w.address(a.Login)
	for _, s := range []string{a.Phone, a.Mobile, a.HomePhone} {
		w.phone(s)
	}
	for _, s := range a.Aliases {
		w.address(s)
	}
	return w
}

func groupWords(g *Group) nameWords {
	w := nameWords{}
	w.text(g.Name)
	w.address(g.Address)
	return w
}

// queryWords are the words of a query; an entry is found when each of them
// begins one of its own.
func queryWords(s string) []string {
	if len(s) > maxQuery {
		s = s[:maxQuery]
	}
	s = strings.ToValidUTF8(s, "")
	if digits, ok := phoneQuery(s); ok {
		return []string{digits}
	}
	var words []string
	for _, word := range strings.FieldsFunc(foldName(s), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`,;"()<>`, r) }) {
		word = cutName(strings.TrimFunc(word, notWord))
		if word != "" && len(words) < maxQueryWords {
			words = append(words, word)
		}
	}
	return words
}

// phoneQuery tells whether a query is a telephone number, however written.
func phoneQuery(s string) (digits string, ok bool) {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case !strings.ContainsRune("+-()/. \u00a0", r):
			return "", false
		}
	}
	digits = strings.TrimLeft(b.String(), "0")
	return cutName(digits), len(digits) >= minPhone
}
