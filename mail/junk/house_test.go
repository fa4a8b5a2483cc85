package junk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/filter"
	"martlet/mail/mailbox"
	"martlet/mail/message"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

// house is a filter with users and their mailboxes.
type house struct {
	*Filter
	tb    testing.TB
	dir   string
	users []directory.AccountID
	time  time.Time
}

const hostname = "mx.example.org"

func newHouse(tb testing.TB, users int, o Options) *house {
	tb.Helper()
	h := &house{tb: tb, dir: tb.TempDir(), time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	h.open(o)
	if err := h.directory.AddDomain(context.Background(), directory.Domain{Name: "example.org"}); err != nil {
		tb.Fatal(err)
	}
	for i := range users {
		a, err := h.directory.AddUser(context.Background(), directory.Account{Login: fmt.Sprintf("user%d@example.org", i), Name: "User"}, "")
		if err != nil {
			tb.Fatal(err)
		}
		h.users = append(h.users, a.ID)
		if err := h.mailboxes.Create(context.Background(), mail.MailboxOf(a.ID)); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() {
		if _, bench := tb.(*testing.B); !bench && !tb.Failed() {
			h.clean()
		}
		h.close()
	})
	return h
}

func (h *house) open(o Options) {
	h.tb.Helper()
	quiet := slog.New(slog.DiscardHandler)
	s, err := store.Open(store.Config{Path: filepath.Join(h.dir, "rows"), Logger: quiet, Reserve: 1})
	if err != nil {
		h.tb.Fatal(err)
	}
	b, err := blob.Open(blob.Config{Store: s, Path: filepath.Join(h.dir, "bodies"), Logger: quiet})
	if err != nil {
		h.tb.Fatal(err)
	}
	d, err := directory.New(directory.Config{Store: s, HashCost: directory.HashCost{Memory: 16, Time: 1, Threads: 1}})
	if err != nil {
		h.tb.Fatal(err)
	}
	m := mailbox.New(mailbox.Config{Store: s, Blobs: b, Hub: push.NewHub(), Logger: quiet})
	h.Filter = New(Config{Store: s, Blobs: b, Directory: d, Mailboxes: m, Hostname: hostname, Options: o, Logger: quiet})
	h.now = func() time.Time { return h.time }
}

func (h *house) close() {
	if err := errors.Join(h.blobs.Close(), h.store.Close()); err != nil {
		h.tb.Error(err)
	}
}

// again ends the process and starts another.
func (h *house) again() {
	h.close()
	h.open(h.opts())
}

func (h *house) clean() {
	h.tb.Helper()
	ctx := context.Background()
	report := func(p store.Problem) { h.tb.Errorf("check: %s %s: %s", p.Table, p.Key, p.Text) }
	references := func(tx *store.Tx, count func(blob.Ref)) error {
		return errors.Join(h.mailboxes.References(tx, count), h.References(tx, count))
	}
	err := errors.Join(h.Check(ctx, report), h.mailboxes.Check(ctx, report), h.store.Check(ctx, report),
		h.blobs.Audit(ctx, blob.Audit{References: references}, report))
	if err != nil {
		h.tb.Error(err)
	}
}

func (h *house) update(fn func(tx *store.Tx) error) {
	h.tb.Helper()
	if err := h.store.Update(context.Background(), fn); err != nil {
		h.tb.Fatal(err)
	}
}

func (h *house) settle() {
	h.tb.Helper()
	if err := h.Settle(context.Background()); err != nil {
		h.tb.Fatal(err)
	}
}

func (h *house) folder(box mail.MailboxID, role mail.Role) (id mail.FolderID) {
	h.tb.Helper()
	h.update(func(tx *store.Tx) error {
		f, err := h.mailboxes.FolderByRole(tx, box, role)
		id = f.ID
		return err
	})
	return id
}

// deliver puts a message into a folder as the router does.
func (h *house) deliver(user int, role mail.Role, raw []byte) mail.Item {
	h.tb.Helper()
	return h.put(user, role, raw, false)
}

func (h *house) put(user int, role mail.Role, raw []byte, own bool) (it mail.Item) {
	h.tb.Helper()
	box := mail.MailboxOf(h.users[user])
	f := h.folder(box, role)
	body, err := h.mailboxes.Prepare(context.Background(), raw)
	if err != nil {
		h.tb.Fatal(err)
	}
	h.update(func(tx *store.Tx) (err error) {
		it, err = h.mailboxes.Append(tx, box, f, mail.NewItem{Class: mail.ClassEmail, Body: body, Own: own})
		return err
	})
	return it
}

func (h *house) move(user int, it mail.Item, role mail.Role) (moved mail.Item) {
	h.tb.Helper()
	box := mail.MailboxOf(h.users[user])
	f := h.folder(box, role)
	h.update(func(tx *store.Tx) (err error) {
		moved, err = h.mailboxes.Move(tx, box, it.Folder, it.ID, f)
		return err
	})
	return moved
}

func (h *house) mark(user int, it mail.Item, keywords ...string) {
	h.tb.Helper()
	h.update(func(tx *store.Tx) error {
		_, err := h.mailboxes.UpdateItem(tx, mail.MailboxOf(h.users[user]), it.Folder, it.ID, func(it *mail.Item) { it.Keywords = keywords })
		return err
	})
}

// of is what was learned of an account's own; with -1 of all.
func (h *house) of(user int) (s state) {
	h.tb.Helper()
	o := base
	if user >= 0 {
		o = ownerOf(h.users[user])
	}
	err := h.store.View(context.Background(), func(tx *store.Tx) (err error) {
		s, err = h.state(tx, o, h.today())
		return err
	})
	if err != nil {
		h.tb.Fatal(err)
	}
	return s
}

// learnt tells it in short.
func (h *house) learnt(user int) string {
	h.tb.Helper()
	s := h.of(user)
	return fmt.Sprintf("%.4g junk %.4g good %d waiting", s.Junk, s.Good, s.Pending)
}

func (h *house) teach(user int, raw []byte, junk bool) {
	h.tb.Helper()
	var a directory.AccountID
	if user >= 0 {
		a = h.users[user]
	}
	if _, err := h.Teach(context.Background(), a, raw, junk); err != nil {
		h.tb.Fatal(err)
	}
}

// scan judges a message from somewhere for some users.
func (h *house) scan(raw []byte, auth filter.Auth, remote string, users ...int) filter.Finding {
	h.tb.Helper()
	m := &filter.Message{Client: &mail.Client{}, Env: &mail.Envelope{}, Raw: raw, Index: message.Parse(raw), Auth: auth}
	if remote != "" {
		m.Client.Addr = netip.MustParseAddr(remote)
	}
	for _, u := range users {
		m.Env.To = append(m.Env.To, mail.Recipient{Local: true, Accounts: []directory.AccountID{h.users[u]}})
	}
	found, err := h.Scan(context.Background(), m)
	if err != nil {
		h.tb.Fatal(err)
	}
	return found
}

// corpus makes mail of two kinds, whose words are known to differ: most words of a
// message are everybody's, some are of its kind, and a few of the other.
type corpus struct {
	*rand.Rand
	common, junk, good []string
	n                  int
}

func newCorpus(seed uint64) *corpus {
	c := &corpus{Rand: rand.New(rand.NewPCG(seed, 1))}
	seen := map[string]bool{}
	word := func() string {
		for {
			b := make([]byte, 3+c.IntN(7))
			for i := range b {
				b[i] = "aeioubcdfghklmnprstvw"[c.IntN(21)]
			}
			if !seen[string(b)] {
				seen[string(b)] = true
				return string(b)
			}
		}
	}
	for range 3000 {
		c.common = append(c.common, word())
	}
	for range 400 {
		c.junk, c.good = append(c.junk, word()), append(c.good, word())
	}
	return c
}

// kindShare is how many of a hundred words are of a message's kind, and otherShare
// how many are of the other.
const kindShare, otherShare = 18, 2

func (c *corpus) words(junk bool, n int) string {
	mine, others := c.good, c.junk
	if junk {
		mine, others = others, mine
	}
	var b strings.Builder
	for i := range n {
		from := c.common
		switch k := c.IntN(100); {
		case k < kindShare:
			from = mine
		case k < kindShare+otherShare:
			from = others
		}
		// As in a language, a word is as rare as it is far behind in the list.
		b.WriteString(from[int(math.Pow(float64(len(from)), c.Float64()))-1])
		if i%12 == 11 {
			b.WriteString(".\r\n")
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func (c *corpus) letter(junk bool) []byte {
	c.n++
	from := fmt.Sprintf("sender%d@firm%d.example", c.IntN(9), c.IntN(40))
	if junk {
		from = fmt.Sprintf("offer@d%d.example", c.IntN(1e6))
	}
	link := "" // what is sent often leads to a few places
	if c.IntN(10) < 6 {
		link = fmt.Sprintf("http://w%d.wiki.example/%d\r\n", c.IntN(30), c.IntN(1e6))
		if junk {
			link = fmt.Sprintf("http://shop%d.example/%d\r\n", c.IntN(30), c.IntN(1e6))
		}
	}
	return fmt.Appendf(nil, "From: <%s>\r\nTo: <user0@example.org>\r\nDate: Sun, 1 Mar 2026 12:00:00 +0000\r\nMessage-ID: <%d.%d@host.example>\r\nSubject: %s\r\n\r\n%s%s\r\n",
		from, c.n, c.Uint32(), c.words(junk, 6), link, c.words(junk, 60+c.IntN(200)))
}

// rest is a letter without From.
func (c *corpus) rest(junk bool) []byte {
	raw := c.letter(junk)
	return raw[strings.Index(string(raw), "To:"):]
}

// school teaches a user, or with -1 all, n letters of each kind. With swapped they
// are taught as the other kind.
func (h *house) school(user int, c *corpus, n int, swapped bool) {
	h.tb.Helper()
	const atOnce = 5
	k := letterKey{}
	if user >= 0 {
		k.box = mail.MailboxOf(h.users[user])
	}
	for i := 0; i < n; i += atOnce {
		var letters []*studied
		for range 2 * min(atOnce, n-i) {
			raw := c.letter(len(letters)%2 == 0)
			letters = append(letters, &studied{tokens: read(message.Parse(raw), raw)})
		}
		h.update(func(tx *store.Tx) error {
			for j, m := range letters {
				is := isGood
				if (j%2 == 0) != swapped {
					is = isJunk
				}
				one := k
				one.hash = [16]byte(fmt.Appendf(nil, "%16d", c.n*100+j))
				if _, err := h.Filter.teach(tx, one, is, decided, m); err != nil {
					return err
				}
			}
			return nil
		})
	}
}
