package message

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrBadIndex is returned for bytes that no Append wrote.
var ErrBadIndex = errors.New("message: bad index")

// The fields of an encoded index. Numbers are never reused; readers skip those
// they do not know, so that fields can be added.
const (
	fieldSubject      protowire.Number = 1
	fieldFrom         protowire.Number = 2
	fieldSender       protowire.Number = 3
	fieldReplyTo      protowire.Number = 4
	fieldTo           protowire.Number = 5
	fieldCc           protowire.Number = 6
	fieldBcc          protowire.Number = 7
	fieldDate         protowire.Number = 8 // milliseconds since 1970, zigzag
	fieldMessageID    protowire.Number = 9
	fieldInReplyTo    protowire.Number = 10
	fieldReference    protowire.Number = 11
	fieldThreadTopic  protowire.Number = 12 // absent: Topic of the subject
	fieldThreadIndex  protowire.Number = 13
	fieldImportance   protowire.Number = 14 // zigzag, 0 for normal
	fieldContentClass protowire.Number = 15
	fieldPreview      protowire.Number = 16
	fieldSize         protowire.Number = 17
	fieldPart         protowire.Number = 18
	fieldAutoReply    protowire.Number = 19
	fieldReceipt      protowire.Number = 20
	fieldSensitivity  protowire.Number = 21
	fieldVoice        protowire.Number = 22

	voiceCaller   protowire.Number = 1
	voiceDuration protowire.Number = 2
	voiceOrder    protowire.Number = 3
	voiceNotes    protowire.Number = 4

	addressName    protowire.Number = 1
	addressAddress protowire.Number = 2

	partParent      protowire.Number = 1 // plus one
	partType        protowire.Number = 2
	partCharset     protowire.Number = 3
	partEncoding    protowire.Number = 4 // place in encodings
	partDisposition protowire.Number = 5 // place in dispositions
	partFilename    protowire.Number = 6
	partContentID   protowire.Number = 7
	partLocation    protowire.Number = 8
	partMethod      protowire.Number = 9
	partFlowed      protowire.Number = 10
	partHeader      protowire.Number = 11
	partBody        protowire.Number = 12 // after header
	partEnd         protowire.Number = 13 // after body
	partDecoded     protowire.Number = 14
)

var (
	encodings    = [...]string{"", "base64", "quoted-printable", "x-uuencode", encodingRTF, encodingTNEF}
	dispositions = [...]string{"", "inline", "attachment"}
)

// Append appends the encoded index to dst.
func (ix *Index) Append(dst []byte) []byte {
	dst = appendString(dst, fieldSubject, ix.Subject)
	dst = appendList(dst, fieldFrom, ix.From)
	dst = appendList(dst, fieldSender, ix.Sender)
	dst = appendList(dst, fieldReplyTo, ix.ReplyTo)
	dst = appendList(dst, fieldTo, ix.To)
	dst = appendList(dst, fieldCc, ix.Cc)
	dst = appendList(dst, fieldBcc, ix.Bcc)
	if !ix.Date.IsZero() {
		dst = protowire.AppendTag(dst, fieldDate, protowire.VarintType)
		dst = protowire.AppendVarint(dst, protowire.EncodeZigZag(ix.Date.UnixMilli()))
	}
	dst = appendString(dst, fieldMessageID, ix.MessageID)
	dst = appendString(dst, fieldInReplyTo, ix.InReplyTo)
	for _, r := range ix.References {
		dst = protowire.AppendTag(dst, fieldReference, protowire.BytesType)
		dst = protowire.AppendString(dst, r)
	}
	if ix.ThreadTopic != Topic(ix.Subject) {
		dst = appendString(dst, fieldThreadTopic, ix.ThreadTopic)
	}
	dst = appendString(dst, fieldThreadIndex, string(ix.ThreadIndex))
	dst = appendUint(dst, fieldImportance, protowire.EncodeZigZag(int64(ix.Importance-ImportanceNormal)))
	dst = appendString(dst, fieldContentClass, ix.ContentClass)
	dst = appendString(dst, fieldPreview, ix.Preview)
	dst = appendUint(dst, fieldSize, uint64(ix.Size))
	if ix.AutoReply {
		dst = appendUint(dst, fieldAutoReply, 1)
	}
	dst = appendString(dst, fieldReceipt, ix.Receipt)
	dst = appendUint(dst, fieldSensitivity, uint64(ix.Sensitivity))
	if ix.Voice != (Voice{}) {
		dst = protowire.AppendTag(dst, fieldVoice, protowire.BytesType)
		dst = protowire.AppendBytes(dst, ix.Voice.append(nil))
	}
	var scratch []byte
	for i := range ix.Parts {
		scratch = ix.Parts[i].append(scratch[:0])
		dst = protowire.AppendTag(dst, fieldPart, protowire.BytesType)
		dst = protowire.AppendBytes(dst, scratch)
	}
	return dst
}

