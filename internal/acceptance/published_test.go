package acceptance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// What an administrator publishes in [[documents]] is read by whom it is meant
// for, or with their password; links lead nowhere outside.
func TestDocumentsAreReadByWhomTheyAreFor(t *testing.T) {
	plans := t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret.txt")
	for name, text := range map[string]string{secret: "secret", filepath.Join(plans, "tide table.txt"): "high, low", filepath.Join(plans, ".hidden"): "h"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{"inside.txt": "tide table.txt", "outside.txt": secret, "outdir": filepath.Dir(secret)} {
		if err := os.Symlink(to, filepath.Join(plans, from)); err != nil {
			t.Fatal(err)
		}
	}
	h := newHouse(t, fmt.Sprintf("[[documents]]\nshare = '\\\\files\\plans'\nfolder = %q\nreaders = [\"crew@acceptance.example\"]\n", plans))
	h.Run("[[user]]\nlogin = \"wren@acceptance.example\"\npassword = \"secret of wren\"\n[[group]]\naddress = \"crew@acceptance.example\"\nmembers = [\"wren@acceptance.example\"]\n", "directory", "apply", "-")
	wren := h.newPhone("WREN", func(c *phone.Config) { c.User, c.Password = "wren@acceptance.example", "secret of wren" })
	h.settle(wren)
	p, _ := h.settled("ROBIN", eas.V141)

	names, status := browse(t, wren, `\\FILES\plans`)
	if want := []string{"inside.txt", "plans", "tide table.txt"}; status != eas.SearchStatusSuccess || !slices.Equal(names, want) {
		t.Errorf("the share holds %q (%v), want %q", names, status, want)
	}
	for _, hidden := range []string{`\\files\plans\outdir`, `\\files\plans\outside.txt`, `\\files\plans\..`, `\\files\other`} {
		if names, status := browse(t, wren, hidden); status == eas.SearchStatusSuccess || len(names) > 0 {
			t.Errorf("%s: %v, %q", hidden, status, names)
		}
	}
	if names, status := browse(t, p, `\\files\plans`); status != eas.SearchStatusCredentialsRequired || len(names) > 0 {
		t.Errorf("who may not read it is answered %v, %q", status, names)
	}
	for _, c := range []struct {
		p              *phone.Phone
		link           string
		user, password string
		want           string
	}{
		{wren, `\\files\plans\tide table.txt`, "", "", "high, low"},
		{wren, `\\files\plans\inside.txt`, "", "", "high, low"},
		{wren, `\\files\plans\outside.txt`, "", "", ""},
		{wren, `\\files\plans\outdir\secret.txt`, "", "", ""},
		{wren, `\\files\plans\.hidden`, "", "", ""},
		{p, `\\files\plans\tide table.txt`, "", "", ""},
		{p, `\\files\plans\tide table.txt`, "wren@acceptance.example", "wrong", ""},
		{p, `\\files\plans\tide table.txt`, "wren@acceptance.example", "secret of wren", "high, low"},
	} {
		if got := document(t, c.p, c.link, c.user, c.password); got != c.want {
			t.Errorf("%s as %q: %q, want %q", c.link, c.user, got, c.want)
		}
	}
}

// A published folder on a disk that is not mounted keeps nobody from their mail:
// the log says what is missing, and it is there as soon as the disk is.
func TestAPublishedFolderThatIsMissingKeepsNoMailOut(t *testing.T) {
	plans := filepath.Join(t.TempDir(), "mounted", "plans")
	h := newHouse(t, fmt.Sprintf("[[documents]]\nshare = '\\\\files\\plans'\nfolder = %q\nreaders = [\"all\"]\n", plans))
	if out, err := h.Try("", "config", "check"); err == nil || !strings.Contains(out, plans) {
		t.Errorf("config check says %s: %v", out, err)
	}
	if text := h.log.text(); !strings.Contains(text, plans) {
		t.Errorf("at its start the server logged %s", text)
	}
	h.log.forgive()
	p, inbox := h.settled("READER", eas.V141)
	h.well(p, inbox, "without the disk")
	if names, status := browse(t, p, `\\files\plans`); status != eas.SearchStatusConnectFailed || len(names) > 0 {
		t.Errorf("the missing folder is answered %v, %q", status, names)
	}
	if got := document(t, p, `\\files\plans\a.txt`, "", ""); got != "" {
		t.Errorf("a file of the missing folder: %q", got)
	}
	h.waitLog("ItemOperations") // the log comes through a pipe
	if n := strings.Count(h.log.text(), plans); n != 2 {
		t.Errorf("the log tells %d times what is missing, want 2:\n%s", n, h.log.text())
	}
	if err := os.MkdirAll(plans, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(plans, "a.txt"), []byte("here"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := document(t, p, `\\files\plans\a.txt`, "", ""); got != "here" {
		t.Errorf("after the disk came: %q", got)
	}
}

// browse lists what the document library has at a link, by name.
func browse(t *testing.T, p *phone.Phone, link string) (names []string, status eas.SearchStatus) {
	t.Helper()
	empty := ""
	var resp eas.SearchResponse
	if err := p.Call(t.Context(), "Search", phone.Params{}, &eas.Search{Store: &eas.SearchStore{
		Name:  eas.StoreDocumentLibrary,
		Query: &eas.SearchQuery{SearchConditions: eas.SearchConditions{EqualTo: []eas.SearchComparison{{LinkID: &empty, Value: link}}}},
	}}, &resp); err != nil {
		t.Fatal(err)
	}
	for _, r := range resp.Response.Store.Results {
		raw, ok := r.Properties.(wbxml.Raw)
		if !ok {
			continue // nothing was found
		}
		var d eas.Document
		if err := wbxml.UnmarshalRaw(raw, &d); err != nil {
			t.Fatal(err)
		}
		names = append(names, d.DisplayName)
	}
	slices.Sort(names)
	return names, resp.Response.Store.Status
}

// document fetches a file of the library; refused it is empty.
func document(t *testing.T, p *phone.Phone, link, user, password string) string {
	t.Helper()
	var opt *eas.FetchOptions
	if user != "" {
		opt = &eas.FetchOptions{UserName: user, Password: password}
	}
	var resp eas.ItemOperationsResponse
	if err := p.Call(t.Context(), "ItemOperations", phone.Params{}, &eas.ItemOperations{Operations: []eas.ItemOperation{
		{Fetch: &eas.Fetch{Store: eas.StoreDocumentLibrary, LinkID: link, Options: opt}},
	}}, &resp); err != nil {
		t.Fatal(err)
	}
	reply := resp.Response[0].Fetch
	raw, ok := reply.Properties.(wbxml.Raw)
	if !ok || reply.Status != eas.ItemOperationsStatusSuccess {
		return ""
	}
	var a eas.AttachmentProperties
	if err := wbxml.UnmarshalRaw(raw, &a); err != nil {
		t.Fatal(err)
	}
	return string(a.Data)
}

// authority issues certificates and a list of those that it has revoked, which
// it serves.
type authority struct {
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	url    string
	asked  atomic.Int32
	serial int64
}

func newAuthority(t *testing.T, revoked int64) *authority {
	t.Helper()
	a := &authority{serial: 1}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Own authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, &a.key.PublicKey, a.key)
	if err == nil {
		a.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(revoked), RevocationTime: time.Now().Add(-time.Minute)}},
	}, a.cert, a.key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.asked.Add(1)
		w.Write(list)
	}))
	t.Cleanup(s.Close)
	a.url = s.URL + "/list.crl"
	return a
}

