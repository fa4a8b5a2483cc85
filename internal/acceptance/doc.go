// Package acceptance holds the server to what was promised, from outside: its
// tests start a real martlet process and meet it as senders, phones, swaks and
// administrators do, with real mail, garbage, full disks and lost answers. It
// has no code of its own and must never be imported.
package acceptance
