package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"martlet/directory"
)

// A server with a collector sends it what it does, at its end at the latest, and
// nobody's address.
func TestMailThatComesInIsTraced(t *testing.T) {
	var mu sync.Mutex // guards names and all
	var names []string
	var all strings.Builder
	to := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		var in collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(b, &in) != nil {
			t.Error("no spans")
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, of := range in.ResourceSpans {
			for _, scope := range of.ScopeSpans {
				for _, s := range scope.Spans {
					names = append(names, s.Name)
					all.WriteString(s.String())
				}
			}
		}
	}))
	defer to.Close()
	r := newReloadable(t, "[lmtp]\nlisten = \"127.0.0.1:0\"\n[traces]\nendpoint = \""+to.URL+"\"\nsample = 1.0\n")
	if err := r.directory.AddDomain(t.Context(), directory.Domain{Name: "example.org"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.directory.AddUser(t.Context(), directory.Account{Login: "ada@example.org"}, "a long password"); err != nil {
		t.Fatal(err)
	}
	c, err := textproto.Dial("tcp", r.Addr("lmtp"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i, line := range []string{"", "LHLO client.example", "MAIL FROM:<bob@client.example>", "RCPT TO:<ada@example.org>", "DATA", "Subject: secret\r\n\r\nhello\r\n."} {
		if i > 0 {
			if err := c.PrintfLine("%s", line); err != nil {
				t.Fatal(err)
			}
		}
		if _, text, err := c.ReadResponse(0); err != nil && !strings.HasPrefix(err.Error(), "2") && !strings.HasPrefix(err.Error(), "3") {
			t.Fatal(line, text, err)
		}
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(names, ", ")
	for _, want := range []string{"smtp message", "filter", "deliver", "store commit"} {
		if !strings.Contains(got, want) {
			t.Errorf("no span %s among %s", want, got)
		}
	}
	for _, secret := range []string{"ada", "bob", "secret"} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("%s is told", secret)
		}
	}
}
