package crash

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/internal/process"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

const (
	login    = "robin@crash.example"
	password = "never-lands-here"
)

// load is what goes on while the server is killed, and what it was told.
type load struct {
	t                       *testing.T
	in                      *process.Installation
	reader, deleter, sender *phone.Phone
	drafter, replier        *phone.Phone
	guest, leaver, ignorer  *phone.Phone // answers invitations, says that somebody is away, moves conversations
	keeper                  *phone.Phone // writes events and contacts
	inbox, trash, drafts    string
	sentItems               string
	calendar, contacts      string
	resyncs                 atomic.Int64 // a phone's SyncKey was not known

	mu       sync.Mutex // guards what follows
	accepted []string   // subjects for which SMTP said 250
	sent     []string   // subjects for which SendMail or a draft's Send was answered
	deleted  []string   // subjects whose deletion was answered
	met      []string   // subjects of invitations that were accepted
	ignored  []string   // subjects of conversations whose move was answered
	objects  []*kept    // what became of events and contacts
	away     int        // the last text of an absent user that was answered
}

func newLoad(t *testing.T, in *process.Installation) *load {
	l := &load{t: t, in: in}
	l.reader, l.deleter, l.sender = l.newPhone("READER"), l.newPhone("DELETER"), l.newPhone("SENDER")
	l.drafter, l.replier, l.guest, l.leaver = l.newPhone("DRAFTER"), l.newPhone("REPLIER"), l.newPhone("GUEST"), l.newPhone("LEAVER")
	l.ignorer, l.keeper = l.newPhone("IGNORER"), l.newPhone("KEEPER")
	return l
}

func (l *load) newPhone(id string) *phone.Phone { return l.phoneOf(login, id) }

func (l *load) phoneOf(login, id string) *phone.Phone {
	l.t.Helper()
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	l.t.Cleanup(client.CloseIdleConnections)
	p, err := phone.New(phone.Config{URL: "http://" + l.in.HTTP, User: login, Password: password, DeviceID: id, Version: eas.V161, HTTPClient: client})
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

func (l *load) setUp(ctx context.Context) {
	l.t.Helper()
	if !l.hand(original, message(original)) {
		l.t.Fatal("the original was not taken")
	}
	for _, p := range []*phone.Phone{l.reader, l.deleter, l.sender, l.drafter, l.replier, l.guest, l.leaver, l.ignorer, l.keeper} {
		l.must(ctx, p)
	}
}

func message(subject string) string {
	return "From: Load <load@elsewhere.example>\r\nTo: " + login + "\r\nSubject: " + subject +
		"\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" + strings.Repeat("The tide tables are attached. ", 20) + "\r\n"
}

// deliver sends messages, one after the other and each once, and notes which
// were acknowledged.
func (l *load) deliver(ctx context.Context, sender int) {
	n := 0
	for ctx.Err() == nil {
		conn, err := net.DialTimeout("tcp", l.in.SMTP, time.Second)
		if err != nil {
			pause(ctx, 5*time.Millisecond)
			continue
		}
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		c := textproto.NewConn(conn)
		if _, _, err := c.ReadResponse(220); err == nil {
			err = command(c, 250, "EHLO load.example")
			for err == nil {
				n++
				subject := fmt.Sprintf("mail %d-%d", sender, n)
				if err = transaction(c, message(subject)); err == nil {
					l.note(&l.accepted, subject)
				}
			}
		}
		stop()
		conn.Close()
	}
}

func (l *load) note(list *[]string, subject string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, subject)
}

func command(c *textproto.Conn, want int, text string) error {
	if err := c.PrintfLine("%s", text); err != nil {
		return err
	}
	_, _, err := c.ReadResponse(want)
	return err
}

func transaction(c *textproto.Conn, raw string) error {
	for _, s := range []struct {
		text string
		want int
	}{{"MAIL FROM:<load@elsewhere.example>", 250}, {"RCPT TO:<" + login + ">", 250}, {"DATA", 354}, {raw + ".", 250}} {
		if err := command(c, s.want, s.text); err != nil {
			return err
		}
	}
	return nil
}

// persist repeats one Sync until it is answered: the same request, as a phone
// does. A key the server does not know is what must not happen.
func (l *load) persist(ctx context.Context, p *phone.Phone, opt phone.SyncOptions) (*phone.SyncResult, bool) {
	return l.persistIn(ctx, p, l.inbox, opt)
}

