package relay

import (
	"cmp"
	"time"
)

// Timeouts are how long a server may take (RFC 5321 4.5.3.2). Zero: the default,
// which is what the standard asks for where it asks for something.
type Timeouts struct {
	Connect  time.Duration // to one address: 30 s
	Greeting time.Duration // 4.5.3.2.1: 5 min
	Command  time.Duration // EHLO, STARTTLS, AUTH, MAIL, RCPT; 4.5.3.2.2, 4.5.3.2.3: 5 min
	Data     time.Duration // 4.5.3.2.4: 2 min
	Block    time.Duration // for each piece of a message, 4.5.3.2.5: 3 min
	Dot      time.Duration // behind the message, 4.5.3.2.6: 10 min
	Quit     time.Duration // 5 s: by then everything is done
	Idle     time.Duration // how long a session is kept for the next message: 5 s
}

func (t *Timeouts) setDefaults() {
	t.Connect = cmp.Or(t.Connect, 30*time.Second)
	t.Greeting = cmp.Or(t.Greeting, 5*time.Minute)
	t.Command = cmp.Or(t.Command, 5*time.Minute)
	t.Data = cmp.Or(t.Data, 2*time.Minute)
	t.Block = cmp.Or(t.Block, 3*time.Minute)
	t.Dot = cmp.Or(t.Dot, 10*time.Minute)
	t.Quit = cmp.Or(t.Quit, 5*time.Second)
	t.Idle = cmp.Or(t.Idle, 5*time.Second)
}
