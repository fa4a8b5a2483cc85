package registration

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/push"
)

func TestAnAppOfEachKindRegisters(t *testing.T) {
	h := newHouse(t, nil)
	for _, document := range []string{apns, fcm, web} {
		path := h.register(document)
		one := h.want(http.StatusOK, "GET", path, "")
		if one.text("id") != strings.TrimPrefix(path, "/registrations/") || one.text("mode") != "silent" || one.text("detail") != "preview" {
			t.Errorf("%s", one.raw)
		}
		if got := fmt.Sprint(one.tree["folders"]); got != "[inbox]" {
			t.Errorf("the folders are %s", got)
		}
	}
	all := h.want(http.StatusOK, "GET", "/registrations", "")
	if n := len(all.tree["registrations"].([]any)); n != 3 {
		t.Errorf("%d are listed", n)
	}
	for _, leak := range []string{token, "a-registration-token", "a-capability", p256dh, auth} {
		if strings.Contains(string(all.raw), leak) || strings.Contains(h.log.String(), leak) {
			t.Errorf("%q is given back or logged", leak)
		}
	}
}

func TestTheSameDeviceAndAppAgainReplace(t *testing.T) {
	h := newHouse(t, nil)
	first := h.want(http.StatusCreated, "POST", "/registrations", apns)
	again := h.want(http.StatusOK, "POST", "/registrations", apns)
	if first.Header.Get("Location") != again.Header.Get("Location") || first.Header.Get("ETag") != again.Header.Get("ETag") {
		t.Errorf("the same again: %s, %s", again.Header.Get("Location"), again.Header.Get("ETag"))
	}
	other := h.want(http.StatusOK, "POST", "/registrations", strings.Replace(apns, token, token2, 1))
	if first.Header.Get("Location") != other.Header.Get("Location") || first.Header.Get("ETag") == other.Header.Get("ETag") ||
		first.text("token_hash") == other.text("token_hash") {
		t.Errorf("another token: %s", other.raw)
	}
	if n := len(h.do("GET", "/registrations", "").tree["registrations"].([]any)); n != 1 {
		t.Errorf("%d are listed", n)
	}
}

// An app that is started twice, or repeats a request whose answer was lost, is
// registered once.
func TestRegisteringAtTheSameTimeMakesOne(t *testing.T) {
	h := newHouse(t, nil)
	var all sync.WaitGroup
	answers := make(chan int, 8)
	for range cap(answers) {
		all.Go(func() {
			r := httptest.NewRequest("POST", Path+"/registrations", strings.NewReader(fcm))
			r.SetBasicAuth(robin, password)
			r.Header.Set("Content-Type", kindJSON)
			w := httptest.NewRecorder()
			h.door.ServeHTTP(w, r)
			answers <- w.Code
		})
	}
	all.Wait()
	close(answers)
	made := 0
	for status := range answers {
		if status == http.StatusCreated {
			made++
		} else if status != http.StatusOK {
			t.Errorf("answered %d", status)
		}
	}
	if n := len(h.do("GET", "/registrations", "").tree["registrations"].([]any)); n != 1 || made != 1 {
		t.Errorf("%d are made, %d are there", made, n)
	}
}

func TestAnswersTellWhatWasRegistered(t *testing.T) {
	h := newHouse(t, nil)
	document := strings.TrimSuffix(apns, "}") + `,"environment":"sandbox","account":"work","mode":"sealed","detail":"sender",` +
		`"seal":{"suite":"a suite","public_key":"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"folders":["inbox","junk"],` +
		`"vip":{"senders":["Amelia@demo.example","@demo.example"],"only":true},` +
		`"quiet_hours":{"from":"22:00","until":"07:30","time_zone":"Europe/Berlin","days":["fri","sat"]},"expires":"2027-06-01T00:00:00+02:00"}`
	one := h.want(http.StatusCreated, "POST", "/registrations", document)
	for _, want := range []string{
		`"environment":"sandbox"`, `"account":"work"`, `"mode":"sealed"`, `"detail":"sender"`, `"seal":{"suite":"a suite"}`, `"folders":["inbox","junk"]`,
		`"vip":{"senders":["amelia@demo.example","demo.example"],"only":true}`,
		`"quiet_hours":{"from":"22:00","until":"07:30","time_zone":"Europe/Berlin","days":["fri","sat"]}`, `"expires":"2027-05-31T22:00:00Z"`,
	} {
		if !strings.Contains(string(one.raw), want) {
			t.Errorf("%s is not in\n%s", want, one.raw)
		}
	}
}