func (l *load) persistIn(ctx context.Context, p *phone.Phone, collection string, opt phone.SyncOptions) (*phone.SyncResult, bool) {
	for ctx.Err() == nil {
		got, err := p.Sync(ctx, collection, opt)
		if err == nil {
			return got, true
		}
		var status *phone.StatusError
		if errors.As(err, &status) && ctx.Err() == nil {
			l.resyncs.Add(1)
			l.t.Errorf("a phone was told: %v", err)
			return nil, false
		}
		pause(ctx, 5*time.Millisecond)
	}
	return nil, false
}

// read holds Pings and syncs what they announce.
func (l *load) read(ctx context.Context) {
	for ctx.Err() == nil {
		got, ok := l.persist(ctx, l.reader, phone.SyncOptions{Window: 50, KeepNoMail: true})
		if ok && !got.More {
			if _, err := l.reader.Ping(ctx, time.Minute, l.inbox); err != nil {
				pause(ctx, 5*time.Millisecond)
			}
		}
	}
}

// readAndDelete marks messages read and deletes some, through the same Syncs.
func (l *load) readAndDelete(ctx context.Context) {
	for round := 0; ctx.Err() == nil; round++ {
		var commands []eas.SyncCommand
		var gone []string
		view := l.deleter.View(l.inbox)
		for id, it := range view {
			if len(commands) == 8 {
				break
			}
			if it.Subject == original || strings.HasPrefix(it.Subject, invited) || strings.HasPrefix(it.Subject, talk) {
				continue
			}
			if round%3 == 0 && len(gone) < 2 && it.Read {
				commands, gone = append(commands, phone.Delete(id)), append(gone, it.Subject)
			} else if !it.Read {
				commands = append(commands, phone.MarkRead(id, true))
			}
		}
		if _, ok := l.persist(ctx, l.deleter, phone.SyncOptions{Window: 40, Commands: commands, KeepNoMail: true}); ok {
			for _, subject := range gone {
				l.note(&l.deleted, subject)
			}
		}
	}
}

// submit sends mail from the phone and repeats each with its ClientId until it
// is answered.
func (l *load) submit(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		subject := fmt.Sprintf("from the phone %d", n)
		raw := strings.Replace(message(subject), "load@elsewhere.example", login, 1)
		for ctx.Err() == nil {
			err := l.sender.SendMail(ctx, fmt.Sprintf("client-%d", n), []byte(raw), false)
			if err == nil {
				l.note(&l.sent, subject)
				break
			}
			var status *phone.StatusError
			if errors.As(err, &status) {
				l.t.Errorf("SendMail: %v", err)
				return
			}
			pause(ctx, 5*time.Millisecond)
		}
		pause(ctx, 10*time.Millisecond)
	}
}

// draft writes drafts and sends them, some at once and some after a change, and
// repeats each request until it is answered.
func (l *load) draft(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		subject, to := fmt.Sprintf("a draft of the phone %d", n), login
		data, err := wbxml.MarshalRaw(&eas.Draft{To: &to, Subject: &subject})
		if err != nil {
			l.t.Error(err)
			return
		}
		add := eas.SyncCommand{Add: &eas.SyncAdd{ClientID: fmt.Sprintf("draft-%d", n), Send: n%2 == 0, ApplicationData: data}}
		got, ok := l.persistIn(ctx, l.drafter, l.drafts, phone.SyncOptions{Commands: []eas.SyncCommand{add}})
		if !ok {
			return
		}
		reply := got.Replies[0].Add
		if reply == nil || reply.Status != eas.SyncStatusSuccess {
			l.t.Errorf("a draft is answered with %+v", reply)
			return
		}
		if !add.Add.Send {
			send := eas.SyncCommand{Change: &eas.SyncChange{ServerID: reply.ServerID, Send: true, ApplicationData: data}}
			if got, ok = l.persistIn(ctx, l.drafter, l.drafts, phone.SyncOptions{Commands: []eas.SyncCommand{send}}); !ok {
				return
			}
			if len(got.Replies) > 0 {
				l.t.Errorf("a draft that is sent is answered with %+v", got.Replies[0].Change)
				return
			}
		}
		l.note(&l.sent, subject)
		pause(ctx, 10*time.Millisecond)
	}
}
