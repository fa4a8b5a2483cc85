package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// passage is a line of plain text or a block of HTML that shows something, and
// what is needed to tell whether it is quoted.
type passage struct {
	start, end int    // its place in the text
	text       string // its first words, for the line above a quote
	quoted     bool   // within what is marked as a quotation
	opens      bool   // the first of a quoted message that goes on to the end
}

// maxHeaderLines is how far below a From the other lines of a quoted message's
// header are looked for.
const maxHeaderLines = 6

// newPart finds what is new among the passages of a message: without the
// quoted message above or below it and the line that introduces it. An answer
// between quoted lines is kept as it is, since it means nothing without them.
// All of it is new where nothing else would be left.
func newPart(all []passage) (from, to int) {
	to = len(all)
	for i := range all {
		if n := quoteBegins(all, i); n > 0 {
			to = i
			break
		}
	}
	// What is quoted to the end, with what introduces it.
	end := to
	for end > 0 && all[end-1].quoted {
		end--
	}
	if end < to {
		to = end
		to -= introLength(all[:to])
	}
	for from < to && all[from].quoted {
		from++
	}
	if from == 0 {
		// An introduction, a quotation, and the answer below.
		for n := 1; n <= 2 && n < to; n++ {
			if all[n].quoted && !all[n-1].quoted && isIntro(joined(all[:n])) && (n == 1 || beginsIntro(all[0].text)) {
				for from = n; from < to && all[from].quoted; from++ {
				}
				break
			}
		}
	}
	for _, p := range all[from:to] {
		if p.quoted {
			from = 0 // answers among quotations
			break
		}
	}
	if from >= to {
		return 0, len(all)
	}
	return from, to
}

// quoteBegins tells whether a quoted message that goes on to the end begins at
// passage i.
func quoteBegins(all []passage, i int) int {
	p := &all[i]
	switch {
	case p.opens, isDivider(p.text) && i+1 < len(all) && headerLength(all[i+1:]) > 0, isOriginal(p.text):
		return 1
	case !p.quoted && headerLength(all[i:]) > 0:
		return 1
	}
	return 0
}

// isOriginal knows "-----Original Message-----" in any language.
func isOriginal(line string) bool {
	t := strings.Trim(line, "- ")
	return strings.HasPrefix(line, "-----") && strings.HasSuffix(line, "-----") && len(t) >= 4 && len(t) < 60 && strings.IndexFunc(t, unicode.IsLetter) >= 0
}

// isDivider knows the rule above the header of a quoted message.
func isDivider(line string) bool {
	return len(line) >= 10 && strings.Trim(line, "_-") == ""
}

// headerWords are what mail programs write before the author, the date, the
// recipients and the subject of the message that they quote.
var headerWords = [...][]string{
	{"from", "von", "de", "da", "van", "från", "fra", "od", "lähettäjä", "от", "від", "από", "kimden", "feladó", "发件人", "寄件者", "差出人", "보낸 사람", "expéditeur", "desde"},
	{"sent", "gesendet", "envoyé", "enviado", "inviato", "verzonden", "skickat", "sendt", "wysłano", "lähetetty", "отправлено", "надіслано", "odesláno", "στάλθηκε", "gönderme tarihi", "elküldve", "发送时间", "寄件日期", "送信日時", "보낸 날짜",
		"date", "datum", "fecha", "data", "dato", "päivämäärä", "дата", "ημερομηνία", "tarih", "dátum", "日期", "日付", "enviado el", "envoyé le"},
	{"to", "an", "à", "para", "a", "aan", "till", "til", "do", "vastaanottaja", "кому", "προς", "kime", "címzett", "komu", "收件人", "宛先", "받는 사람", "cc", "kopie", "copie", "kopia"},
	{"subject", "betreff", "objet", "asunto", "assunto", "oggetto", "onderwerp", "ämne", "emne", "temat", "předmět", "aihe", "тема", "θέμα", "konu", "tárgy", "主题", "主旨", "件名", "제목"},
}

// headerLength tells whether the passages begin with the header of a quoted
// message: its author, and at least two of its other lines below.
func headerLength(all []passage) int {
	if len(all) == 0 || headerKind(all[0].text) != 0 {
		return 0
	}
	seen, last := [4]bool{true}, 0
	for i := 1; i < min(len(all), maxHeaderLines); i++ {
		if k := headerKind(all[i].text); k > 0 && !seen[k] {
			seen[k], last = true, i
		}
	}
	if n := count(seen[:]); n < 3 || !seen[1] && !seen[3] {
		return 0
	}
	return last + 1
}

