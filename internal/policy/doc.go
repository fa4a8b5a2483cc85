// Package policy keeps the rules of the house as tests: who may import whom,
// a comment on every package, no init functions, no rooms named for nothing.
// It has no code of its own and must never be imported.
package policy
