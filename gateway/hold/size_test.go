package hold

import (
	"context"
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

// brief answers in few words.
type brief struct{}

func (brief) Answer(context.Context, Reason) (Answer, bool) { return Answer{Body: []byte("x")}, true }
func (brief) Phone() (string, uint8)                        { return "a", 1 }
func (brief) State() []byte                                 { return nil }
func (brief) Ended(End)                                     {}
