package acceptance

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// growth is how much a server's memory may grow by garbage, in MiB. What a
// garbage collector has not given back counts.
const growth = 200

// bounded runs garbage against a server and then holds it to its memory and to
// its work.
func bounded(t *testing.T, h *house, garbage func()) {
	t.Helper()
	p, inbox := h.settled("NORMAL", eas.V161)
	h.well(p, inbox, "before the garbage")
	before := h.rss()
	garbage()
	if after := h.rss(); after-before > growth {
		t.Errorf("memory grew from %d to %d MiB", before, after)
	} else {
		t.Logf("memory: %d MiB, then %d", before, after)
	}
	h.well(p, inbox, "after the garbage")
	h.fsck()
}

// commands are all that have a document.
func commands() []string {
	return []string{"Sync", "SendMail", "SmartForward", "SmartReply", "FolderSync", "FolderCreate", "FolderDelete", "FolderUpdate",
		"MoveItems", "GetItemEstimate", "MeetingResponse", "Search", "Settings", "Ping", "ItemOperations", "Provision",
		"ResolveRecipients", "ValidateCert", "Find", "GetAttachment", "GetHierarchy", "CreateCollection", "Notify"}
}

// Whatever document a phone sends, the answer is the protocol's own.
func TestGarbledDocumentsAreRefusedByTheProtocol(t *testing.T) {
	thorough(t)
	h := newHouse(t, "")
	bounded(t, h, func() {
		for _, version := range []eas.Version{eas.V25, eas.V121, eas.V161} {
			p, inbox := h.settled(fmt.Sprintf("GARBLED%d", version), version)
			for _, command := range commands() {
				for name, body := range garbled(t, inbox) {
					documentRefused(t, p, command, name, body)
				}
			}
		}
	})
}

// garbled are documents that are none, or not those of the command.
func garbled(t *testing.T, inbox string) map[string][]byte {
	t.Helper()
	sync, err := wbxml.Marshal(&eas.Sync{Collections: []eas.SyncCollection{{SyncKey: "0", CollectionID: inbox}}})
	if err != nil {
		t.Fatal(err)
	}
	header := []byte{3, 1, 0x6a, 0}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	rng := rand.NewChaCha8([32]byte{7})
	noise := make([]byte, 64<<10)
	rng.Read(noise)
	out := map[string][]byte{
		"nothing but a header": header,
		"one byte":             {3},
		"noise":                noise,
		"noise after a header": join(header, noise),
		"deep":                 join(header, bytes.Repeat([]byte{0x45}, 1<<20)),
		"wide":                 join(header, []byte{0x45}, bytes.Repeat([]byte{0x05}, 900<<10), []byte{1}),
		"endless string":       join(header, []byte{0x45, 0x4b, 3}, bytes.Repeat([]byte{'x'}, 1<<20)),
		"huge opaque":          join(header, []byte{0x45, 0xc3, 0x8f, 0xff, 0xff, 0xff, 0x7f}),
		"huge string table":    {3, 1, 0x6a, 0x8f, 0xff, 0xff, 0xff, 0x7f},
		"endless integer":      join([]byte{3, 1}, bytes.Repeat([]byte{0xff}, 1000)),
		"code pages":           join(header, bytes.Repeat([]byte{0, 0x18}, 100_000), []byte{0x45, 1}),
		"entities":             join(header, []byte{0x45, 0x4b}, bytes.Repeat([]byte{2, 0x41}, 400_000), []byte{1, 1}),
		"text":                 []byte("<?xml version=\"1.0\"?><Sync xmlns=\"AirSync\"/>"),
	}
	for n := range sync {
		if n > 4 {
			out[fmt.Sprintf("Sync cut at %d", n)] = sync[:n]
		}
	}
	for i := range 40 {
		b := bytes.Clone(sync)
		b[4+i%(len(b)-4)] ^= byte(1 + i*37)
		out[fmt.Sprintf("Sync with a flaw, %d", i)] = b
	}
	return out
}

func documentRefused(t *testing.T, p *phone.Phone, command, name string, body []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	answer, err := p.Do(ctx, phone.Request{Command: command, Body: body})
	if err != nil {
		t.Errorf("%s %s with %s: %v", p.Version(), command, name, err)
		return
	}
	if answer.Status == http.StatusInternalServerError && !legacyError(p, command) {
		t.Errorf("%s %s with %s: HTTP 500", p.Version(), command, name)
	}
	if answer.Status == http.StatusOK && len(answer.Body) > 0 && !strings.Contains(wbxml.Dump(answer.Body), "Status") {
		t.Errorf("%s %s with %s: %d bytes without a status", p.Version(), command, name, len(answer.Body))
	}
}

// legacyError tells where HTTP 500 is the protocol's own answer: for messages
// and attachments before 14.0 (MS-ASCMD_R166, 2.2.1.17).
func legacyError(p *phone.Phone, command string) bool {
	return p.Version() < eas.V140 && (command == "GetAttachment" || command == "SendMail" || command == "SmartForward" || command == "SmartReply")
}

