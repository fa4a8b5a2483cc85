package class

import (
	"bytes"
	"io"
	"strings"

	"martlet/mail/message"
)

// maxReport is how much of a report or an invitation is read to class it.
const maxReport = 32 << 10

// messageClass says what kind of message it is (MS-ASEMAIL 2.2.2.49).
func messageClass(ix *message.Index, src io.ReaderAt) string {
	switch {
	case ix.IsEncrypted():
		return "IPM.Note.SMIME"
	case ix.IsSigned():
		if ix.Parts[0].Type == "multipart/signed" {
			return "IPM.Note.SMIME.MultipartSigned"
		}
		return "IPM.Note.SMIME"
	case ix.Parts[0].Type == "multipart/report":
		if class := reportClass(ix, src); class != "" {
			return class
		}
	}
	if part := MeetingPart(ix); part >= 0 {
		if class := meetingClass(ix.Parts[part].Method, ix, part, src); class != "" {
			return class
		}
	}
	return "IPM.Note"
}

// reportClass is spelled as MS-ASEMAIL_R603 has it. It reads what a report reports: the action of RFC 3464 2.3.3, the
// disposition of RFC 8098 3.2.6.
func reportClass(ix *message.Index, src io.ReaderAt) string {
	for i := range ix.Parts {
		switch ix.Parts[i].Type {
		case "message/delivery-status", "message/global-delivery-status":
			switch reportField(ix, i, src, "action") {
			case "failed":
				return "REPORT.IPM.NOTE.NDR"
			case "delayed":
				return "REPORT.IPM.NOTE.DELAYED"
			case "delivered", "relayed", "expanded":
				return "REPORT.IPM.NOTE.DR"
			}
		case "message/disposition-notification", "message/global-disposition-notification":
			d := reportField(ix, i, src, "disposition")
			if _, kind, ok := strings.Cut(d, ";"); ok {
				d = strings.TrimSpace(kind)
			}
			switch {
			case strings.HasPrefix(d, "displayed"):
				return "REPORT.IPM.NOTE.IPNRN"
			case strings.HasPrefix(d, "deleted"):
				return "REPORT.IPM.NOTE.IPNNRN"
			}
		}
	}
	return ""
}

// reportField returns the first field of a name in a report, in lower case.
func reportField(ix *message.Index, part int, src io.ReaderAt, name string) string {
	for line := range bytes.Lines(readStart(ix, part, src)) {
		key, value, ok := strings.Cut(string(line), ":")
		if ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.ToLower(strings.TrimSpace(value))
		}
	}
	return ""
}

// readStart returns the beginning of a part's content; what cannot be read is
// taken for absent, since the class is only a hint.
func readStart(ix *message.Index, part int, src io.ReaderAt) []byte {
	b, err := io.ReadAll(io.LimitReader(ix.Open(part, src), maxReport))
	if err != nil {
		return nil
	}
	return b
}
