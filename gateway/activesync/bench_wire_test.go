package activesync_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"martlet/mail"
	"martlet/protocol/wbxml"
)

// sink takes an answer as a connection does: nothing is kept.
type sink struct {
	header http.Header
	status int
	bytes  int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.bytes += len(p); return len(p), nil }

// BenchmarkWindow is one answer of 512 messages of 30 KB, plain and in gzip: is
// compression worth its time?
func BenchmarkWindow(b *testing.B) {
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			h := build(b)
			inbox := h.folder(b, mail.RoleInbox)
			fill(b, h, inbox, 512, richMessage)
			folder := fmt.Sprint(inbox)
			oneCore(b)
			b.ReportAllocs()
			sent, phones := 0, 0
			for b.Loop() {
				b.StopTimer() // a phone that asks again and again has trouble: each asks once
				phones++
				p := &benchPhone{b: b, h: h, device: fmt.Sprint("BENCH", phones), version: "16.1"}
				p.provision()
				p.folderSync("0")
				key, _, _ := p.sync(folder, "0")
				body, err := wbxml.Marshal(p.syncRequest(folder, key))
				if err != nil {
					b.Fatal(err)
				}
				r := p.request("Sync", body)
				r.Header.Set("Accept-Encoding", encoding)
				w := &sink{header: http.Header{}}
				b.StartTimer()
				h.handler.ServeHTTP(w, r)
				if w.status != http.StatusOK || w.bytes < 512 {
					b.Fatalf("HTTP %d, %d bytes", w.status, w.bytes)
				}
				sent += w.bytes
			}
			b.ReportMetric(512*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			b.ReportMetric(float64(sent)/float64(b.N)/512, "bytes/message")
		})
	}
}

// BenchmarkSyncNothingNewHTTP is a Sync that brings nothing over a connection,
// the client's work included.
func BenchmarkSyncNothingNewHTTP(b *testing.B) {
	h := build(b)
	p := newPhone(b, h, "bench", "16.1")
	h.deliver(b, 1, plainMail, 0)
	body, err := fromXML(syncRequest(p.ready(), ""))
	if err != nil {
		b.Fatal(err)
	}
	s := httptest.NewServer(h.handler)
	defer s.Close()
	template := p.request(http.MethodPost, "Sync", body)
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.NewRequest(http.MethodPost, s.URL+template.URL.RequestURI(), bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header = template.Header
		resp, err := s.Client().Do(r)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.ContentLength != 0 {
			b.Fatalf("HTTP %d, %d bytes", resp.StatusCode, resp.ContentLength)
		}
	}
}
