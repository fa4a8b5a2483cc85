package message

import (
	"io"

	"martlet/mail/tnef"
)

// maxNotice is how much of a winmail.dat is read for a notice.
const maxNotice = 1 << 20

// ReadForwardNotice reads what a notice to an organizer tells (MS-OXOCAL 2.2.9):
// the meeting, as a calendar object without a method, and those to whom somebody
// has sent it on. ok is false for another message.
func (ix *Index) ReadForwardNotice(src io.ReaderAt) (calendar []byte, forwarded []Address, ok bool) {
	for i := range ix.Parts {
		pt := &ix.Parts[i]
		if !isTNEF(pt) || !tnef.IsForwarded(pt.Method) {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(ix.Open(i, src), maxNotice))
		if err != nil {
			return nil, nil, false
		}
		m, err := tnef.Parse(b)
		if err != nil || m.Meeting == nil {
			return nil, nil, false
		}
		if len(m.To) == 0 { // the stream need not name who gets it
			for _, a := range ix.To {
				m.To = append(m.To, tnef.Recipient{Name: a.Name, Address: a.Address})
			}
		}
		for _, r := range m.Meeting.Forwarded {
			forwarded = append(forwarded, Address{Name: clip(tidy(r.Name), maxName), Address: clip(tidy(r.Address), maxMessageID)})
		}
		return m.ForwardedCalendar(), forwarded, true
	}
	return nil, nil, false
}
