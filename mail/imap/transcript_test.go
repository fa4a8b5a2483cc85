package imap_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/imap"
)

var update = flag.Bool("update", false, "write what the server says into the transcripts")

// Transcripts are conversations: "C: " is what the client sends, "S: " what the
// server must say. A first line "# plain" is for the listener without TLS. Every
// conversation begins with the three messages of testdata in Alice's INBOX. What
// the greeting and the login say of capabilities is left out: any.txt asks for
// them.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	check(t, err)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			check(t, err)
			h := newHouse(t, func(h *house, c *imap.Config) {
				c.MaxMessageBytes = 10_000
				h.limits = map[mail.MailboxID]mail.Limits{h.box: {Bytes: 64 << 10, Items: 100}}
			})
			h.fill()
			got := converse(h, string(text))
			if *update {
				check(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			if got != string(text) {
				t.Errorf("%s", difference(string(text), got))
			}
		})
	}
}

// converse sends what the transcript's client says and returns the transcript as
// it went.
func converse(h *house, text string) string {
	h.t.Helper()
	w := h.dial(!strings.HasPrefix(text, "# plain"))
	var out strings.Builder
	capabilities := regexp.MustCompile(`\[CAPABILITY [^]]*\]`)
	hear := func(prefixes ...string) {
		for _, s := range w.until(prefixes...) {
			s = capabilities.ReplaceAllString(s, "[CAPABILITY ...]")
			out.WriteString(strings.TrimRight("S: "+s, " ") + "\n")
		}
	}
	announced := regexp.MustCompile(`\{(\d+)(\+?)\}$`)
	tag, left := "", 0 // of the command; of a literal
	greeted := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		said, client := strings.CutPrefix(line, "C: ")
		if line == "C:" {
			said, client = "", true
		}
		if !client {
			if !strings.HasPrefix(line, "S:") {
				out.WriteString(line + "\n")
			}
			continue
		}
		if !greeted {
			hear("* OK", "* BYE")
			greeted = true
		}
		out.WriteString(line + "\n")
		w.send(said + "\r\n")
		if tag == "" {
			tag, _, _ = strings.Cut(said, " ")
		}
		if left >= len(said)+2 { // in a literal
			left -= len(said) + 2
			continue
		}
		left = 0
		if m := announced.FindStringSubmatch(said); m != nil {
			left, _ = strconv.Atoi(m[1])
			if m[2] == "+" {
				continue
			}
		}
		if left > 0 || strings.HasSuffix(said, " IDLE") || strings.HasSuffix(said, " AUTHENTICATE PLAIN") {
			lines := out.Len()
			hear("+", tag+" ")
			if !strings.Contains(out.String()[lines:], "S: "+tag+" ") {
				continue
			}
			left = 0
		} else {
			hear(tag + " ")
		}
		tag = ""
	}
	if !greeted {
		hear("* OK")
	}
	return out.String()
}

// difference shows the first line that differs.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "(end)", "(end)"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return "line " + string(rune('0'+i/100%10)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10)) + "\nwant " + a + "\ngot  " + b + "\n\n" + got
		}
	}
	return "the same"
}
