package door

import (
	"crypto/tls"
	"time"

	"martlet/internal/parking"
)

// Park asks for the session to be left alone, without a goroutine, until the
// client speaks or hangs up, the time of its next wait is over, somebody calls
// Wake or Shutdown. It is for a session whose wait ended with ErrQuiet, and
// which returns from Serve at once; Serve is called again then.
func (c *Conn) Park() { c.parks = true }

// begin is called before each Serve.
func (c *Conn) begin() {
	c.parks = false
	c.mu.Lock()
	c.poked = false
	c.mu.Unlock()
}

// sleep parks the connection. It is false when there is something to do already,
// or when it cannot be parked; when it is true the session is somebody else's.
func (c *Conn) sleep() bool {
	c.free()
	c.out = nil
	if conn, ok := c.conn.(*tls.Conn); ok {
		parking.Trim(conn)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.poked || c.leaving {
		return false
	}
	if err := c.shelveLocked(); err != nil {
		c.rooted = true
		return false
	}
	c.asleep = true
	c.door.asleep.Add(1)
	return true
}

// shelveLocked has the socket watched. A signal that comes at once waits for the
// lock.
func (c *Conn) shelveLocked() error {
	socket, err := parking.Socket(c.conn)
	if err != nil {
		return err
	}
	until := c.limit(time.Now())
	var failed error
	err = socket.Control(func(fd uintptr) {
		if c.slotted {
			failed = c.door.shelf.Again(c.slot, int(fd), until)
			return
		}
		if c.slot, failed = c.door.shelf.Put(int(fd), c, until); failed == nil {
			c.slotted = true
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// Signal is for the shelf.
func (c *Conn) Signal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pokeLocked()
}

// pokeLocked has a parked session served, or keeps one from being parked.
func (c *Conn) pokeLocked() {
	if !c.asleep {
		c.poked = true
		return
	}
	c.asleep = false
	c.door.asleep.Add(-1)
	go c.door.run(c)
}
