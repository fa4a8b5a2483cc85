package activesync_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"martlet/directory"
)

func TestOptionsTellVersionsAndCommands(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	const want = "Sync,SendMail,SmartForward,SmartReply,GetAttachment,GetHierarchy,CreateCollection,DeleteCollection,MoveCollection," +
		"FolderSync,FolderCreate,FolderDelete,FolderUpdate,MoveItems,GetItemEstimate,MeetingResponse,Search,Settings,Ping,ItemOperations," +
		"Provision,ResolveRecipients,ValidateCert,Find"
	for _, path := range []string{"/Microsoft-Server-ActiveSync", "/microsoft-server-activesync", "//Microsoft-Server-ActiveSync/", "/MICROSOFT-SERVER-ACTIVESYNC/default.eas"} {
		r := p.request(http.MethodOptions, "", nil)
		r.URL.Path, r.URL.RawQuery = path, ""
		a := p.read(h.do(r))
		if a.status != http.StatusOK || len(a.body) > 0 {
			t.Errorf("%s: HTTP %d, %q", path, a.status, a.body)
		}
		if v := exactly(a.header, "MS-ASProtocolVersions"); !slices.Equal(v, []string{"2.5,12.0,12.1,14.0,14.1,16.0,16.1"}) {
			t.Errorf("%s: versions %q", path, v)
		}
		if c := exactly(a.header, "MS-ASProtocolCommands"); !slices.Equal(c, []string{want}) {
			t.Errorf("%s: commands %q", path, c)
		}
	}
}

func TestMethodsAndPaths(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/Microsoft-Server-ActiveSync", 405, "OPTIONS, POST"},
		{"PUT", "/Microsoft-Server-ActiveSync", 405, "OPTIONS, POST"},
		{"BREW", "/Microsoft-Server-ActiveSync", 501, ""},
		{"GET", "/", 404, ""},
		{"POST", "/Microsoft-Server-ActiveSync/x", 404, ""},
		{"GET", "/healthz", 200, ""},
		{"POST", "/healthz", 405, "GET, HEAD"},
		{"DELETE", "/autodiscover/autodiscover.xml", 405, "GET, POST"},
		{"POST", "/Autodiscover/Autodiscover.json", 405, "GET, HEAD"},
	} {
		r := p.request(tt.method, "", nil)
		r.URL.Path, r.URL.RawQuery = tt.path, ""
		resp := h.do(r)
		if resp.StatusCode != tt.status || resp.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: HTTP %d, Allow %q", tt.method, tt.path, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
}

func TestWhoMayComeIn(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	off, err := h.directory.AddUser(ctx, directory.Account{Login: "off@example.org"}, "secret")
	if err != nil {
		t.Fatal(err)
	}
	gone, err := h.directory.AddUser(ctx, directory.Account{Login: "gone@example.org", ActiveSync: true}, "secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.directory.SetDisabled(ctx, gone.ID, true); err != nil {
		t.Fatal(err)
	}
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct {
		name, authorization string
		status              int
	}{
		{"address", basic(testLogin + ":" + testPassword), 200},
		{"alias", basic("a.ash@example.org:" + testPassword), 200},
		{"user", basic("anna:" + testPassword), 200},
		{"DOMAIN\\user", basic(`EXAMPLE\anna:` + testPassword), 200},
		{"domain.tld\\user", basic(`example.org\anna:` + testPassword), 200},
		{"ISO-8859-1", basic("anna@example.org:k\xe4se & brot"), 200},
		{"wrong password", basic(testLogin + ":nope"), 401},
		{"unknown user", basic("nobody@example.org:nope"), 401},
		{"none", "", 401},
		{"bearer", "Bearer abc", 401},
		{"not base64", "Basic !!!", 401},
		{"ActiveSync off", basic(off.Login + ":secret"), 403},
		{"disabled", basic(gone.Login + ":secret"), 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodOptions, "/Microsoft-Server-ActiveSync", nil)
			if tt.authorization != "" {
				r.Header.Set("Authorization", tt.authorization)
			}
			resp := h.do(r)
			if resp.StatusCode != tt.status {
				t.Errorf("HTTP %d, want %d", resp.StatusCode, tt.status)
			}
			if want := `Basic realm="martlet", charset="UTF-8"`; tt.status == 401 && resp.Header.Get("WWW-Authenticate") != want {
				t.Errorf("WWW-Authenticate %q", resp.Header.Get("WWW-Authenticate"))
			}
		})
	}
}

