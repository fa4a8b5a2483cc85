package eas

import "errors"

// Version is a protocol version: ten times the number, so that versions
// compare (MS-ASHTTP 2.2.1.1.2.5).
type Version uint8

// The versions.
const (
	V25  Version = 25
	V120 Version = 120
	V121 Version = 121
	V140 Version = 140
	V141 Version = 141
	V160 Version = 160
	V161 Version = 161
)

// ErrVersion is returned for a version that does not exist.
var ErrVersion = errors.New("eas: unknown protocol version")

// Versions returns all versions, the oldest first.
func Versions() []Version {
	return []Version{V25, V120, V121, V140, V141, V160, V161}
}

// ParseVersion reads the number as the MS-ASProtocolVersion header has it.
func ParseVersion(s string) (Version, error) {
	for _, v := range Versions() {
		if v.String() == s {
			return v, nil
		}
	}
	return 0, ErrVersion
}

// String writes the version as the header has it.
func (v Version) String() string {
	switch v {
	case V25:
		return "2.5"
	case V120:
		return "12.0"
	case V121:
		return "12.1"
	case V140:
		return "14.0"
	case V141:
		return "14.1"
	case V160:
		return "16.0"
	case V161:
		return "16.1"
	}
	return "unknown"
}
