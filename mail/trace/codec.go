package trace

import (
	"fmt"
	"net/netip"
	"slices"

	"martlet/store"
)

// steps are the numbers under which steps are kept. They are given once.
func steps() []Step {
	return []Step{"", Delivered, Junk, Discarded, Refused, Rejected, Forwarded, Queued, Sent, Deferred, Failed}
}

var events = store.Codec[Event]{
	Append: func(dst []byte, e Event) []byte {
		enc := store.NewEncoder(dst)
		enc.String(1, cut(e.ID))
		enc.String(2, cut(e.MessageID))
		enc.String(3, cut(e.From))
		if e.Remote.IsValid() {
			enc.Bytes(4, e.Remote.AsSlice())
		}
		enc.String(5, cut(e.Login))
		enc.Int(6, e.Size)
		for _, o := range e.Outcomes[:min(len(e.Outcomes), maxOutcomes)] {
			enc.Message(7, func(enc *store.Encoder) {
				enc.String(1, cut(o.To))
				enc.Uint(2, uint64(max(slices.Index(steps(), o.Step), 0)))
				enc.String(3, cut(o.Detail))
			})
		}
		if n := len(e.Outcomes) - maxOutcomes; n > 0 {
			enc.Int(8, int64(n))
		}
		return enc.Out()
	},
	Parse: func(b []byte) (e Event, err error) {
		err = store.DecodeFields(b, func(f store.Field) (err error) {
			switch f.Number {
			case 1:
				e.ID = f.String()
			case 2:
				e.MessageID = f.String()
			case 3:
				e.From = f.String()
			case 4:
				e.Remote, _ = netip.AddrFromSlice(f.Bytes())
			case 5:
				e.Login = f.String()
			case 6:
				e.Size = f.Int()
			case 7:
				var o Outcome
				o, err = parseOutcome(f.Bytes())
				e.Outcomes = append(e.Outcomes, o)
			case 8:
				more := Outcome{Detail: fmt.Sprintf("and %d more recipients", f.Int())}
				if n := len(e.Outcomes); n > 0 {
					more.Step = e.Outcomes[n-1].Step
				}
				e.Outcomes = append(e.Outcomes, more)
			}
			return err
		})
		return e, err
	},
}

func parseOutcome(b []byte) (o Outcome, err error) {
	all := steps()
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			o.To = f.String()
		case 2:
			if n := f.Uint(); n < uint64(len(all)) {
				o.Step = all[n]
			}
		case 3:
			o.Detail = f.String()
		}
		return nil
	})
	return o, err
}

// Steps are all of them.
func Steps() []Step { return steps()[1:] }

// cut bounds what a client has said.
func cut(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}
