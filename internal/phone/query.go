package phone

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"

	"martlet/protocol/eas"
)

// Params are the parameters of a command in the request line (MS-ASHTTP
// 2.2.1.1.1.2.5).
type Params struct {
	AttachmentName string
	CollectionID   string
	ItemID         string
	LongID         string
	Occurrence     string
	SaveInSent     bool
	Multipart      bool // the answer may be multipart
}

// commandCode is a command's number in the base64 form (MS-ASHTTP
// 2.2.1.1.1.1.2).
func commandCode(command string) (byte, bool) {
	switch command {
	case "Sync":
		return 0, true
	case "SendMail":
		return 1, true
	case "SmartForward":
		return 2, true
	case "SmartReply":
		return 3, true
	case "GetAttachment":
		return 4, true
	case "FolderSync":
		return 9, true
	case "FolderCreate":
		return 10, true
	case "FolderDelete":
		return 11, true
	case "FolderUpdate":
		return 12, true
	case "MoveItems":
		return 13, true
	case "GetItemEstimate":
		return 14, true
	case "MeetingResponse":
		return 15, true
	case "Search":
		return 16, true
	case "Settings":
		return 17, true
	case "Ping":
		return 18, true
	case "ItemOperations":
		return 19, true
	case "Provision":
		return 20, true
	case "ResolveRecipients":
		return 21, true
	case "ValidateCert":
		return 22, true
	case "Find":
		return 23, true
	}
	return 0, false
}

// The tags of parameters in the base64 form (MS-ASHTTP 2.2.1.1.1.1.3), and the
// bits of Options.
const (
	tagAttachmentName = 0
	tagCollectionID   = 1
	tagItemID         = 3
	tagLongID         = 4
	tagOccurrence     = 6
	tagOptions        = 7
	tagUser           = 8

	optionSaveInSent = 0x01
	optionMultipart  = 0x02

	localeEnglish = 0x0409
)

// plainQuery writes the request line as text (MS-ASHTTP 2.2.1.1.1.2).
func (p *Phone) plainQuery(command string, params Params) string {
	var b strings.Builder
	add := func(name, value string) {
		if value == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name + "=" + url.QueryEscape(value))
	}
	add("Cmd", command)
	add("User", p.cfg.User)
	add("DeviceId", p.cfg.DeviceID)
	add("DeviceType", p.cfg.DeviceType)
	add("AttachmentName", params.AttachmentName)
	add("CollectionId", params.CollectionID)
	add("ItemId", params.ItemID)
	add("LongId", params.LongID)
	add("Occurrence", params.Occurrence)
	if params.SaveInSent {
		add("SaveInSent", "T")
	}
	return b.String()
}

// encodedQuery writes the request line in its binary form.
func (p *Phone) encodedQuery(command string, params Params, policyKey uint32) (string, error) {
	code, ok := commandCode(command)
	if !ok {
		return "", fmt.Errorf("phone: %s has no command code", command)
	}
	b := []byte{byte(p.cfg.Version), code}
	if p.cfg.Version == eas.V25 {
		return "", fmt.Errorf("phone: version %s has no base64 form", p.cfg.Version)
	}
	b = binary.LittleEndian.AppendUint16(b, localeEnglish)
	b = appendCounted(b, p.cfg.DeviceID)
	b = append(b, 4)
	b = binary.LittleEndian.AppendUint32(b, policyKey)
	b = appendCounted(b, p.cfg.DeviceType)
	for _, param := range []struct {
		tag   byte
		value string
	}{
		{tagAttachmentName, params.AttachmentName}, {tagCollectionID, params.CollectionID}, {tagItemID, params.ItemID},
		{tagLongID, params.LongID}, {tagOccurrence, params.Occurrence}, {tagUser, p.cfg.User},
	} {
		if param.value != "" {
			b = appendCounted(append(b, param.tag), param.value)
		}
	}
	var options byte
	if params.SaveInSent {
		options |= optionSaveInSent
	}
	if params.Multipart {
		options |= optionMultipart
	}
	if options != 0 {
		b = append(b, tagOptions, 1, options)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// appendCounted writes a string after its length; longer ones are cut.
func appendCounted(b []byte, s string) []byte {
	s = s[:min(len(s), 255)]
	return append(append(b, byte(len(s))), s...)
}
