package imap_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"martlet/mail"
)

// The first search looks into messages and signs them, the second believes the
// signatures: both must find the same, across words, in fields, in parts that are
// encoded and in messages within messages, and so must a search of new mail.
func TestSearchesFindTheSameWithSignaturesAndWithout(t *testing.T) {
	h := newHouse(t)
	h.fill()
	random := rand.New(rand.NewPCG(3, 4))
	words := strings.Fields("Grüße vom See heute kommt der Zug um acht ÄRGER mit Öl in 東京都 naïve café coöperate")
	var texts []string
	add := func() {
		var text strings.Builder
		for range 5 + random.IntN(40) {
			text.WriteString(words[random.IntN(len(words))] + " ")
		}
		texts = append(texts, text.String())
		h.deliver(fmt.Sprintf("Subject: %s\nX-Note: %d-colour\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n%s\n", words[random.IntN(6)], len(texts), text.String()), time.Now())
	}
	for range 40 {
		add()
	}
	w := h.login()
	w.ok("SELECT INBOX")
	queries := []string{"TEXT candles", "BODY candles", "TEXT see.below", "TEXT \"order 17\"", "HEADER X-Colour green", "HEADER X-Note 7-colour", "HEADER X-Note \"\"",
		"TEXT zug", "BODY \"ärger mit\"", "TEXT \"東京\"", "TEXT \"café\"", "BODY \"um acht der\"", "NOT TEXT heute", "TEXT ab", "TEXT x-note", "BODY x-note", "OR BODY towel TEXT \"naïve\""}
	ask := func() (answers []string) {
		for _, q := range queries {
			answers = append(answers, q+": "+w.ok("UID SEARCH CHARSET UTF-8 " + q)[0])
		}
		return answers
	}
	first := ask()
	if second := ask(); strings.Join(first, "\n") != strings.Join(second, "\n") {
		t.Errorf("without signatures\n%s\nwith them\n%s", strings.Join(first, "\n"), strings.Join(second, "\n"))
	}
	for i, text := range texts {
		from := random.IntN(len(text) - 6)
		for text[from]&0xc0 == 0x80 {
			from++
		}
		piece := strings.ToUpper(strings.TrimSpace(strings.ToValidUTF8(text[from:from+6], "")))
		if got := w.ok("UID SEARCH CHARSET UTF-8 BODY \"" + piece + "\"")[0]; !strings.Contains(got+" ", fmt.Sprintf(" %d ", i+4)) {
			t.Errorf("%q is in %d, found %s", piece, i+4, got)
		}
	}
	add()
	w.ok("NOOP")
	if got := w.ok("UID SEARCH HEADER X-Note 41-col")[0]; got != "* SEARCH 44" {
		t.Errorf("of what is new %s", got)
	}
	h.remove(mail.ItemID(10)) // with its signature: the house is checked
}
