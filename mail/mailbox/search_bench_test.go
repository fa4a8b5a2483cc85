package mailbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/store"
)

// syntheticLetter is a small message whose words have the frequencies of a
// language: the n-th word is n times as rare as the first.
func syntheticLetter(r *rand.Rand, zipf *rand.Zipf, n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "From: Person %d <person%d@example.org>\r\nTo: me@example.com\r\nSubject: subject%d word%d\r\n\r\n",
		n%1000, n%1000, n%5000, zipf.Uint64())
	for range 60 {
		fmt.Fprintf(&b, "word%d ", zipf.Uint64())
	}
	if n%20000 == 777 {
		b.WriteString("needle")
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

const benchBox = 1

// synthetic fills a mailbox with n messages in two folders, a tenth of a second
// of work for a thousand.
func synthetic(tb testing.TB, h *house, n int) (inbox, other mail.FolderID) {
	inbox, other = h.role(benchBox, mail.RoleInbox), h.role(benchBox, mail.RoleSent)
	const chunk = 250
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	var next sync.Mutex
	at := 0
	var all sync.WaitGroup
	for w := range 64 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			zipf := rand.NewZipf(r, 1.1, 4, 50000)
			for {
				next.Lock()
				from := at
				at += chunk
				next.Unlock()
				if from >= n {
					return
				}
				items := make([]mail.NewItem, 0, chunk)
				for i := from; i < min(from+chunk, n); i++ {
					body, err := h.Prepare(context.Background(), syntheticLetter(r, zipf, i))
					if err != nil {
						tb.Error(err)
						return
					}
					items = append(items, mail.NewItem{Class: mail.ClassEmail, Received: begin + int64(i)*60000, Body: body})
				}
				err := h.store.Update(context.Background(), func(tx *store.Tx) error {
					for i, it := range items {
						folder := inbox
						if (from+i)%10 == 0 {
							folder = other
						}
						if _, err := h.Append(tx, benchBox, folder, it); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return inbox, other
}

// What a search costs among 100,000 messages.
func BenchmarkSearch(b *testing.B) {
	const messages = 100_000
	h := newHouse(b)
	began := time.Now()
	_, other := synthetic(b, h, messages)
	b.Logf("filled in %v", time.Since(began))
	began = time.Now()
	if err := h.catchUp(context.Background(), benchBox); err != nil {
		b.Fatal(err)
	}
	h.view(func(tx *store.Tx) error {
		s, err := h.segments(tx, benchBox)
		size := uint64(0)
		for _, n := range s.live {
			size += n.Bytes
		}
		b.Logf("indexed in %v: %d segments of %d bytes", time.Since(began), len(s.live), size)
		return err
	})
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		name  string
		query search.Query
	}{
		{"Rare", search.Words{Text: "needle"}},
		{"Common", search.Words{Text: "word0"}},
		{"TwoWords", search.Words{Text: "word1 word2"}},
		{"Prefix", search.Words{Text: "word1", Prefix: true}},
		{"From", search.Words{Fields: search.From, Text: "person77@example.org"}},
		{"Week", search.And{search.Words{Text: "word0"}, search.Received{Since: day(10), Before: day(17)}}},
		{"Folder", search.And{search.Words{Text: "word0"}, search.Folders{other}}},
		{"Unread", search.And{search.Words{Text: "word10"}, search.Flags{Clear: mail.FlagSeen}}},
		{"AllUnread", search.Flags{Clear: mail.FlagSeen}},
		{"Not", search.Not{Query: search.Words{Text: "word0"}}},
		{"Phrase", search.Phrase{Text: "word1 word2"}},
		{"Everything", nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var found SearchResult
			for b.Loop() {
				var err error
				if found, err = h.Search(context.Background(), benchBox, c.query, SearchOptions{Limit: 100}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(found.Total), "found")
		})
	}
}
