package parking

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// Trim gives back the buffers of a TLS connection that is idle: crypto/tls keeps
// those that the handshake grew, half of what the connection takes, for the next
// record, which may be an hour away. It knows them by name and type, touches none
// that holds anything, and does nothing where they are not as expected; the
// connection makes new ones when it needs them. Nobody else may be using it.
func Trim(c *tls.Conn) {
	v := reflect.ValueOf(c).Elem()
	for _, name := range [...]string{"rawInput", "hand"} {
		if b, ok := field[bytes.Buffer](v, name); ok && b.Len() == 0 {
			*b = bytes.Buffer{}
		}
	}
	// It has been read to its end, but refers to the buffer it was in.
	if r, ok := field[bytes.Reader](v, "input"); ok && r.Len() == 0 {
		*r = bytes.Reader{}
	}
}

// field is an unexported field, if there is one of this name and type.
func field[T any](v reflect.Value, name string) (*T, bool) {
	f := v.FieldByName(name)
	if !f.IsValid() || f.Type() != reflect.TypeFor[T]() {
		return nil, false
	}
	return (*T)(unsafe.Pointer(f.UnsafeAddr())), true
}
