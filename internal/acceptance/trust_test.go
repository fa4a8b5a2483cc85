package acceptance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"martlet/internal/process"
	"martlet/mail/dkim"
	"martlet/mail/dns/dnstest"
	"martlet/protocol/eas"
)

// receiver is another organisation's mail host: it takes everything.
func receiver(t *testing.T) (address string, messages <-chan []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	out := make(chan []byte, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go receive(c, out)
		}
	}()
	return l.Addr().String(), out
}

func receive(c net.Conn, out chan<- []byte) {
	defer c.Close()
	r := bufio.NewReader(c)
	say := func(s string) { c.Write([]byte(s + "\r\n")) }
	say("220 mx.elsewhere.example ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(line[:min(len(line), 4)]); verb {
		case "EHLO":
			say("250-mx.elsewhere.example\r\n250 8BITMIME")
		case "DATA":
			say("354 go on")
			var raw bytes.Buffer
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				raw.WriteString(strings.TrimPrefix(line, "."))
			}
			out <- raw.Bytes()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

// What a real server sends is signed with the keys that its administrator has put
// into the DNS, and whoever looks there can tell that it is genuine.
func TestMailThatGoesOutIsSigned(t *testing.T) {
	names := dnstest.Start(t, "mx.elsewhere.example. A 127.0.0.1\n")
	to, messages := receiver(t)
	h := &house{Installation: process.Install(t), t: t, log: &lines{}}
	h.Installation.Log = h.log
	h.Configure("[submission]\nlisten = \"127.0.0.1:0\"\n[dns]\nservers = [\"" + names.Listen(t) + "\"]\n[relay]\nto = [\"" + to + "\"]\ntls = \"if-offered\"\n")
	h.Run(password+"\n", "user", "add", robin, "--new-domain", "--password-stdin", "--name", "Robin Swift")

	var records []struct{ Name, Value string }
	if out := h.Run("", "dkim", "dns", "acceptance.example", "--json"); json.Unmarshal([]byte(out), &records) != nil || len(records) != 2 {
		t.Fatalf("martlet dkim dns: %s", out)
	}
	zone := ""
	for _, r := range records {
		zone += r.Name + " TXT " + r.Value + "\n"
	}
	names.Replace(t, zone)
	h.start()
	defer h.stop()
	deadline := time.Now().Add(20 * time.Second)
	for strings.Count(h.Run("", "dkim", "list"), " used ") < 2 { // the server looks at its start
		if time.Now().After(deadline) {
			t.Fatal("the keys in the DNS are not used")
		}
	}

	p, _ := h.settled("SIGNER", eas.V161)
	raw := "From: Robin Swift <" + robin + ">\r\nTo: kim@elsewhere.example\r\nSubject: Planning\r\nMessage-ID: <1@phone>\r\n\r\nTomorrow at nine.\r\n"
	if err := p.SendMail(t.Context(), "once", []byte(raw), true); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-messages:
		resolver := names.Resolver()
		signatures := dkim.Verify(t.Context(), got, resolver.LookupTXT, 5)
		if len(signatures) != 2 || signatures[0].Result != dkim.Pass || signatures[1].Result != dkim.Pass || signatures[0].Domain != "acceptance.example" {
			t.Errorf("%+v\n%s", signatures, got)
		}
		forged := bytes.Replace(got, []byte("nine"), []byte("ten!"), 1)
		if s := dkim.Verify(t.Context(), forged, resolver.LookupTXT, 5); len(s) != 2 || s[0].Result != dkim.Fail {
			t.Errorf("what was changed is %+v", s)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing went out")
	}
}

// What others report about our domains comes by mail and is summed up.
func TestReportsAboutOurDomainsAreSummedUp(t *testing.T) {
	h := newHouse(t, "[filter]\ndmarc_inbox = \""+robin+"\"\n")
	report := `<feedback><report_metadata><org_name>Mail Company</org_name><email>x@mail.example</email><report_id>1</report_id>` +
		`<date_range><begin>%d</begin><end>%d</end></date_range></report_metadata><policy_published><domain>acceptance.example</domain><p>none</p></policy_published>` +
		`<record><row><source_ip>192.0.2.1</source_ip><count>7</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>` +
		`<identifiers><header_from>acceptance.example</header_from></identifiers></record></feedback>`
	yesterday := time.Now().Add(-24 * time.Hour).Unix()
	h.deliver("From: x@mail.example\r\nTo: " + robin + "\r\nSubject: Report Domain: acceptance.example\r\nContent-Type: text/xml; name=report.xml\r\nContent-Disposition: attachment; filename=report.xml\r\n\r\n" +
		fmt.Sprintf(report, yesterday-86400, yesterday) + "\r\n")
	var sources []struct {
		Address          string
		Messages, Passed int
	}
	out := h.Run("", "reports", "dmarc", "show", "acceptance.example", "--json")
	if err := json.Unmarshal([]byte(out), &sources); err != nil || len(sources) != 1 || sources[0].Address != "192.0.2.1" || sources[0].Messages != 7 || sources[0].Passed != 7 {
		t.Errorf("%v %s", err, out)
	}
	if out := h.Run("", "reports", "dmarc", "list"); !strings.Contains(out, "Mail Company") {
		t.Error(out)
	}
	h.fsck()
}
