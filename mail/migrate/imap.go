package migrate

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"martlet/mail"
)

// IMAPConfig says which mailbox of which server is a source.
type IMAPConfig struct {
	URL      string // imaps://host, or imap://host for STARTTLS, with :port where it is another than 993 or 143
	User     string
	Password string
	// For is whose mailbox it is, if User may open those of others (RFC 4616
	// authzid); empty: User's own.
	For string
	TLS *tls.Config // nil: the system's authorities
	// Plain goes without TLS where the server has none. Passwords pass in the clear.
	Plain bool
	// Pause is how long to wait for a server that is away, doubled each time; zero:
	// a second.
	Pause time.Duration
}

const (
	imapTimeout = 2 * time.Minute // without a byte
	imapRetries = 6
	imapPage    = 500     // heads asked for at once
	imapBytes   = 4 << 20 // of bodies asked for at once
)

// IMAP is a source. A connection that breaks is made anew.
type IMAP struct {
	cfg    IMAPConfig
	scheme string
	host   string // with port
	client *imapclient.Client
	conn   net.Conn
	open   string // the mailbox that is selected
	valid  uint32 // its UIDVALIDITY
}

// OpenIMAP logs in.
func OpenIMAP(ctx context.Context, cfg IMAPConfig) (*IMAP, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "imaps" && u.Scheme != "imap" || u.User != nil || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%q is no address of a server: imaps://mail.example.org, or imap:// for STARTTLS", cfg.URL)
	}
	s := &IMAP{cfg: cfg, scheme: u.Scheme, host: u.Host}
	if u.Port() == "" {
		s.host = net.JoinHostPort(u.Hostname(), map[string]string{"imaps": "993", "imap": "143"}[u.Scheme])
	}
	if cfg.Pause == 0 {
		s.cfg.Pause = time.Second
	}
	return s, s.connect(ctx)
}

// ID names the server and whose mailbox it is.
func (s *IMAP) ID() string {
	return "imap:" + strings.ToLower(s.host) + ":" + cmp.Or(s.cfg.For, s.cfg.User)
}

// Close logs out.
func (s *IMAP) Close() error {
	if s.client == nil {
		return nil
	}
	s.conn.SetDeadline(time.Now().Add(5 * time.Second))
	err := s.client.Logout().Wait()
	s.client.Close()
	s.client = nil
	return err
}

// refusedError is a server's no: to ask again is of no use.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

