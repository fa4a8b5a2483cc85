package main

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"martlet/gateway/admin"
	"martlet/mail/scan"
)

// The doors of a running server answer, and the certificate that they share is
// spoken of once.
func TestTheDoctorTalksToEachDoor(t *testing.T) {
	doors := []string{"smtp", "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s", "sieve"}
	var text strings.Builder
	for _, door := range append(doors, "https") {
		text.WriteString("[" + door + "]\nlisten = \"127.0.0.1:0\"\n")
	}
	r := newReloadable(t, text.String())
	all, _ := examined(t, r.file)
	for _, door := range doors {
		want := "answers, with TLS"
		if door == "lmtp" {
			want = "answers"
		}
		if levels, texts := found(all, "["+door+"]"); levels != fine || !strings.Contains(texts, want) {
			t.Errorf("%s: %s: %s", door, levels, texts)
		}
	}
	for _, f := range all {
		if strings.HasPrefix(f.Check, "certificate [") {
			t.Errorf("the same certificate is judged again: %+v", f)
		}
	}
}

// speaker is a server that says one line to whoever comes, and then answers each
// line with the next.
func speaker(t *testing.T, says ...string) net.Conn {
	t.Helper()
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close() })
	go func() {
		defer there.Close()
		in := bufio.NewReader(there)
		for i, s := range says {
			if i > 0 {
				if _, err := in.ReadString('\n'); err != nil {
					return
				}
			}
			if _, err := there.Write([]byte(s)); err != nil {
				return
			}
		}
	}()
	return here
}

func TestTheDoctorNoticesWhatAnswersWrongly(t *testing.T) {
	for name, c := range map[string]struct {
		door  string
		says  []string
		level string
		text  string
	}{
		"another protocol":  {"imap", []string{"220 mail.example.org\r\n"}, problem, "does not answer as it should"},
		"too busy":          {"smtp", []string{"421 4.3.2 too many\r\n"}, problem, "it says: 421 4.3.2 too many"},
		"no TLS":            {"smtp", []string{"220 x\r\n", "250-x\r\n250 SIZE\r\n"}, warning, "in the clear"},
		"no TLS for logins": {"submission", []string{"220 x\r\n", "250-x\r\n250 SIZE\r\n"}, problem, "nobody can log in"},
		"no STLS":           {"pop3", []string{"+OK\r\n", "+OK\r\nUIDL\r\n.\r\n"}, problem, "nobody can log in"},
		"no STARTTLS":       {"imap", []string{"* OK\r\n", "* CAPABILITY IMAP4rev2\r\na OK\r\n"}, problem, "nobody can log in"},
		"sieve without":     {"sieve", []string{"\"SIEVE\" \"fileinto\"\r\nOK\r\n"}, problem, "nobody can log in"},
		"TLS that fails":    {"smtp", []string{"220 x\r\n", "250 STARTTLS\r\n", "454 not now\r\n"}, problem, "TLS with it fails"},
		"no end":            {"smtp", []string{strings.Repeat("x", 2*maxTalk)}, problem, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &doctor{ctx: t.Context()}
			d.answers("door", c.door, "here", speaker(t, c.says...))
			if levels, texts := found(d.findings, "door"); levels != c.level || !strings.Contains(texts, c.text) {
				t.Errorf("%s: %s", levels, texts)
			}
		})
	}
}

func TestTheDoctorAsksScanners(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Addr().String()
	l.Close()
	d := &doctor{ctx: t.Context()}
	d.c.Scan = ScanConfig{
		Milters: []milterConfig{{Name: "m", Closed: true, MilterConfig: scan.MilterConfig{Address: gone}}},
		Clamd:   &clamdConfig{ClamdConfig: scan.ClamdConfig{Addresses: []string{gone}}},
		Rspamd:  &rspamdConfig{RspamdConfig: scan.RspamdConfig{URL: "http://" + gone}},
	}
	d.scanners()
	for check, want := range map[string]string{"milter m": "no mail is taken", "clamd": "not looked at", "rspamd": "not looked at"} {
		if levels, texts := found(d.findings, check); levels != problem || !strings.Contains(texts, want) {
			t.Errorf("%s: %s: %s", check, levels, texts)
		}
	}
}

func TestTheDoctorLooksAtTheQueue(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		waiting admin.Waiting
		level   string
		within  string
	}{
		"empty":  {admin.Waiting{}, fine, "no mail waits"},
		"some":   {admin.Waiting{Messages: 3, Oldest: now.Add(-time.Hour)}, fine, "3 messages wait"},
		"held":   {admin.Waiting{Messages: 3, Held: 3}, warning, "3 messages are held"},
		"one":    {admin.Waiting{Messages: 40, Late: 30, Worst: "slow.example", OfWorst: 29, Why: "451 later", Oldest: now.Add(-5 * time.Hour)}, warning, "29 of them for slow.example: 451 later"},
		"many":   {admin.Waiting{Messages: 40, Late: 30, Worst: "slow.example", OfWorst: 2, Oldest: now.Add(-5 * time.Hour)}, warning, "30 of them for more than"},
		"oldest": {admin.Waiting{Messages: 1, Late: 1, Worst: "slow.example", OfWorst: 1, Oldest: now.Add(-50 * time.Hour)}, warning, "the oldest for 50h"},
		"huge":   {admin.Waiting{Messages: 20_000, Oldest: now, Many: true}, warning, "at least 20000"},
	} {
		all := judgeQueue(c.waiting, now)
		if len(all) != 1 || all[0].Level != c.level || !strings.Contains(all[0].Text, c.within) {
			t.Errorf("%s: %+v", name, all)
		}
	}
}
