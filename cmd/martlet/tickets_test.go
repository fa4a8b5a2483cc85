package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"path/filepath"
	"testing"

	"martlet/directory"
	"martlet/store"
)

// sessionOf says a word to a door with TLS and tells whether it knew the
// client.
func sessionOf(t *testing.T, address string, c *tls.Config) bool {
	t.Helper()
	conn, err := tls.Dial("tcp", address, c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// With TLS 1.3 the ticket comes with the first bytes of the answer.
	if _, err := conn.Write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	return conn.ConnectionState().DidResume
}

func TestASessionIsResumedAfterARestart(t *testing.T) {
	dir := t.TempDir()
	c := Config{
		Hostname: "mail.example.org", StorePath: filepath.Join(dir, "data"), HashCost: directory.HashCost{Memory: 16, Time: 1, Threads: 1},
		HTTPS: []string{"127.0.0.1:0"}, Submissions: []string{"127.0.0.1:0"}, Key: bytes.Repeat([]byte{7}, store.KeySize),
	}
	clients := map[string]*tls.Config{}
	for name, v := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		clients[name] = &tls.Config{
			InsecureSkipVerify: true, ServerName: "mail.example.org", MinVersion: v, MaxVersion: v, ClientSessionCache: tls.NewLRUClientSessionCache(4),
		}
	}
	for start := range 3 {
		s, err := startServer(t.Context(), c, quiet())
		if err != nil {
			t.Fatal(err)
		}
		for name, client := range clients {
			if got := sessionOf(t, s.Addr("https"), client); got != (start > 0) {
				t.Errorf("start %d, TLS %s: resumed %v", start, name, got)
			}
			if !sessionOf(t, s.Addr("https"), client) {
				t.Errorf("start %d, TLS %s: not resumed within one life of the server", start, name)
			}
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}
