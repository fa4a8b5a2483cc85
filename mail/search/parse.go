package search

import "strings"

// Parse reads what a person typed. It never fails: what is no operator is a
// word. Every word may be the beginning of a longer one.
func Parse(text string) Query {
	var all And
	for _, w := range strings.Fields(text) {
		all = append(all, Words{Text: w, Prefix: true})
	}
	return all
}
