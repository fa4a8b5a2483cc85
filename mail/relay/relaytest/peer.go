package relaytest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
)

// What a server can do instead of answering.
const (
	Hang    = "hang"    // it says nothing more
	Close   = "close"   // it ends the connection
	Garbage = "garbage" // it says something that is not SMTP
	Endless = "endless" // its reply goes on and on
	Drip    = "drip"    // a reply of which the end is missing
)

// Message is what a server took.
type Message struct {
	From string   // of MAIL, with its parameters
	To   []string // of RCPT, with their parameters
	Data string   // without the dots of transparency
	TLS  bool
}

// Peer is a mail server. Its fields are set before it is used; Set changes faults
// while it runs.
type Peer struct {
	Extensions []string    // of EHLO, besides STARTTLS
	TLS        *tls.Config // nil: no STARTTLS
	Implicit   bool        // TLS from the start
	Login      string      // "user:password" for AUTH PLAIN and LOGIN

	mu       sync.Mutex // guards the fields below
	faults   map[string]string
	messages []Message
	lines    []string
	sessions int
	open     int
	most     int
}

// Set has the server do something in a state: "greeting", "EHLO", "HELO", "STARTTLS",
// "tls" (the handshake), "AUTH", "MAIL", "RCPT", "RCPT user@example.org", "DATA",
// "body" (while the message comes), "dot" (behind it), "RSET", "QUIT". What it does
// is one of the constants or a reply; empty: what is right.
func (p *Peer) Set(state, what string) *Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.faults == nil {
		p.faults = map[string]string{}
	}
	p.faults[state] = what
	return p
}

func (p *Peer) fault(state string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults[state]
}

// Messages are those taken so far.
func (p *Peer) Messages() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages)
}

// Lines are the commands that came so far.
func (p *Peer) Lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines)
}

// Sessions counts the connections so far, and the most at one time.
func (p *Peer) Sessions() (all, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions, p.most
}

// Serve takes connections from a listener until it is closed.
func (p *Peer) Serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go p.serve(c)
	}
}

// conversation is one connection.
type conversation struct {
	*Peer
	conn    net.Conn
	r       *bufio.Reader
	secure  bool
	message Message
}

func (p *Peer) serve(c net.Conn) {
	p.mu.Lock()
	p.sessions++
	p.open++
	p.most = max(p.most, p.open)
	p.mu.Unlock()
	defer func() {
		c.Close()
		p.mu.Lock()
		p.open--
		p.mu.Unlock()
	}()
	v := &conversation{Peer: p, conn: c}
	if p.Implicit && !v.handshake() {
		return
	}
	v.r = bufio.NewReader(v.conn)
	if !v.say("greeting", "220 peer.example ESMTP") {
		return
	}
	for {
		line, err := v.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		p.mu.Lock()
		p.lines = append(p.lines, line)
		p.mu.Unlock()
		if !v.command(line) {
			return
		}
	}
}

// command answers a line, and tells whether the session goes on.
func (v *conversation) command(line string) bool {
	verb, arg, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); verb {
	case "EHLO":
		all := slices.Clone(v.Extensions)
		if v.TLS != nil && !v.secure {
			all = append(all, "STARTTLS")
		}
		if v.Login != "" {
			all = append(all, "AUTH PLAIN LOGIN")
		}
		text := "250-peer.example"
		for _, e := range all {
			text += "\r\n250-" + e
		}
		return v.say(verb, text+"\r\n250 HELP")
	case "STARTTLS":
		return v.say(verb, "220 go ahead") && (!strings.HasPrefix(v.said(verb, "220"), "220") || v.handshake())
	case "AUTH":
		return v.auth(arg)
	case "MAIL":
		v.message = Message{From: strings.TrimPrefix(arg, "FROM:"), TLS: v.secure}
		return v.say(verb, "250 2.1.0 fine")
	case "RCPT":
		to := strings.TrimPrefix(arg, "TO:")
		state := "RCPT"
		address, _, _ := strings.Cut(strings.TrimPrefix(to, "<"), ">")
		if v.fault("RCPT "+address) != "" {
			state = "RCPT " + address
		}
		if said := v.said(state, "250"); strings.HasPrefix(said, "2") {
			v.message.To = append(v.message.To, to)
		}
		return v.say(state, "250 2.1.5 fine")
	case "DATA":
		return v.data()
	case "RSET", "HELO", "NOOP":
		return v.say(verb, "250 2.0.0 fine")
	case "QUIT":
		v.say(verb, "221 2.0.0 bye")
		return false
	}
	return v.say("other", "500 5.5.1 what?")
}

