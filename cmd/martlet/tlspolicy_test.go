package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/dns/dnstest"
)

// startFor starts a server that takes mail for a domain, and whom an address of it
// belongs to.
func startFor(t *testing.T, c Config, domain, login string) *server {
	t.Helper()
	c.StorePath = filepath.Join(t.TempDir(), "data")
	c.HashCost = directory.HashCost{Memory: 16, Time: 1, Threads: 1}
	s, err := startServer(t.Context(), c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := s.directory.AddDomain(t.Context(), directory.Domain{Name: domain}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.directory.AddUser(t.Context(), directory.Account{Login: login, ActiveSync: true}, "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	return s
}

// Two whole servers, and a name server with DNSSEC between them.
func TestOneServerSendsToAnotherAsItsRecordsWant(t *testing.T) {
	free := []string{"127.0.0.1:0"}
	to := startFor(t, Config{Hostname: "mx.example.com", SMTP: free}, "example.com", "dora@example.com")
	_, text, err := net.SplitHostPort(to.Addr("smtp"))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := selfSigned(filepath.Join(to.config.StorePath, tlsFolder), "mx.example.com", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(shown.cert, shown.key)
	if err != nil {
		t.Fatal(err)
	}
	zone := "example.com. 0 IN MX 10 mx.example.com.\nmx.example.com. 0 IN A 127.0.0.1\n"
	tlsa := func(digest [32]byte) string {
		return fmt.Sprintf("%s_%d._tcp.mx.example.com. 0 IN TLSA 3 1 1 %x\n", zone, port, digest)
	}
	ns := dnstest.Start(t, zone)
	from := startFor(t, Config{Hostname: "mail.example.org", DNS: DNSConfig{Servers: []string{ns.Listen(t)}}, Relay: RelayConfig{Port: uint16(port)}}, "example.org", "ada@example.org")
	send := func(requireTLS bool) mail.Outcome {
		t.Helper()
		a := from.data.relay.Deliver(t.Context(), &mail.Outgoing{
			Destination: "example.com", Message: bytes.NewReader([]byte("From: ada@example.org\r\nSubject: hi\r\n\r\nHello\r\n")),
			Envelope: mail.Envelope{From: "ada@example.org", To: []mail.Recipient{{Address: "dora@example.com"}}, RequireTLS: requireTLS},
		})
		return a.Outcomes[0]
	}
	ns.Authentic()
	ns.Replace(t, tlsa(sha256.Sum256([]byte("another key"))))
	if o := send(false); o.Action != mail.Delayed || o.Status != "4.7.5" {
		t.Errorf("to another's key: %+v", o)
	}
	ns.Replace(t, tlsa(sha256.Sum256(pair.Leaf.RawSubjectPublicKeyInfo)))
	for _, requireTLS := range []bool{false, true} {
		if o := send(requireTLS); o.Action == mail.Delayed || o.Action == mail.Failed || o.Policy != "dane" || o.TLS == "" {
			t.Errorf("to the right key, REQUIRETLS %v: %+v", requireTLS, o)
		}
	}
}

func TestOthersAreToldOurPolicy(t *testing.T) {
	c := Config{Hostname: "mail.example.org", HTTPS: []string{"127.0.0.1:0"}, STS: STSConfig{Mode: "enforce", MaxAge: 24 * time.Hour}}
	s := startFor(t, c, "example.org", "ada@example.org")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	get := func(host string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.Addr("https")+"/.well-known/mta-sts.txt", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if status, text := get("mta-sts.example.org"); status != 200 || text != "version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmax_age: 86400\r\n" {
		t.Errorf("%d %q", status, text)
	}
	if status, text := get("mta-sts.example.com"); status != 404 {
		t.Errorf("%d %q", status, text)
	}
}

func TestTheRecordChangesWithThePolicy(t *testing.T) {
	record := func(c Config) string {
		for _, r := range tlsRecords(&c, "example.org") {
			if r.Name == "_mta-sts.example.org." {
				return r.Value
			}
		}
		return ""
	}
	testing := record(Config{Hostname: "mail.example.org", STS: STSConfig{Mode: "testing", MaxAge: defaultSTSAge}})
	enforce := record(Config{Hostname: "mail.example.org", STS: STSConfig{Mode: "enforce", MaxAge: defaultSTSAge}})
	if !strings.HasPrefix(testing, `"v=STSv1; id=`) || testing == enforce {
		t.Errorf("%s and %s", testing, enforce)
	}
	if off := record(Config{Hostname: "mail.example.org", STS: STSConfig{Mode: "off", MaxAge: defaultSTSAge}}); off != "" {
		t.Errorf("switched off: %s", off)
	}
}

func TestReportsOfTLSThatComeAreKept(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "mail", "tlspolicy", "testdata", "report.eml"))
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Hostname: "mail.example.org", SMTP: []string{"127.0.0.1:0"}, CheckSenders: true, Filter: FilterConfig{Inbox: "ada@example.org"}}
	s := startFor(t, c, "example.org", "ada@example.org")
	client, err := smtp.Dial(s.Addr("smtp"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Mail("tlsrpt@bigmail.example"); err != nil {
		t.Fatal(err)
	}
	if err := client.Rcpt("ada@example.org"); err != nil {
		t.Fatal(err)
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := s.policies.Received(t.Context(), "example.org", time.Time{})
	if err != nil || len(all) != 1 || all[0].Failure != 303 {
		t.Errorf("%+v, %v", all, err)
	}
}
