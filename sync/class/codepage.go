package class

import (
	"strconv"
	"strings"

	"martlet/mail/message"
)

// codePageUTF8 is also that of messages that name no charset, or one that has
// no number.
const codePageUTF8 = "65001"

// internetCPID is the code page of the message as it came (MS-ASEMAIL_R496).
// What clients get is UTF-8 all the same.
func internetCPID(ix *message.Index, pieces []message.Body) string {
	for _, p := range pieces {
		part := p.HTML
		if part < 0 {
			part = p.Plain
		}
		if charset := ix.Parts[part].Charset; charset != "" {
			return codePage(charset)
		}
	}
	return codePageUTF8
}

// codePage is the number that Windows gives a charset.
func codePage(charset string) string {
	if n, ok := strings.CutPrefix(charset, "iso-8859-"); ok {
		if n, err := strconv.Atoi(n); err == nil && n >= 1 && n <= 16 {
			return strconv.Itoa(28590 + n)
		}
		return codePageUTF8
	}
	for _, prefix := range []string{"windows-", "cp"} {
		if n, ok := strings.CutPrefix(charset, prefix); ok {
			if n, err := strconv.Atoi(n); err == nil && (n == 874 || n == 932 || n == 936 || n == 949 || n == 950 || n >= 1250 && n <= 1258) {
				return strconv.Itoa(n)
			}
			return codePageUTF8
		}
	}
	switch charset {
	case "us-ascii", "ascii", "ansi_x3.4-1968":
		return "20127"
	case "latin1", "l1":
		return "28591"
	case "iso-2022-jp":
		return "50220"
	case "shift_jis", "shift-jis", "sjis", "x-sjis":
		return "932"
	case "euc-jp":
		return "51932"
	case "gb2312", "gbk":
		return "936"
	case "gb18030":
		return "54936"
	case "hz-gb-2312":
		return "52936"
	case "big5", "big5-hkscs":
		return "950"
	case "ks_c_5601-1987", "ksc5601":
		return "949"
	case "euc-kr":
		return "51949"
	case "iso-2022-kr":
		return "50225"
	case "koi8-r":
		return "20866"
	case "koi8-u":
		return "21866"
	case "tis-620":
		return "874"
	case "utf-7":
		return "65000"
	}
	return codePageUTF8
}
