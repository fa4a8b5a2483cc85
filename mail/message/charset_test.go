package message

import "testing"

// Python's email library names two charsets after its own codecs, and others are
// written with the wrong dash.
func TestCharsetsBySendersNames(t *testing.T) {
	for word, want := range map[string]string{
		"=?big5_tw?b?s3Gqvg==?=":          "通知",
		"=?Big5-HKSCS?b?s3Gqvg==?=":       "通知",
		"=?eucgb2312_cn?b?zajWqg==?=":     "通知",
		"=?euc_jp?b?tdmyyw==?=":           "休暇",
		"=?euc_kr?b?yLjAxw==?=":           "회의",
		"=?iso8859_2?q?P=F8=ED=B9t=ED?=":  "Příští",
		"=?latin_1?q?Gr=FC=DFe?=":         "Grüße",
		"=?cp1251?b?xO7j7uLu8A==?=":       "Договор",
		"=?windows_1251?b?xO7j7uLu8A==?=": "Договор",
		"=?koi8_r?b?9MXT1A==?=":           "Тест",
		"=?no_such_charset?q?Gr=FC=DFe?=": "Grüße",
		"=?iso_8859_1?q?Gr=FC=DFe?=":      "Grüße",
		"=?iso-8859-1*de?q?Gr=FC=DFe?=":   "Grüße",
		"=?utf_8?b?R3LDvMOfZQ==?=":        "Grüße",
	} {
		if got := decodeWords([]byte(word)); got != want {
			t.Errorf("%s is read as %q, want %q", word, got, want)
		}
	}
}