func (v *Voice) append(dst []byte) []byte {
	dst = appendString(dst, voiceCaller, v.Caller)
	dst = appendUint(dst, voiceDuration, uint64(v.Duration))
	dst = appendString(dst, voiceOrder, v.Order)
	return appendString(dst, voiceNotes, v.Notes)
}

func (pt *Part) append(dst []byte) []byte {
	dst = appendUint(dst, partParent, uint64(pt.Parent+1))
	dst = appendString(dst, partType, pt.Type)
	dst = appendString(dst, partCharset, pt.Charset)
	dst = appendUint(dst, partEncoding, place(encodings[:], pt.Encoding))
	dst = appendUint(dst, partDisposition, place(dispositions[:], pt.Disposition))
	dst = appendString(dst, partFilename, pt.Filename)
	dst = appendString(dst, partContentID, pt.ContentID)
	dst = appendString(dst, partLocation, pt.Location)
	dst = appendString(dst, partMethod, pt.Method)
	if pt.Flowed {
		dst = appendUint(dst, partFlowed, 1)
	}
	dst = appendUint(dst, partHeader, uint64(pt.Header))
	dst = appendUint(dst, partBody, uint64(pt.Body-pt.Header))
	dst = appendUint(dst, partEnd, uint64(pt.End-pt.Body))
	return appendUint(dst, partDecoded, uint64(pt.DecodedSize))
}

func place(list []string, s string) uint64 {
	for i, v := range list {
		if v == s {
			return uint64(i)
		}
	}
	return 0
}

func appendUint(dst []byte, n protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	dst = protowire.AppendTag(dst, n, protowire.VarintType)
	return protowire.AppendVarint(dst, v)
}

func appendString(dst []byte, n protowire.Number, s string) []byte {
	if s == "" {
		return dst
	}
	dst = protowire.AppendTag(dst, n, protowire.BytesType)
	return protowire.AppendString(dst, s)
}

func appendList(dst []byte, n protowire.Number, list []Address) []byte {
	for _, a := range list {
		size := 0
		if a.Name != "" {
			size += 1 + protowire.SizeBytes(len(a.Name))
		}
		if a.Address != "" {
			size += 1 + protowire.SizeBytes(len(a.Address))
		}
		dst = protowire.AppendTag(dst, n, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(size))
		dst = appendString(dst, addressName, a.Name)
		dst = appendString(dst, addressAddress, a.Address)
	}
	return dst
}