func (v *conversation) data() bool {
	if len(v.message.To) == 0 && v.fault("DATA") == "" {
		return v.say("none", "503 5.5.1 nobody to send to")
	}
	if !v.say("DATA", "354 go on") || !strings.HasPrefix(v.said("DATA", "354"), "354") {
		return strings.HasPrefix(v.said("DATA", "354"), "4") || strings.HasPrefix(v.said("DATA", "354"), "5")
	}
	if f := v.fault("body"); f != "" {
		_, _ = v.r.ReadByte()
		return v.say("body", "")
	}
	var data bytes.Buffer
	for {
		line, err := v.r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		data.WriteString(strings.TrimPrefix(line, "."))
	}
	v.message.Data = data.String()
	if strings.HasPrefix(v.said("dot", "250"), "2") || v.fault("dot") == Close || v.fault("dot") == Hang {
		v.mu.Lock()
		v.messages = append(v.messages, v.message)
		v.mu.Unlock()
	}
	return v.say("dot", "250 2.0.0 taken")
}

func (v *conversation) auth(arg string) bool {
	decode := func(s string) string {
		b, _ := base64.StdEncoding.DecodeString(s)
		return string(b)
	}
	mechanism, initial, _ := strings.Cut(arg, " ")
	var got string
	switch mechanism {
	case "PLAIN":
		got = strings.ReplaceAll(strings.TrimPrefix(decode(initial), "\x00"), "\x00", ":")
	case "LOGIN":
		var words []string
		for _, ask := range []string{"VXNlcm5hbWU6", "UGFzc3dvcmQ6"} {
			fmt.Fprintf(v.conn, "334 %s\r\n", ask)
			line, err := v.r.ReadString('\n')
			if err != nil {
				return false
			}
			words = append(words, decode(strings.TrimRight(line, "\r\n")))
		}
		got = strings.Join(words, ":")
	}
	if got != v.Login {
		return v.say("AUTH", "535 5.7.8 no")
	}
	return v.say("AUTH", "235 2.7.0 welcome")
}

// said is what the server will say in a state.
func (v *conversation) said(state, right string) string {
	if f := v.fault(state); f != "" {
		return f
	}
	return right
}

// say answers, or does what it was told instead.
func (v *conversation) say(state, right string) bool {
	switch f := v.said(state, right); f {
	case Hang:
		_, _ = io.Copy(io.Discard, v.r)
		return false
	case Close:
		return false
	case Garbage:
		_, err := io.WriteString(v.conn, "\x00\xff\x7f what is SMTP?\r\n")
		return err == nil
	case Endless:
		for {
			if _, err := io.WriteString(v.conn, "250-"+strings.Repeat("x", 500)+"\r\n"); err != nil {
				return false
			}
		}
	case Drip:
		_, _ = io.WriteString(v.conn, "250-half a rep")
		_, _ = io.Copy(io.Discard, v.r)
		return false
	default:
		_, err := io.WriteString(v.conn, f+"\r\n")
		return err == nil && !strings.HasPrefix(f, "421")
	}
}

func (v *conversation) handshake() bool {
	switch v.fault("tls") {
	case Close:
		return false
	case Hang:
		_, _ = io.Copy(io.Discard, v.conn)
		return false
	case Garbage:
		_, _ = io.WriteString(v.conn, "this is no TLS\r\n")
		return false
	}
	c := tls.Server(v.conn, v.TLS)
	if c.Handshake() != nil {
		return false
	}
	v.conn, v.secure = c, true
	v.r = bufio.NewReader(c)
	return true
}
