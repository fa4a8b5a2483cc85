// Package rtf reads and writes Rich Text Format as mail carries it: compressed
// (MS-OXRTFCP), often with an HTML or plain text in it that is its true form
// (MS-OXRTFEX), else to be shown as HTML or plain text.
//
// It must never fail over bytes that are not what they should be, nor take more
// than linear time and bounded memory; it does no I/O and follows no reference.
package rtf

// What a document may make us do. Beyond a limit the rest is left out.
const (
	maxOutput  = 32 << 20 // bytes of one document, decompressed or converted
	maxGrowth  = 32       // bytes of HTML for one of RTF
	maxGroups  = 200      // groups in one another
	maxFonts   = 4096     // of one document
	maxColours = 4096
	maxWord    = 32 // letters of a control word (RTF 1.9.1, "Control Word")
	maxTarget  = 2048
)

// Form is what a document truly is (MS-OXRTFEX 2.2.3.1).
type Form uint8

// The forms.
const (
	Plain Form = iota // RTF itself
	HTML              // an encapsulated HTML text
	Text              // an encapsulated plain text
)

// maxRecognized is in how many tokens the mark of an encapsulated text stands
// (MS-OXRTFEX 2.2.3.1).
const maxRecognized = 10

// FormOf recognizes an encapsulated text by the control words at the document's
// beginning.
func FormOf(doc []byte) Form {
	s := scanner{in: doc}
	for range maxRecognized {
		t, ok := s.next()
		if !ok || t.kind == tokenText && len(t.text) > 0 {
			break
		}
		if t.kind == tokenWord {
			switch t.word {
			case "fromhtml":
				return HTML
			case "fromtext":
				return Text
			case "fonttbl", "colortbl":
				return Plain
			}
		}
	}
	return Plain
}
