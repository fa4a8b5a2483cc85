package message

import "io"

// Parse indexes a message.
func Parse(raw []byte) *Index { return &Index{} }

// Append appends the encoded index to dst.
func (ix *Index) Append(dst []byte) []byte { return dst }

// Decode reads what Append wrote.
func Decode(b []byte) (*Index, error) { return &Index{}, nil }

// Text returns the numbers of the parts that are the body, -1 for none.
func (ix *Index) Text() (plain, html int) { return -1, -1 }

// Attachments returns the numbers of the parts that are attachments.
func (ix *Index) Attachments() []int { return nil }

// Inline tells whether attachment i is shown within the body.
func (ix *Index) Inline(i int) bool { return false }

// IsSigned tells whether the message is signed (S/MIME or OpenPGP).
func (ix *Index) IsSigned() bool { return false }

// IsEncrypted tells whether the message is encrypted.
func (ix *Index) IsEncrypted() bool { return false }

// Open returns the transfer-decoded content of a part.
func (ix *Index) Open(part int, src io.ReaderAt) io.Reader { return nil }

// ReadText returns a text part in UTF-8.
func (ix *Index) ReadText(part int, src io.ReaderAt, limit int64) (text string, total int64, truncated bool, err error) {
	return "", 0, false, nil
}

// HTMLToText renders HTML as plain text.
func HTMLToText(html string) string { return html }

// TextToHTML wraps plain text as HTML.
func TextToHTML(text string) string { return text }

// ParseAddressList reads an address list.
func ParseAddressList(s string) []Address { return nil }
