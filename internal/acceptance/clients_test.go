package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// user is Robin as the administrator sees him.
func (h *house) user() (u struct{ Devices, Items int }) {
	h.t.Helper()
	var all []struct {
		Login          string
		Devices, Items int
	}
	if err := json.Unmarshal([]byte(h.Run("", "user", "list", "--json")), &all); err != nil {
		h.t.Fatal(err)
	}
	for _, one := range all {
		if one.Login == robin {
			u.Devices, u.Items = one.Devices, one.Items
		}
	}
	return u
}

// held waits until so many phones are held.
func (h *house) held(want int) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		var status struct{ Held int }
		if err := json.Unmarshal([]byte(h.Run("", "status", "--json")), &status); err != nil {
			h.t.Fatal(err)
		}
		if status.Held == want {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%d phones are held, want %d", status.Held, want)
		}
	}
}

// pinging starts a Ping; its answer comes on the channel.
func (h *house) pinging(ctx context.Context, p *phone.Phone, folders ...string) <-chan string {
	answer := make(chan string, 1)
	go func() {
		got, err := p.Ping(ctx, 10*time.Minute, folders...)
		answer <- fmt.Sprint(got.Status, got.Folders, err)
	}()
	return answer
}

func TestAndroidsConnectionTestLeavesNothing(t *testing.T) {
	h := newHouse(t, "")
	p := h.newPhone("validate", nil)
	if _, err := p.Options(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := p.FolderSync(t.Context()); err != nil && !errors.Is(err, phone.ErrProvision) {
		t.Error(err)
	}
	if _, err := p.Provision(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := p.FolderSync(t.Context()); err != nil {
		t.Error(err)
	}
	if u := h.user(); u.Devices != 0 {
		t.Errorf("%d devices are remembered", u.Devices)
	}
}

// An empty Collections element crashes iOS Mail.
func TestNothingNewIsAnEmptyBody(t *testing.T) {
	h := newHouse(t, "")
	for _, version := range eas.Versions() {
		p, inbox := h.settled("NOTHING"+strings.ReplaceAll(version.String(), ".", ""), version)
		h.sync(p, inbox, phone.SyncOptions{})
		h.sync(p, inbox, phone.SyncOptions{})
		body, err := wbxml.Marshal(&eas.Sync{Collections: []eas.SyncCollection{{Class: "Email", SyncKey: p.SyncKey(inbox), CollectionID: inbox}}})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Do(t.Context(), phone.Request{Command: "Sync", Body: body})
		if err != nil || answer.Status != 200 {
			t.Errorf("%s: %+v, %v", version, answer, err)
			continue
		}
		if len(answer.Body) != 0 && version >= eas.V121 {
			t.Errorf("%s: nothing new takes %d bytes:\n%s", version, len(answer.Body), wbxml.Dump(answer.Body))
		}
	}
}

// iOS pings folders before their first Sync; to be told of changes there makes
// it loop.
func TestPingOfAFolderNeverSyncedIsHeld(t *testing.T) {
	h := newHouse(t, "")
	p, inbox := h.settled("LOOPER", eas.V161)
	h.deliver(letter("before", "…"))
	ctx, cancel := context.WithCancel(t.Context())
	answer := h.pinging(ctx, p, inbox, h.folder(p, eas.FolderOutbox), h.folder(p, eas.FolderDrafts))
	h.held(1)
	h.deliver(letter("meanwhile", "…"))
	h.held(1)
	cancel()
	<-answer
	h.held(0)

	h.sync(p, inbox, phone.SyncOptions{})
	outbox := h.folder(p, eas.FolderOutbox)
	h.sync(p, outbox, phone.SyncOptions{})
	answer = h.pinging(t.Context(), p, inbox, outbox)
	h.held(1)
	h.deliver(letter("now", "…"))
	if got, want := <-answer, fmt.Sprint(eas.PingStatusChanges, []string{inbox}, nil); got != want {
		t.Errorf("Ping is answered %s, want %s", got, want)
	}
	// What is announced is there, or Android backs off.
	if got := h.sync(p, inbox, phone.SyncOptions{}); got.Adds != 1 {
		t.Errorf("%d new messages after the Ping, want 1", got.Adds)
	}
}

func TestEveryFormOfALogin(t *testing.T) {
	h := newHouse(t, "")
	h.Run("gr\xc3\xbc\xc3\x9fe\n", "user", "add", "j\xc3\xb6rg@acceptance.example", "--password-stdin")
	for i, login := range []string{"robin", "ROBIN", robin, "Robin@Acceptance.Example", `ACCEPTANCE\robin`, `acceptance.example\robin`, `acceptance.example\` + robin} {
		h.enters(fmt.Sprintf("LOGIN%d", i), login, password)
	}
	h.enters("UTF8", "j\xc3\xb6rg@acceptance.example", "gr\xc3\xbc\xc3\x9fe")
	h.enters("LATIN1", "j\xf6rg@acceptance.example", "gr\xfc\xdfe")
	for _, wrong := range [][2]string{{robin, "another nest"}, {"robin@elsewhere.example", password}, {"", ""}, {robin, ""}} {
		p := h.newPhone("WRONG", func(c *phone.Config) { c.User, c.Password = wrong[0], wrong[1] })
		_, err := p.Options(t.Context())
		var refused *phone.HTTPError
		if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
			t.Errorf("%q is answered %v", wrong[0], err)
		}
	}
}

// enters settles a phone with a login and the plain request line, and another
// with the base64 one.
func (h *house) enters(device, login, secret string) {
	h.t.Helper()
	for _, base64 := range []bool{false, true} {
		p := h.newPhone(fmt.Sprint(device, base64), func(c *phone.Config) { c.User, c.Password, c.Base64Query = login, secret, base64 })
		if _, err := p.Provision(h.t.Context()); err != nil {
			h.t.Errorf("%q: %v", login, err)
			continue
		}
		if _, err := p.FolderSync(h.t.Context()); err != nil {
			h.t.Errorf("%q: %v", login, err)
		}
	}
}

// The base64 request line carries everything that the plain one does.
func TestEverythingWorksWithTheBase64Query(t *testing.T) {
	h := newHouse(t, "")
	h.deliver("From: wren@elsewhere.example\r\nTo: " + robin + "\r\nSubject: file\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n")
	for _, version := range []eas.Version{eas.V121, eas.V140, eas.V161} {
		p := h.newPhone("BASE"+strings.ReplaceAll(version.String(), ".", ""), func(c *phone.Config) { c.Version, c.Base64Query = version, true })
		inbox := h.settle(p)
		h.well(p, inbox, "by base64 "+version.String())
		for id, it := range p.View(inbox) {
			e, err := p.Fetch(t.Context(), inbox, id, phone.FetchOptions{Multipart: true})
			if err != nil {
				t.Error(err)
			}
			for _, reference := range files(e) {
				checkSmallFile(t, p, reference)
			}
			if it.Subject == "file" && len(files(e)) != 1 {
				t.Errorf("%s: no file", version)
			}
		}
		before := h.user().Items
		if err := p.SendMail(t.Context(), "", []byte(own("sent by "+version.String())), true); err != nil {
			t.Error(err)
		}
		if got := h.user().Items - before; got != 2 { // in the Inbox and in Sent Items
			t.Errorf("%s: SendMail made %d items, want 2", version, got)
		}
	}
}

func checkSmallFile(t *testing.T, p *phone.Phone, reference string) {
	t.Helper()
	if p.Version() < eas.V140 {
		if _, data, err := p.GetAttachment(t.Context(), reference); err != nil || string(data) != "\x00\x01\x02\x03" {
			t.Errorf("%s: GetAttachment: %q, %v", p.Version(), data, err)
		}
	}
	if a, err := p.FetchAttachment(t.Context(), reference, phone.FetchOptions{Multipart: true}); err != nil || string(a.Data) != "\x00\x01\x02\x03" {
		t.Errorf("%s: Fetch: %+v, %v", p.Version(), a, err)
	}
}

// Outlook names its device anew at every start: each finds the whole mailbox,
// and they do not pile up.
func TestADeviceThatIsNewAtEveryStart(t *testing.T) {
	h := newHouse(t, "")
	for i := range 3 {
		h.deliver(letter(fmt.Sprint("mail ", i), "…"))
	}
	for i := range 110 {
		p, inbox := h.settled(fmt.Sprintf("OUTLOOK%d", i), eas.V141)
		if n := h.sync(p, inbox, phone.SyncOptions{}).Adds; n != 3 {
			t.Fatalf("start %d finds %d messages, want 3", i, n)
		}
	}
	if n := h.user().Devices; n > 100 {
		t.Errorf("%d devices are remembered", n)
	}
	h.fsck()
}

// Some phones ask with GET, or with nothing in the body.
func TestAutodiscoverHoweverAsked(t *testing.T) {
	h := newHouse(t, "")
	ask := func(method, path, contentType, body string, basic bool) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://mail.acceptance.example"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		if basic {
			req.SetBasicAuth(robin, password)
		}
		resp, err := h.client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	const xml = `<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006"><Request><EMailAddress>` + robin +
		`</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006</AcceptableResponseSchema></Request></Autodiscover>`
	for _, path := range []string{"/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/AutoDiscover.xml"} {
		for _, c := range [][3]string{{"POST", "text/xml", xml}, {"POST", "text/xml; charset=utf-8", ""}, {"GET", "", ""}} {
			code, text := ask(c[0], path, c[1], c[2], true)
			if code != 200 || !strings.Contains(text, "/Microsoft-Server-ActiveSync</Url>") || !strings.Contains(text, robin) {
				t.Errorf("%s %s %.20q: %d %s", c[0], path, c[2], code, text)
			}
		}
	}
	if code, _ := ask("POST", "/autodiscover/autodiscover.xml", "text/xml", xml, false); code != http.StatusUnauthorized {
		t.Errorf("without a password: %d", code)
	}
	code, text := ask("GET", "/autodiscover/autodiscover.json/v1.0/"+robin+"?Protocol=ActiveSync", "", "", false)
	if code != 200 || !strings.Contains(text, "Microsoft-Server-ActiveSync") {
		t.Errorf("v2: %d %s", code, text)
	}
}

// Addresses in one header may be divided by semicolons.
func TestRecipientsDividedBySemicolons(t *testing.T) {
	h := newHouse(t, "")
	h.Run("secret\n", "user", "add", "wren@acceptance.example", "--password-stdin")
	p, inbox := h.settled("SEMICOLON", eas.V141)
	raw := "From: " + robin + "\r\nTo: \"Swift; Robin\" <" + robin + ">; wren@acceptance.example;\r\nSubject: to both\r\n\r\nHello\r\n"
	if err := p.SendMail(t.Context(), "", []byte(raw), false); err != nil {
		t.Fatal(err)
	}
	wren := h.newPhone("WREN", func(c *phone.Config) { c.User, c.Password = "wren@acceptance.example", "secret" })
	for _, one := range []struct {
		p     *phone.Phone
		inbox string
	}{{p, inbox}, {wren, h.settle(wren)}} {
		if n := h.sync(one.p, one.inbox, phone.SyncOptions{}).Adds; n != 1 {
			t.Errorf("%d messages came, want 1", n)
		}
	}
}

// The plain text that lists show has no markup, links or pictures in it, and an
// Options block replaces the last one whole.
func TestWhatListsShow(t *testing.T) {
	h := newHouse(t, "")
	h.deliver("From: wren@elsewhere.example\r\nTo: " + robin + "\r\nSubject: html\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" +
		"<style>p { color: red }</style><script>x()</script><p>Dear <b>Robin</b>, see <a href=\"https://elsewhere.example/long\">this page</a> <img src=\"cid:a\" alt=\"logo\"></p>\r\n")
	plain, size := uint(eas.BodyPlain), uint32(500)
	p, inbox := h.settled("LISTS", eas.V161)
	got := h.sync(p, inbox, phone.SyncOptions{Options: []eas.SyncOptions{{BodyPreference: []eas.BodyPreference{{Type: &plain, TruncationSize: &size}}}}})
	body := got.Added[0].Email.Body
	if body == nil || body.Data == nil || !strings.Contains(*body.Data, "Dear Robin, see this page") || strings.ContainsAny(*body.Data, "<>{") || strings.Contains(*body.Data, "https:") {
		t.Errorf("the list shows %+v", body)
	}
	h.deliver(letter("empty options", "Hello"))
	got = h.sync(p, inbox, phone.SyncOptions{Options: []eas.SyncOptions{{}}})
	if len(got.Added) != 1 || got.Added[0].Email.Body != nil && got.Added[0].Email.Body.Data != nil {
		t.Errorf("after an empty Options block: %+v", got.Added[0].Email.Body)
	}
}

// A key that the server never gave is answered with the status that makes a
// phone start anew, and it does.
func TestLostStateAsksForANewStart(t *testing.T) {
	h := newHouse(t, "")
	h.deliver(letter("kept", "…"))
	for _, version := range []eas.Version{eas.V25, eas.V121, eas.V161} {
		for i, key := range []string{"999999999", "1", "{00000000-0000-0000-0000-000000000000}5", "-1", "x"} {
			// Each time another one: a device that starts anew again and again is
			// held to be in a loop over the message.
			p, inbox := h.settled(fmt.Sprintf("LOST%d%s", i, strings.ReplaceAll(version.String(), ".", "")), version)
			h.sync(p, inbox, phone.SyncOptions{})
			p.SetSyncKey(inbox, key)
			_, err := p.Sync(t.Context(), inbox, phone.SyncOptions{})
			var status *phone.StatusError
			if !errors.As(err, &status) || status.Status != uint16(eas.SyncStatusInvalidSyncKey) {
				t.Errorf("%s: key %q is answered %v", version, key, err)
				p.Forget(inbox)
			}
			if n := h.sync(p, inbox, phone.SyncOptions{}).Adds; n != 1 {
				t.Errorf("%s: a new start brings %d messages, want 1", version, n)
			}
		}
	}
}
