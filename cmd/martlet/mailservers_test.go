package main

import (
	"fmt"
	"testing"
)

// One way for each is told, the one that is encrypted from the start if there
// is one.
func TestMailServersThatClientsAreToldOf(t *testing.T) {
	for _, c := range []struct {
		name string
		Config
		want string
	}{
		{"nothing listens", Config{}, "[]"},
		{"all doors", Config{IMAP: []string{":143"}, IMAPS: []string{":993"}, Submission: []string{":587"}, Submissions: []string{":465"}},
			"[{IMAP mail.example.org 993 SSL} {SMTP mail.example.org 465 SSL}]"},
		{"STARTTLS", Config{IMAP: []string{":143"}, Submission: []string{"127.0.0.1:587"}},
			"[{IMAP mail.example.org 143 TLS} {SMTP mail.example.org 587 TLS}]"},
		{"any port", Config{IMAPS: []string{":0"}, IMAP: []string{":1143"}}, "[{IMAP mail.example.org 1143 TLS}]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.Hostname = "mail.example.org"
			if got := fmt.Sprint(c.mailServers()); got != c.want {
				t.Errorf("told %s, want %s", got, c.want)
			}
		})
	}
}