func (s *IMAP) connect(ctx context.Context) error {
	if s.client != nil {
		s.client.Close()
		s.client, s.open = nil, ""
	}
	d := net.Dialer{Timeout: 30 * time.Second}
	raw, err := d.DialContext(ctx, "tcp", s.host)
	if err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(s.host)
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.cfg.TLS != nil {
		cfg = s.cfg.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	s.conn = &patientConn{Conn: raw}
	switch {
	case s.scheme == "imaps":
		c := tls.Client(s.conn, cfg)
		if err := c.HandshakeContext(ctx); err != nil {
			raw.Close()
			return &refusedError{fmt.Errorf("TLS with %s: %w", s.host, err)}
		}
		s.client = imapclient.New(c, nil)
	case s.cfg.Plain:
		s.client = imapclient.New(s.conn, nil)
	default:
		if s.client, err = imapclient.NewStartTLS(s.conn, &imapclient.Options{TLSConfig: cfg}); err != nil {
			raw.Close()
			return fmt.Errorf("STARTTLS with %s: %w", s.host, err)
		}
	}
	if err := s.client.WaitGreeting(); err != nil {
		return err
	}
	if err := s.login(); err != nil {
		return s.said(fmt.Errorf("log in at %s as %s: %w", s.host, s.cfg.User, err))
	}
	return nil
}

func (s *IMAP) login() error {
	if caps := s.client.Caps(); caps.Has(goimap.AuthCap(sasl.Plain)) || s.cfg.For != "" {
		return s.client.Authenticate(sasl.NewPlainClient(s.cfg.For, s.cfg.User, s.cfg.Password))
	}
	return s.client.Login(s.cfg.User, s.cfg.Password).Wait()
}

// said marks an error that is a server's no.
func (s *IMAP) said(err error) error {
	var no *goimap.Error
	if errors.As(err, &no) && no.Type != goimap.StatusResponseTypeBye && no.Code != goimap.ResponseCodeUnavailable && no.Code != goimap.ResponseCodeInUse {
		return &refusedError{err}
	}
	return err
}

// do runs fn, anew over another connection if the one there breaks. fn has nothing
// done twice by that. Progress starts the count of trials again.
func (s *IMAP) do(ctx context.Context, fn func(progress func()) error) error {
	pause := s.cfg.Pause
	for trial := 0; ; trial++ {
		err := error(nil)
		if s.client == nil {
			err = s.connect(ctx)
		}
		if err == nil {
			stop := context.AfterFunc(ctx, func() { s.conn.Close() })
			err = fn(func() { trial, pause = 0, s.cfg.Pause })
			stop()
		}
		var refused *refusedError
		var yielded *yieldError
		if err == nil || ctx.Err() != nil || errors.As(err, &refused) || errors.As(err, &yielded) || trial >= imapRetries {
			return errors.Join(ctx.Err(), err)
		}
		if err := s.said(err); errors.As(err, &refused) {
			return err
		}
		if s.client != nil {
			s.client.Close()
			s.client, s.open = nil, ""
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause *= 2
	}
}

// yieldError is an error of whoever takes the messages.
type yieldError struct{ err error }

func (e *yieldError) Error() string { return e.err.Error() }
func (e *yieldError) Unwrap() error { return e.err }

// Folders lists the mailboxes. Those that show messages of others, as "All Mail",
// are left out.
func (s *IMAP) Folders(ctx context.Context) (all []Folder, err error) {
	err = s.do(ctx, func(func()) error {
		all = nil
		o := &goimap.ListOptions{ReturnSpecialUse: s.client.Caps().Has(goimap.CapSpecialUse)}
		list, err := s.client.List("", "*", o).Collect()
		if err != nil {
			return err
		}
		for _, l := range list {
			if f, ok := folderOf(l); ok {
				all = append(all, f)
			}
		}
		for i := range all {
			st, err := s.client.Status(all[i].at, &goimap.StatusOptions{NumMessages: true}).Wait()
			if all[i].Count = -1; err == nil && st.NumMessages != nil {
				all[i].Count = int(*st.NumMessages)
			} else if err != nil {
				if err := s.said(err); !errors.As(err, new(*refusedError)) {
					return err
				}
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Folder) int { return slices.Compare(a.Path, b.Path) })
	settle(all)
	return all, err
}

// folderOf reads an answer of LIST (RFC 9051 7.3.1, RFC 6154 2).
func folderOf(l *goimap.ListData) (f Folder, ok bool) {
	f = Folder{Path: []string{l.Mailbox}, at: l.Mailbox, Count: -1}
	if l.Delim != 0 {
		f.Path = strings.Split(strings.Trim(l.Mailbox, string(l.Delim)), string(l.Delim))
	}
	f.Path = slices.DeleteFunc(f.Path, func(s string) bool { return s == "" })
	if len(f.Path) == 0 || len(f.Path) > maxDepth {
		return f, false
	}
	for _, a := range l.Attrs {
		switch goimap.MailboxAttr(strings.ToLower(string(a))) {
		case `\noselect`, `\nonexistent`, `\all`, `\flagged`, `\important`:
			return f, false
		case `\sent`:
			f.Role = mail.RoleSent
		case `\drafts`:
			f.Role = mail.RoleDrafts
		case `\trash`:
			f.Role = mail.RoleDeletedItems
		case `\junk`:
			f.Role = mail.RoleJunk
		}
	}
	if strings.EqualFold(l.Mailbox, "INBOX") {
		f.Role = mail.RoleInbox
	} else if len(f.Path) > 1 && strings.EqualFold(f.Path[0], "INBOX") { // INBOX.Sent, as Courier and Cyrus have it
		f.Path = f.Path[1:]
	}
	return f, true
}

// selectFolder opens a mailbox for reading alone.
func (s *IMAP) selectFolder(f *Folder) error {
	if s.open == f.at {
		return nil
	}
	data, err := s.client.Select(f.at, &goimap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	s.open, s.valid = f.at, data.UIDValidity
	return nil
}

// Heads lists the messages by their UIDs.
func (s *IMAP) Heads(ctx context.Context, f *Folder) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		var uids []goimap.UID
		err := s.do(ctx, func(func()) error {
			if err := s.selectFolder(f); err != nil {
				return err
			}
			found, err := s.client.UIDSearch(&goimap.SearchCriteria{}, nil).Wait()
			if err == nil {
				uids = found.AllUIDs()
			}
			return err
		})
		slices.Sort(uids)
		for len(uids) > 0 && err == nil {
			some := uids[:min(len(uids), imapPage)]
			uids = uids[len(some):]
			var heads []Head
			if heads, err = s.heads(ctx, f, some); err != nil {
				break
			}
			for i := range heads {
				var out error
				if heads[i].Size > maxMessage {
					out = failed(f, heads[i].Key, errTooBig)
				}
				if !yield(heads[i], out) {
					return
				}
			}
		}
		if err != nil {
			yield(Head{}, err)
		}
	}
}

func (s *IMAP) heads(ctx context.Context, f *Folder, uids []goimap.UID) (heads []Head, err error) {
	err = s.do(ctx, func(func()) error {
		heads = heads[:0]
		if err := s.selectFolder(f); err != nil {
			return err
		}
		got, err := s.client.Fetch(goimap.UIDSetNum(uids...), &goimap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true}).Collect()
		if err != nil {
			return err
		}
		for _, m := range got {
			if m.UID == 0 { // somebody else's change, told meanwhile
				continue
			}
			h := Head{Key: fmt.Sprintf("%d.%d", s.valid, m.UID), Received: m.InternalDate.UTC(), Size: m.RFC822Size, uid: uint32(m.UID)}
			for _, flag := range m.Flags {
				h.setFlag(string(flag))
			}
			slices.Sort(h.Keywords)
			heads = append(heads, h)
		}
		slices.SortFunc(heads, func(a, b Head) int { return cmp.Compare(a.uid, b.uid) })
		heads = slices.CompactFunc(heads, func(a, b Head) bool { return a.uid == b.uid })
		return nil
	})
	return heads, err
}

// Fetch reads messages, some at once.
func (s *IMAP) Fetch(ctx context.Context, f *Folder, heads []Head, yield func(int, []byte, error) error) error {
	for from := 0; from < len(heads); {
		to, size := from, int64(0)
		for to < len(heads) && (to == from || size+heads[to].Size <= imapBytes) {
			size += heads[to].Size
			to++
		}
		if err := s.fetch(ctx, f, heads, from, to, yield); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (s *IMAP) fetch(ctx context.Context, f *Folder, heads []Head, from, to int, yield func(int, []byte, error) error) error {
	waiting := map[uint32]int{}
	for i := from; i < to; i++ {
		waiting[heads[i].uid] = i
	}
	return s.do(ctx, func(progress func()) error {
		if err := s.selectFolder(f); err != nil {
			return err
		}
		var set goimap.UIDSet
		for uid := range waiting {
			set.AddNum(goimap.UID(uid))
		}
		section := &goimap.FetchItemBodySection{Peek: true}
		cmd := s.client.Fetch(set, &goimap.FetchOptions{UID: true, BodySection: []*goimap.FetchItemBodySection{section}})
		for m := cmd.Next(); m != nil; m = cmd.Next() {
			uid, raw, err := readFetched(m)
			i, ok := waiting[uid]
			switch {
			case err != nil && !errors.Is(err, errTooBig):
				return errors.Join(err, cmd.Close())
			case !ok || raw == nil && err == nil:
				continue
			case err != nil:
				err = failed(f, heads[i].Key, err)
			}
			delete(waiting, uid)
			progress()
			if err := yield(i, raw, err); err != nil {
				cmd.Close()
				return &yieldError{err}
			}
		}
		return cmd.Close() // who does not come has been deleted
	})
}

// readFetched reads one answer of FETCH.
func readFetched(m *imapclient.FetchMessageData) (uid uint32, raw []byte, err error) {
	for item := m.Next(); item != nil; item = m.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			uid = uint32(item.UID)
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil {
				continue
			}
			b, rerr := io.ReadAll(io.LimitReader(item.Literal, maxMessage+1))
			if rerr != nil {
				return uid, nil, rerr
			}
			if raw = b; len(b) > maxMessage {
				_, _ = io.Copy(io.Discard, item.Literal)
				raw, err = nil, errTooBig
			}
			if raw == nil && err == nil {
				raw = []byte{}
			}
		}
	}
	return uid, raw, err
}

// patientConn gives up when the other side is silent for too long.
type patientConn struct{ net.Conn }

func (c *patientConn) Read(b []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(imapTimeout))
	return c.Conn.Read(b)
}

func (c *patientConn) Write(b []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(imapTimeout))
	return c.Conn.Write(b)
}
