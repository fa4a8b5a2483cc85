package hold

import (
	"testing"
	"unsafe"
)

func TestAHeldRequestIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Request{}); n > 128 {
		t.Errorf("%d bytes", n)
	}
	if n := unsafe.Sizeof(Conn{}); n > 32 {
		t.Errorf("a connection has %d bytes", n)
	}
}
