package tlspolicy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"martlet/store"
)

// Limits of what is counted.
const (
	// maxDetails of a tally are told apart; further failures are counted only.
	maxDetails = 64
	// maxTallies wait in memory for a row; what comes beyond is not counted.
	maxTallies = 4096
	// maxReason of a failure is kept, in bytes.
	maxReason = 256
	// maxTallyHosts of a policy are named.
	maxTallyHosts = 32
)

// kind is the type of a policy (RFC 8460 4.4).
type kind uint8

// The kinds. Numbers are in the store.
const (
	kindNone kind = iota + 1
	kindSTS
	kindDANE
)

func (k kind) String() string {
	switch k {
	case kindSTS:
		return "sts"
	case kindDANE:
		return "tlsa"
	}
	return "no-policy-found"
}

// tallyKey names what is counted together: a policy of a domain on a day, by UTC
// (RFC 8460 4.1).
type tallyKey struct {
	day    uint32 // since 1970
	domain string
	kind   kind
}

func dayOf(t time.Time) uint32 { return uint32(t.Unix() / (24 * 60 * 60)) }

func startOf(day uint32) time.Time { return time.Unix(int64(day)*24*60*60, 0).UTC() }

// tally is how sessions under a policy went.
type tally struct {
	Policy  []string // its text, as reports show it
	Hosts   []string // that it allows, or that have it
	Success uint64
	Failure uint64
	Details []detail
}

// detail is one way to fail, and how often.
type detail struct {
	Type   string // RFC 8460 4.3
	Host   string
	Local  string
	Remote string
	Reason string
	Count  uint64
}

// merge adds another tally of the same key.
func (t *tally) merge(o *tally) {
	t.Success += o.Success
	t.Failure += o.Failure
	if len(o.Policy) > 0 {
		t.Policy = o.Policy
	}
	for _, h := range o.Hosts {
		if len(t.Hosts) < maxTallyHosts && !slices.Contains(t.Hosts, h) {
			t.Hosts = append(t.Hosts, h)
		}
	}
	for _, d := range o.Details {
		t.fail(d)
	}
}

// fail counts a way to fail, without the sum.
func (t *tally) fail(d detail) {
	for i := range t.Details {
		e := t.Details[i]
		e.Count = d.Count
		if e == d {
			t.Details[i].Count += d.Count
			return
		}
	}
	if len(t.Details) < maxDetails {
		t.Details = append(t.Details, d)
	}
}

// order brings the most frequent failures to the front.
func (t *tally) order() {
	slices.SortStableFunc(t.Details, func(a, b detail) int { return cmp.Compare(b.Count, a.Count) })
}

var tallyKeys = store.Codec[tallyKey]{
	Append: func(dst []byte, k tallyKey) []byte {
		return append(store.AppendString(store.AppendUint32(dst, k.day), k.domain), byte(k.kind))
	},
	Parse: func(b []byte) (k tallyKey, err error) {
		if k.day, b, err = store.ParseUint32(b); err != nil {
			return k, err
		}
		if k.domain, b, err = store.ParseString(b); err != nil {
			return k, err
		}
		if len(b) == 0 {
			return k, store.ErrBadRecord
		}
		k.kind = kind(b[0])
		return k, store.End(b[1:])
	},
}

// The fields of a tally's row, and of a detail within it. Numbers are never used
// again.
const (
	fieldPolicy = iota + 1
	fieldHost
	fieldSuccess
	fieldFailure
	fieldDetail
)

const (
	fieldDetailType = iota + 1
	fieldDetailHost
	fieldDetailLocal
	fieldDetailRemote
	fieldDetailReason
	fieldDetailCount
)

var tallyRows = store.Codec[tally]{
	Append: func(dst []byte, t tally) []byte {
		e := store.NewEncoder(dst)
		for _, s := range t.Policy {
			e.Element(fieldPolicy, s)
		}
		for _, s := range t.Hosts {
			e.Element(fieldHost, s)
		}
		e.Uint(fieldSuccess, t.Success)
		e.Uint(fieldFailure, t.Failure)
		for _, d := range t.Details {
			e.Message(fieldDetail, func(e *store.Encoder) {
				e.String(fieldDetailType, d.Type)
				e.String(fieldDetailHost, d.Host)
				e.String(fieldDetailLocal, d.Local)
				e.String(fieldDetailRemote, d.Remote)
				e.String(fieldDetailReason, d.Reason)
				e.Uint(fieldDetailCount, d.Count)
			})
		}
		return e.Out()
	},
	Parse: func(b []byte) (t tally, err error) {
		err = store.DecodeFields(b, func(f store.Field) (err error) {
			switch f.Number {
			case fieldPolicy:
				t.Policy = append(t.Policy, f.String())
			case fieldHost:
				t.Hosts = append(t.Hosts, f.String())
			case fieldSuccess:
				t.Success = f.Uint()
			case fieldFailure:
				t.Failure = f.Uint()
			case fieldDetail:
				var d detail
				d, err = parseDetail(f.Bytes())
				t.Details = append(t.Details, d)
			}
			return err
		})
		if err != nil {
			return t, fmt.Errorf("tlspolicy: tally: %w", err)
		}
		return t, nil
	},
}

func parseDetail(b []byte) (d detail, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case fieldDetailType:
			d.Type = f.String()
		case fieldDetailHost:
			d.Host = f.String()
		case fieldDetailLocal:
			d.Local = f.String()
		case fieldDetailRemote:
			d.Remote = f.String()
		case fieldDetailReason:
			d.Reason = f.String()
		case fieldDetailCount:
			d.Count = f.Uint()
		}
		return nil
	})
	return d, err
}