func TestAPatchChangesWhatItNames(t *testing.T) {
	h := newHouse(t, nil)
	path := h.register(strings.TrimSuffix(apns, "}") + `,"mode":"alert","quiet_hours":{"from":"22:00","until":"07:00","time_zone":"UTC"}}`)
	before := h.do("GET", path, "")
	after := h.want(http.StatusOK, "PATCH", path, `{"mode":"badge","quiet_hours":{"until":"08:00"},"folders":["all"]}`, "Content-Type", kindMerge)
	if after.text("mode") != "badge" || after.text("quiet_hours", "from") != "22:00" || after.text("quiet_hours", "until") != "08:00" ||
		fmt.Sprint(after.tree["folders"]) != "[all]" || after.text("token_hash") != before.text("token_hash") || after.text("changed") != before.text("changed") || after.text("registered") != before.text("registered") {
		t.Errorf("%s", after.raw)
	}
	if moved := h.want(http.StatusOK, "PATCH", path, `{"token":"`+token2+`"}`); moved.text("token_hash") == before.text("token_hash") {
		t.Errorf("with another token: %s", moved.raw)
	}
	back := h.want(http.StatusOK, "PATCH", path, `{"mode":null,"quiet_hours":null,"folders":null}`)
	if back.text("mode") != "silent" || back.tree["quiet_hours"] != nil || fmt.Sprint(back.tree["folders"]) != "[inbox]" {
		t.Errorf("%s", back.raw)
	}
	for _, body := range []string{`{"kind":"fcm"}`, `{"app":"store"}`, `{"device":"OTHER"}`, `{"id":"r9"}`, `{"token_hash":"00"}`, `{"token":null}`, `{"mode":"sealed"}`} {
		h.want(http.StatusUnprocessableEntity, "PATCH", path, body)
	}
	wide := h.register(web)
	changed := h.want(http.StatusOK, "PATCH", wide, `{"mode":"alert"}`)
	if changed.text("endpoint_host") != "push.example.net" {
		t.Errorf("%s", changed.raw)
	}
}

func TestAChangeMayDependOnTheETag(t *testing.T) {
	h := newHouse(t, nil)
	path := h.register(apns)
	tag := h.do("GET", path, "").Header.Get("ETag")
	h.want(http.StatusNotModified, "GET", path, "", "If-None-Match", `"other", W/`+tag)
	h.want(http.StatusOK, "PATCH", path, `{"mode":"badge"}`, "If-Match", tag)
	stale := h.want(http.StatusPreconditionFailed, "PATCH", path, `{"mode":"alert"}`, "If-Match", tag)
	if stale.text("code") != codeStale {
		t.Errorf("%s", stale.raw)
	}
	h.want(http.StatusPreconditionFailed, "DELETE", path, "", "If-Match", tag)
	h.want(http.StatusOK, "GET", path, "", "If-None-Match", tag)
	h.want(http.StatusNoContent, "DELETE", path, "", "If-Match", h.do("GET", path, "").Header.Get("ETag"))
	h.want(http.StatusNotFound, "GET", path, "")
	h.want(http.StatusNotFound, "DELETE", path, "")
}

