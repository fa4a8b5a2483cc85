package activesync_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
)

// client is how a program that people use presents itself.
type client struct{ device, kind, agent, version string }

var (
	iOS           = client{"H7U2K9Q0BL4N13C0F5S1A2B3C4", "iPhone", "Apple-iPhone15C2/2207.90", "16.1"}
	aosp          = client{"androidc1234567890", "Android", "Android/5.1-EAS-2.0", "14.1"}
	gmail         = client{"androidc0987654321", "Android", "Android-Mail/2024.05.12", "16.1"}
	samsung       = client{"SEC1A2B3C4D5E6F7A8", "SAMSUNGSMG991B", "SAMSUNG-SM-G991B/101.1401", "14.1"}
	outlook       = client{"4F8C2A6E9B1D47C3A5E0F6B2D8C41A37", "WindowsOutlook15", "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)", "14.1"}
	outlookMobile = client{"A0B1C2D3E4F5061728394A5B6C7D8E9F", "Outlook", "Outlook-iOS-Android/1.0", "16.1"}
	nine          = client{"4E696E6530313233343536373839", "Android", "Nine/4.9 (Android 14)", "16.1"}
	windowsMail   = client{"5D41402ABC4B2A76B9719D911017C592", "WindowsMail", "MSFT-WIN-4/10.0.19045", "14.1"}
	windowsPhone  = client{"7D793037A0760186574B0282F2F435E7", "WP8", "MSFT-WP/8.10.15148", "14.1"}
	tbsync        = client{"MZTB1A2B3C4D5E6F", "Thunderbird", "Thunderbird ActiveSync", "16.1"}

	// Those that came before, some of which are still about.
	oldAndroid    = client{"droid1300000001", "Android", "Android/0.3", "2.5"}
	galaxy        = client{"SAMSUNG1234567890", "SAMSUNGGTI9100", "SAMSUNG-GT-I9100/100.20304", "12.0"}
	windowsMobile = client{"BAD73E6E02156460E800185977C03182", "PocketPC", "MSFT-PPC/5.2.5082", "12.1"}
	nokia         = client{"IMEI354869020000001", "MfE", "MfE/3.00.73", "12.1"}
	oldIOS        = client{"Appl87934B8WA4S", "iPhone", "Apple-iPhone3C1/902.176", "14.1"}
	oldClients    = []client{oldAndroid, galaxy, windowsMobile, nokia, oldIOS}
	allClients    = []client{iOS, aosp, gmail, samsung, outlook, outlookMobile, nine, windowsMail, windowsPhone, tbsync}
)

// as is a phone of that make.
func (c client) as(t testing.TB, h *house) *phone {
	p := newPhone(t, h, c.device, c.version)
	p.kind = c.kind
	p.header.Set("User-Agent", c.agent)
	return p
}

func pingOf(heartbeat int, folders ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<Ping xmlns="Ping"><HeartbeatInterval>%d</HeartbeatInterval><Folders>`, heartbeat)
	for _, f := range folders {
		b.WriteString(`<Folder><Id>` + f + `</Id><Class>Email</Class></Folder>`)
	}
	return b.String() + `</Folders></Ping>`
}

// pinging sends a Ping and returns its answer; if it is held, the phone hangs up
// and there is none.
func (p *phone) pinging(request string) string {
	p.t.Helper()
	body, err := fromXML(request)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, hangUp := context.WithCancel(p.t.Context())
	defer hangUp()
	answered := make(chan *http.Response, 1)
	go func() { answered <- p.house.do(p.request(http.MethodPost, "Ping", body).WithContext(ctx)) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case resp := <-answered:
			a := p.read(resp)
			if a.status != http.StatusOK {
				p.t.Fatalf("Ping: HTTP %d", a.status)
			}
			return a.xml
		case <-tick.C:
			if p.house.server.Held() > 0 {
				hangUp()
				<-answered
				return ""
			}
		}
	}
}

// touch changes an item as another program does.
func (h *house) touch(t testing.TB, it mail.Item, fn func(*mail.Item)) {
	t.Helper()
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.UpdateItem(tx, h.box, it.Folder, it.ID, fn)
		return err
	})
}

// syncing is a phone that follows one folder.
type syncing struct {
	*phone
	folder, key, rest string
	have              map[string]bool // ServerIds
	added             []string        // every ServerId that came as an Add
}

func (p *phone) following(folder, rest string) *syncing {
	p.t.Helper()
	s := &syncing{phone: p, folder: folder, rest: rest, have: map[string]bool{}}
	s.restart()
	return s
}

// restart begins with key 0.
func (s *syncing) restart() {
	s.t.Helper()
	clear(s.have)
	s.key = element(s.once("0", ""), "SyncKey")
}

func (s *syncing) once(key, rest string) string {
	s.t.Helper()
	class := ""
	if s.version == "2.5" || s.version == "12.0" {
		class = "<Class>Email</Class>"
	}
	return s.send("Sync", `<Sync xmlns="AirSync"><Collections><Collection>`+class+`<SyncKey>`+key+`</SyncKey><CollectionId>`+s.folder+`</CollectionId>`+rest+`</Collection></Collections></Sync>`)
}

// next syncs once; the answer is taken.
func (s *syncing) next(commands string) string {
	s.t.Helper()
	doc := s.once(s.key, s.rest+commands)
	s.take(doc)
	return doc
}

var (
	responsesBlock = regexp.MustCompile(`(?s)<Responses>.*</Responses>`)
	toldCommand    = regexp.MustCompile(`<(Add|Change|Delete|SoftDelete)>\s*<ServerId>([^<]+)</ServerId>`)
)

// told are the server's commands of an answer, as pairs of kind and ServerId.
func told(doc string) [][2]string {
	var all [][2]string
	for _, m := range toldCommand.FindAllStringSubmatch(responsesBlock.ReplaceAllString(doc, ""), -1) {
		all = append(all, [2]string{m[1], m[2]})
	}
	return all
}

// take notes what an answer says. No Sync may bring what the phone has, nor tell
// of what it has not.
func (s *syncing) take(doc string) {
	s.t.Helper()
	if doc == "" {
		return
	}
	if st := element(doc, "Status"); st != "1" {
		s.t.Fatalf("Sync has status %s:\n%s", st, doc)
	}
	s.key = element(doc, "SyncKey")
	for _, c := range told(doc) {
		kind, id := c[0], c[1]
		if s.have[id] != (kind != "Add") {
			s.t.Errorf("%s of %s, which the phone has: %t", kind, id, s.have[id])
		}
		switch kind {
		case "Add":
			s.have[id] = true
			s.added = append(s.added, id)
		case "Delete", "SoftDelete":
			delete(s.have, id)
		}
	}
}

// all syncs until there is no more.
func (s *syncing) all() {
	s.t.Helper()
	for range 1000 {
		if doc := s.next(""); !strings.Contains(doc, "<MoreAvailable/>") {
			return
		}
	}
	s.t.Fatal("there is always more")
}
