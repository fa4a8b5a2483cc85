package object

// Hidden tells by an item's summary whether only those see it whole who may see
// what is private: it is private or confidential (RFC 5545 3.8.1.3), or its
// summary cannot be read.
func Hidden(brief []byte) bool {
	b, err := ParseBrief(brief)
	return err != nil || b.Private || b.Confidential
}
