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

// A subject of bytes that no encoded word explains is in the charset of the text,
// as old programs write it.
func TestARawSubjectIsInTheCharsetOfTheText(t *testing.T) {
	for message, want := range map[string]string{
		"Subject: \xf4\xc5\xd3\xd4 ok\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nx\r\n":              "Тест ok",
		"Content-Type: text/plain; charset=windows-1251\r\nSubject: \xd2\xe5\xf1\xf2\r\n\r\nx\r\n":           "Тест",
		"Subject: \xb3\x71\xaa\xbe\r\nContent-Type: text/html; charset=big5\r\n\r\nx\r\n":                    "通知",
		"Subject: Gr\xfc\xdfe\r\nContent-Type: text/plain\r\n\r\nx\r\n":                                      "Grüße",
		"Subject: Gr\xfc\xdfe\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx\r\n":                       "Grüße",
		"Subject: \xd0\xa2\xd0\xb5\xd1\x81\xd1\x82\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nx\r\n": "Тест",
		"Subject: =?koi8-r?b?9MXT1A==?=\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\nx\r\n":      "Тест",
		"Subject: \x1b$B5Y2K\x1b(B\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nx\r\n":                 "休暇",
		"Subject: Gr\xfc\xdfe\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nx\r\n--B--\r\n": "Grüße",
	} {
		if got := Parse([]byte(message)).Subject; got != want {
			t.Errorf("%q has the subject %q, want %q", message, got, want)
		}
	}
}

// Names are written so, too; a comma or an @ may be half of a character.
func TestRawNamesAreInTheCharsetOfTheText(t *testing.T) {
	for message, want := range map[string]Address{
		"From: \xf4\xc5\xd3\xd4 <a@example.org>\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nx\r\n":                 {Name: "Тест", Address: "a@example.org"},
		"Content-Type: text/plain; charset=windows-1251\r\nFrom: \"\xd2\xe5\xf1\xf2\" <a@example.org>\r\n\r\nx\r\n":       {Name: "Тест", Address: "a@example.org"},
		"From: \xa4@\xa4@ <a@example.org>\r\nContent-Type: text/html; charset=big5\r\n\r\nx\r\n":                          {Name: "一一", Address: "a@example.org"},
		"From: a@example.org (\xf4\xc5\xd3\xd4)\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nx\r\n":                 {Name: "Тест", Address: "a@example.org"},
		"From: J\xf6rg <a@example.org>\r\n\r\nx\r\n":                                                                      {Name: "Jörg", Address: "a@example.org"},
		"From: =?koi8-r?b?9MXT1A==?= \xd2 <a@example.org>\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\nx\r\n": {Name: "Тест Т", Address: "a@example.org"},
	} {
		ix := Parse([]byte(message))
		if len(ix.From) != 1 || ix.From[0] != want {
			t.Errorf("%q is from %q, want %q", message, ix.From, want)
		}
	}
}
