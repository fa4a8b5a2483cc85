package class

import (
	"math"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
)

// attachments lists a message's attachments (MS-ASAIRS 2.2.2.8); nil for none.
func attachments(item *mail.Item, ix *message.Index, files []int, v *values) []eas.AttachmentItem {
	if len(files) == 0 {
		return nil
	}
	items, list := v.items[:], v.attachments[:]
	if len(files) > len(list) {
		items, list = make([]eas.AttachmentItem, len(files)), make([]eas.Attachment, len(files))
	}
	for i, part := range files {
		pt := &ix.Parts[part]
		list[i] = eas.Attachment{
			DisplayName:       ix.AttachmentName(part),
			FileReference:     FileReference(item.Folder, item.ID, fileNumber(item, ix, part)),
			Method:            attachMethod(pt),
			EstimatedDataSize: clampSize(pt.DecodedSize),
			ContentID:         pt.ContentID,
			ContentLocation:   pt.Location,
			IsInline:          ix.Inline(part),
		}
		items[i].Attachment = &list[i]
	}
	return items[:len(files)]
}

// legacyAttachments is the same for version 2.5 (MS-ASEMAIL 2.2.2.3).
func legacyAttachments(item *mail.Item, ix *message.Index, files []int) []eas.LegacyAttachment {
	if len(files) == 0 {
		return nil
	}
	list := make([]eas.LegacyAttachment, len(files))
	for i, part := range files {
		pt := &ix.Parts[part]
		list[i] = eas.LegacyAttachment{
			AttName:     FileReference(item.Folder, item.ID, fileNumber(item, ix, part)),
			AttSize:     clampSize(pt.DecodedSize),
			AttMethod:   attachMethod(pt),
			Att0ID:      pt.ContentID,
			DisplayName: ix.AttachmentName(part),
		}
	}
	return list
}

// attachMethod tells messages and OLE objects, which come in a winmail.dat only,
// from files.
func attachMethod(pt *message.Part) uint8 {
	if pt.Method == message.MethodOLE {
		return eas.AttachOLE
	}
	if pt.Type == "message/rfc822" || pt.Type == "message/global" {
		return eas.AttachEmbedded
	}
	return eas.AttachNormal
}

func clampSize(n int64) uint32 {
	return uint32(min(max(n, 0), math.MaxUint32))
}
