package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// What comes in by SMTP is found at once, in every language and by every part of
// a message; Search and Find find the same.
func TestSearchAndFindInManyLanguages(t *testing.T) {
	h := newHouse(t, "")
	for _, m := range [][2]string{
		{"Quartalsbericht", "Käse aus Düsseldorf, Fußgänger willkommen."},
		{"Отчёт", "Москва: ёлка стоит."},
		{"来週の会議", "東京で会議があります。ﾊﾝｶｸ"},
		{"季度报告", "上海的会议安排在星期三"},
		{"تقرير", "مرحبا، الاجتماع غدا"},
		{"รายงาน", "ประชุมวันพุธที่กรุงเทพ"},
		{"Annual report", "The annual report on tides."},
	} {
		h.deliver(letter(m[0], m[1]))
	}
	h.deliver("From: Otto <otto@files.example>\r\nTo: " + robin + "\r\nSubject: file\r\nDate: Tue, 01 Sep 2020 08:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--B\r\n" +
		"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''Gezeitent%C3%A4fel.pdf\r\n\r\nx\r\n--B--\r\n")
	p, inbox := h.settled("SEARCHER", eas.V161)
	all := "Annual report, Quartalsbericht, file, Отчёт, تقرير, รายงาน, 季度报告, 来週の会議"
	id := 0
	for query, want := range map[string]string{
		"kase": "Quartalsbericht", "KÄSE": "Quartalsbericht", "dussel": "Quartalsbericht", "fussgänger": "Quartalsbericht",
		"москва": "Отчёт", "елка": "Отчёт", "ОТЧЕТ": "Отчёт",
		"会議": "来週の会議", "東京": "来週の会議", "ハンカク": "来週の会議", "会议": "季度报告", "星期": "季度报告", "会": "季度报告, 来週の会議",
		"الاجتماع": "تقرير", "กรุงเทพ": "รายงาน",
		"annu": "Annual report", `"annual report"`: "Annual report", `"report annual"`: "", `"the annual rep*"`: "Annual report",
		"from:otto": "file", "from:files.example": "file", "subject:report": "Annual report", "subject:tides": "", "body:tides": "Annual report",
		"attachment:gezeitentafel": "file", "hasattachment:yes": "file", "tides OR ёлка": "Annual report, Отчёт", "report -tides": "",
		"received:today": all, "before:2021": "", "to:robin": all, "nowhere": "",
	} {
		id++
		q := phone.Query{Text: query, Count: 50, Collection: []string{"", inbox}[id%2]}
		searched, err := p.Search(t.Context(), q)
		if err != nil {
			t.Errorf("Search %s: %v", query, err)
		}
		found, err := p.Find(t.Context(), fmt.Sprintf("00000000-0000-4000-8000-%012d", id), q, false)
		if err != nil {
			t.Errorf("Find %s: %v", query, err)
		}
		if got := subjectsOf(searched); got != want {
			t.Errorf("Search %s brings %q, want %q", query, got, want)
		}
		if got := subjectsOf(found); got != want {
			t.Errorf("Find %s brings %q, want %q", query, got, want)
		}
	}
}

func subjectsOf(hits phone.Hits) string {
	var out []string
	for _, m := range hits.Messages {
		out = append(out, *m.Email.Subject)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