func TestNobodySeesWhatAnotherHasRegistered(t *testing.T) {
	h := newHouse(t, nil)
	path := h.register(apns)
	h.user = kenji
	unknown := h.want(http.StatusNotFound, "GET", "/registrations/r999", "")
	for _, one := range []struct{ method, path, body string }{
		{"GET", path, ""}, {"PATCH", path, `{"mode":"alert"}`}, {"DELETE", path, ""}, {"POST", path + "/test", ""}, {"GET", path + "/outcomes", ""},
	} {
		a := h.want(http.StatusNotFound, one.method, one.path, one.body)
		if string(a.raw) != string(unknown.raw) {
			t.Errorf("%s tells more than that there is none: %s", one.method, a.raw)
		}
	}
	if n := len(h.do("GET", "/registrations", "").tree["registrations"].([]any)); n != 0 {
		t.Errorf("%d are listed", n)
	}
	h.user = robin
	h.want(http.StatusOK, "GET", path, "")
}

func TestWrongRegistrationsNameTheField(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.CheckEndpoint = func(_ context.Context, endpoint string) error {
			if strings.Contains(endpoint, "127.0.0.1") {
				return fmt.Errorf("private")
			}
			return nil
		}
	})
	with := func(document, more string) string { return strings.TrimSuffix(document, "}") + "," + more + "}" }
	for _, one := range []struct{ document, pointers string }{
		{`{}`, "#/app #/kind #/token"},
		{`{"kind":"pigeon","app":"ios","token":"x"}`, "#/kind"},
		{strings.Replace(apns, `"ios"`, `"nobody"`, 1), "#/app"},
		{strings.Replace(apns, `"ios"`, `"android"`, 1), "#/app"},
		{strings.Replace(apns, token, "not hexadecimal", 1), "#/token"},
		{strings.Replace(apns, token, "00aa", 1), "#/token"},
		{strings.Replace(apns, `"`+token+`"`, "12", 1), "#/token"},
		{with(apns, `"colour":"red"`), "#/colour"},
		{with(apns, `"vip":{"sender":["a@example.org"]}`), "#/vip/sender"},
		{with(apns, `"vip":{"senders":["not an address"]}`), "#/vip/senders"},
		{with(apns, `"vip":{"senders":[7]}`), "#/vip/senders/0"},
		{with(apns, `"mode":"shout"`), "#/mode"},
		{with(apns, `"mode":"sealed"`), "#/seal"},
		{with(apns, `"mode":"sealed","seal":{"public_key":"AAAA"}`), "#/seal/public_key"},
		{with(apns, `"seal":{"public_key":"AAAA"}`), "#/seal"},
		{with(apns, `"folders":["nowhere"]`), "#/folders/0"},
		{with(apns, `"folders":["inbox","all"]`), "#/folders/1"},
		{with(apns, `"folders":"inbox"`), "#/folders"},
		{with(apns, `"quiet_hours":{"from":"7pm","until":"07:00","time_zone":"Mars/Olympus","days":["someday"]}`), "#/quiet_hours/days/0 #/quiet_hours/from #/quiet_hours/time_zone"},
		{with(apns, `"quiet_hours":{"from":"07:00","until":"07:00","time_zone":"UTC"}`), "#/quiet_hours/until"},
		{with(apns, `"expires":"yesterday"`), "#/expires"},
		{with(apns, `"expires":"2001-01-01T00:00:00Z"`), "#/expires"},
		{with(apns, `"endpoint":"https://example.net"`), "#/endpoint"},
		{with(strings.Replace(apns, `"ios"`, `"store"`, 1), `"environment":"sandbox"`), "#/environment"},
		{with(fcm, `"environment":"sandbox"`), "#/environment"},
		{strings.Replace(fcm, "a-registration-token:of-google", "with blanks in it!", 1), "#/token"},
		{strings.Replace(web, "https:", "http:", 1), "#/endpoint"},
		{strings.Replace(web, "push.example.net", "127.0.0.1", 1), "#/endpoint"},
		{strings.Replace(web, auth, "AAAA", 1), "#/keys"},
		{strings.Replace(web, p256dh, "!!", 1), "#/keys/p256dh"},
		{`{"kind":"webpush","app":"web"}`, "#/endpoint #/keys"},
		{strings.Replace(apns, "IPHONE1", "with blanks", 1), "#/device"},
		{strings.Replace(apns, "IPHONE1", `a\u0000b`, 1), "#/device"},
	} {
		a := h.do("POST", "/registrations", one.document)
		h.handler.writes = newPace(writeBurst, writeEvery) // so many at once are a test's
		var pointers []string
		list, _ := a.tree["errors"].([]any)
		for _, e := range list {
			pointers = append(pointers, e.(map[string]any)["pointer"].(string))
		}
		slices.Sort(pointers)
		if got := strings.Join(pointers, " "); a.StatusCode != http.StatusUnprocessableEntity || got != one.pointers {
			t.Errorf("%s\nanswers %d with %s, want %s", one.document, a.StatusCode, a.raw, one.pointers)
		}
	}
	if n := len(h.do("GET", "/registrations", "").tree["registrations"].([]any)); n != 0 {
		t.Errorf("%d are registered all the same", n)
	}
}

