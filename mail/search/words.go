package search

import "iter"

// Word is a word of a text as it is searched for: folded, at most maxTerm bytes.
type Word struct {
	Text    []byte // valid until the next word
	Single  bool   // a character of a script that puts no blanks between words
	Joined  bool   // right behind another Single
	Address bool   // a whole address; its words come as well
}

// AllWords visits the words of a text. It takes time linear in len(text).
func AllWords(text string) iter.Seq[Word] {
	return func(yield func(Word) bool) {
		lex := newLexer(text)
		for {
			t, ok := lex.next()
			if !ok || !yield(Word{t.text, t.ideo, t.joined, t.address}) {
				return
			}
		}
	}
}
