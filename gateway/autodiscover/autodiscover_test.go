package autodiscover_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/gateway/autodiscover"
	"martlet/store"
)

// build returns a handler and an account with an alias; there is somebody else,
// too.
func build(t testing.TB, publicURL string) (*autodiscover.Handler, directory.Account) {
	t.Helper()
	ctx := context.Background()
	st, err := store.Open(store.Config{Path: filepath.Join(t.TempDir(), "store")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	d, err := directory.New(directory.Config{Store: st, HashCost: directory.HashCost{Memory: 8, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddDomain(ctx, directory.Domain{Name: "example.org", PlusAddressing: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddUser(ctx, directory.Account{Login: "bob@example.org"}, ""); err != nil {
		t.Fatal(err)
	}
	a, err := d.AddUser(ctx, directory.Account{Login: "anna@example.org", Name: "Anna <Ash> & Co", Aliases: []string{"a.ash@example.org"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return autodiscover.New(autodiscover.Config{Directory: d, PublicURL: publicURL}), a
}

const mobileSchema = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"

func requestXML(address, schema string) string {
	return `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006"><Request><EMailAddress>` +
		address + `</EMailAddress><AcceptableResponseSchema>` + schema + `</AcceptableResponseSchema></Request></Autodiscover>`
}

func element(doc, name string) string {
	if m := regexp.MustCompile(`<` + name + `>([^<]*)</` + name + `>`).FindStringSubmatch(doc); m != nil {
		return m[1]
	}
	return ""
}

func TestVersion1(t *testing.T) {
	h, a := build(t, "")
	for _, tt := range []struct {
		name, method, body     string
		url, status, errorCode string
	}{
		{"own address", "POST", requestXML("anna@example.org", mobileSchema), "https://mail.example.org/Microsoft-Server-ActiveSync", "", ""},
		{"own address in other case", "POST", requestXML("Anna@Example.ORG", mobileSchema), "https://mail.example.org/Microsoft-Server-ActiveSync", "", ""},
		{"alias", "POST", requestXML("a.ash@example.org", mobileSchema), "https://mail.example.org/Microsoft-Server-ActiveSync", "", ""},
		{"no body", "POST", "", "https://mail.example.org/Microsoft-Server-ActiveSync", "", ""},
		{"GET", "GET", "", "https://mail.example.org/Microsoft-Server-ActiveSync", "", ""},
		{"no schema", "POST", requestXML("anna@example.org", ""), "https://mail.example.org/Microsoft-Server-ActiveSync", "", ""},
		{"somebody else", "POST", requestXML("bob@example.org", mobileSchema), "", "2", ""},
		{"nobody", "POST", requestXML("nobody@example.org", mobileSchema), "", "2", ""},
		{"another domain", "POST", requestXML("anna@example.com", mobileSchema), "", "2", ""},
		{"Outlook's schema", "POST", requestXML("anna@example.org", "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"), "", "", "601"},
		{"garbage", "POST", "what?", "", "", "600"},
		{"another document", "POST", "<html/>", "", "", "600"},
		{"no request in it", "POST", "<Autodiscover/>", "", "", "600"},
		{"two requests in it", "POST", strings.Replace(requestXML("anna@example.org", mobileSchema), "<Request>", "<Request><EMailAddress>anna@example.org</EMailAddress></Request><Request>", 1), "", "", "600"}, // MS-ASCMD_R3799
		{"cut off", "POST", requestXML("anna@example.org", mobileSchema)[:150], "", "", "600"},
		{"too long", "POST", requestXML(strings.Repeat("a", 1<<20), mobileSchema), "", "", "600"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/autodiscover/autodiscover.xml", strings.NewReader(tt.body))
			r.Host = "mail.example.org:443"
			r.Header.Set("X-Forwarded-Proto", "https")
			w := httptest.NewRecorder()
			h.ServeXML(w, r, a)
			doc := w.Body.String()
			if w.Code != 200 || w.Header().Get("Content-Type") != "text/xml; charset=utf-8" {
				t.Fatalf("HTTP %d, %q", w.Code, w.Header().Get("Content-Type"))
			}
			if element(doc, "Url") != tt.url || element(doc, "Status") != tt.status || element(doc, "ErrorCode") != tt.errorCode {
				t.Errorf("got\n%s", doc)
			}
			if tt.url != "" && (element(doc, "EMailAddress") != "anna@example.org" || element(doc, "DisplayName") != "Anna &lt;Ash&gt; &amp; Co" || element(doc, "Type") != "MobileSync" || element(doc, "Name") != tt.url) { // MS-ASCMD_R3484
				t.Errorf("got\n%s", doc)
			}
			if element(doc, "Culture") != "en:us" && tt.errorCode == "" { // MS-ASCMD_R5823
				t.Errorf("culture:\n%s", doc)
			}
			// MS-ASCMD_R5545, R5547.
			if attributes := regexp.MustCompile(`<Error Time="([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{7}" Id="\d+">`); tt.errorCode != "" && !attributes.MatchString(doc) {
				t.Errorf("of which time:\n%s", doc)
			}
			if strings.Contains(doc, "Bob") {
				t.Error("tells of somebody else")
			}
			if got, want := shape(doc), shapes[tt.status+tt.errorCode]; got != want {
				t.Errorf("its elements are\n%s\nwant\n%s", got, want)
			}
			valid(t, doc)
		})
	}
}

// A domain whose name is in no certificate is asked without TLS; whoever speaks
// TLS, knows a password or is at the right host already is answered.
func TestWithoutTLSTheWayIsShown(t *testing.T) {
	asked := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	for _, tt := range []struct {
		name, public, method, host, header string
		want                               int
	}{
		{"autodiscover's host", "https://mail.example.org", "GET", "autodiscover.example.com", "", 302},
		{"with a port", "https://mail.example.org:8443", "GET", "example.com:80", "", 302},
		{"a proxy without a word", "https://mail.example.org", "GET", "mail.example.org", "", 401},
		{"TLS before a proxy", "https://mail.example.org", "GET", "autodiscover.example.com", "X-Forwarded-Proto: https", 401},
		{"a password", "https://mail.example.org", "GET", "autodiscover.example.com", "Authorization: Basic x", 401},
		{"a document", "https://mail.example.org", "POST", "autodiscover.example.com", "", 401},
		{"no public URL", "", "GET", "autodiscover.example.com", "", 401},
		{"one without TLS", "http://127.0.0.1:8080", "GET", "autodiscover.example.com", "", 401},
	} {
		h := autodiscover.New(autodiscover.Config{PublicURL: tt.public})
		r := httptest.NewRequest(tt.method, "/Autodiscover/Autodiscover.xml", nil)
		r.Host = tt.host
		if name, value, ok := strings.Cut(tt.header, ": "); ok {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.Redirect(asked).ServeHTTP(w, r)
		location := ""
		if tt.want == http.StatusFound {
			location = tt.public + "/autodiscover/autodiscover.xml"
		}
		if w.Code != tt.want || w.Header().Get("Location") != location {
			t.Errorf("%s: HTTP %d to %q", tt.name, w.Code, w.Header().Get("Location"))
		}
	}
}

// shapes are the elements of the answers, in their order, by what is wrong: the
// action or the request (MS-ASCMD 2.2.3.6, 2.2.3.63, 2.2.3.153.1).
var shapes = map[string]string{
	"": `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response xmlns="` + mobileSchema + `"><Culture></Culture><User><DisplayName></DisplayName><EMailAddress></EMailAddress></User>` +
		`<Action><Settings><Server><Type></Type><Url></Url><Name></Name></Server></Settings></Action></Response></Autodiscover>`,
	"2": `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response xmlns="` + mobileSchema + `"><Culture></Culture><User><EMailAddress></EMailAddress></User>` +
		`<Action><Error><Status></Status><Message></Message><DebugData></DebugData></Error></Action></Response></Autodiscover>`,
	"600": frameworkShape,
	"601": frameworkShape,
}

const frameworkShape = `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response><Error><ErrorCode></ErrorCode><Message></Message><DebugData></DebugData></Error></Response></Autodiscover>`

// shape is a document without its texts and the error's time.
func shape(doc string) string {
	_, doc, _ = strings.Cut(doc, "?>")
	doc = regexp.MustCompile(`>[^<]+<`).ReplaceAllString(doc, "><")
	return regexp.MustCompile(`<Error [^>]*>`).ReplaceAllString(doc, "<Error>")
}

// valid holds a response to the published schema, if it and xmllint are here.
func valid(t *testing.T, doc string) {
	t.Helper()
	const specXSD = "../../../shared/spec/xsd"
	b, err := os.ReadFile(filepath.Join(specXSD, "AutodiscoverResponse.xsd"))
	if _, lookErr := exec.LookPath("xmllint"); err != nil || lookErr != nil {
		t.Log("xmllint or the schemas are not here")
		return
	}
	mobile, err := filepath.Abs(filepath.Join(specXSD, "AutodiscoverMobileSync.xsd"))
	if err != nil {
		t.Fatal(err)
	}
	// The schema refers to its neighbour without importing it.
	schema := strings.Replace(string(b), `attributeFormDefault="unqualified">`,
		`attributeFormDefault="unqualified"><xs:import namespace="`+mobileSchema+`" schemaLocation="`+mobile+`"/>`, 1)
	file := filepath.Join(t.TempDir(), "response.xsd")
	if err := os.WriteFile(file, []byte(schema), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("xmllint", "--noout", "--schema", file, "-")
	c.Stdin = strings.NewReader(doc)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("not valid: %s\n%s", out, doc)
	}
}

// What Outlook asks for in its own schema: what there is, or the server that has
// the mailbox. ActiveSync's schema names that server, too (MS-ASCMD_R46).
func TestOtherSchemasAndOtherServers(t *testing.T) {
	const outlook = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
	ask := func(h *autodiscover.Handler, a directory.Account, address, schema string) string {
		w := httptest.NewRecorder()
		h.ServeXML(w, httptest.NewRequest("POST", "/autodiscover/autodiscover.xml", strings.NewReader(requestXML(address, schema))), a)
		if w.Code != 200 {
			t.Errorf("HTTP %d", w.Code)
		}
		return w.Body.String()
	}
	none, a := build(t, "")
	h := autodiscover.New(autodiscover.Config{Mail: []autodiscover.MailServer{{Type: "SMTP", Host: "mail.example.org", Port: 465, Encryption: "SSL"}}})
	doc := ask(h, a, "anna@example.org", outlook)
	for name, want := range map[string]string{"Action": "settings", "Type": "SMTP", "Server": "mail.example.org", "Port": "465", "Encryption": "SSL", "LoginName": "anna@example.org", "AutoDiscoverSMTPAddress": "anna@example.org"} {
		if got := element(doc, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if strings.Contains(doc, "EXCH") || strings.Contains(doc, "IMAP") {
		t.Errorf("offers what is not there:\n%s", doc)
	}
	if doc := ask(none, a, "anna@example.org", outlook); element(doc, "ErrorCode") != "601" {
		t.Errorf("nothing to offer:\n%s", doc)
	}
	there := a
	there.Server = "https://mail2.example.org:8443"
	if doc := ask(none, there, "anna@example.org", outlook); element(doc, "Action") != "redirectUrl" || element(doc, "RedirectUrl") != "https://mail2.example.org:8443/autodiscover/autodiscover.xml" {
		t.Errorf("elsewhere:\n%s", doc)
	}
	doc = ask(none, there, "anna@example.org", mobileSchema)
	if element(doc, "Url") != "https://mail2.example.org:8443/Microsoft-Server-ActiveSync" {
		t.Errorf("elsewhere:\n%s", doc)
	}
	valid(t, doc)
	if doc := ask(none, there, "bob@example.org", outlook); element(doc, "ErrorCode") != "500" {
		t.Errorf("somebody else:\n%s", doc)
	}
}

func TestThePublicURLIsAsConfigured(t *testing.T) {
	h, a := build(t, "https://phones.example.org/")
	w := httptest.NewRecorder()
	h.ServeXML(w, httptest.NewRequest("GET", "/autodiscover/autodiscover.xml", nil), a)
	if got := element(w.Body.String(), "Url"); got != "https://phones.example.org/Microsoft-Server-ActiveSync" {
		t.Errorf("got %q", got)
	}
}

func TestVersion2(t *testing.T) {
	h, _ := build(t, "")
	for _, tt := range []struct {
		target string
		status int
		want   map[string]string
	}{
		{"/autodiscover/autodiscover.json?Email=anna@example.org&Protocol=ActiveSync", 200, map[string]string{"Protocol": "ActiveSync", "Url": "http://example.com/Microsoft-Server-ActiveSync"}},
		{"/autodiscover/autodiscover.json?Email=nobody@example.org&Protocol=activesync&RedirectCount=1", 200, map[string]string{"Protocol": "ActiveSync", "Url": "http://example.com/Microsoft-Server-ActiveSync"}},
		{"/autodiscover/autodiscover.json/v1.0/anna@example.org?Protocol=AutodiscoverV1", 200, map[string]string{"Protocol": "AutodiscoverV1", "Url": "http://example.com/autodiscover/autodiscover.xml"}},
		{"/autodiscover/autodiscover.json?Email=anna@example.org", 400, map[string]string{"ErrorCode": "MandatoryParameterMissing", "ErrorMessage": "A valid value must be provided for the query parameter 'Protocol'"}},
		{"/autodiscover/autodiscover.json?Protocol=ActiveSync", 400, map[string]string{"ErrorCode": "MandatoryParameterMissing", "ErrorMessage": "A valid value must be provided for the query parameter 'Email'"}},
		{"/autodiscover/autodiscover.json?Email=anna@example.org&Protocol=XYZ", 400, map[string]string{"ErrorCode": "ProtocolNotSupported", "ErrorMessage": "The given protocol value 'XYZ' is not supported. Supported values are 'ActiveSync,AutodiscoverV1'"}},
	} {
		w := httptest.NewRecorder()
		h.ServeJSON(w, httptest.NewRequest(http.MethodGet, tt.target, nil))
		var got map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if w.Code != tt.status || len(got) != len(tt.want) || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: HTTP %d, %v", tt.target, w.Code, got)
		}
		for k, v := range tt.want {
			if got[k] != v {
				t.Errorf("%s: %s is %q, want %q", tt.target, k, got[k], v)
			}
		}
	}
}

func TestAHostThatIsNoneIsNotRepeated(t *testing.T) {
	h, _ := build(t, "")
	r := httptest.NewRequest(http.MethodGet, "/autodiscover/autodiscover.json?Email=a@b&Protocol=ActiveSync", nil)
	r.Host = `evil/"><script>`
	w := httptest.NewRecorder()
	h.ServeJSON(w, r)
	if strings.Contains(w.Body.String(), "evil") {
		t.Errorf("got %s", w.Body)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(requestXML("anna@example.org", mobileSchema)))
	f.Add([]byte(requestXML("bob@example.org", "x")))
	f.Add([]byte("<a><b><c>"))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><Autodiscover><Request><EMailAddress>&b;</EMailAddress></Request></Autodiscover>`))
	h, a := build(f, "")
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		h.ServeXML(w, httptest.NewRequest("POST", "/autodiscover/autodiscover.xml", io.NopCloser(bytes.NewReader(body))), a)
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), "<?xml") {
			t.Errorf("HTTP %d, %q", w.Code, w.Body)
		}
	})
}

// MS-ASCMD_R5718: whatever a client calls its XML; some say nothing.
func TestContentTypes(t *testing.T) {
	h, a := build(t, "")
	for _, contentType := range []string{"text/xml", "text/xml; charset=utf-8", "text/html", "application/xml", ""} {
		r := httptest.NewRequest("POST", "/autodiscover/autodiscover.xml", strings.NewReader(requestXML("anna@example.org", mobileSchema)))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		h.ServeXML(w, r, a)
		if element(w.Body.String(), "Type") != "MobileSync" {
			t.Errorf("%q:\n%s", contentType, w.Body)
		}
	}
}
