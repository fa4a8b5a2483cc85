package mailbox

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// letter10K is a distinct message of 10 KB with an HTML part.
func letter10K(n int64) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: \"A. Sender\" <a@example.org>\r\nTo: b@example.org\r\nSubject: letter %d\r\n"+
		"Date: Mon, 23 Nov 2026 05:09:00 +0000\r\nMessage-ID: <%d@example.org>\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\n", n, n)
	for b.Len() < 4<<10 {
		b.WriteString("Some plain words that a person might write to another one.\r\n")
	}
	b.WriteString("--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>")
	for b.Len() < 10<<10 {
		b.WriteString("<p>Some <b>words</b> that a person might write to another one.</p>\r\n")
	}
	b.WriteString("</body></html>\r\n--x--\r\n")
	return b.Bytes()
}

// What a delivery costs behind SMTP: durable body, index, and one transaction.
func BenchmarkDeliver20Sessions(b *testing.B) { benchmarkDeliver(b, false) }

// The same while the index for searches is kept.
func BenchmarkDeliver20SessionsIndexed(b *testing.B) { benchmarkDeliver(b, true) }

func benchmarkDeliver(b *testing.B, keep bool) {
	h := newHouse(b)
	if keep {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- h.KeepIndex(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				b.Error(err)
			}
		}()
	}
	var boxes [50]mail.FolderID
	for i := range boxes {
		boxes[i] = h.role(mail.MailboxID(i+1), mail.RoleInbox)
	}
	var n atomic.Int64
	b.SetParallelism(10)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			body, err := h.Prepare(context.Background(), letter10K(i))
			if err != nil {
				b.Error(err)
				return
			}
			at := int(i) % len(boxes)
			err = h.store.Update(context.Background(), func(tx *store.Tx) error {
				_, err := h.Append(tx, mail.MailboxID(at+1), boxes[at], letter{body.Blob, body.Index}.item(0))
				return err
			})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// The committer runs all closures one after another: this is what each holds
// it up, without the commit.
func BenchmarkAppendInTransaction(b *testing.B) {
	h := newHouse(b)
	inbox := h.role(1, mail.RoleInbox)
	body, err := h.Prepare(context.Background(), letter10K(1))
	if err != nil {
		b.Fatal(err)
	}
	l := letter{body.Blob, body.Index}
	b.ReportAllocs()
	for b.Loop() {
		err := h.store.Update(context.Background(), func(tx *store.Tx) error {
			for range 500 {
				if _, err := h.Append(tx, 1, inbox, l.item(1)); err != nil {
					return err
				}
			}
			return context.Canceled // undone: the folder stays small
		})
		if err != context.Canceled {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/item")
}

func BenchmarkIndex(b *testing.B) {
	h := newHouse(b)
	inbox := h.role(1, mail.RoleInbox)
	body, err := h.Prepare(context.Background(), letter10K(1))
	if err != nil {
		b.Fatal(err)
	}
	h.deliver(1, inbox, letter{body.Blob, body.Index}.item(1))
	b.ReportAllocs()
	h.view(func(tx *store.Tx) error {
		for b.Loop() {
			if _, err := h.Index(tx, body.Blob); err != nil {
				return err
			}
		}
		return nil
	})
}
