package mail

import (
	"bytes"
	"testing"
	"time"

	"martlet/mail/message"
)

// MS-ASCON_R86, R87, R305: each reply adds a level with the time since the
// conversation began.
func TestARepliesIndexIsItsParentsWithOneLevelMore(t *testing.T) {
	began := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	first := ConversationIndex(&message.Index{Date: began}, 1, nil)
	if want := []byte{0xdd, 0x7b, 0x29, 0x05, 0x13}; !bytes.Equal(first, want) {
		t.Fatalf("the first has %x, want %x", first, want)
	}
	for _, tc := range []struct {
		after time.Duration
		want  uint32 // the time, with its scale
	}{
		{0, 0},
		{-time.Hour, 0}, // a clock that is wrong
		{time.Hour, uint32((uint64(time.Hour/100) + 0x2800) >> 18)},
		{1000 * 24 * time.Hour, 1<<31 | uint32((uint64(1000*24*time.Hour/100)+0x2800)>>23)},
	} {
		reply := ConversationIndex(&message.Index{Date: began.Add(tc.after)}, 1, first)
		if len(reply) != 10 || !bytes.Equal(reply[:5], first) {
			t.Fatalf("the reply after %s has %x", tc.after, reply)
		}
		got := uint32(reply[5])<<24 | uint32(reply[6])<<16 | uint32(reply[7])<<8 | uint32(reply[8])
		if got != tc.want {
			t.Errorf("after %s the level is %x, want %x", tc.after, got, tc.want)
		}
		if second := ConversationIndex(&message.Index{Date: began.Add(tc.after)}, 1, reply); len(second) != 15 || !bytes.Equal(second[:10], reply) {
			t.Errorf("the reply to it has %x", second)
		}
	}
}

func TestAConversationIndexDoesNotGrowForEver(t *testing.T) {
	var index []byte
	for range 3 * maxResponses {
		index = ConversationIndex(&message.Index{}, 1, index)
	}
	if len(index) != indexHeader+maxResponses*responseSize {
		t.Errorf("it has %d bytes", len(index))
	}
}
