package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/smtp"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdMail sends a small message over SMTP, with STARTTLS and a login when a
// password is given: [!] mail ADDRESS FROM TO [PASSWORD [LOGIN]]. With another login
// than FROM it is sent on behalf.
func cmdMail(ts *testscript.TestScript, neg bool, args []string) {
	err := sendMail(args)
	if (err != nil) != neg {
		ts.Fatalf("mail: %v", err)
	}
}

func sendMail(args []string) error {
	address, from, to := args[0], args[1], args[2]
	login, header := from, ""
	if len(args) > 4 {
		login = args[4]
		header = "Sender: <" + login + ">\r\n"
	}
	c, err := smtp.Dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil { // self-signed
		return err
	}
	if len(args) > 3 {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		if err := c.Auth(smtp.PlainAuth("", login, args[3], host)); err != nil {
			return err
		}
	}
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, header+"From: <%s>\r\nTo: <%s>\r\nSubject: hello\r\nMessage-ID: <1@test>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nHello.\r\n", from, to)
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}
