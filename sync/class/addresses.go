package class

import (
	"martlet/mail/message"
)

// How long address lists may be, in bytes (MS-ASEMAIL 2.2.2.79, 2.2.2.36 and
// the schema of Bcc). A list ends with the last address that fits.
const (
	maxRecipients = 32768
	maxBcc        = 1024
)

// addressList writes addresses as a header has them, unencoded.
func addressList(list []message.Address, separator string, limit int) string {
	if len(list) == 1 {
		if s := list[0].String(); len(s) <= limit {
			return s
		}
		return ""
	}
	var b []byte
	for _, a := range list {
		s := a.String()
		if len(b)+len(separator)+len(s) > limit {
			break
		}
		if len(b) > 0 {
			b = append(b, separator...)
		}
		b = append(b, s...)
	}
	return string(b)
}

// displayNames writes the names of recipients (MS-ASEMAIL 2.2.2.29).
func displayNames(list []message.Address) string {
	if len(list) == 1 {
		return displayName(list[0])
	}
	var b []byte
	for _, a := range list {
		s := displayName(a)
		if len(b)+len(s)+2 > maxRecipients {
			break
		}
		if len(b) > 0 {
			b = append(b, "; "...)
		}
		b = append(b, s...)
	}
	return string(b)
}

func displayName(a message.Address) string {
	if a.Name != "" {
		return a.Name
	}
	return a.Address
}