func TestWrongRequestsSayWhatToDo(t *testing.T) {
	h := newHouse(t, nil)
	path := h.register(apns)
	for _, one := range []struct {
		method, path, body string
		header             []string
		status             int
		code               string
	}{
		{"POST", "/registrations", `{"kind":"apns"`, nil, 400, codeBadJSON},
		{"POST", "/registrations", `[]`, nil, 400, codeBadJSON},
		{"POST", "/registrations", apns + apns, nil, 400, codeBadJSON},
		{"POST", "/registrations", `{"kind":"apns","kind":"fcm"}`, nil, 400, codeBadJSON},
		{"POST", "/registrations", `{"vip":{"senders":[[[[[]]]]]}}`, nil, 400, codeBadJSON},
		{"POST", "/registrations", apns, []string{"Content-Type", "text/plain"}, 415, codeContentType},
		{"POST", "/registrations", apns, []string{"Content-Type", "application/json; charset=utf-16"}, 415, codeContentType},
		{"POST", "/registrations", apns, []string{"Content-Encoding", "gzip"}, 415, codeContentType},
		{"POST", "/registrations", `{"account":"` + strings.Repeat("x", maxBody) + `"}`, nil, 413, codeTooLarge},
		{"PATCH", path, `{"account":"` + strings.Repeat("x", maxBody) + `"}`, nil, 413, codeTooLarge},
		{"PATCH", path, `{}`, []string{"Content-Type", "application/json-patch+json"}, 415, codeContentType},
		{"PUT", path, apns, nil, 405, codeMethod},
		{"DELETE", "/registrations", "", nil, 405, codeMethod},
		{"GET", path + "/test", "", nil, 405, codeMethod},
		{"GET", "/registrations/17", "", nil, 404, codeNotFound},
		{"GET", "/registrations/r017", "", nil, 404, codeNotFound},
		{"GET", "/nowhere", "", nil, 404, codeNotFound},
		{"GET", path + "/nowhere", "", nil, 404, codeNotFound},
	} {
		a := h.want(one.status, one.method, one.path, one.body, one.header...)
		if a.text("code") != one.code || a.text("detail") == "" || a.text("title") != http.StatusText(one.status) {
			t.Errorf("%s %s: %s", one.method, one.path, a.raw)
		}
		if one.status == 405 && a.Header.Get("Allow") == "" || one.status == 415 && one.method == "PATCH" && a.Header.Get("Accept-Patch") == "" {
			t.Errorf("%s %s does not say what is allowed", one.method, one.path)
		}
	}
	h.user = ""
	if a := h.want(401, "GET", "/registrations", ""); a.text("code") != codeUnauthorized || a.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%s", a.raw)
	}
	h.want(200, "GET", "/openapi.json", "")
}

