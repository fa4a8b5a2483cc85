package class

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"martlet/mail/message"
)

// maxReport is how much of a report or an invitation is read to class it.
const maxReport = 32 << 10

// The classes that others build on.
const (
	classNote            = "IPM.Note"
	classSMIME           = "IPM.Note.SMIME"
	classMultipartSigned = "IPM.Note.SMIME.MultipartSigned"
	classReceipt         = "IPM.Note.Receipt.SMIME"
)

// messageClass says what kind of message it is (MS-ASEMAIL 2.2.2.49): by its
// structure, by what Outlook put into its winmail.dat, and, if it would be a
// simple message otherwise, by its Content-Class.
func messageClass(ix *message.Index, src io.ReaderAt) string {
	if class := sealedClass(ix); class != "" {
		return class
	}
	if ix.Parts[0].Type == "multipart/report" {
		if class := reportClass(ix, src); class != "" {
			return class
		}
	}
	for i := range ix.Parts {
		pt := &ix.Parts[i]
		switch {
		case pt.Type == "text/calendar" && pt.Method != "" && pt.Disposition != "attachment":
			if class := meetingClass(pt.Method, ix, i, src); class != "" {
				return class
			}
		case pt.Type == "application/ms-tnef" && pt.Method != "":
			if class := outlookClass(pt.Method); class != classNote {
				return class
			}
		case pt.Type == "application/x-sharing-metadata-xml": // MS-OXSHARE 2.2.4
			return "IPM.Sharing"
		}
	}
	return contentClassed(ix.ContentClass)
}

// sealedClass is the class of what is signed or encrypted, "" for other
// messages.
func sealedClass(ix *message.Index) string {
	switch {
	case ix.Parts[0].Method == "signed-receipt": // RFC 2634 2.8
		return classReceipt
	case ix.IsEncrypted():
		return classSMIME
	case ix.IsSigned() && ix.Parts[0].Type == "multipart/signed":
		return classMultipartSigned
	case ix.IsSigned():
		return classSMIME
	}
	return ""
}

// outlookClass is a class as Outlook wrote it; one of no kind of message is that
// of a simple one. A meeting's is told by its calendar object, but a notice has
// none.
func outlookClass(class string) string {
	switch {
	case hasPrefixFold(class, "REPORT."):
		if s := strings.ToUpper(class); slices.Contains(reportClasses[:], s) {
			return s
		}
		return classNote
	case strings.EqualFold(class, classForwarded):
		return classForwarded
	case hasPrefixFold(class, "IPM.Note"), hasPrefixFold(class, "IPM.InfoPathForm"), hasPrefixFold(class, "IPM.Notification.Meeting"),
		hasPrefixFold(class, "IPM.Post"), hasPrefixFold(class, "IPM.Octel.Voice"), hasPrefixFold(class, "IPM.Voicenotes"), hasPrefixFold(class, "IPM.Sharing"):
		return class
	}
	return classNote
}

// contentClassed is the class that a Content-Class stands for (MS-OXCMAIL
// 2.2.3.2.15).
func contentClassed(content string) string {
	switch content {
	case "voice":
		return "IPM.Note.Microsoft.Voicemail.UM"
	case "voice-ca":
		return "IPM.Note.Microsoft.Voicemail.UM.CA"
	case "voice-uc":
		return "IPM.Note.Microsoft.Conversation.Voice"
	case "missedcall":
		return "IPM.Note.Microsoft.Missed.Voice"
	case "fax":
		return "IPM.Note.Microsoft.Fax"
	case "fax-ca":
		return "IPM.Note.Microsoft.Fax.CA"
	}
	if custom, ok := strings.CutPrefix(content, "urn:content-class:custom."); ok && custom != "" {
		return "IPM.Note.Custom." + custom
	}
	for _, prefix := range [...]string{"infopathform.", "infopath."} {
		if form, ok := strings.CutPrefix(content, prefix); ok && form != "" {
			form, _, _ = strings.Cut(form, ".")
			return "IPM.InfoPathForm." + form
		}
	}
	return classNote
}

// reportClasses are all that there are (MS-ASEMAIL_R603).
var reportClasses = [...]string{
	"REPORT.IPM.NOTE.NDR", "REPORT.IPM.NOTE.DR", "REPORT.IPM.NOTE.DELAYED", "REPORT.IPM.NOTE.IPNRN", "REPORT.IPM.NOTE.IPNNRN",
	"REPORT.IPM.SCHEDULE.MEETING.REQUEST.NDR", "REPORT.IPM.SCHEDULE.MEETING.RESP.POS.NDR", "REPORT.IPM.SCHEDULE.MEETING.RESP.TENT.NDR",
	"REPORT.IPM.SCHEDULE.MEETING.CANCELED.NDR", "REPORT.IPM.NOTE.SMIME.NDR", "REPORT.IPM.NOTE.SMIME.DR",
	"REPORT.IPM.NOTE.SMIME.MULTIPARTSIGNED.NDR", "REPORT.IPM.NOTE.SMIME.MULTIPARTSIGNED.DR",
}

// reportClass names what a report reports, and of what kind of message.
func reportClass(ix *message.Index, src io.ReaderAt) string {
	kind := reportKind(ix, src)
	if kind == "" {
		return ""
	}
	if class := "REPORT." + strings.ToUpper(reportedClass(ix, src)) + "." + kind; slices.Contains(reportClasses[:], class) {
		return class
	}
	return "REPORT.IPM.NOTE." + kind
}

// reportedClass is the class of the message that a report is about, as far as
// the report brings it along (RFC 6522 3).
func reportedClass(ix *message.Index, src io.ReaderAt) string {
	for i := range ix.Parts {
		switch ix.Parts[i].Type {
		case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers":
			raw := readStart(ix, i, src)
			if len(raw) > 0 && !bytes.Contains(raw, []byte("multipart/report")) {
				return messageClass(message.Parse(raw), message.Bytes(raw))
			}
		}
	}
	return classNote
}

// reportKind reads the action of RFC 3464 2.3.3, the disposition of RFC 8098
// 3.2.6.
func reportKind(ix *message.Index, src io.ReaderAt) string {
	for i := range ix.Parts {
		switch ix.Parts[i].Type {
		case "message/delivery-status", "message/global-delivery-status":
			switch reportField(ix, i, src, "action") {
			case "failed":
				return "NDR"
			case "delayed":
				return "DELAYED"
			case "delivered", "relayed", "expanded":
				return "DR"
			}
		case "message/disposition-notification", "message/global-disposition-notification":
			d := reportField(ix, i, src, "disposition")
			if _, kind, ok := strings.Cut(d, ";"); ok {
				d = strings.TrimSpace(kind)
			}
			switch {
			case strings.HasPrefix(d, "displayed"):
				return "IPNRN"
			case strings.HasPrefix(d, "deleted"):
				return "IPNNRN"
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
