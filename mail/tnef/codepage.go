package tnef

import (
	"strconv"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// The code pages that have no "windows-" before their number.
const (
	pageUTF16 = 1200
	pageUTF8  = 65001
)

// Charset names a code page as MIME does.
func Charset(page int) string {
	switch page {
	case pageUTF16:
		return "utf-16le"
	case pageUTF8:
		return "utf-8"
	case 20127:
		return "us-ascii"
	case 932:
		return "shift_jis"
	case 936:
		return "gbk"
	case 949:
		return "euc-kr"
	case 950:
		return "big5"
	case 20866:
		return "koi8-r"
	case 21866:
		return "koi8-u"
	case 50220, 50221, 50222:
		return "iso-2022-jp"
	case 51932:
		return "euc-jp"
	case 51949:
		return "euc-kr"
	case 54936:
		return "gb18030"
	case 437, 850, 852, 866:
		return "ibm" + strconv.Itoa(page)
	case 874:
		return "windows-874"
	}
	switch {
	case page >= 1250 && page <= 1258:
		return "windows-" + strconv.Itoa(page)
	case page >= 28591 && page <= 28606:
		return "iso-8859-" + strconv.Itoa(page-28590)
	}
	return "windows-1252"
}

// decode turns text of a code page into UTF-8.
func decode(b []byte, page int) string {
	ascii := true
	for _, c := range b {
		ascii = ascii && c < 0x80
	}
	if ascii {
		return string(b)
	}
	if e, err := htmlindex.Get(Charset(page)); err == nil {
		if out, err := e.NewDecoder().Bytes(b); err == nil {
			return string(out)
		}
	}
	out, _ := charmap.Windows1252.NewDecoder().Bytes(b)
	return string(out)
}
