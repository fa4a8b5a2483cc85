package activesync_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/store"
)

// benchPhone sends bare requests, so that a benchmark measures the server.
type benchPhone struct {
	b       testing.TB
	h       *house
	device  string
	version string
	policy  string
}

func (p *benchPhone) request(command string, body []byte) *http.Request {
	query := url.Values{"Cmd": {command}, "User": {testLogin}, "DeviceId": {p.device}, "DeviceType": {"SmartPhone"}}
	r := httptest.NewRequest(http.MethodPost, "/Microsoft-Server-ActiveSync?"+query.Encode(), bytes.NewReader(body))
	r.SetBasicAuth(testLogin, testPassword)
	r.Header.Set("MS-ASProtocolVersion", p.version)
	r.Header.Set("Content-Type", "application/vnd.ms-sync.wbxml")
	if p.policy != "" {
		r.Header.Set("X-MS-PolicyKey", p.policy)
	}
	return r
}

// call sends a request and reads the response into resp, unless it is nil.
func (p *benchPhone) call(command string, req, resp any) int {
	p.b.Helper()
	body, err := wbxml.Marshal(req)
	if err != nil {
		p.b.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.h.handler.ServeHTTP(w, p.request(command, body))
	if w.Code != http.StatusOK {
		p.b.Fatalf("%s: HTTP %d: %s", command, w.Code, w.Body)
	}
	if resp != nil && w.Body.Len() > 0 {
		if err := wbxml.Unmarshal(w.Body.Bytes(), resp); err != nil {
			p.b.Fatal(err)
		}
	}
	return w.Body.Len()
}

// provision acknowledges the policy.
func (p *benchPhone) provision() {
	var first, second eas.ProvisionResponse
	model := "Test"
	p.call("Provision", &eas.Provision{
		DeviceInformation: &eas.DeviceInformationSet{Set: &eas.DeviceInformation{Model: &model}}, // demanded since 14.1 (MS-ASCMD_R4954)
		Policies:          []eas.PolicyRequest{{PolicyType: eas.PolicyTypeWBXML}},
	}, &first)
	p.call("Provision", &eas.Provision{Policies: []eas.PolicyRequest{{PolicyType: eas.PolicyTypeWBXML, PolicyKey: first.Policies[0].PolicyKey, Status: eas.PolicyAcknowledgmentApplied}}}, &second)
	p.policy = second.Policies[0].PolicyKey
}

func (p *benchPhone) folderSync(key string) string {
	var resp eas.FolderSyncResponse
	p.call("FolderSync", &eas.FolderSync{SyncKey: key}, &resp)
	return resp.SyncKey
}

func (p *benchPhone) syncRequest(folder, key string) *eas.Sync {
	window, truncation, html := uint(512), uint32(51_200), uint(eas.BodyHTML)
	c := eas.SyncCollection{SyncKey: key, CollectionID: folder}
	if key != "0" {
		c.WindowSize = &window
		c.Options = []eas.SyncOptions{{BodyPreference: []eas.BodyPreference{{Type: &html, TruncationSize: &truncation}}}}
	}
	return &eas.Sync{Collections: []eas.SyncCollection{c}}
}

// sync sends one Sync and returns the new key, the number of messages and
// whether there is more.
func (p *benchPhone) sync(folder, key string) (next string, adds int, more bool) {
	p.b.Helper()
	var resp eas.SyncResponse
	p.call("Sync", p.syncRequest(folder, key), &resp)
	if len(resp.Collections) == 0 {
		return key, 0, false
	}
	c := resp.Collections[0]
	return c.SyncKey, len(c.Commands), c.MoreAvailable
}

// richMessage is about 30 KB: text, HTML and an attachment.
func richMessage(n int) string {
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	var text, html strings.Builder
	for i := range 60 {
		line := fmt.Sprintf("Berth %d is free from %02d:%02d on; the draught is %d.%d m – call the tower before you move. ", rng.IntN(40), rng.IntN(24), rng.IntN(60), 4+rng.IntN(9), i%10)
		text.WriteString(line + "\n")
		fmt.Fprintf(&html, "<tr><td style=\"padding:4px;color:#234\">%d</td><td><b>%s</b></td></tr>\n", i, line)
	}
	file := make([]byte, 9_000)
	for i := range file {
		file[i] = byte(rng.Uint32())
	}
	var b strings.Builder
	fmt.Fprintf(&b, "From: Harbour Office <office@example.net>\nTo: anna@example.org\nCc: Pilots <pilots@example.net>\nSubject: Berths, list %d\nDate: Mon, 02 Nov 2026 09:12:41 +0000\nMessage-ID: <berths-%d@example.net>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"mixed\"\n\n--mixed\nContent-Type: multipart/alternative; boundary=\"alt\"\n\n--alt\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n", n, n)
	writeQuoted(&b, text.String())
	b.WriteString("\n--alt\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n")
	writeQuoted(&b, "<html><body><table>"+html.String()+"</table></body></html>")
	b.WriteString("\n--alt--\n\n--mixed\nContent-Type: application/pdf; name=\"list.pdf\"\nContent-Disposition: attachment; filename=\"list.pdf\"\nContent-Transfer-Encoding: base64\n\n")
	for len(file) > 0 {
		n := min(57, len(file))
		b.WriteString(base64.StdEncoding.EncodeToString(file[:n]) + "\n")
		file = file[n:]
	}
	b.WriteString("\n--mixed--\n")
	return crlf(b.String())
}

func writeQuoted(w io.Writer, s string) {
	q := quotedprintable.NewWriter(w)
	io.WriteString(q, s)
	q.Close()
}

// fill puts n messages into the inbox, a hundred a transaction.
func fill(b *testing.B, h *house, inbox mail.FolderID, n int, message func(int) string) (size int) {
	b.Helper()
	ctx := context.Background()
	for at := 0; at < n; at += 100 {
		var batch []mail.NewItem
		for i := at; i < min(n, at+100); i++ {
			raw := message(i)
			size += len(raw)
			body, err := h.mailboxes.Prepare(ctx, []byte(raw))
			if err != nil {
				b.Fatal(err)
			}
			batch = append(batch, mail.NewItem{Class: mail.ClassEmail, Body: body, Received: 1_790_000_000_000 + int64(i)*60_000})
		}
		h.update(b, func(tx *store.Tx) error {
			for _, it := range batch {
				if _, err := h.mailboxes.Append(tx, h.box, inbox, it); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return size / n
}

// oneCore makes the benchmark run on one processor until it ends.
func oneCore(b *testing.B) {
	before := runtime.GOMAXPROCS(1)
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// BenchmarkInitialSync is a new phone's first Sync of 2,048 messages of 30 KB
// with HTML and an attachment, WindowSize 512, type 2 truncated at 51,200, on
// one core: request in, response bytes out.
func BenchmarkInitialSync(b *testing.B) {
	h := build(b)
	inbox := h.folder(b, mail.RoleInbox)
	const messages = 2048
	size := fill(b, h, inbox, messages, richMessage)
	p := &benchPhone{b: b, h: h, device: "BENCH", version: "16.1"}
	p.provision()
	p.folderSync("0")
	folder := fmt.Sprint(inbox)
	oneCore(b)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		key, _, _ := p.sync(folder, "0")
		left := messages
		b.StartTimer()
		for left > 0 {
			w := httptest.NewRecorder()
			b.StopTimer()
			body, err := wbxml.Marshal(p.syncRequest(folder, key))
			if err != nil {
				b.Fatal(err)
			}
			w.Body.Grow(12 << 20)
			r := p.request("Sync", body)
			b.StartTimer()
			h.handler.ServeHTTP(w, r)
			b.StopTimer()
			var resp eas.SyncResponse
			if err := wbxml.Unmarshal(w.Body.Bytes(), &resp); err != nil {
				b.Fatal(err)
			}
			c := resp.Collections[0]
			if len(c.Commands) == 0 {
				b.Fatalf("%d messages are missing", left)
			}
			key, left = c.SyncKey, left-len(c.Commands)
			b.StartTimer()
		}
		b.StopTimer()
		p.sync(folder, key) // what came is confirmed: the next start is no sign of trouble
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N*messages)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64(size), "bytes/message")
}

// BenchmarkSyncNothingNew is a Sync of an inbox of 10,000 messages in which
// nothing happened, with authentication.
func BenchmarkSyncNothingNew(b *testing.B) {
	h := build(b)
	inbox := h.folder(b, mail.RoleInbox)
	fill(b, h, inbox, 10_000, func(i int) string {
		return crlf(fmt.Sprintf("From: a@example.net\nSubject: %d\n\nshort\n", i))
	})
	p := &benchPhone{b: b, h: h, device: "BENCH", version: "16.1"}
	p.provision()
	p.folderSync("0")
	folder := fmt.Sprint(inbox)
	key, _, _ := p.sync(folder, "0")
	for more := true; more; {
		key, _, more = p.sync(folder, key)
	}
	body, err := wbxml.Marshal(p.syncRequest(folder, key))
	if err != nil {
		b.Fatal(err)
	}
	p.repeat("Sync", body, 0)
}

// BenchmarkFolderSyncNothingNew is a FolderSync that brings nothing.
func BenchmarkFolderSyncNothingNew(b *testing.B) {
	h := build(b)
	p := &benchPhone{b: b, h: h, device: "BENCH", version: "16.1"}
	p.provision()
	body, err := wbxml.Marshal(&eas.FolderSync{SyncKey: p.folderSync("0")})
	if err != nil {
		b.Fatal(err)
	}
	p.repeat("FolderSync", body, -1)
}

// repeat measures one request on one core. The response must have size bytes;
// -1 is any size.
func (p *benchPhone) repeat(command string, body []byte, size int) {
	b := p.b.(*testing.B)
	oneCore(b)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		p.h.handler.ServeHTTP(w, p.request(command, body))
		if w.Code != http.StatusOK || size >= 0 && w.Body.Len() != size {
			b.Fatalf("HTTP %d, %d bytes", w.Code, w.Body.Len())
		}
	}
}
