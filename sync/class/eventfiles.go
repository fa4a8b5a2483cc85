package class

import (
	"encoding/base64"
	"hash/fnv"
	"mime"
	"strconv"
	"strings"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Limits of an event's attachments.
const (
	maxEventFiles    = 100      // shown of one VEVENT
	maxEventFileName = 255      // characters
	maxEventFile     = 16 << 20 // bytes of one that a client adds: an object of 25 MB has it in base64
)

// isFile tells whether a property carries a file along. An ATTACH that is a link
// is not for clients to fetch here.
func isFile(p *calendar.Property) bool {
	return p.Name == "ATTACH" && (strings.EqualFold(p.Param("VALUE"), "BINARY") || strings.EqualFold(p.Param("ENCODING"), "BASE64"))
}

// eventFileNumber is the number by which clients know a file: made of what it is,
// since its place among the others changes, and exceptions repeat it.
func eventFileNumber(p *calendar.Property) int {
	h := fnv.New32a()
	for _, s := range [...]string{eventFileName(p), p.Param("FMTTYPE"), p.Value} {
		_, _ = h.Write([]byte(s)) // a hash takes everything
		_, _ = h.Write([]byte{0})
	}
	return int(h.Sum32() >> 1)
}

// eventFileName is a file's name: RFC 8607 4.3, and what programs wrote before.
func eventFileName(p *calendar.Property) string {
	for _, name := range [...]string{"FILENAME", "X-FILENAME", "X-APPLE-FILENAME", "X-ORACLE-FILENAME", "X-LABEL"} {
		if s := oneLine(p.Param(name)); s != "" {
			return firstCharacters(s, maxEventFileName)
		}
	}
	// Phones open a file by how its name ends.
	_, ending, _ := strings.Cut(strings.ToLower(p.Param("FMTTYPE")), "/")
	if ending == "" || len(ending) > 4 || strings.Trim(ending, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return "attachment"
	}
	return "attachment." + ending
}

// files lists the files of a VEVENT (MS-ASAIRS 2.2.2.8), nil for none.
func (r *eventReader) files(c *calendar.Component) (list []eas.AttachmentItem) {
	if r.item == nil {
		return nil
	}
	for p := range c.All("ATTACH") {
		if !isFile(p) || len(list) == maxEventFiles {
			continue
		}
		list = append(list, eas.AttachmentItem{Attachment: &eas.Attachment{
			DisplayName: eventFileName(p), FileReference: FileReference(r.item.Folder, r.item.ID, eventFileNumber(p)),
			Method: eas.AttachNormal, EstimatedDataSize: clampSize(int64(base64.RawStdEncoding.DecodedLen(len(strings.TrimRight(p.Value, "="))))),
			ContentID: p.Param("X-CONTENT-ID"), IsInline: p.Param("X-CONTENT-ID") != "",
		}})
	}
	return list
}

// EventAttachment returns a file of an event, of its series or one of its
// exceptions, by the number in its FileReference. The error is ErrNotFound.
func EventAttachment(raw []byte, number int) (content []byte, contentType string, err error) {
	obj, err := calendar.Parse(raw)
	if err != nil {
		return nil, "", ErrNotFound
	}
	for _, e := range obj.Events {
		for p := range e.Component.All("ATTACH") {
			if !isFile(p) || eventFileNumber(p) != number {
				continue
			}
			text := strings.Join(strings.Fields(p.Value), "")
			if content, err = base64.StdEncoding.DecodeString(text); err != nil {
				content, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
			}
			if err != nil {
				return nil, "", ErrNotFound
			}
			if contentType = p.Param("FMTTYPE"); contentType == "" {
				contentType = "application/octet-stream"
			}
			return content, contentType, nil
		}
	}
	return nil, "", ErrNotFound
}

// fileOf is what a client adds, as a property. One without content, which iOS 16.2
// sends, is passed over.
func fileOf(a *eas.AttachmentAdd) (p calendar.Property, ok bool, err error) {
	switch {
	case len(a.Content) == 0:
		return p, false, nil
	case len(a.Content) > maxEventFile, a.Method > 1 && a.Method != eas.AttachEmbedded:
		return p, false, ErrBadValue
	}
	p = calendar.Property{Name: "ATTACH", Value: base64.StdEncoding.EncodeToString(a.Content)}
	if kind, _, err := mime.ParseMediaType(a.ContentType); err == nil {
		p.SetParam("FMTTYPE", kind)
	}
	p.SetParam("FILENAME", firstCharacters(oneLine(a.DisplayName), maxEventFileName))
	p.SetParam("SIZE", strconv.Itoa(len(a.Content)))
	p.SetParam("X-CONTENT-ID", oneLine(a.ContentID))
	p.SetParam("ENCODING", "BASE64")
	p.SetParam("VALUE", "BINARY")
	return p, true, nil
}

// editFiles adds and removes files (MS-ASAIRS 2.2.2.8). One to remove that is
// gone already is no error.
func (w *eventWriter) editFiles(c *calendar.Component, list []eas.AttachmentItem) error {
	for _, a := range list {
		switch {
		case a.Add != nil:
			p, ok, err := fileOf(a.Add)
			if err != nil {
				return err
			}
			if ok {
				c.Add(p)
				w.touch(c, false)
			}
		case a.Delete != nil:
			f, it, number, err := ParseFileReference(a.Delete.FileReference)
			if err != nil || w.o.Folder != 0 && (f != w.o.Folder || it != w.o.Item) {
				return ErrBadReference
			}
			n := len(c.Props)
			c.Props = deleteProps(c.Props, func(p *calendar.Property) bool { return isFile(p) && eventFileNumber(p) == number })
			if len(c.Props) != n {
				w.touch(c, false)
			}
		}
	}
	return nil
}

func deleteProps(list []calendar.Property, drop func(*calendar.Property) bool) []calendar.Property {
	out := list[:0]
	for i := range list {
		if !drop(&list[i]) {
			out = append(out, list[i])
		}
	}
	return out
}

// RenderAddedEvent is what a client is told of an event that it has just written,
// since 16.0: of a new one its UID (MS-ASCAL_R2223), and the files that it added.
// It is nil if there is nothing to tell. data is what the client sent, raw what
// the item holds now.
func RenderAddedEvent(item *mail.Item, raw []byte, data wbxml.Raw, added bool) *eas.CalendarReply {
	var in eas.Calendar
	obj, err := calendar.Parse(raw)
	if err != nil || obj.Master() == nil || wbxml.UnmarshalRaw(data, &in) != nil {
		return nil
	}
	reply := &eas.CalendarReply{}
	if added {
		reply.UID = pointer(firstCharacters(obj.Master().UID, maxUID))
	}
	for _, a := range in.Attachments {
		if a.Add == nil {
			continue
		}
		if p, ok, err := fileOf(a.Add); err == nil && ok {
			reply.Attachments = append(reply.Attachments, eas.AttachmentReply{
				DisplayName: eventFileName(&p), FileReference: FileReference(item.Folder, item.ID, eventFileNumber(&p)),
				ClientID: a.Add.ClientID, Method: eas.AttachNormal, EstimatedDataSize: clampSize(int64(len(a.Add.Content))),
			})
		}
	}
	if reply.UID == nil && reply.Attachments == nil {
		return nil
	}
	return reply
}
