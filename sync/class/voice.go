package class

import (
	"strings"

	"martlet/mail/message"
	"martlet/protocol/eas"
)

// hasPrefixFold compares classes, whose case means nothing (MS-ASEMAIL_R1312).
func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// isVoice tells whether a message of this class has voice mail for attachments
// (MS-ASEMAIL_R804, R811).
func isVoice(class string) bool {
	return hasPrefixFold(class, "IPM.Note.Microsoft.Voicemail") || hasPrefixFold(class, "IPM.Note.RPMSG.Microsoft.Voicemail") ||
		hasPrefixFold(class, "IPM.Note.Microsoft.Missed.Voice")
}

// isCall tells whether the class is one of those that name the caller
// (MS-ASEMAIL_R878, R879).
func isCall(class string) bool {
	switch strings.ToLower(class) {
	case "ipm.note.microsoft.voicemail", "ipm.note.microsoft.voicemail.um", "ipm.note.microsoft.voicemail.um.ca",
		"ipm.note.rpmsg.microsoft.voicemail", "ipm.note.rpmsg.microsoft.voicemail.um", "ipm.note.rpmsg.microsoft.voicemail.um.ca",
		"ipm.note.microsoft.missed.voice":
		return true
	}
	return false
}

// renderVoice fills what a voice mail or a missed call says of itself
// (MS-ASEMAIL 2.2.2.81 to 2.2.2.84). From 14.0 on.
func renderVoice(ix *message.Index, files []int, dst *eas.Email) {
	if isCall(dst.MessageClass) {
		dst.UmCallerID = callerID(ix.Voice.Caller)
		dst.UmUserNotes = cutAt(ix.Voice.Notes, maxUserNotes)
	}
	if isVoice(dst.MessageClass) {
		orderRecordings(ix, files, dst.Attachments)
	}
}

// maxUserNotes is in bytes (MS-ASEMAIL_R833).
const maxUserNotes = 16374

// callerID is a telephone number or a SIP address; a caller who withheld it has
// none (MS-ASEMAIL_R930 to R932).
func callerID(s string) string {
	s = strings.TrimSpace(s)
	if hasPrefixFold(s, "sip:") || hasPrefixFold(s, "sips:") || strings.ContainsAny(s, "0123456789") {
		return s
	}
	return ""
}

// orderRecordings numbers the recordings among the attachments, the latest with
// 1, and tells the duration of that one (MS-ASEMAIL_R799, R809). What the header
// does not order was appended one after the other.
func orderRecordings(ix *message.Index, files []int, list []eas.AttachmentItem) {
	order := map[string]uint{}
	next := uint(0)
	for name := range strings.SplitSeq(ix.Voice.Order, ";") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" && order[name] == 0 {
			next++
			order[name] = next
		}
	}
	next = 0
	for _, n := range order {
		next = max(next, n)
	}
	for i := len(files) - 1; i >= 0; i-- {
		a := list[i].Attachment
		n := order[strings.ToLower(a.DisplayName)]
		if n == 0 {
			if !strings.HasPrefix(ix.Parts[files[i]].Type, "audio/") {
				continue
			}
			next++
			n = next
		}
		a.UmAttOrder = &n
		if n == 1 && ix.Voice.Duration > 0 {
			duration := uint(ix.Voice.Duration)
			a.UmAttDuration = &duration
		}
	}
}
