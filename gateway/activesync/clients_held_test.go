package activesync_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
)

// A phone whose Ping says that a folder changed and whose Sync brings nothing
// asks less often from then on (Android), or asks for ever. So the two agree,
// whatever happens in the folder: Ping announces it if and only if the next Sync
// has something to say.
func TestAPingAnnouncesWhatTheNextSyncBrings(t *testing.T) {
	month := `<Options><FilterType>5</FilterType></Options>`
	for _, version := range allVersions {
		for _, options := range []string{"", month} {
			t.Run(version+" "+options, func(t *testing.T) {
				announced(t, version, options)
			})
		}
	}
}

func announced(t *testing.T, version, options string) {
	t.Helper()
	h := build(t)
	now := time.Now().UnixMilli()
	old := h.deliver(t, 1, "Subject: old\r\n\r\nx", 1_600_000_000_000)
	it := h.deliver(t, 1, "Subject: it\r\n\r\nx", now)
	other := h.folder(t, mail.RoleJunk)
	p := newPhone(t, h, "phone", version)
	p.provision()
	p.folderSync()
	s := p.following("1", options)
	s.all()
	move := func(it mail.Item, to mail.FolderID) {
		h.update(t, func(tx *store.Tx) error {
			_, err := h.mailboxes.Move(tx, h.box, it.Folder, it.ID, to)
			return err
		})
	}
	remove := func(it mail.Item) {
		h.update(t, func(tx *store.Tx) error {
			_, err := h.mailboxes.Delete(tx, h.box, it.Folder, it.ID)
			return err
		})
	}
	fresh := func() mail.Item { return h.deliver(t, 1, "Subject: fresh\r\n\r\nx", now) }
	seen := func(it *mail.Item) { it.Flags |= mail.FlagSeen }
	unseen := func(it *mail.Item) { it.Flags &^= mail.FlagSeen }
	for _, what := range []struct {
		name string
		do   func()
	}{
		{"nothing", func() {}},
		{"new mail", func() { fresh() }},
		{"new mail that is old", func() { h.deliver(t, 1, "Subject: older\r\n\r\nx", 1_500_000_000_000) }},
		{"read elsewhere", func() { h.touch(t, it, seen) }},
		{"unread and read again", func() { h.touch(t, it, unseen); h.touch(t, it, seen) }},
		{"the old one is read", func() { h.touch(t, old, seen) }},
		{"flagged", func() { h.touch(t, it, func(it *mail.Item) { it.FollowUp.Status = mail.FollowUpActive }) }},
		{"flagged and a category", func() {
			h.touch(t, it, func(it *mail.Item) { it.FollowUp, it.Keywords = mail.FollowUp{}, []string{"red"} })
		}},
		{"a category", func() { h.touch(t, it, func(it *mail.Item) { it.Keywords = []string{"blue"} }) }},
		{"answered", func() { h.touch(t, it, func(it *mail.Item) { it.LastVerb, it.VerbTime = 1, time.Now() }) }},
		{"nothing is changed", func() { h.touch(t, it, func(*mail.Item) {}) }},
		{"marked to be deleted", func() { h.touch(t, it, func(it *mail.Item) { it.Flags |= mail.FlagDeleted }) }},
		{"came and went", func() { remove(fresh()) }},
		{"came and was read", func() { h.touch(t, fresh(), seen) }},
		{"came and was moved", func() { move(fresh(), other) }},
		{"moved in", func() { move(h.deliver(t, other, "Subject: in\r\n\r\nx", now), 1) }},
		{"the old one goes", func() { remove(old) }},
		{"moved out", func() { move(it, other) }},
		{"elsewhere", func() { h.deliver(t, other, "Subject: spam\r\n\r\nx", now) }},
		{"by the phone itself", func() {
			mine := fresh()
			s.all()
			s.next(`<Commands><Change><ServerId>` + serverID(mine) + `</ServerId><ApplicationData><Read xmlns="Email">1</Read></ApplicationData></Change></Commands>`)
		}},
		{"deleted by the phone itself", func() {
			mine := fresh()
			s.all()
			s.next(`<Commands><Delete><ServerId>` + serverID(mine) + `</ServerId></Delete></Commands>`)
			delete(s.have, serverID(mine))
		}},
		{"moved by the phone itself", func() {
			mine := fresh()
			s.all()
			p.send("MoveItems", `<MoveItems xmlns="Move"><Move><SrcMsgId>`+serverID(mine)+`</SrcMsgId><SrcFldId>1</SrcFldId><DstFldId>4</DstFldId></Move></MoveItems>`)
		}},
		{"cannot be shown", func() {
			h.deliver(t, 1, "Subject: broken\r\nContent-Type: text/html\r\n\r\nthe broken one", now)
			h.damage(t, "the broken one")
		}},
		{"new mail at the end", func() { fresh() }},
	} {
		what.do()
		ping := p.pinging(pingOf(480, "1"))
		doc := s.next("")
		if ping != "" && element(ping, "Status") != "2" {
			t.Fatalf("%s: Ping is answered\n%s", what.name, ping)
		}
		lost := what.name == "cannot be shown" && len(told(doc)) == 0 // which only a Sync finds out
		if (ping != "") != (len(told(doc)) > 0) && !lost {
			t.Errorf("%s: Ping announces it: %t, and Sync brings %v", what.name, ping != "", told(doc))
		}
		s.all()
		if ping := p.pinging(pingOf(480, "1")); ping != "" {
			t.Errorf("%s: announced again", what.name)
		}
	}
}

