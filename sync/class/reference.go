package class

import (
	"strconv"
	"strings"

	"martlet/mail"
)

// FileReference names an attachment to clients: what they hand back to fetch it
// (MS-ASAIRS 2.2.2.24, MS-ASEMAIL 2.2.2.6). It is opaque to them.
func FileReference(f mail.FolderID, it mail.ItemID, part int) string {
	var b [40]byte
	dst := strconv.AppendUint(b[:0], uint64(f), 10)
	dst = strconv.AppendUint(append(dst, ':'), uint64(it), 10)
	return string(strconv.AppendInt(append(dst, ':'), int64(part), 10))
}

// ParseFileReference reads what FileReference wrote.
func ParseFileReference(s string) (f mail.FolderID, it mail.ItemID, part int, err error) {
	folder, rest, ok := strings.Cut(s, ":")
	item, number, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 {
		return 0, 0, 0, ErrBadReference
	}
	a, err1 := strconv.ParseUint(folder, 10, 32)
	b, err2 := strconv.ParseUint(item, 10, 32)
	c, err3 := strconv.ParseUint(number, 10, 32)
	if err1 != nil || err2 != nil || err3 != nil {
		return 0, 0, 0, ErrBadReference
	}
	f, it, part = mail.FolderID(a), mail.ItemID(b), int(c)
	if FileReference(f, it, part) != s { // one spelling, as all ids
		return 0, 0, 0, ErrBadReference
	}
	return f, it, part, nil
}
