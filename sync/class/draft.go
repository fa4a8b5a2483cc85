package class

import (
	"fmt"
	"hash/fnv"
	"strconv"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// EditDraft reads the ApplicationData of a draft that a client adds or changes
// (MS-ASEMAIL 3.1.5.4): what it writes, and what that does to the item's state.
// A conversation is only refused in a change (MS-ASEMAIL_R347).
func EditDraft(raw wbxml.Raw, v eas.Version, added bool) (*eas.Draft, func(*mail.Item) error, error) {
	e, d, err := decodeWritten(raw)
	if err != nil {
		return nil, nil, err
	}
	if added {
		e.ConversationID = nil
	}
	state, err := editState(e, v)
	if err != nil {
		return nil, nil, err
	}
	if err := checkDraft(d); err != nil {
		return nil, nil, err
	}
	return d, state, nil
}

// decodeWritten reads the ApplicationData of what a client writes itself, a
// draft or a short message: what it says of the item's state, and the rest.
func decodeWritten(raw wbxml.Raw) (*eas.Email, *eas.Draft, error) {
	var e eas.Email
	var d eas.Draft
	if err := decodeEmail(raw, &e); err != nil {
		return nil, nil, err
	}
	exact := wbxml.Decoder{Exact: true}
	if err := exact.UnmarshalRaw(raw, &d); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrBadValue, err)
	}
	return &e, &d, nil
}

// checkDraft holds a draft to the values that there are.
func checkDraft(d *eas.Draft) error {
	if d.Importance != nil && *d.Importance > eas.ImportanceHigh {
		return ErrBadValue
	}
	if b := d.Body; b != nil && b.Data != nil {
		if b.Type == nil || *b.Type != eas.BodyPlain && *b.Type != eas.BodyHTML && *b.Type != eas.BodyMIME {
			return ErrBadValue
		}
	}
	for _, a := range d.Attachments {
		// MS-ASAIRS_R1009, R1014, R1390. A Method that is left out is the usual one.
		if a.Add != nil && (a.Add.ClientID == "" || a.Add.DisplayName == "" || a.Add.Method > 1 && a.Add.Method != eas.AttachEmbedded) {
			return ErrBadValue
		}
	}
	return nil
}

// RenderDraft fills dst with what a client is told of the draft that it has just
// added: its conversation.
func RenderDraft(item *mail.Item, ix *message.Index, dst *eas.DraftReply) {
	dst.ConversationID = conversationID(item, ix)
	dst.ConversationIndex = conversationIndex(item, ix)
}

// RenderAdded describes an attachment that a client has added.
func RenderAdded(item *mail.Item, ix *message.Index, part int, clientID string) eas.AttachmentReply {
	pt := &ix.Parts[part]
	return eas.AttachmentReply{
		DisplayName:       ix.AttachmentName(part),
		FileReference:     FileReference(item.Folder, item.ID, fileNumber(item, ix, part)),
		ClientID:          clientID,
		Method:            attachMethod(pt),
		EstimatedDataSize: clampSize(pt.DecodedSize),
	}
}

// A draft's files move from part to part as others come and go, but the client
// keeps its references (MS-ASAIRS_R1374). So they are numbered by what they are,
// above all numbers of parts.
const firstDraftFile = 1 << 30

// maxTwins bounds how many files of one draft that look all the same are told
// apart after some of them are gone.
const maxTwins = 64

// fileNumber is the number by which clients know an attachment.
func fileNumber(item *mail.Item, ix *message.Index, part int) int {
	if item.Flags&mail.FlagDraft == 0 {
		return part
	}
	twin := 0
	for _, p := range ix.Attachments() {
		if p == part {
			break
		}
		if sameFile(&ix.Parts[p], &ix.Parts[part]) {
			twin++
		}
	}
	return draftFile(&ix.Parts[part], twin)
}

func sameFile(a, b *message.Part) bool {
	return a.Filename == b.Filename && a.Type == b.Type && a.DecodedSize == b.DecodedSize && a.ContentID == b.ContentID
}

// draftFile numbers the file, or the twin of that number.
func draftFile(pt *message.Part, twin int) int {
	h := fnv.New32a()
	for _, s := range []string{pt.Filename, pt.Type, pt.ContentID, strconv.FormatInt(pt.DecodedSize, 10), strconv.Itoa(twin)} {
		_, _ = h.Write([]byte(s)) // a hash takes everything
		_, _ = h.Write([]byte{0})
	}
	return firstDraftFile | int(h.Sum32()>>2)
}

// FindPart returns the part of a message that a file reference's number stands
// for. Of files that look all the same and of which some are gone, the last one
// stands for those.
func FindPart(ix *message.Index, number int) (part int, ok bool) {
	if number < firstDraftFile {
		return number, number >= 0 && number < len(ix.Parts)
	}
	files := ix.Attachments()
	twins := make([]int, len(files))
	for i, p := range files {
		for _, q := range files[:i] {
			if sameFile(&ix.Parts[p], &ix.Parts[q]) {
				twins[i]++
			}
		}
		if draftFile(&ix.Parts[p], twins[i]) == number {
			return p, true
		}
	}
	for i, p := range files {
		for twin := twins[i] + 1; twin < maxTwins; twin++ {
			if draftFile(&ix.Parts[p], twin) == number {
				part, ok = p, true
			}
		}
	}
	return part, ok
}
