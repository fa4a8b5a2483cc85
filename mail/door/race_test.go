package door

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Clients that speak, stop in the middle of a line, fall silent until they are
// parked, and hang up, while everybody is woken all the time: no line is lost or
// answered twice, the last wake reaches everybody, and nothing is left.
func TestParkingLosesNothing(t *testing.T) {
	h := newHouse(t, nil)
	const clients, lines = 24, 60
	stop := make(chan struct{})
	var waker, all sync.WaitGroup
	waker.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(rand.IntN(3000)) * time.Microsecond):
				h.wakeAll()
			}
		}
	})
	stay := make([]*client, clients)
	for i := range clients {
		seed := rand.New(rand.NewPCG(uint64(i), 7))
		c := h.dial()
		stay[i] = c
		all.Go(func() { chatter(t, c, seed, lines) })
		all.Go(func() { // and one that hangs up anywhere
			gone := h.dial()
			gone.send(strings.Repeat("x", rand.IntN(5)))
			<-time.After(time.Duration(rand.IntN(60)) * time.Millisecond)
			gone.conn.Close()
		})
	}
	all.Wait()
	close(stop)
	waker.Wait()
	if t.Failed() {
		return
	}
	h.eventually(func() bool { n, _ := h.door.Sessions(); return n == clients })
	h.parked(clients)
	last := "! " + strconv.FormatInt(h.wakeAll(), 10)
	for _, c := range stay {
		for line := ""; line != last; {
			s, err := c.in.ReadString('\n')
			if err != nil {
				t.Fatalf("waiting for %s: %v", last, err)
			}
			line = strings.TrimSpace(s)
		}
	}
	h.parked(clients)
}

// chatter sends numbers in pieces and reads them back in order, wakes between
// them.
func chatter(t *testing.T, c *client, seed *rand.Rand, lines int) {
	told := 0
	for n := range lines {
		text := strconv.Itoa(n) + "\r\n"
		for text != "" {
			cut := 1 + seed.IntN(len(text))
			if _, err := c.conn.Write([]byte(text[:cut])); err != nil {
				t.Error(err)
				return
			}
			text = text[cut:]
			if seed.IntN(4) == 0 { // about as long as a session lingers
				<-time.After(minLinger - 2*time.Millisecond + time.Duration(seed.IntN(4000))*time.Microsecond)
			}
		}
		for {
			s, err := c.in.ReadString('\n')
			if err != nil {
				t.Errorf("line %d: %v", n, err)
				return
			}
			word, value, _ := strings.Cut(strings.TrimSpace(s), " ")
			got, _ := strconv.Atoi(value)
			if word == "!" && got > told {
				told = got
				continue
			}
			if word != "=" || got != n {
				t.Errorf("heard %q after %d, waiting for %d", s, told, n)
				return
			}
			break
		}
	}
}