// Bodies too large, cut short, dribbling in or of the wrong length cost the
// server neither memory nor its manners.
func TestGarbledRequestsDoNotHarm(t *testing.T) {
	h := newHouse(t, "")
	bounded(t, h, func() {
		p, _ := h.settled("REQUESTS", eas.V161)
		requestLines(t, h)
		for range 8 {
			tooLarge(t, p)
		}
		for _, raw := range rawRequests() {
			speak(t, h, raw)
		}
	})
}

func tooLarge(t *testing.T, p *phone.Phone) {
	t.Helper()
	for _, command := range []string{"Sync", "SendMail", "Ping"} {
		answer, err := p.Do(t.Context(), phone.Request{Command: command, Body: make([]byte, 80<<20)})
		if err == nil && answer.Status != http.StatusRequestEntityTooLarge && answer.Status != http.StatusServiceUnavailable {
			t.Errorf("%s of 80 MiB: HTTP %d", command, answer.Status)
		}
	}
}

// requestLines asks with queries that name nothing sensible.
func requestLines(t *testing.T, h *house) {
	t.Helper()
	client := h.client()
	noise := make([]byte, 300)
	rng := rand.NewChaCha8([32]byte{8})
	queries := []string{"", "Cmd", "Cmd=", "Cmd=Sync", "Cmd=Sync&User=&DeviceId=&DeviceType=", "Cmd=Sync&User=a&DeviceId=" + strings.Repeat("9", 5000) + "&DeviceType=x",
		"Cmd=%zz", "Cmd=Sync&Cmd=Ping&DeviceId=1&DeviceType=1", "=====", "jQkJBBAx", "Cmd=Nonsense&User=a&DeviceId=1&DeviceType=1", "Cmd=Sync&User=a&DeviceId=%00&DeviceType=%ff",
		"Cmd=GetAttachment&AttachmentName=..%2f..%2fetc%2fpasswd&User=a&DeviceId=1&DeviceType=1", strings.Repeat("A", 20_000)}
	for i := range 200 {
		rng.Read(noise)
		queries = append(queries, fmt.Sprintf("%x", noise[:i]), strings.NewReplacer("+", "%2B").Replace(base64Of(noise[:i])))
	}
	for _, q := range queries {
		for _, method := range []string{"POST", "GET", "OPTIONS", "PUT", "PROPFIND"} {
			req, err := http.NewRequestWithContext(t.Context(), method, "http://mail.acceptance.example/Microsoft-Server-ActiveSync?"+q, nil)
			if err != nil {
				continue
			}
			req.SetBasicAuth(robin, password)
			resp, err := client.Do(req)
			if err != nil {
				t.Errorf("%s ?%.60s: %v", method, q, err)
				continue
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusInternalServerError {
				t.Errorf("%s ?%.60s: HTTP 500", method, q)
			}
		}
	}
}

// rawRequests are requests that no HTTP library would send.
func rawRequests() []string {
	const line = "POST /Microsoft-Server-ActiveSync?Cmd=Sync&User=a&DeviceId=1&DeviceType=1 HTTP/1.1\r\nHost: a\r\n"
	auth := "Authorization: Basic " + base64Of([]byte(robin+":"+password)) + "\r\n"
	return []string{
		"\x00\x01\x02\r\n\r\n", "GET\r\n\r\n", strings.Repeat("A", 1<<20), "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		line + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 1000) + "\r\n",
		line + "Content-Length: -1\r\n\r\n", line + "Content-Length: 99999999999999999999\r\n\r\n", line + auth + "Content-Length: 9000000000\r\n\r\nabc",
		line + auth + "Content-Length: 100\r\nContent-Type: application/vnd.ms-sync.wbxml\r\n\r\nabc",
		line + auth + "Transfer-Encoding: chunked\r\nContent-Type: application/vnd.ms-sync.wbxml\r\n\r\nfffffffffffffff1\r\nabc",
		line + auth + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		line + "Authorization: Basic " + strings.Repeat("%", 10_000) + "\r\n\r\n", line + "Authorization: Basic AAAA\r\n\r\n", line + "Authorization: Bearer x\r\n\r\n",
		line + auth + "Content-Type: application/vnd.ms-sync.wbxml\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
		"POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: a\r\n" + auth + "Content-Length: 60\r\n\r\n<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\"><!ENTITY c \"&b;&b;&b;\">]>",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + strings.Repeat("\xff", 1000),
	}
}

// speak sends bytes, ends sending and reads what comes, which must end.
func speak(t *testing.T, h *house, raw string) {
	t.Helper()
	conn, err := net.Dial("tcp", h.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(conn, raw) // refused half way is as good
	conn.(*net.TCPConn).CloseWrite()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Errorf("%.60q: no end in half a minute", raw)
		}
		return
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode == http.StatusInternalServerError {
		t.Errorf("%.60q: HTTP 500", raw)
	}
}
