package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// maxTalk bounds what is read of who answers, in bytes.
const maxTalk = 64 << 10

// greeting is how a protocol begins.
type greeting struct {
	tls   bool   // from the start
	hello string // begins the greeting's last line
	ask   string // what it can do; empty: the greeting tells
	last  string // begins the answer's last line
	offer string // stands in the answer of who can begin TLS; empty: it is not asked for
	begin string
	ready string // begins the answer to that
}

// greetingOf is how a door is talked to; those of HTTP are looked at elsewhere.
func greetingOf(door, hostname string) (t greeting, ok bool) {
	smtp := greeting{hello: "220 ", ask: "EHLO " + hostname, last: "250 ", offer: "STARTTLS", begin: "STARTTLS", ready: "220 "}
	imap := greeting{hello: "* OK", ask: "a CAPABILITY", last: "a ", offer: "STARTTLS", begin: "b STARTTLS", ready: "b OK"}
	pop3 := greeting{hello: "+OK", ask: "CAPA", last: ".", offer: "STLS", begin: "STLS", ready: "+OK"}
	encrypted := func(t greeting) greeting {
		t.tls, t.offer = true, ""
		return t
	}
	t, ok = map[string]greeting{
		"smtp": smtp, "submission": smtp, "submissions": encrypted(smtp), "lmtp": {hello: "220 ", ask: "LHLO " + hostname, last: "250 "},
		"imap": imap, "imaps": encrypted(imap), "pop3": pop3, "pop3s": encrypted(pop3),
		"sieve": {hello: "OK", offer: `"STARTTLS"`, begin: "STARTTLS", ready: "OK"},
	}[door]
	return t, ok
}

var (
	errGreeting = errors.New("that is not its greeting")
	errNoTLS    = errors.New("it does not offer TLS")
	errTLS      = errors.New("TLS with it fails")
)

// speak has a door answer, and returns the certificates that it shows, if any.
func (t *greeting) speak(conn net.Conn, hostname string) ([]*x509.Certificate, error) {
	conn.SetDeadline(time.Now().Add(lookTime))
	config := &tls.Config{InsecureSkipVerify: true, ServerName: hostname} // it is judged by others
	var shown []*x509.Certificate
	secure := func() error {
		c := tls.Client(conn, config)
		if err := c.Handshake(); err != nil {
			return fmt.Errorf("%w: %w", errTLS, err)
		}
		conn, shown = c, c.ConnectionState().PeerCertificates
		return nil
	}
	if t.tls {
		if err := secure(); err != nil {
			return nil, err
		}
	}
	r := bufio.NewReader(io.LimitReader(conn, maxTalk))
	said, err := until(r, t.hello)
	if err != nil {
		return shown, fmt.Errorf("%w: %w", errGreeting, err)
	}
	if t.ask != "" {
		if _, err := io.WriteString(conn, t.ask+"\r\n"); err != nil {
			return shown, err
		}
		if said, err = until(r, t.last); err != nil {
			return shown, err
		}
	}
	if t.offer == "" {
		return shown, nil
	}
	if !strings.Contains(strings.ToUpper(said), t.offer) {
		return shown, errNoTLS
	}
	if _, err := io.WriteString(conn, t.begin+"\r\n"); err != nil {
		return shown, err
	}
	if _, err := until(r, t.ready); err != nil {
		return shown, fmt.Errorf("%w: %w", errTLS, err)
	}
	return shown, secure()
}

// until reads to the line that begins with a text.
func until(r *bufio.Reader, begin string) (said string, err error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return said, err
		}
		said += line
		switch {
		case strings.HasPrefix(line, begin):
			return said, nil
		case strings.HasPrefix(line, "-ERR"), begin[0] == '2' && (line[0] == '4' || line[0] == '5'), strings.HasPrefix(line, "* BYE"), strings.HasPrefix(line, "NO "), strings.HasPrefix(line, "BYE"):
			return said, fmt.Errorf("it says: %s", printable(strings.TrimSpace(line)))
		}
	}
}

// answers looks whether an open door talks as it should.
func (d *doctor) answers(check, door, at string, conn net.Conn) {
	name := d.c.Hostname
	if name == "" {
		name = "localhost"
	}
	t, ok := greetingOf(door, name)
	if !ok {
		d.find(check, fine, "", "%s is open", at)
		return
	}
	chain, err := t.speak(conn, d.c.Hostname)
	switch {
	case errors.Is(err, errNoTLS) && door == "smtp":
		d.find(check, warning, "see the log for what is wrong with the certificate", "%s answers, and does not offer TLS: mail comes in the clear", at)
	case errors.Is(err, errNoTLS):
		d.find(check, problem, "see the log for what is wrong with the certificate", "%s answers, and does not offer TLS: nobody can log in", at)
	case err != nil:
		d.find(check, problem, "see the log; something else may listen there", "%s does not answer as it should: %v", at, err)
	case len(chain) > 0:
		d.find(check, fine, "", "%s answers, with TLS", at)
	default:
		d.find(check, fine, "", "%s answers", at)
	}
	if len(chain) == 0 {
		return
	}
	if door == "smtp" {
		d.mxChain = chain
	}
	if d.firstSeen(chain[0]) {
		all := judgeChain(chain, d.c.Hostname, nil, time.Now())
		for i := range all {
			all[i].Check += " " + check
		}
		d.findings = append(d.findings, all...)
	}
}

// firstSeen tells whether a certificate was not judged yet.
func (d *doctor) firstSeen(c *x509.Certificate) bool {
	sum := sha256.Sum256(c.Raw)
	if slices.Contains(d.judged, sum) {
		return false
	}
	d.judged = append(d.judged, sum)
	return true
}
