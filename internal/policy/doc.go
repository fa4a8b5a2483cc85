// Package policy keeps the rules of the house as tests: who may import whom,
// a comment on every package, no init functions, no rooms named for nothing, and
// a map and a list of what is on disk that are true.
// It has no code of its own and must never be imported.
package policy
