// Package crash proves that nothing acknowledged is lost: its test kills a real
// server process under load, again and again, and compares what senders and
// phones were told with what is there in the end. It has no code of its own and
// must never be imported.
package crash
