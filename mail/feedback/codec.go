package feedback

import (
	"net/netip"

	"martlet/mail/filter"
	"martlet/store"
)

// dayKey is a domain on a day.
type dayKey struct {
	day    uint32
	domain string
}

type rowHash [16]byte

// rowKey is one thing that was found on a day.
type rowKey struct {
	dayKey
	hash rowHash
}

// row is how often it was found.
type row struct {
	source                                netip.Addr
	count                                 uint64
	disposition, override, from, envelope string
	alignedDKIM, alignedSPF               bool
	dkim                                  []filter.SignatureResult
	spf                                   filter.SPFResult
}

// published is the policy of a domain, and how many rows there are of it.
type published struct {
	filter.PolicyPublished
	rows uint64
}

var dayKeys = store.Codec[dayKey]{Append: appendDay, Parse: func(b []byte) (dayKey, error) {
	k, rest, err := parseDay(b)
	if err != nil {
		return k, err
	}
	return k, store.End(rest)
}}

func appendDay(dst []byte, k dayKey) []byte {
	return store.AppendString(store.AppendUint32(dst, k.day), k.domain)
}

func parseDay(b []byte) (k dayKey, rest []byte, err error) {
	if k.day, b, err = store.ParseUint32(b); err != nil {
		return k, nil, err
	}
	k.domain, rest, err = store.ParseString(b)
	return k, rest, err
}

var rowKeys = store.Codec[rowKey]{
	Append: func(dst []byte, k rowKey) []byte { return append(appendDay(dst, k.dayKey), k.hash[:]...) },
	Parse: func(b []byte) (k rowKey, err error) {
		if k.dayKey, b, err = parseDay(b); err != nil {
			return k, err
		}
		if len(b) != len(k.hash) {
			return k, store.ErrBadKey
		}
		k.hash = rowHash(b)
		return k, nil
	},
}

// Field numbers of a row.
const (
	fieldSource      = 1
	fieldCount       = 2
	fieldDisposition = 3
	fieldOverride    = 4
	fieldFrom        = 5
	fieldEnvelope    = 6
	fieldAlignedDKIM = 7
	fieldAlignedSPF  = 8
	fieldDKIM        = 9
	fieldSPF         = 10

	fieldDomain   = 1
	fieldSelector = 2
	fieldResult   = 3
	fieldHelo     = 4
)

var rows = store.Codec[row]{
	Append: func(dst []byte, r row) []byte {
		e := store.NewEncoder(dst)
		e.Bytes(fieldSource, r.source.AsSlice())
		e.Uint(fieldCount, r.count)
		e.String(fieldDisposition, r.disposition)
		e.String(fieldOverride, r.override)
		e.String(fieldFrom, r.from)
		e.String(fieldEnvelope, r.envelope)
		e.Bool(fieldAlignedDKIM, r.alignedDKIM)
		e.Bool(fieldAlignedSPF, r.alignedSPF)
		for _, s := range r.dkim {
			e.Message(fieldDKIM, func(e *store.Encoder) {
				e.String(fieldDomain, s.Domain)
				e.String(fieldSelector, s.Selector)
				e.String(fieldResult, s.Result)
			})
		}
		e.Message(fieldSPF, func(e *store.Encoder) {
			e.String(fieldDomain, r.spf.Domain)
			e.String(fieldResult, r.spf.Result)
			e.Bool(fieldHelo, r.spf.Helo)
		})
		return e.Out()
	},
	Parse: func(b []byte) (r row, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case fieldSource:
				a, ok := netip.AddrFromSlice(f.Bytes())
				if !ok {
					return store.ErrBadRecord
				}
				r.source = a
			case fieldCount:
				r.count = f.Uint()
			case fieldDisposition:
				r.disposition = f.String()
			case fieldOverride:
				r.override = f.String()
			case fieldFrom:
				r.from = f.String()
			case fieldEnvelope:
				r.envelope = f.String()
			case fieldAlignedDKIM:
				r.alignedDKIM = f.Bool()
			case fieldAlignedSPF:
				r.alignedSPF = f.Bool()
			case fieldDKIM:
				s, err := parseResult(f.Bytes())
				r.dkim = append(r.dkim, filter.SignatureResult{Domain: s.domain, Selector: s.selector, Result: s.result})
				return err
			case fieldSPF:
				s, err := parseResult(f.Bytes())
				r.spf = filter.SPFResult{Domain: s.domain, Result: s.result, Helo: s.helo}
				return err
			}
			return nil
		})
		return r, err
	},
}

type result struct {
	domain, selector, result string
	helo                     bool
}

func parseResult(b []byte) (r result, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case fieldDomain:
			r.domain = f.String()
		case fieldSelector:
			r.selector = f.String()
		case fieldResult:
			r.result = f.String()
		case fieldHelo:
			r.helo = f.Bool()
		}
		return nil
	})
	return r, err
}

// Field numbers of a policy.
const (
	fieldPolicyDomain = 1
	fieldPolicy       = 2
	fieldBelow        = 3
	fieldStrictDKIM   = 4
	fieldStrictSPF    = 5
	fieldPercent      = 6
	fieldDestination  = 7
	fieldRows         = 8
)

var policies = store.Codec[published]{
	Append: func(dst []byte, p published) []byte {
		e := store.NewEncoder(dst)
		e.String(fieldPolicyDomain, p.Domain)
		e.String(fieldPolicy, p.Policy)
		e.String(fieldBelow, p.Below)
		e.Bool(fieldStrictDKIM, p.StrictDKIM)
		e.Bool(fieldStrictSPF, p.StrictSPF)
		e.Uint(fieldPercent, uint64(p.Percent))
		for _, d := range p.Destinations {
			e.Element(fieldDestination, d)
		}
		e.Uint(fieldRows, p.rows)
		return e.Out()
	},
	Parse: func(b []byte) (p published, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case fieldPolicyDomain:
				p.Domain = f.String()
			case fieldPolicy:
				p.Policy = f.String()
			case fieldBelow:
				p.Below = f.String()
			case fieldStrictDKIM:
				p.StrictDKIM = f.Bool()
			case fieldStrictSPF:
				p.StrictSPF = f.Bool()
			case fieldPercent:
				p.Percent = int(min(f.Uint(), 100))
			case fieldDestination:
				p.Destinations = append(p.Destinations, f.String())
			case fieldRows:
				p.rows = f.Uint()
			}
			return nil
		})
		return p, err
	},
}
