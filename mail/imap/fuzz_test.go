package imap_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/imap"
	"martlet/mail/share"
	"martlet/store"
)

// newErrorLog returns a log and what of it must not be.
func newErrorLog() (*slog.Logger, func() string) {
	var mu sync.Mutex
	var b strings.Builder
	w := writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return b.Write(p)
	})
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError})), func() string {
		mu.Lock()
		defer mu.Unlock()
		return b.String()
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// FuzzSession sends bytes to a session of Alice's. It must end, must log no
// error, and what it says must be responses, literals of the length announced
// included.
func FuzzSession(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	check(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(f, err)
		var input bytes.Buffer
		for line := range strings.Lines(string(text)) {
			if said, ok := strings.CutPrefix(line, "C: "); ok && !strings.Contains(said, "wrong") && !strings.Contains(said, "AUTHENTICATE") {
				input.WriteString(strings.TrimSuffix(said, "\n") + "\r\n")
			}
		}
		f.Add(input.Bytes())
	}
	f.Add([]byte("a SELECT INBOX\r\nb IDLE\r\nDONE\r\nc FETCH 1:* (BODYSTRUCTURE BODY[1.1])\r\n"))
	log, failures := newErrorLog()
	f.Add([]byte("a SETACL INBOX bob@example.org lrs\r\nb GETACL INBOX\r\nc LISTRIGHTS INBOX anyone\r\nd MYRIGHTS INBOX\r\ne DELETEACL INBOX bob@example.org\r\n"))
	f.Add([]byte("a SETACL {5+}\r\nINBOX anyone +swited\r\nb LIST \"\" \"Other*\"\r\nc SELECT \"Other Users/bob@example.org/Inbox\"\r\nd IDLE\r\nDONE\r\ne STORE 1 FLAGS (\\Deleted)\r\nf MOVE 1 INBOX\r\n"))
	h := newHouse(f, func(h *house, c *imap.Config) {
		c.Logger, c.MaxMessageBytes = log, 4096
		c.Shares = share.New(share.Config{Store: h.store, Directory: h.directory, Mailboxes: h.mailboxes})
		h.shareBobs(f, c.Shares)
	})
	f.Cleanup(func() { h.t = f })
	f.Fuzz(func(t *testing.T, input []byte) {
		h.t = t
		if f := h.folder(mail.RoleInbox); f.Items > 50 || f.Items == 0 { // copied, or moved away
			_, err := h.mailboxes.Empty(context.Background(), h.box, f.ID, true)
			check(t, err)
			h.fill()
		}
		client, server := net.Pipe()
		ended := make(chan struct{})
		go func() {
			h.server.ServeSecure(server)
			close(ended)
		}()
		go func() {
			io.WriteString(client, "login LOGIN alice@example.org \""+password+"\"\r\n")
			client.Write(input)
			io.WriteString(client, "\r\nDONE\r\nlast LOGOUT\r\n")
			client.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // it may wait for a literal
		}()
		out, _ := io.ReadAll(client)
		client.Close()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("the session does not end")
		}
		if said := failures(); said != "" {
			t.Fatalf("logged %s", said)
		}
		responses(t, out)
	})
}

// shareBobs has Bob's Inbox shared with Alice.
func (h *house) shareBobs(t testing.TB, shares *share.Shares) {
	t.Helper()
	ctx := context.Background()
	bob, err := h.directory.AccountByLogin(ctx, "bob@example.org")
	check(t, err)
	box := mail.MailboxOf(bob.ID)
	check(t, h.mailboxes.Create(ctx, box))
	check(t, h.store.Update(ctx, func(tx *store.Tx) error {
		inbox, err := h.mailboxes.FolderByRole(tx, box, mail.RoleInbox)
		if err != nil {
			return err
		}
		to, err := shares.Principal(tx, alice)
		if err != nil {
			return err
		}
		return shares.GrantIn(tx, share.Grant{Box: box, Folder: inbox.ID, To: to, Rights: mail.MayWrite})
	}))
}

// responses checks that bytes are a run of responses.
func responses(t *testing.T, out []byte) {
	in := bufio.NewReader(bytes.NewReader(out))
	literal := regexp.MustCompile(`~?\{(\d+)\}\r\n$`)
	begin := regexp.MustCompile(`^(\* |\+ |[!-~]+ (OK|NO|BAD) )`)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return // the last one may be cut
		}
		if !begin.MatchString(line) {
			t.Fatalf("not a response: %q in %q", line, out)
		}
		for m := literal.FindStringSubmatch(line); m != nil; m = literal.FindStringSubmatch(line) {
			n, _ := strconv.Atoi(m[1])
			if got, err := in.Discard(n); err != nil || got < n {
				return
			}
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		if !strings.HasSuffix(line, "\r\n") {
			t.Fatalf("a line without CRLF: %q", line)
		}
	}
}
