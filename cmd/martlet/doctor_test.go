package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/gateway/admin"
	"martlet/store"
	"martlet/sync/device"
)

// examined runs the command and returns what it found.
func examined(t *testing.T, config string) (all []finding, err error) {
	t.Helper()
	var out strings.Builder
	cmd := newApp(os.Stdin, &out, io.Discard).root()
	cmd.SetArgs([]string{"doctor", "--offline", "--json", "-c", config})
	err = cmd.ExecuteContext(t.Context())
	if e := json.Unmarshal([]byte(out.String()), &all); e != nil {
		t.Fatalf("%v in %s", e, out.String())
	}
	return all, err
}

// found returns the levels of a check, and its texts.
func found(all []finding, check string) (levels, texts string) {
	for _, f := range all {
		if f.Check == check {
			levels += f.Level + " "
			texts += f.Text + " -> " + f.Remedy + "\n"
		}
	}
	return strings.TrimSpace(levels), texts
}

func TestTheDoctorLooksAtARunningServer(t *testing.T) {
	r := newReloadable(t, "[http]\nlisten = \"127.0.0.1:0\"\n[https]\nlisten = \"127.0.0.1:0\"\n")
	err := r.store.Update(t.Context(), func(tx *store.Tx) error {
		for _, name := range []string{"a", "b", "c"} {
			d := device.Device{ID: device.ID{Account: 1, Device: name}}
			if name != "c" {
				d.HeldLimit, d.HeldPeer = 60, "127.0.0.1/32"
			}
			if err := r.devices.Save(tx, d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := examined(t, r.file)
	if !errors.Is(err, errSick) {
		t.Errorf("phones behind a proxy that cuts are no problem: %v", err)
	}
	for check, want := range map[string][2]string{
		"configuration": {fine, "is right"}, "server": {fine, "runs, process"}, "[http]": {fine, "is open"}, "[https]": {fine, "is open"},
		"store": {warning, "not sealed"}, "certificate": {"ok ok warning", "self-signed"}, "push": {fine, "no app"},
		"phones": {problem, "2 of 3 phones end after about 60 s, which come from 127.0.0.1/32; that is what nginx"},
	} {
		if levels, texts := found(all, check); levels != want[0] || !strings.Contains(texts, want[1]) {
			t.Errorf("%s: %s: %s", check, levels, texts)
		}
	}
	r.write("[http]\nlisten = \"127.0.0.1:0\"\n[smtp]\nlisten = \"127.0.0.1:0\"\n")
	all, _ = examined(t, r.file)
	if levels, texts := found(all, "[smtp]"); levels != problem || !strings.Contains(texts, "started before") {
		t.Errorf("a door the server does not know of: %s: %s", levels, texts)
	}
}

func TestTheDoctorLooksAtAServerThatIsNotThere(t *testing.T) {
	r := newReloadable(t, "[http]\nlisten = \"127.0.0.1:0\"\n")
	taken := r.Addr("http")
	file := filepath.Join(t.TempDir(), "martlet.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("[store]\npath = \"data\"\n[http]\nlisten = \"" + taken + "\"\n[smtp]\nlisten = \"127.0.0.1:0\"\n")
	all, err := examined(t, file)
	if !errors.Is(err, errSick) {
		t.Errorf("a port that is taken: %v", err)
	}
	for check, want := range map[string]string{"server": warning, "store": problem, "[http]": problem, "[smtp]": fine, "certificate": fine} {
		if levels, texts := found(all, check); levels != want {
			t.Errorf("%s: %s: %s", check, levels, texts)
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(file), "data")); err == nil {
		t.Error("the doctor made a store")
	}
	write("[store]\npath = \"data\"\n[log]\nlevel = \"loud\"\n")
	all, err = examined(t, file)
	if levels, texts := found(all, "configuration"); !errors.Is(err, errSick) || levels != problem || !strings.Contains(texts, file+":4: log.level") {
		t.Errorf("%v, %s, %s", err, levels, texts)
	}
}

// A store that the configured key does not open is not called sealed with it.
func TestTheDoctorNoticesAnotherKey(t *testing.T) {
	dir := t.TempDir()
	file, key := filepath.Join(dir, "martlet.toml"), filepath.Join(dir, "key")
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.WriteFile(name, []byte(text), mode), os.Chmod(name, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write(file, "[store]\npath = \"data\"\nkey_file = \"key\"\n[http]\nlisten = \"127.0.0.1:0\"\n", 0o600)
	write(key, base64.StdEncoding.EncodeToString(make([]byte, store.KeySize)), 0o644)
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(store.Config{Path: filepath.Join(data, rowsFolder), Key: make([]byte, store.KeySize)})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := examined(t, file)
	if levels, texts := found(all, "store"); err == nil || levels != problem+" "+fine || !strings.Contains(texts, "others may read") {
		t.Errorf("a key for everybody: %v, %s, %s", err, levels, texts)
	}
	write(key, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, store.KeySize)), 0o600)
	all, err = examined(t, file)
	if levels, texts := found(all, "store"); err == nil || levels != problem || !strings.Contains(texts, "another key") {
		t.Errorf("another key: %v, %s, %s", err, levels, texts)
	}
}

func TestWhoCutsRequestsIsGuessedFromTheirAge(t *testing.T) {
	cut := func(seconds uint32, peer string, n int) admin.Cut {
		return admin.Cut{Seconds: seconds, Peer: peer, Devices: n}
	}
	for name, c := range map[string]struct {
		cuts   []admin.Cut
		level  string
		within string
	}{
		"none":       {nil, fine, "none is known"},
		"nginx":      {[]admin.Cut{cut(60, "10.0.0.5/32", 40), cut(61, "10.0.0.5/32", 2)}, problem, "42 of 100 phones end after about 60 s, which come from 10.0.0.5/32; that is what nginx"},
		"a carrier":  {[]admin.Cut{cut(300, "192.0.2.0/24", 1)}, warning, "forgets idle connections after 5 minutes"},
		"everywhere": {[]admin.Cut{cut(99, "192.0.2.0/24", 5), cut(100, "198.51.100.0/24", 6)}, warning, "11 of 100 phones end after about 99 s, which come from 2 networks; that is what Cloudflare"},
		"unknown":    {[]admin.Cut{cut(777, "192.0.2.0/24", 5)}, warning, "after about 777 s"},
	} {
		all := judgeCuts(admin.Examined{Devices: 100, Cuts: c.cuts})
		if len(all) != 1 || all[0].Level != c.level || !strings.Contains(all[0].Text, c.within) {
			t.Errorf("%s: %+v", name, all)
		}
	}
	two := judgeCuts(admin.Examined{Devices: 9, Cuts: []admin.Cut{cut(60, "10.0.0.5/32", 3), cut(300, "192.0.2.0/24", 1)}})
	if len(two) != 2 || two[0].Level != problem || two[1].Level != warning {
		t.Errorf("%+v", two)
	}
}

// authority makes certificates for one moment.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func (a *authority) issue(name string, ca bool, from, to time.Time) *authority {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to,
		IsCA: ca, BasicConstraintsValid: true, DNSNames: []string{name},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err == nil {
		c, err = x509.ParseCertificate(der)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return &authority{a.t, c, key}
}

func TestACertificateIsJudgedAsPhonesDo(t *testing.T) {
	now := time.Now()
	from, to := now.AddDate(0, -1, 0), now.AddDate(0, 2, 0)
	root := (&authority{t: t}).issue("root", true, from, to)
	between := root.issue("between", true, from, to)
	good := between.issue("mail.example.org", false, from, to)
	self := (&authority{t: t}).issue("mail.example.org", false, from, to)
	old := between.issue("mail.example.org", false, from, now.AddDate(0, 0, -1))
	soon := between.issue("mail.example.org", false, from, now.AddDate(0, 0, 3))
	roots := x509.NewCertPool()
	roots.AddCert(root.cert)
	for name, c := range map[string]struct {
		chain []*x509.Certificate
		host  string
		want  string
	}{
		"good":          {[]*x509.Certificate{good.cert, between.cert}, "mail.example.org", "ok ok ok"},
		"another name":  {[]*x509.Certificate{good.cert, between.cert}, "mx.example.org", "ok problem ok"},
		"no chain":      {[]*x509.Certificate{good.cert}, "mail.example.org", "ok ok problem"},
		"self-signed":   {[]*x509.Certificate{self.cert}, "mail.example.org", "ok ok warning"},
		"has ended":     {[]*x509.Certificate{old.cert, between.cert}, "mail.example.org", "problem ok ok"},
		"ends soon":     {[]*x509.Certificate{soon.cert, between.cert}, "", "warning ok"},
		"not begun":     {[]*x509.Certificate{between.issue("x.example", false, now.AddDate(0, 0, 1), to).cert, between.cert}, "", "ok problem ok"},
		"other's chain": {[]*x509.Certificate{good.cert, self.cert}, "", "ok warning"},
	} {
		if levels, texts := found(judgeChain(c.chain, c.host, roots, now), "certificate"); levels != c.want {
			t.Errorf("%s: %s, want %s\n%s", name, levels, c.want, texts)
		}
	}
}

func TestAProxyIsKnownByItsWords(t *testing.T) {
	for name, want := range map[string]string{"Via": "Via: x", "Server": "Server: x", "CF-Ray": "CF-Ray: x", "Content-Type": ""} {
		h := http.Header{}
		h.Set(name, "x")
		if got := proxyOf(h); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