// Decode reads what Append wrote. All strings of the index share one copy of b.
func Decode(b []byte) (*Index, error) {
	ix := &Index{Importance: ImportanceNormal}
	s := string(b)
	topic := false
	err := eachField(b, 0, len(b), func(f field) error {
		switch f.number {
		case fieldSubject:
			ix.Subject = f.text(s)
		case fieldFrom, fieldSender, fieldReplyTo, fieldTo, fieldCc, fieldBcc:
			return decodeAddress(ix.list(f.number), b, s, f)
		case fieldDate:
			ix.Date = time.UnixMilli(protowire.DecodeZigZag(f.value)).UTC()
		case fieldMessageID:
			ix.MessageID = f.text(s)
		case fieldInReplyTo:
			ix.InReplyTo = f.text(s)
		case fieldReference:
			if len(ix.References) == maxReferences {
				return ErrBadIndex
			}
			ix.References = append(ix.References, f.text(s))
		case fieldThreadTopic:
			ix.ThreadTopic, topic = f.text(s), true
		case fieldThreadIndex:
			ix.ThreadIndex = []byte(f.text(s))
		case fieldImportance:
			v := protowire.DecodeZigZag(f.value)
			if v < -1 || v > 1 {
				return ErrBadIndex
			}
			ix.Importance = ImportanceNormal + int8(v)
		case fieldContentClass:
			ix.ContentClass = f.text(s)
		case fieldPreview:
			ix.Preview = f.text(s)
		case fieldSize:
			ix.Size = int64(f.value)
		case fieldPart:
			return ix.decodePart(b, s, f)
		case fieldAutoReply:
			ix.AutoReply = f.value != 0
		case fieldReceipt:
			ix.Receipt = f.text(s)
		case fieldSensitivity:
			ix.Sensitivity = int8(f.value & 3)
		case fieldVoice:
			return ix.decodeVoice(b, s, f)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("message: decode index: %w", err)
	}
	if len(ix.Parts) == 0 || ix.Size < 0 || ix.Parts[0].End > ix.Size {
		return nil, ErrBadIndex
	}
	if !topic {
		ix.ThreadTopic = Topic(ix.Subject)
	}
	return ix, nil
}

// list returns the address list that a field belongs to.
func (ix *Index) list(n protowire.Number) *[]Address {
	switch n {
	case fieldFrom:
		return &ix.From
	case fieldSender:
		return &ix.Sender
	case fieldReplyTo:
		return &ix.ReplyTo
	case fieldTo:
		return &ix.To
	case fieldCc:
		return &ix.Cc
	}
	return &ix.Bcc
}

func decodeAddress(list *[]Address, b []byte, s string, f field) error {
	if len(*list) > maxAddresses {
		return ErrBadIndex
	}
	var a Address
	err := eachField(b, f.from, f.to, func(f field) error {
		switch f.number {
		case addressName:
			a.Name = f.text(s)
		case addressAddress:
			a.Address = f.text(s)
		}
		return nil
	})
	*list = append(*list, a)
	return err
}

func (ix *Index) decodeVoice(b []byte, s string, f field) error {
	return eachField(b, f.from, f.to, func(f field) error {
		switch f.number {
		case voiceCaller:
			ix.Voice.Caller = f.text(s)
		case voiceDuration:
			ix.Voice.Duration = uint32(min(f.value, maxDuration))
		case voiceOrder:
			ix.Voice.Order = f.text(s)
		case voiceNotes:
			ix.Voice.Notes = f.text(s)
		}
		return nil
	})
}

func (ix *Index) decodePart(b []byte, s string, f field) error {
	n := len(ix.Parts)
	if n == maxParts {
		return ErrBadIndex
	}
	if ix.Parts == nil {
		ix.Parts = make([]Part, 0, 4)
	}
	ix.Parts = append(ix.Parts, Part{Parent: -1})
	pt := &ix.Parts[n]
	err := eachField(b, f.from, f.to, func(f field) error {
		switch f.number {
		case partParent:
			pt.Parent = int32(f.value&0xffff) - 1
		case partType:
			pt.Type = f.text(s)
		case partCharset:
			pt.Charset = f.text(s)
		case partEncoding:
			if f.value >= uint64(len(encodings)) {
				return ErrBadIndex
			}
			pt.Encoding = encodings[f.value]
		case partDisposition:
			pt.Disposition = dispositions[min(f.value, uint64(len(dispositions)-1))]
		case partFilename:
			pt.Filename = f.text(s)
		case partContentID:
			pt.ContentID = f.text(s)
		case partLocation:
			pt.Location = f.text(s)
		case partMethod:
			pt.Method = f.text(s)
		case partFlowed:
			pt.Flowed = f.value != 0
		case partHeader:
			pt.Header = int64(f.value)
		case partBody:
			pt.Body = int64(f.value)
		case partEnd:
			pt.End = int64(f.value)
		case partDecoded:
			pt.DecodedSize = int64(f.value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	const most = 1 << 31 // no message is larger
	if pt.Header < 0 || pt.Body < 0 || pt.End < 0 || pt.Header > most || pt.Body > most || pt.End > most || pt.DecodedSize < 0 {
		return ErrBadIndex
	}
	pt.Body += pt.Header
	pt.End += pt.Body
	if int(pt.Parent) >= n || (pt.Parent < 0) != (n == 0) || n > 0 && pt.End > ix.Parts[0].End {
		return ErrBadIndex
	}
	return nil
}

// field is one field; of a string or message, its place.
type field struct {
	number   protowire.Number
	value    uint64
	from, to int
}

func (f field) text(s string) string { return s[f.from:f.to] }

// eachField calls fn for the fields in b[from:to].
func eachField(b []byte, from, to int, fn func(field) error) error {
	for from < to {
		number, kind, n := protowire.ConsumeTag(b[from:to])
		if n < 0 {
			return ErrBadIndex
		}
		from += n
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(b[from:to])
		case protowire.BytesType:
			var v []byte
			v, n = protowire.ConsumeBytes(b[from:to])
			f.from, f.to = from+n-len(v), from+n
		default:
			if n = protowire.ConsumeFieldValue(number, kind, b[from:to]); n >= 0 {
				from += n
				continue
			}
		}
		if n < 0 {
			return ErrBadIndex
		}
		from += n
		if err := fn(f); err != nil {
			return err
		}
	}
	return nil
}