// Old mail is announced again by other servers when it is read, flagged or filed
// elsewhere, after a restart and when the phone provisions anew: an Add, which
// rings. Here it is at most a change. following fails for an Add of what is there.
func TestOldMailIsNotAnnouncedAgain(t *testing.T) {
	for _, c := range []client{iOS, aosp, samsung, outlook} {
		t.Run(c.kind, func(t *testing.T) {
			dir := t.TempDir()
			h := open(t, dir, 0)
			h.populate(t)
			for i := range 20 {
				h.deliver(t, 1, fmt.Sprintf("Subject: m%d\r\n\r\nx", i), time.Now().AddDate(0, 0, -i).UnixMilli())
			}
			p := c.as(t, h)
			p.provision()
			p.folderSync()
			s := p.following("1", `<Options><FilterType>5</FilterType></Options>`)
			s.all()
			adds := len(s.added)
			if adds != 20 {
				t.Fatalf("%d messages", adds)
			}
			for i, it := range h.contents(t, mail.RoleInbox) {
				h.touch(t, it.Item, func(it *mail.Item) {
					it.Flags |= mail.FlagSeen
					if i%2 == 0 {
						it.FollowUp.Status, it.Keywords = mail.FollowUpActive, []string{"red"}
					}
				})
			}
			s.all()
			account, box := h.account, h.box
			h.close(t)
			h = open(t, dir, 0)
			defer h.close(t)
			h.account, h.box = account, box
			p.house = h
			if ping := p.pinging(pingOf(480, "1")); ping != "" {
				t.Errorf("after a restart:\n%s", ping)
			}
			if doc := s.next(""); doc != "" {
				t.Errorf("after a restart:\n%s", doc)
			}
			p.provision()
			if doc := p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`); element(doc, "Status") != "1" {
				t.Fatal(doc)
			}
			for _, options := range []string{`<Options><FilterType>3</FilterType></Options>`, `<Options><FilterType>5</FilterType></Options>`} {
				s.rest = options // a shorter window takes messages back, the longer one brings them again
				s.all()
			}
			if len(s.have) != 20 {
				t.Errorf("the phone has %d messages", len(s.have))
			}
			h.deliver(t, 1, "Subject: new\r\n\r\nx", time.Now().UnixMilli())
			if doc := s.next(""); !slices.Equal(subjects(doc), []string{"new"}) {
				t.Errorf("brings %q", subjects(doc))
			}
		})
	}
}

// A phone that is held takes no thread and no request's place, however often it
// comes again, and none is forgotten: push does not stop (mailcow #2599, #5655).
func TestPushDoesNotStop(t *testing.T) {
	h := build(t)
	for _, c := range []client{iOS, gmail, samsung} {
		p := c.as(t, h)
		p.provision()
		p.folderSync()
		s := p.following("1", "")
		s.all()
		for i := range 60 {
			if ping := p.pinging(pingOf(480, "1")); ping != "" { // the phone hangs up
				t.Fatalf("%s: nothing new is answered\n%s", c.kind, ping)
			}
			waitHeld(t, h.server, 0)
			subject := fmt.Sprint(c.kind, i)
			if i%2 == 0 { // between two requests
				h.deliver(t, 1, "Subject: "+subject+"\r\n\r\nx", 0)
				if ping := p.pinging(pingOf(480, "1")); element(ping, "Status") != "2" {
					t.Fatalf("%s: new mail is answered\n%s", c.kind, ping)
				}
			} else {
				answer := p.later("Ping", "")
				waitHeld(t, h.server, 1)
				h.deliver(t, 1, "Subject: "+subject+"\r\n\r\nx", 0)
				if ping := <-answer; element(ping, "Status") != "2" {
					t.Fatalf("%s: new mail is answered\n%s", c.kind, ping)
				}
			}
			if got := subjects(s.next("")); !slices.Equal(got, []string{subject}) {
				t.Fatalf("%s: Sync brings %q", c.kind, got)
			}
		}
	}
	if n := h.hub.Waiting(); n != 0 {
		t.Errorf("%d watches are left over", n)
	}
}

// Samsung gives up a request after 85 seconds: what it asked for is not lost,
// and the request that it repeats is answered as the first one was.
func TestARequestThatIsGivenUpLosesNothing(t *testing.T) {
	h := build(t)
	p := samsung.as(t, h)
	p.provision()
	p.folderSync()
	s := p.following("1", "")
	s.all()
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	body := mustXML(t, `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>`+s.key+`</SyncKey><CollectionId>1</CollectionId></Collection></Collections><Wait>10</Wait></Sync>`)
	done := make(chan *http.Response, 1)
	go func() { done <- h.do(p.request(http.MethodPost, "Sync", body).WithContext(ctx)) }()
	waitHeld(t, h.server, 1)
	giveUp()
	<-done
	waitHeld(t, h.server, 0)
	h.deliver(t, 1, plainMail, 0)
	first := s.once(s.key, "") // its answer is lost, too
	second := s.once(s.key, "")
	if first != second || !slices.Equal(subjects(first), []string{"Hello"}) {
		t.Errorf("the repeated request got\n%s\nand then\n%s", first, second)
	}
	s.take(second)
	if doc := s.next(""); strings.Contains(doc, "<Add>") {
		t.Errorf("comes again:\n%s", doc)
	}
}

// Android raises its heartbeat from 8 to 28 minutes; iOS asks for up to 59.
func TestHeartbeatsOfPhonesAreTaken(t *testing.T) {
	h := build(t)
	for _, c := range []client{aosp, gmail, samsung, iOS} {
		p := c.as(t, h)
		p.ready()
		for _, seconds := range []int{60, 480, 780, 1080, 1380, 1680, 3540} {
			if ping := p.pinging(pingOf(seconds, "1")); ping != "" {
				t.Errorf("%s: %d seconds are answered\n%s", c.kind, seconds, ping)
			}
			waitHeld(t, h.server, 0)
			if d := h.device(t, c.device); d.PingHeartbeat != uint32(seconds) {
				t.Errorf("%s: %d seconds are kept as %d", c.kind, seconds, d.PingHeartbeat)
			}
		}
	}
}
