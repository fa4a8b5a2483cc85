// Package pushtest is the far side of the senders, for tests and for the demo:
// push services that run on this machine, speak the real protocols and refuse
// what the real ones refuse. A sender that satisfies them has signed, encrypted
// and addressed as it must. They listen on the loopback only, and each makes its
// own certificate authority in memory: nothing here may ever be trusted by, or
// reach, anything outside.
package pushtest
