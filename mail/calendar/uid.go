package calendar

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// The form of a GlobalObjectId (MS-ASEMAIL 2.2.2.37, MS-OXOCAL 2.2.1.27): a
// class id, the date of an occurrence, a time, eight reserved bytes, a length
// and as much data.
var (
	globalClass = []byte{0x04, 0x00, 0x00, 0x00, 0x82, 0x00, 0xE0, 0x00, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 0x08}
	globalVCal  = []byte("vCal-Uid\x01\x00\x00\x00")
)

const (
	globalDate   = 16 // offset of the occurrence's date
	globalTime   = 20
	globalLength = 36
	globalData   = 40
	maxGlobal    = 4096
)

// GlobalID makes the GlobalObjectId of an event. A UID that Outlook made is one
// already, in hexadecimal; another is wrapped. The date is that of an
// occurrence, zero for the whole.
func GlobalID(uid string, occurrence time.Time) []byte {
	b, ok := outlookID(uid)
	if !ok {
		if len(uid) > maxGlobal {
			uid = uid[:maxGlobal]
		}
		b = append(make([]byte, 0, globalData+len(globalVCal)+len(uid)+1), globalClass...)
		b = append(b, make([]byte, globalLength-len(globalClass))...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(globalVCal)+len(uid)+1))
		b = append(append(append(b, globalVCal...), uid...), 0)
	}
	if occurrence.IsZero() {
		copy(b[globalDate:globalTime], []byte{0, 0, 0, 0})
	} else {
		y, m, d := occurrence.Date()
		copy(b[globalDate:globalTime], []byte{byte(y >> 8), byte(y), byte(m), byte(d)})
	}
	return b
}

// UIDOf is the UID of the event that a GlobalObjectId names, and nothing if it
// is none.
func UIDOf(global []byte) string {
	if len(global) < globalData || !bytes.HasPrefix(global, globalClass) {
		return ""
	}
	data := global[globalData:]
	if n := binary.LittleEndian.Uint32(global[globalLength:]); uint64(n) <= uint64(len(data)) {
		data = data[:n]
	}
	if uid, ok := bytes.CutPrefix(data, globalVCal); ok {
		return string(bytes.TrimRight(uid, "\x00"))
	}
	clean := bytes.Clone(global)
	copy(clean[globalDate:globalTime], []byte{0, 0, 0, 0})
	return strings.ToUpper(hex.EncodeToString(clean))
}

// outlookID reads a UID that is a GlobalObjectId in hexadecimal.
func outlookID(uid string) ([]byte, bool) {
	const prefix = "040000008200E00074C5B7101A82E008"
	if len(uid) < 2*globalData || len(uid) > 2*maxGlobal || !strings.EqualFold(uid[:len(prefix)], prefix) {
		return nil, false
	}
	b, err := hex.DecodeString(uid)
	return b, err == nil
}
