package dkim

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pythonDKIM is Debian's python3-dkim, which knows ARC, too.
func pythonDKIM(t *testing.T) string {
	t.Helper()
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(p, "-c", "import dkim, nacl, authres").Run() == nil {
			return p
		}
	}
	t.Skip("python3-dkim, python3-authres and python3-nacl are not installed")
	return ""
}

// keyFiles writes a key for other programs, and the DNS as lines of name and text.
func keyFiles(t *testing.T, dns texts, k Key) (key, records string) {
	t.Helper()
	dir := t.TempDir()
	key, records = filepath.Join(dir, "key.pem"), filepath.Join(dir, "records")
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for name, text := range dns {
		b.WriteString(name + " " + text + "\n")
	}
	if err := os.WriteFile(records, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return key, records
}

func run(t *testing.T, in string, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Stdin = strings.NewReader(in)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out, &complaints)
	}
	return string(out)
}

const pythonRecords = `
import sys, dkim
records = dict(l.rstrip("\n").encode().split(b" ", 1) for l in open(sys.argv[1]))
def txt(name, timeout=5): return records.get(name.rstrip(b"."))
raw = sys.stdin.buffer.read()
`

func TestAnotherProgramBelievesOurSignaturesAndSeals(t *testing.T) {
	python := pythonDKIM(t)
	r, e := testKeys(t, "example.com")
	dns := texts{}
	dns.publish(t, r, e)
	_, records := keyFiles(t, dns, r)
	head, err := Sign([]byte(letter), time.Now(), r, e)
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, string(head)+letter, python, "-c", pythonRecords+`
d = dkim.DKIM(raw)
print(d.verify(0, dnsfunc=txt), d.verify(1, dnsfunc=txt))`, records); got != "True True\n" {
		t.Error(got)
	}
	sealed := seal(t, dns, letter, r, r, r)
	if got := run(t, sealed, python, "-c", pythonRecords+`
cv, results, reason = dkim.arc_verify(raw, dnsfunc=txt)
print(cv.decode(), len(results), reason)`, records); got != "pass 3 success\n" {
		t.Error(got)
	}
}

func TestWhatAnotherProgramSealsIsGood(t *testing.T) {
	python := pythonDKIM(t)
	r, _ := testKeys(t, "example.com")
	dns := texts{}
	dns.publish(t, r)
	key, records := keyFiles(t, dns, r)
	raw := letter
	for i := range 2 {
		// It wants results of its own name in the message.
		found := "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=example.com; arc=" + VerifyChain(t.Context(), []byte(raw), dns.lookup).Result + "\r\n"
		set := run(t, found+raw, python, "-c", pythonRecords+`
dkim.ARC.verify.__defaults__ = (txt,)
for line in dkim.arc_sign(raw, b"r", b"example.com", open(sys.argv[2], "rb").read(), b"mx.example.com"): sys.stdout.buffer.write(line)`, records, key)
		raw = set + raw
		if got := VerifyChain(t.Context(), []byte(raw), dns.lookup); got.Result != Pass || got.Sets != i+1 {
			t.Fatalf("%+v", got)
		}
	}
	if raw = seal(t, dns, raw, r); VerifyChain(t.Context(), []byte(raw), dns.lookup).Result != Pass {
		t.Error("our seal on top of theirs fails")
	}
}

// Debian's opendkim signs; its answer is the field that it would insert. It reads a
// message from a file with other line ends, which only relaxed fields survive.
func TestWhatOpenDKIMSignsIsGood(t *testing.T) {
	if _, err := exec.LookPath("opendkim"); err != nil {
		t.Skip("opendkim is not installed")
	}
	r, _ := testKeys(t, "example.com")
	dns := texts{}
	dns.publish(t, r)
	key, _ := keyFiles(t, dns, r)
	dir := filepath.Dir(key)
	letterFile := filepath.Join(dir, "letter")
	if err := os.WriteFile(letterFile, []byte(letter), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, forms := range []string{"relaxed/relaxed", "relaxed/simple"} {
		conf := filepath.Join(dir, "conf")
		text := "Mode s\nDomain example.com\nSelector r\nKeyFile " + key + "\nSignatureAlgorithm rsa-sha256\nRequireSafeKeys no\nOversignHeaders From\nSocket inet:0@127.0.0.1\nCanonicalization " + forms + "\n"
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out := run(t, "", "opendkim", "-x", conf, "-t", letterFile, "-v", "-v")
		_, value, ok := strings.Cut(out, "hvalue='")
		value, _, closed := strings.Cut(value, "'")
		if !ok || !closed {
			t.Fatalf("no signature: %s", out)
		}
		raw := "DKIM-Signature: " + strings.ReplaceAll(value, "\n", "\r\n") + "\r\n" + letter
		if got := Verify(t.Context(), []byte(raw), dns.lookup, 5); results(got) != Pass || !strings.Contains(raw, "c="+forms) {
			t.Errorf("%s: %+v\n%s", forms, got, raw)
		}
		if got := results(Verify(t.Context(), []byte(strings.Replace(raw, "nine", "ten", 1)), dns.lookup, 5)); got != Fail {
			t.Errorf("%s, changed: %s", forms, got)
		}
	}
}

// opendkim-testmsg still signs with SHA-1, which nobody may believe (RFC 8301 3.1).
func TestWhatIsSignedWithSHA1IsNot(t *testing.T) {
	if _, err := exec.LookPath("opendkim-testmsg"); err != nil {
		t.Skip("opendkim-testmsg is not installed")
	}
	r, _ := testKeys(t, "example.com")
	dns := texts{}
	dns.publish(t, r)
	key, _ := keyFiles(t, dns, r)
	raw := run(t, letter, "opendkim-testmsg", "-C", "-d", "example.com", "-k", key, "-s", "r", "-t", filepath.Dir(key))
	if got := Verify(t.Context(), []byte(raw), dns.lookup, 5); results(got) != PermError || got[0].Algorithm != "rsa-sha1" {
		t.Errorf("%+v", got)
	}
}
