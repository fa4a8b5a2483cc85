package acceptance

import (
	"bytes"
	"fmt"
	"net"
	"net/textproto"
	"time"
)

// mailer is a session with the MX door.
type mailer struct {
	conn net.Conn
	text *textproto.Conn
}

// mailer opens a session and says EHLO.
func (h *house) mailer() *mailer {
	h.t.Helper()
	m, err := dialMailer(h.SMTP)
	if err == nil {
		err = m.say(250, "EHLO wren.elsewhere.example")
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { m.conn.Close() })
	return m
}

// dialMailer connects and hears the greeting.
func dialMailer(address string) (*mailer, error) {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(2 * time.Minute))
	m := &mailer{conn, textproto.NewConn(conn)}
	if _, _, err := m.text.ReadResponse(220); err != nil {
		conn.Close()
		return nil, err
	}
	return m, nil
}

// say sends a line and hears the reply, an error unless it is of that code.
func (m *mailer) say(want int, format string, args ...any) error {
	if err := m.text.PrintfLine(format, args...); err != nil {
		return err
	}
	_, _, err := m.text.ReadResponse(want)
	return err
}

// send delivers a message with DATA.
func (m *mailer) send(to string, raw []byte) error {
	if err := m.say(250, "MAIL FROM:<wren@elsewhere.example>"); err != nil {
		return err
	}
	if err := m.say(250, "RCPT TO:<%s>", to); err != nil {
		return err
	}
	if err := m.say(354, "DATA"); err != nil {
		return err
	}
	stuffed := bytes.ReplaceAll(append([]byte("\r\n"), raw...), []byte("\r\n."), []byte("\r\n.."))[2:]
	if !bytes.HasSuffix(stuffed, []byte("\r\n")) {
		stuffed = append(stuffed, '\r', '\n')
	}
	if _, err := m.conn.Write(append(stuffed, ".\r\n"...)); err != nil {
		return err
	}
	_, _, err := m.text.ReadResponse(250)
	return err
}

// chunk delivers a message with BDAT, which takes any bytes.
func (m *mailer) chunk(to string, raw []byte) error {
	if err := m.say(250, "MAIL FROM:<wren@elsewhere.example> BODY=8BITMIME"); err != nil {
		return err
	}
	if err := m.say(250, "RCPT TO:<%s>", to); err != nil {
		return err
	}
	if _, err := m.conn.Write(append(fmt.Appendf(nil, "BDAT %d LAST\r\n", len(raw)), raw...)); err != nil {
		return err
	}
	_, _, err := m.text.ReadResponse(250)
	return err
}

// deliver sends one message in a session of its own.
func (h *house) deliver(raw string) {
	h.t.Helper()
	m := h.mailer()
	defer m.conn.Close()
	if err := m.send(robin, []byte(raw)); err != nil {
		h.t.Fatal(err)
	}
}
