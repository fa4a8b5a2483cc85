package activesync_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"martlet/protocol/wbxml"
)

// phone sends requests written as XML and reads the answers as XML.
type phone struct {
	t        testing.TB
	house    *house
	device   string
	kind     string // DeviceType; empty: TestPhone
	version  string
	policy   string
	login    string
	password string
	header   http.Header
}

func newPhone(t testing.TB, h *house, device, version string) *phone {
	return &phone{t: t, house: h, device: device, version: version, login: testLogin, password: testPassword, header: http.Header{}}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	xml    string // the WBXML as text, without the first line
}

// post sends a command with a body, which may be empty.
func (p *phone) post(cmd, contentType string, body []byte, params ...string) answer {
	p.t.Helper()
	r := p.request(http.MethodPost, cmd, body, params...)
	if len(body) > 0 {
		r.Header.Set("Content-Type", contentType)
	}
	return p.read(p.house.do(r))
}

// request makes a request as the phone sends it, with WBXML in its body.
func (p *phone) request(method, cmd string, body []byte, params ...string) *http.Request {
	q := "Cmd=" + cmd + "&User=anna&DeviceId=" + p.device + "&DeviceType=" + cmp.Or(p.kind, "TestPhone")
	for i := 0; i+1 < len(params); i += 2 {
		q += "&" + params[i] + "=" + url.QueryEscape(params[i+1])
	}
	r := httptest.NewRequest(method, "/Microsoft-Server-ActiveSync?"+q, bytes.NewReader(body))
	r.Header.Set("MS-ASProtocolVersion", p.version)
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/vnd.ms-sync.wbxml")
	}
	if p.policy != "" {
		r.Header.Set("X-MS-PolicyKey", p.policy)
	}
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(p.login+":"+p.password)))
	for k, v := range p.header {
		r.Header[k] = v
	}
	return r
}

// elsewhere makes a request to another path, with the phone's credentials.
func (p *phone) elsewhere(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "mail.example.org"
	r.Header = p.request(method, "", nil).Header
	r.Header.Set("X-Forwarded-Proto", "https")
	return r
}

func (p *phone) read(resp *http.Response) answer {
	p.t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if n := resp.Header.Get("Content-Length"); n != strconv.Itoa(len(body)) {
		p.t.Errorf("Content-Length %q of %d bytes", n, len(body))
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: body}
	if resp.Header.Get("Content-Type") == "application/vnd.ms-sync.wbxml" && resp.Header.Get("Content-Encoding") == "" {
		_, a.xml, _ = strings.Cut(wbxml.Dump(body), "\n")
		a.xml = strings.TrimSpace(a.xml)
	}
	return a
}

// send sends a command as XML and wants a document back.
func (p *phone) send(cmd, request string, params ...string) string {
	p.t.Helper()
	var body []byte
	if request != "" {
		var err error
		if body, err = fromXML(request); err != nil {
			p.t.Fatalf("%s: %v in\n%s", cmd, err, request)
		}
	}
	a := p.post(cmd, "application/vnd.ms-sync.wbxml", body, params...)
	if a.status != http.StatusOK {
		p.t.Fatalf("%s: HTTP %d\n%s", cmd, a.status, p.house.log)
	}
	return a.xml
}

// element is the text of an element's first occurrence.
func element(doc, name string) string {
	m := regexp.MustCompile(`<` + name + `(?: xmlns="[^"]*")?>([^<]*)</` + name + `>`).FindStringSubmatch(doc)
	if m == nil {
		return ""
	}
	return m[1]
}

// elements are the texts of all occurrences.
func elements(doc, name string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`<`+name+`(?: xmlns="[^"]*")?>([^<]*)</`+name+`>`).FindAllStringSubmatch(doc, -1) {
		all = append(all, m[1])
	}
	return all
}

// provision goes through both phases and keeps the key.
func (p *phone) provision() {
	p.t.Helper()
	policyType := "MS-EAS-Provisioning-WBXML"
	if p.version == "2.5" {
		policyType = "MS-WAP-Provisioning-XML"
	}
	about := "" // demanded since 14.1 (MS-ASCMD_R4954)
	if p.version == "14.1" || p.version >= "16" && p.version != "2.5" {
		about = aboutPhone
	}
	p.policy = "0"
	offer := p.send("Provision", `<Provision xmlns="Provision">`+about+`<Policies><Policy><PolicyType>`+policyType+`</PolicyType></Policy></Policies></Provision>`)
	p.policy = element(offer, "PolicyKey")
	done := p.send("Provision", `<Provision xmlns="Provision"><Policies><Policy><PolicyType>`+policyType+`</PolicyType><PolicyKey>`+p.policy+`</PolicyKey><Status>1</Status></Policy></Policies></Provision>`)
	p.policy = element(done, "PolicyKey")
	if p.policy == "" || p.policy == "0" {
		p.t.Fatalf("no policy key:\n%s\n%s", offer, done)
	}
}

// aboutPhone is what a phone tells of itself when it provisions.
const aboutPhone = `<DeviceInformation xmlns="Settings"><Set><Model>Test</Model></Set></DeviceInformation>`

// folderSync starts the hierarchy anew and returns its key.
func (p *phone) folderSync() string {
	p.t.Helper()
	return element(p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`), "SyncKey")
}

// sync sends one collection; rest stands after the CollectionId.
func (p *phone) sync(key, collection, rest string) string {
	p.t.Helper()
	return p.send("Sync", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>`+key+`</SyncKey><CollectionId>`+collection+`</CollectionId>`+rest+`</Collection></Collections></Sync>`)
}

// syncRequest is a Sync of the inbox; rest stands after the CollectionId.
func syncRequest(key, rest string) string {
	return `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>` + key + `</SyncKey><CollectionId>1</CollectionId>` + rest + `</Collection></Collections></Sync>`
}

const bigWindow = `<WindowSize>512</WindowSize><Options><BodyPreference xmlns="AirSyncBase"><Type>2</Type><TruncationSize>51200</TruncationSize></BodyPreference></Options>`