// issue makes a certificate for signing and encrypting mail.
func (a *authority) issue(t *testing.T, address string) []byte {
	t.Helper()
	a.serial++
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: address}, EmailAddresses: []string{address},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		CRLDistributionPoints: []string{a.url},
	}, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t *testing.T, name string, der []byte) {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A phone finds a colleague in the address list, with photo and certificate, and
// is told which certificates can be relied on: those of the company's own
// authority that it has not revoked. The list of those is fetched once.
func TestPeopleWithPhotosAndCertificates(t *testing.T) {
	a := newAuthority(t, 3)
	dir := t.TempDir()
	good, revoked := a.issue(t, "wren@acceptance.example"), a.issue(t, "wren@acceptance.example")
	foreign := newAuthority(t, 0).issue(t, "wren@acceptance.example")
	writePEM(t, filepath.Join(dir, "roots.pem"), a.cert.Raw)
	writePEM(t, filepath.Join(dir, "wren.pem"), good)
	photo := "\x89PNG\r\n\x1a\nnot much of a picture"
	if err := os.WriteFile(filepath.Join(dir, "wren.png"), []byte(photo), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, fmt.Sprintf("[smime]\nroots = %q\nprivate_lists = true\n", filepath.Join(dir, "roots.pem")))
	h.Run("secret\n", "user", "add", "wren@acceptance.example", "--password-stdin", "--name", "Жанна Рен")
	h.Run("", "user", "certificate", "add", "wren@acceptance.example", filepath.Join(dir, "wren.pem"))
	h.Run("", "user", "photo", "set", "wren@acceptance.example", filepath.Join(dir, "wren.png"))
	p, _ := h.settled("PEOPLE", eas.V161)

	full := uint(2)
	var found eas.ResolveRecipientsResponse
	if err := p.Call(t.Context(), "ResolveRecipients", phone.Params{}, &eas.ResolveRecipients{
		To: []string{"рен"}, Options: &eas.ResolveOptions{CertificateRetrieval: &full, Picture: &eas.ResolvePicture{}},
	}, &found); err != nil || len(found.Responses) != 1 || len(found.Responses[0].Recipients) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	who := found.Responses[0].Recipients[0]
	if who.EmailAddress != "wren@acceptance.example" || who.Certificates == nil || !slices.Equal(who.Certificates.Certificates, []string{base64.StdEncoding.EncodeToString(good)}) {
		t.Errorf("resolved to %+v", who)
	}
	if len(who.Pictures) != 1 || string(who.Pictures[0].Data) != photo {
		t.Errorf("the picture is %+v", who.Pictures)
	}
	for name, c := range map[string]struct {
		der  []byte
		want eas.ValidateCertStatus
	}{"good": {good, eas.ValidateCertStatusSuccess}, "revoked": {revoked, eas.ValidateCertStatusRevoked}, "foreign": {foreign, eas.ValidateCertStatusUntrustedSource}} {
		check := true
		var resp eas.ValidateCertResponse
		err := p.Call(t.Context(), "ValidateCert", phone.Params{}, &eas.ValidateCert{Certificates: []string{base64.StdEncoding.EncodeToString(c.der)}, CheckCRL: &check}, &resp)
		if err != nil || len(resp.Certificates) != 1 || !slices.Equal(resp.Certificates[0].Statuses, []eas.ValidateCertStatus{c.want}) {
			t.Errorf("the %s certificate: %+v, %v; want %v", name, resp, err, c.want)
		}
	}
	if n := a.asked.Load(); n != 1 {
		t.Errorf("the list was fetched %d times, want once", n)
	}
}
