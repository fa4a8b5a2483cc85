package junk

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/mail/filter"
	"martlet/mail/message"
	"martlet/store"
)

func (h *house) originOf(raw string) origin {
	return h.originIn(message.Parse([]byte(raw)), []byte(raw))
}

func (h *house) find(m *filter.Message) filter.Finding {
	h.tb.Helper()
	m.Index = message.Parse(m.Raw)
	found, err := h.Scan(h.tb.Context(), m)
	if err != nil {
		h.tb.Fatal(err)
	}
	return found
}

// bombs are messages that want to be much work.
func bombs() map[string]string {
	html := "From: a@b.example\r\nContent-Type: text/html\r\n\r\n"
	return map[string]string{
		"tags":       html + strings.Repeat("<a href=x>", 200_000),
		"open tags":  html + strings.Repeat("<", 2_000_000),
		"open quote": html + strings.Repeat("<a href=\"", 200_000),
		"links":      html + strings.Repeat("<a href=http://a.b.c.d.e.f/x>http://y", 100_000),
		"one word":   "Subject: x\r\n\r\n" + strings.Repeat("x", 4_000_000),
		"words":      "Subject: x\r\n\r\n" + strings.Repeat("a bc def ghij ", 300_000),
		"schemes":    "Subject: x\r\n\r\n" + strings.Repeat("://", 1_000_000),
		"fields":     strings.Repeat("X-Mailer: a\r\n", 300_000) + "\r\nx",
		"folds":      "X-Mailer: a\r\n" + strings.Repeat(" b\r\n", 500_000) + "\r\nx",
		"from":       "From: " + strings.Repeat("a@b.example, ", 100_000) + "\r\n\r\nx",
		"accents":    "Subject: x\r\n\r\n" + strings.Repeat("e\u0301\u0301\u0301\u0301", 200_000),
		"han":        "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat("漢字", 200_000),
		"parts":      "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat("--x\r\nContent-Type: text/html\r\n\r\n<p>a\r\n", 20_000),
		"nested":     strings.Repeat("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n", 20_000),
		"addresses":  "Subject: x\r\n\r\n" + strings.Repeat("a@b@c@d@", 300_000),
		"nothing":    "",
		"no end":     "From",
	}
}

func TestBombsAreReadWithinTheLimits(t *testing.T) {
	for name, raw := range bombs() {
		got := read(message.Parse([]byte(raw)), []byte(raw))
		if len(got.all) > maxTokens || len(got.text) > maxTokens*300 || len(got.slots) != 2048 {
			t.Errorf("%s: %d tokens, %d bytes", name, len(got.all), len(got.text))
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, raw := range bombs() {
		f.Add([]byte(raw[:min(len(raw), 3000)]))
	}
	f.Add(newCorpus(1).letter(true))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ix := message.Parse(raw)
		one := read(ix, raw)
		if len(one.all) > maxTokens {
			t.Fatalf("%d tokens", len(one.all))
		}
		if two := read(ix, raw); !slices.Equal(one.all, two.all) {
			t.Fatal("not the same twice")
		}
		for i := range one.all {
			if name := one.name(i); strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("%q", name)
			}
		}
		if slices.Contains(one.all[1:max(1, len(one.all))], one.all[0]) {
			t.Fatal("a token twice")
		}
	})
}

// Whatever a row holds, reading it finds damage or works, and what was edited is a row.
func FuzzEdit(f *testing.F) {
	row, _, _ := edit(nil, []token{1, 5, 9}, change{junk: unit, by: 1}, 100, 10)
	f.Add(row, uint32(5), int16(16), int16(0), uint16(300))
	f.Add([]byte{rowVersion}, uint32(0), int16(-5), int16(7), uint16(0))
	f.Fuzz(func(t *testing.T, row []byte, word uint32, junk, good int16, today uint16) {
		out, more, err := edit(row, []token{token(word)}, change{int(junk), int(good), 3}, today, 8)
		if err != nil {
			return
		}
		if err := checkRow(out); err != nil {
			t.Fatalf("%x: %v", out, err)
		}
		had, has := max(len(row)-1, 0)/entrySize, (len(out)-1)/entrySize
		if has-had != more || has > 8 {
			t.Fatalf("%d of %d entries, told %d more", has, had, more)
		}
		if again, err := parseRow(out); err != nil || !bytes.Equal(again, out) {
			t.Fatal(err)
		}
		if c, ok := find(out, token(word), today); ok && (c.junk < 0 || c.good < 0 || c.junk+c.good > 2*maxCount/unit) {
			t.Fatalf("%+v", c)
		}
	})
}

func TestAFullBucketKeepsWhatIsWorthMost(t *testing.T) {
	var row []byte
	step := func(today uint16, units int, words ...token) {
		t.Helper()
		var err error
		if row, _, err = edit(row, words, change{junk: units, by: 1}, today, 4); err != nil {
			t.Fatal(err)
		}
	}
	step(10, 3*unit, 1)
	step(10, unit, 2)
	step(11, unit, 3)
	step(12, unit, 4)
	step(12, unit, 5, 6) // the new ones come in, the oldest of the rare ones go
	var have []string
	for w := token(1); w < 8; w++ {
		if c, ok := find(row, w, 12); ok {
			have = append(have, fmt.Sprintf("%d:%.1f", w, c.junk))
		}
	}
	if got := strings.Join(have, " "); got != "1:3.0 4:1.0 5:1.0 6:1.0" {
		t.Error(got)
	}
	step(12, -unit, 5)
	if _, ok := find(row, 5, 12); ok {
		t.Error("what was taken back is still there")
	}
}

func TestDamagedRowsAreFound(t *testing.T) {
	h, c := newHouse(t, 1, Options{}), newCorpus(30)
	h.school(0, c, 3, false)
	key := append([]byte{byte(store.PrefixJunkWords)}, appendBucketKey(nil, bucketKey{ownerOf(h.users[0]), 7})...)
	var old []byte
	h.update(func(tx *store.Tx) (err error) {
		old, err = tx.Get(key)
		if err == nil {
			err = tx.Set(key, old[:len(old)-entrySize])
		}
		return err
	})
	var found []store.Problem
	if err := h.Check(t.Context(), func(p store.Problem) { found = append(found, p) }); err != nil || len(found) != 1 || !strings.Contains(found[0].Text, "words") {
		t.Errorf("a word is missing: %v %v", found, err)
	}
	h.update(func(tx *store.Tx) error { return tx.Set(key, old) })
}