// MS-ASCMD 2.2.2: since 14.0 a status in the response, before an HTTP status.
func TestRefusalsInTheWayOfTheVersion(t *testing.T) {
	h := build(t)
	sync, err := fromXML(syncRequest("0", ""))
	if err != nil {
		t.Fatal(err)
	}
	const wbxmlType = "application/vnd.ms-sync.wbxml"
	for _, tt := range []struct {
		name, cmd, contentType string
		body                   []byte
		old                    int    // HTTP up to 12.1
		new                    string // Status since 14.0
	}{
		{"truncated WBXML", "Sync", wbxmlType, sync[:len(sync)-3], 400, "102"},
		{"garbage", "FolderSync", wbxmlType, []byte("\xff\xfe garbage"), 400, "102"},
		{"deep", "Sync", wbxmlType, append([]byte{3, 1, 0x6a, 0}, bytes.Repeat([]byte{0x45}, 1<<19)...), 400, "102"},
		{"unknown tag", "GetItemEstimate", wbxmlType, []byte{3, 1, 0x6a, 0, 0, 6, 0x45, 0x3f, 1, 1}, 400, "102"},
		{"no body", "FolderSync", "", nil, 400, "101"},
		{"text", "FolderSync", "text/plain", []byte("hello"), 400, "101"},
		{"no recipients named", "MoveItems", wbxmlType, []byte{3, 1, 0x6a, 0, 0, 5, 0x05}, 400, "103"},
		{"SmartReply", "SmartReply", wbxmlType, sync, 400, "103"},
		{"SmartForward", "SmartForward", wbxmlType, sync, 400, "103"},
	} {
		for _, version := range []string{"12.1", "14.1", "16.1"} {
			t.Run(tt.name+" "+version, func(t *testing.T) {
				p := newPhone(t, h, "v"+version, version)
				p.provision()
				a := p.post(tt.cmd, tt.contentType, tt.body)
				if version == "12.1" {
					if a.status != tt.old || len(a.body) > 0 {
						t.Errorf("HTTP %d\n%s", a.status, a.xml)
					}
				} else if a.status != 200 || element(a.xml, "Status") != tt.new || !strings.HasPrefix(a.xml, "<"+tt.cmd+" ") {
					t.Errorf("HTTP %d\n%s", a.status, a.xml)
				}
			})
		}
	}
}

func TestVersionsAndCommandsThatDoNotExist(t *testing.T) {
	h := build(t)
	for _, tt := range []struct {
		cmd, version string
		http         int
		status       string
	}{
		{"Settings", "2.5", 400, ""},
		{"ItemOperations", "2.5", 400, ""},
		{"GetAttachment", "14.1", 400, ""},
		{"Find", "14.1", 200, "138"},
		{"Find", "16.0", 200, "138"},
		{"GetHierarchy", "14.0", 400, ""},
		{"GetHierarchy", "16.1", 400, ""},
		{"CreateCollection", "12.0", 400, ""},
		{"DeleteCollection", "12.0", 400, ""},
		{"MoveCollection", "12.0", 400, ""},
		{"Teleport", "16.1", 501, ""},
		{"Sync", "1.0", 505, ""},
		{"Sync", "17.0", 400, ""},
		{"Sync", "", 400, ""},
	} {
		t.Run(tt.cmd+" "+tt.version, func(t *testing.T) {
			p := newPhone(t, h, "x", tt.version)
			a := p.post(tt.cmd, "", nil)
			if a.status != tt.http || element(a.xml, "Status") != tt.status {
				t.Errorf("HTTP %d\n%s", a.status, a.xml)
			}
		})
	}
}

