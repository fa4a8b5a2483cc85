// Package benchmark measures the whole server as a process of its own: how fast
// a held phone wakes, how much memory many mailboxes cost at rest, how fast mail
// goes in. It has no code of its own and must never be imported.
package benchmark
