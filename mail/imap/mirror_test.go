package imap_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"martlet/mail"
)

// mirror is a mail program that believes what it is told and asks for nothing
// twice: the numbers and flags it holds must be those of the mailbox.
type mirror struct {
	*wire
	name  string
	uids  []int // by sequence number; zero: not asked for yet
	flags map[int]string
}

var (
	numbered = regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE|FETCH)`)
	uidOf    = regexp.MustCompile(`UID (\d+)`)
	flagsIn  = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
)

func (h *house) mirror(name string) *mirror {
	m := &mirror{wire: h.pipe(), name: name, flags: map[int]string{}}
	m.line()
	m.say(`LOGIN alice@example.org "` + password + `"`)
	m.say("SELECT INBOX")
	return m
}

// say runs a command, takes in what is told, and asks for what it does not know.
func (m *mirror) say(command string) {
	m.t.Helper()
	m.take(m.do("k", command))
	for i, uid := range m.uids {
		if uid == 0 {
			m.take(m.do("k", fmt.Sprintf("FETCH %d:%d (UID FLAGS)", i+1, len(m.uids))))
			return
		}
	}
}

func (m *mirror) take(lines []string) {
	m.t.Helper()
	for _, line := range lines {
		got := numbered.FindStringSubmatch(line)
		if got == nil {
			continue
		}
		n, _ := strconv.Atoi(got[1])
		switch {
		case got[2] == "EXISTS" && n >= len(m.uids):
			m.uids = append(m.uids, make([]int, n-len(m.uids))...)
		case n < 1 || n > len(m.uids) || got[2] == "EXISTS":
			m.t.Fatalf("%s has %d messages and is told %s", m.name, len(m.uids), line)
		case got[2] == "EXPUNGE":
			delete(m.flags, m.uids[n-1])
			m.uids = append(m.uids[:n-1], m.uids[n:]...)
		default:
			if u := uidOf.FindStringSubmatch(line); u != nil {
				uid, _ := strconv.Atoi(u[1])
				if was := m.uids[n-1]; was != 0 && was != uid {
					m.t.Fatalf("%s: number %d was %d: %s", m.name, n, was, line)
				}
				m.uids[n-1] = uid
			}
			if f := flagsIn.FindStringSubmatch(line); f != nil {
				m.flags[m.uids[n-1]] = f[1]
			}
		}
	}
}

func (m *mirror) view() string {
	var b strings.Builder
	for _, uid := range m.uids {
		fmt.Fprintf(&b, "%d (%s)\n", uid, m.flags[uid])
	}
	return b.String()
}

// Sessions, phones and arrivals change one mailbox at random. At quiet every
// session holds what is there.
func TestEverySessionHoldsWhatIsThereInTheEnd(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			random := rand.New(rand.NewPCG(seed, 143))
			for range 5 {
				h.deliver(letter, time.Now())
			}
			all := []*mirror{h.mirror("one"), h.mirror("two"), h.mirror("three")}
			for range 200 {
				m := all[random.IntN(len(all))]
				h.step(random, m)
			}
			for _, m := range all {
				m.say("NOOP")
			}
			want := h.mirror("fresh")
			for _, m := range all {
				if m.view() != want.view() {
					t.Errorf("%s holds\n%swant\n%s", m.name, m.view(), want.view())
				}
			}
		})
	}
}

// step lets one thing happen.
func (h *house) step(random *rand.Rand, m *mirror) {
	h.t.Helper()
	anyone := func() (seq int, uid int) {
		if len(m.uids) == 0 {
			return 0, 0
		}
		seq = random.IntN(len(m.uids)) + 1
		return seq, m.uids[seq-1]
	}
	seq, uid := anyone()
	flag := []string{`\Seen`, `\Flagged`, `\Deleted`, "work", `\Answered`}[random.IntN(5)]
	switch n := random.IntN(14); {
	case n < 2:
		h.deliver(letter, time.Now())
	case n == 2:
		m.say("NOOP")
	case n == 3:
		m.say("EXPUNGE")
	case n == 4:
		m.say("COPY " + strconv.Itoa(max(seq, 1)) + " INBOX")
	case uid == 0:
	case n == 5: // a phone deletes it
		if h.there(mail.ItemID(uid)) {
			h.remove(mail.ItemID(uid))
		}
	case n == 6: // a phone reads it
		if h.there(mail.ItemID(uid)) {
			h.edit(mail.ItemID(uid), func(it *mail.Item) { it.Flags ^= mail.FlagSeen })
		}
	case n == 7:
		m.say(fmt.Sprintf("UID MOVE %d Drafts", uid))
	case n == 8:
		m.say(fmt.Sprintf("MOVE %d INBOX", seq))
	case n == 9:
		m.say(fmt.Sprintf("UID STORE %d:* -FLAGS (%s)", uid, flag))
	case n == 10:
		m.say(fmt.Sprintf("FETCH %d BODY[]<0.1>", seq))
	case n == 11:
		m.say(fmt.Sprintf("UID EXPUNGE %d:*", uid))
	default:
		m.say(fmt.Sprintf("STORE %d +FLAGS (%s)", seq, flag))
	}
}