func TestAnAccountMayNotRegisterTooMuchOrTooOften(t *testing.T) {
	h := newHouse(t, nil)
	code := ""
	for i := range 40 {
		h.handler.writes = newPace(writeBurst, writeEvery)
		document := strings.Replace(strings.Replace(apns, "IPHONE1", fmt.Sprint("IPHONE", i), 1), "00aa", fmt.Sprintf("%04x", i), 1)
		if a := h.do("POST", "/registrations", document); a.StatusCode == http.StatusConflict {
			code = a.text("code")
			break
		}
	}
	if code != codeTooMany {
		t.Errorf("there is no end to registrations: %q", code)
	}
	for i := range 2 * writeBurst {
		a := h.do("POST", "/registrations", `{}`)
		if a.StatusCode == http.StatusTooManyRequests {
			if i < writeBurst/2 || a.Header.Get("Retry-After") == "" || a.text("code") != codeSlowDown {
				t.Errorf("after %d: %v %s", i, a.Header, a.raw)
			}
			h.user = kenji
			h.want(http.StatusCreated, "POST", "/registrations", strings.Replace(fcm, "PIXEL1", "KENJIS", 1))
			return
		}
	}
	t.Error("there is no end to requests")
}

func TestPagesOfNamedOriginsRegister(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Origins = []string{"https://mail.example.org"} })
	asks := []string{"Origin", "https://mail.example.org", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type"}
	yes := h.want(http.StatusNoContent, "OPTIONS", "/registrations", "", asks...)
	if yes.Header.Get("Access-Control-Allow-Origin") != "https://mail.example.org" || !strings.Contains(yes.Header.Get("Access-Control-Allow-Headers"), "Authorization") ||
		yes.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%v", yes.Header)
	}
	a := h.want(http.StatusCreated, "POST", "/registrations", web, "Origin", "https://mail.example.org", "Sec-Fetch-Site", "cross-site")
	if a.Header.Get("Access-Control-Allow-Origin") != "https://mail.example.org" {
		t.Errorf("%v", a.Header)
	}
	asks[1] = "https://evil.example"
	if no := h.want(http.StatusNoContent, "OPTIONS", "/registrations", "", asks...); no.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%v", no.Header)
	}
	// What a form on a foreign page can send with a password that the browser has.
	path := strings.TrimPrefix(a.Header.Get("Location"), Path)
	for _, origin := range []string{"https://evil.example", "null"} {
		refused := h.want(http.StatusForbidden, "POST", path+"/test", "", "Origin", origin, "Sec-Fetch-Site", "cross-site")
		if refused.text("code") != codeOrigin {
			t.Errorf("%s", refused.raw)
		}
	}
}

func TestAppsSayWhatAClientNeeds(t *testing.T) {
	h := newHouse(t, nil)
	a := h.want(http.StatusOK, "GET", "/apps", "")
	for _, want := range []string{`"topic":"org.example.mail"`, `"environments":["production","sandbox"]`, `"vapid_public_key":"BPUBLIC"`, `"suite":"a suite"`, `"registrations":32`} {
		if !strings.Contains(string(a.raw), want) {
			t.Errorf("%s is not in %s", want, a.raw)
		}
	}
}

func TestAppsChangeWhileTheyAreInUse(t *testing.T) {
	h := newHouse(t, nil)
	path := h.register(fcm)
	h.handler.Reconfigure(Settings{Apps: []App{{Name: "new", Kind: push.APNs}}, Origins: []string{"https://new.example.org"}})
	h.want(http.StatusUnprocessableEntity, "POST", "/registrations", apns)
	h.want(http.StatusCreated, "POST", "/registrations", strings.Replace(apns, `"ios"`, `"new"`, 1), "Origin", "https://new.example.org")
	h.want(http.StatusOK, "GET", path, "")
	h.want(http.StatusNoContent, "DELETE", path, "")
}

// A document that never ends arriving keeps no place for long.
func TestADocumentThatIsSlowIsGivenUp(t *testing.T) {
	h := newHouse(t, nil)
	h.handler.patience = 50 * time.Millisecond
	s := httptest.NewServer(h.door)
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	h.must(err)
	defer conn.Close()
	login := base64.StdEncoding.EncodeToString([]byte(robin + ":" + password))
	_, err = fmt.Fprintf(conn, "POST %s/registrations HTTP/1.1\r\nHost: a\r\nAuthorization: Basic %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", Path, login)
	h.must(err)
	h.must(conn.SetReadDeadline(time.Now().Add(time.Minute)))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	h.must(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("it is answered %s", resp.Status)
	}
}
