package message

// FieldText is the value of a header field as people read it: unfolded, its
// encoded words and charsets decoded, without blanks around it. It is cut
// behind limit bytes.
func FieldText(value []byte, limit int) string { return headerText(value, limit) }
