package message

// MeetingPart is the part of a message that is its meeting, -1 for none: a
// calendar object with a method (RFC 6047 2.4) that is not a file.
func (ix *Index) MeetingPart() int {
	for i := range ix.Parts {
		if pt := &ix.Parts[i]; pt.Type == "text/calendar" && pt.Method != "" && pt.Disposition != "attachment" {
			return i
		}
	}
	return -1
}