func count(flags []bool) (n int) {
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

// headerKind returns which line of a header this is, -1 for none.
func headerKind(line string) int {
	line = strings.TrimLeft(line, "*> \u00a0")
	i := strings.IndexAny(line, ":：")
	if i < 1 || i > 40 {
		return -1
	}
	word := strings.ToLower(strings.TrimRight(line[:i], "* \u00a0"))
	for kind, words := range headerWords {
		for _, w := range words {
			if w == word {
				return kind
			}
		}
	}
	return -1
}

// introLength returns how many passages at the end introduce a quotation: none,
// or one or two that say who wrote it, and when.
func introLength(all []passage) int {
	for n := 1; n <= 3 && n <= len(all); n++ {
		if !isIntro(joined(all[len(all)-n:])) || n > 1 && !beginsIntro(all[len(all)-n].text) {
			continue
		}
		// A long one is broken into lines.
		if n < len(all) && beginsIntro(all[len(all)-n-1].text) && !beginsIntro(all[len(all)-n].text) {
			n++
		}
		return n
	}
	return 0
}

// beginsIntro knows how such a line begins.
func beginsIntro(line string) bool {
	for _, word := range [...]string{"On ", "Am ", "Le ", "El ", "Il ", "Op ", "Em ", "Den ", "W dniu ", "Dne "} {
		if strings.HasPrefix(line, word) {
			return true
		}
	}
	return false
}

func joined(all []passage) string {
	if len(all) == 1 {
		return all[0].text
	}
	var b strings.Builder
	for i := range all {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(all[i].text)
	}
	return b.String()
}

// isIntro knows the line above a quotation in any language: it ends in a colon
// and names a date or an address.
func isIntro(line string) bool {
	line = strings.TrimRight(line, " \u00a0")
	if len(line) > 400 || !strings.HasSuffix(line, ":") && !strings.HasSuffix(line, "：") {
		return false
	}
	if isQuoteIntro(line) || strings.Contains(line, "@") {
		return true
	}
	digits := 0
	for i := 0; i < len(line); i++ {
		if line[i] >= '0' && line[i] <= '9' {
			digits++
		}
	}
	return digits >= 4 || strings.HasSuffix(line, " wrote:") || strings.HasSuffix(line, " schrieb:") || strings.HasSuffix(line, " écrit :")
}

// How much is looked at to find what is new; of more, all is.
const (
	maxPassage  = 400 // bytes of a passage
	maxPassages = 20000
)

// UniqueText returns the part of a plain text that is new in its conversation.
func UniqueText(text string) string {
	var all []passage
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += at + 1
		}
		line := strings.TrimSpace(text[at:end])
		if line != "" {
			p := passage{start: at, end: end, quoted: line[0] == '>'}
			p.text = clip(line, maxPassage)
			if all = append(all, p); len(all) > maxPassages {
				return text
			}
		}
		at = end
	}
	if len(all) == 0 {
		return text
	}
	from, to := newPart(all)
	start, end := 0, len(text)
	if from > 0 {
		start = all[from].start
	}
	if to < len(all) {
		end = all[to-1].end
	}
	return text[start:end]
}

// IsForward tells whether a subject says that the message passes another one
// on: what it quotes is what it is for.
func IsForward(subject string) bool {
	i := strings.IndexByte(subject, ':')
	if i < 1 || i > 10 {
		return false
	}
	word := strings.ToLower(strings.TrimSpace(subject[:i]))
	if j := strings.IndexAny(word, "[("); j > 0 {
		word = word[:j]
	}
	switch word {
	case "fw", "fwd", "wg", "tr", "i", "enc", "vl", "vb", "pd", "rv", "ilt", "doorst", "转发", "轉寄", "轉發", "転送":
		return true
	}
	return false
}

// firstWords returns the first bytes of s with its blanks collapsed.
func firstWords(dst []byte, s string) []byte {
	for _, r := range s {
		if len(dst) >= maxPassage {
			break
		}
		if unicode.IsSpace(r) || r == '\u00a0' {
			if len(dst) > 0 && dst[len(dst)-1] != ' ' {
				dst = append(dst, ' ')
			}
			continue
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}
