package activesync_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"martlet/gateway"
	"martlet/mail"
	"martlet/store"
)

// later sends a command from another goroutine.
func (p *phone) later(cmd, request string) <-chan string {
	c := make(chan string, 1)
	go func() { c <- p.send(cmd, request) }()
	return c
}

// waitHeld waits until n phones are held: their watches are registered by then.
func waitHeld(t *testing.T, s *gateway.Server, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.Held() != n {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d phones are held, want %d", s.Held(), n)
		}
	}
}

const pingInbox = `<Ping xmlns="Ping"><HeartbeatInterval>480</HeartbeatInterval><Folders><Folder><Id>1</Id><Class>Email</Class></Folder></Folders></Ping>`

// ready provisions a phone and syncs its hierarchy and inbox; it returns the
// inbox's key.
func (p *phone) ready() string {
	p.t.Helper()
	p.provision()
	p.folderSync()
	key := element(p.sync("0", "1", ""), "SyncKey")
	if next := element(p.sync(key, "1", ""), "SyncKey"); next != "" {
		key = next
	}
	return key
}

func TestAHeldPingIsAnsweredByNewMail(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.ready()
	c := p.later("Ping", pingInbox)
	waitHeld(t, h.server, 1)
	h.deliver(t, 1, plainMail, 0)
	if doc := <-c; element(doc, "Status") != "2" || element(doc, "Folder") != "1" {
		t.Errorf("got\n%s", doc)
	}
}

func TestAHeldPingHearsOfTheFoldersToo(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.ready()
	c := p.later("Ping", pingInbox)
	waitHeld(t, h.server, 1)
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.CreateFolder(tx, h.box, 0, "Plans", mail.ClassEmail)
		return err
	})
	if doc := <-c; element(doc, "Status") != "7" {
		t.Errorf("got\n%s", doc)
	}
}

// iOS pings folders before their first Sync and loops when it is told of them.
func TestAPingOfAFolderNeverSyncedIsHeld(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	p.folderSync()
	h.deliver(t, 1, plainMail, 0)
	c := p.later("Ping", pingInbox)
	waitHeld(t, h.server, 1)
	h.deliver(t, 1, plainMail, 0)
	newer := p.later("Ping", "") // ends the older, which had nothing to tell
	if doc := <-c; element(doc, "Status") != "1" {
		t.Errorf("got\n%s", doc)
	}
	waitHeld(t, h.server, 1)
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.CreateFolder(tx, h.box, 0, "Plans", mail.ClassEmail)
		return err
	})
	if doc := <-newer; element(doc, "Status") != "7" {
		t.Errorf("got\n%s", doc)
	}
}

func TestTwoPhonesOfOneMailboxAreBothWoken(t *testing.T) {
	h := build(t)
	a, b := newPhone(t, h, "iphone", "16.1"), newPhone(t, h, "ipad", "14.1")
	a.ready()
	b.ready()
	ca, cb := a.later("Ping", pingInbox), b.later("Ping", pingInbox)
	waitHeld(t, h.server, 2)
	h.deliver(t, 1, plainMail, 0)
	for _, c := range []<-chan string{ca, cb} {
		if doc := <-c; element(doc, "Status") != "2" {
			t.Errorf("got\n%s", doc)
		}
	}
}

func TestAnotherPhonesMailDoesNotWake(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.ready()
	c := p.later("Ping", pingInbox)
	waitHeld(t, h.server, 1)
	h.deliver(t, h.folder(t, mail.RoleSent), plainMail, 0) // a folder it does not ping
	h.deliver(t, 1, plainMail, 0)
	if doc := <-c; element(doc, "Status") != "2" || strings.Count(doc, "<Folder>") != 1 {
		t.Errorf("got\n%s", doc)
	}
}

func TestANewerPingEndsTheOlder(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.ready()
	older := p.later("Ping", pingInbox)
	waitHeld(t, h.server, 1)
	newer := p.later("Ping", "")
	if doc := <-older; element(doc, "Status") != "1" {
		t.Errorf("the older got\n%s", doc)
	}
	waitHeld(t, h.server, 1)
	h.deliver(t, 1, plainMail, 0)
	if doc := <-newer; element(doc, "Status") != "2" {
		t.Errorf("the newer got\n%s", doc)
	}
}

func TestAWaitingSyncBringsNewMail(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	key := p.ready()
	c := p.later("Sync", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>`+key+`</SyncKey><CollectionId>1</CollectionId></Collection></Collections><Wait>5</Wait></Sync>`)
	waitHeld(t, h.server, 1)
	h.deliver(t, 1, plainMail, 0)
	doc := <-c
	if strings.Count(doc, "<Add>") != 1 || element(doc, "Subject") != "Hello" {
		t.Errorf("got\n%s", doc)
	}
	// The same again without a body, and a folder disappears meanwhile.
	key = element(doc, "SyncKey")
	again := p.later("Sync", "")
	waitHeld(t, h.server, 1)
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.CreateFolder(tx, h.box, 0, "Plans", mail.ClassEmail)
		return err
	})
	if doc := <-again; element(doc, "Status") != "12" {
		t.Errorf("got\n%s", doc)
	}
	if doc := p.sync(key, "1", ""); doc != "" {
		t.Errorf("something new after nothing came:\n%s", doc)
	}
}

func TestAWaitingSyncEndsWithoutABody(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	key := p.ready()
	c := p.later("Sync", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>`+key+`</SyncKey><CollectionId>1</CollectionId></Collection></Collections><HeartbeatInterval>60</HeartbeatInterval></Sync>`)
	waitHeld(t, h.server, 1)
	newer := p.later("Sync", "")
	if doc := <-c; doc != "" {
		t.Errorf("got\n%s", doc)
	}
	waitHeld(t, h.server, 1)
	h.deliver(t, 1, plainMail, 0)
	if doc := <-newer; element(doc, "Subject") != "Hello" {
		t.Errorf("got\n%s", doc)
	}
}

// Phones that are sent away together would come back together.
func TestAServerThatStopsSendsPhonesAwayForAWhile(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.ready()
	answers := make(chan answer, 1)
	go func() {
		body, err := fromXML(pingInbox)
		if err != nil {
			t.Error(err)
		}
		answers <- p.post("Ping", "application/vnd.ms-sync.wbxml", body)
	}()
	waitHeld(t, h.server, 1)
	if err := h.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := <-answers
	if after, err := strconv.Atoi(a.header.Get("Retry-After")); a.status != http.StatusServiceUnavailable || err != nil || after < 2 || after > 10 {
		t.Errorf("HTTP %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
}

func TestAPhoneThatHangsUpIsLetGo(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.ready()
	ctx, hangUp := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		body, err := fromXML(pingInbox)
		if err != nil {
			t.Error(err)
			return
		}
		r := p.request(http.MethodPost, "Ping", body).WithContext(ctx)
		h.do(r)
	}()
	waitHeld(t, h.server, 1)
	hangUp()
	<-done
	waitHeld(t, h.server, 0)
	if n := h.hub.Waiting(); n != 0 {
		t.Errorf("%d watches are left over", n)
	}
}
