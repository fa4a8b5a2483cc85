package parking

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"testing"
)

// With this version of Go the buffers are there. When they no longer are, the
// worst is a larger connection.
func TestTheBuffersOfAConnectionAreFound(t *testing.T) {
	v := reflect.ValueOf(tls.Server(nil, nil)).Elem()
	for _, name := range []string{"rawInput", "hand"} {
		if _, ok := field[bytes.Buffer](v, name); !ok {
			t.Errorf("no %s", name)
		}
	}
	if _, ok := field[bytes.Reader](v, "input"); !ok {
		t.Error("no input")
	}
	if _, ok := field[bytes.Reader](v, "hand"); ok {
		t.Error("a field of another type is taken")
	}
	if _, ok := field[bytes.Buffer](v, "nothing"); ok {
		t.Error("a field that is not there is taken")
	}
}

// What has been received and not yet read stays.
func TestNothingThatWasReceivedIsTrimmed(t *testing.T) {
	c := tls.Server(nil, nil)
	v := reflect.ValueOf(c).Elem()
	raw, _ := field[bytes.Buffer](v, "rawInput")
	hand, _ := field[bytes.Buffer](v, "hand")
	input, _ := field[bytes.Reader](v, "input")
	raw.WriteString("half a record")
	hand.WriteString("half a message")
	input.Reset([]byte("half a request"))
	Trim(c)
	if raw.Len() == 0 || hand.Len() == 0 || input.Len() == 0 {
		t.Error("it is gone")
	}
	raw.Reset()
	hand.Reset()
	input.Reset(nil)
	Trim(c)
	if raw.Cap() != 0 || hand.Cap() != 0 {
		t.Error("empty buffers are kept")
	}
}