func TestTheBase64QueryIsASessionToo(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "", "")
	send := func(code byte, policy []byte, request string) string {
		t.Helper()
		body, err := fromXML(request)
		if err != nil {
			t.Fatal(err)
		}
		q := append([]byte{161, code, 9, 4, 8}, "OutlookX"...)
		q = append(append(q, byte(len(policy))), policy...)
		q = append(append(q, 16), "WindowsOutlook15"...)
		r := p.request(http.MethodPost, "", body)
		r.Header.Del("MS-ASProtocolVersion")
		r.URL.RawQuery = base64.StdEncoding.EncodeToString(q)
		a := p.read(h.do(r))
		if a.status != 200 {
			t.Fatalf("HTTP %d", a.status)
		}
		return a.xml
	}
	const policy = `<Provision xmlns="Provision">` + aboutPhone + `<Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType>`
	offer := element(send(20, nil, policy+`</Policy></Policies></Provision>`), "PolicyKey")
	key := element(send(20, nil, policy+`<PolicyKey>`+offer+`</PolicyKey><Status>1</Status></Policy></Policies></Provision>`), "PolicyKey")
	n, err := strconv.ParseUint(key, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	folders := send(9, []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}, `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`)
	if element(folders, "Status") != "1" || element(folders, "Count") != "12" {
		t.Errorf("got\n%s", folders)
	}
}

// MS-ASHTTP_R1202, and MS-ASHTTP_R478 for a key that is no longer known.
func TestAFolderSyncFromTheStartTellsTheVersionsAnew(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	first := ""
	for _, key := range []string{"0", "", "4711"} {
		if key == "" {
			key = first
		}
		body, err := fromXML(`<FolderSync xmlns="FolderHierarchy"><SyncKey>` + key + `</SyncKey></FolderSync>`)
		if err != nil {
			t.Fatal(err)
		}
		a := p.post("FolderSync", "application/vnd.ms-sync.wbxml", body)
		want := 1
		if first != "" && key == first {
			want = 0 // nothing to start anew
		}
		for _, name := range []string{"X-MS-RP", "MS-ASProtocolVersions", "MS-ASProtocolCommands"} {
			if len(a.header[name]) != want {
				t.Errorf("key %s: %s: %q", key, name, a.header[name])
			}
		}
		if len(exactly(a.header, "MS-Server-ActiveSync")) != 1 {
			t.Errorf("key %s: no server version", key)
		}
		if first == "" {
			first = element(a.xml, "SyncKey")
		}
	}
}

func TestLargeAnswersAreCompressed(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, "Subject: long\r\n\r\n"+strings.Repeat("the same again and again\r\n", 400), 0)
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	key := element(p.sync("0", "1", ""), "SyncKey")
	body, err := fromXML(syncRequest(key, bigWindow))
	if err != nil {
		t.Fatal(err)
	}
	plain := p.post("Sync", "application/vnd.ms-sync.wbxml", body)
	p.header.Set("Accept-Encoding", "deflate, gzip;q=1.0")
	packed := p.post("Sync", "application/vnd.ms-sync.wbxml", body)
	if packed.header.Get("Content-Encoding") != "gzip" || len(packed.body)*10 > len(plain.body) {
		t.Fatalf("%q, %d of %d bytes", packed.header.Get("Content-Encoding"), len(packed.body), len(plain.body))
	}
	z, err := gzip.NewReader(bytes.NewReader(packed.body))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || !bytes.Equal(b, plain.body) {
		t.Errorf("another answer: %v", err)
	}
	p.header.Set("Accept-Encoding", "gzip;q=0")
	if a := p.post("Sync", "application/vnd.ms-sync.wbxml", body); a.header.Get("Content-Encoding") != "" {
		t.Error("compressed against the client's wish")
	}
}

func TestBodiesAreBounded(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	if a := p.post("FolderSync", "application/vnd.ms-sync.wbxml", make([]byte, 1<<20+1)); a.status != 413 {
		t.Errorf("HTTP %d", a.status)
	}
	r := p.request(http.MethodPost, "FolderSync", make([]byte, 1<<20+1))
	r.ContentLength = -1 // chunked
	if a := p.read(h.do(r)); a.status != 413 {
		t.Errorf("chunked: HTTP %d", a.status)
	}
	r = p.request(http.MethodPost, "FolderSync", []byte("short"))
	r.ContentLength = 100
	if a := p.read(h.do(r)); a.status != 400 {
		t.Errorf("cut off: HTTP %d", a.status)
	}
}
