package tlspolicy

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"martlet/mail/message"
	"martlet/store"
)

// Limits of what others report.
const (
	// maxPacked is how large a report may be as it comes, in bytes.
	maxPacked = 1 << 20
	// maxReportPolicies and maxReportFailures of a report are looked at.
	maxReportPolicies = 100
	maxReportFailures = 1000
	// maxText of a report's texts is kept, in bytes.
	maxText = 200
	// maxReceived reports are kept; the oldest go first.
	maxReceived = 1000
)

// ErrNoReport tells that a message is no report of TLS, or one that cannot be read.
var ErrNoReport = errors.New("tlspolicy: no report of TLS")

// Received is what another server has told of its way to us.
type Received struct {
	When         time.Time         `json:"received"`
	Organization string            `json:"organisation"`
	ID           string            `json:"id"`
	Start        time.Time         `json:"begin"`
	End          time.Time         `json:"end"`
	Domain       string            `json:"domain"`   // of ours; of the first policy
	Policies     []string          `json:"policies"` // their types
	Success      uint64            `json:"succeeded"`
	Failure      uint64            `json:"failed"`
	Failures     []ReceivedFailure `json:"failures,omitempty"` // the most frequent first
}

// ReceivedFailure is how often one thing went wrong.
type ReceivedFailure struct {
	Type  string `json:"type"`
	Host  string `json:"host,omitempty"`
	Count uint64 `json:"count"`
}

// ReadReport finds and reads the report in a message (RFC 8460 5.3).
func ReadReport(raw []byte) (*Report, error) {
	ix := message.Parse(raw)
	for i := range ix.Parts {
		pt := &ix.Parts[i]
		packed := pt.Type == "application/tlsrpt+gzip"
		if !packed && pt.Type != "application/tlsrpt+json" || pt.DecodedSize > maxPacked {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(ix.Open(i, bytes.NewReader(raw)), maxPacked))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoReport, err)
		}
		return ParseReport(b, packed)
	}
	return nil, ErrNoReport
}

// ParseReport reads a report, packed by gzip or not.
func ParseReport(b []byte, packed bool) (*Report, error) {
	if packed {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoReport, err)
		}
		if b, err = io.ReadAll(io.LimitReader(z, maxReportSize+1)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoReport, err)
		}
	}
	if len(b) > maxReportSize {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrNoReport, maxReportSize)
	}
	var r Report
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	if r.ID == "" || len(r.Policies) == 0 || len(r.Policies) > maxReportPolicies {
		return nil, ErrNoReport
	}
	return &r, nil
}

// summary is what is kept of a report.
func (r *Report) summary(now time.Time) Received {
	s := Received{When: now, Organization: clip(r.Organization), ID: clip(r.ID), Start: r.Range.Start, End: r.Range.End}
	seen := 0
	for _, p := range r.Policies {
		if s.Domain == "" {
			s.Domain = clip(strings.ToLower(p.Policy.Domain))
		}
		if kind := clip(p.Policy.Type); !slices.Contains(s.Policies, kind) {
			s.Policies = append(s.Policies, kind)
		}
		s.Success = addUp(s.Success, p.Summary.Success)
		s.Failure = addUp(s.Failure, p.Summary.Failure)
		for _, f := range p.Failures {
			if seen++; seen > maxReportFailures {
				break
			}
			s.fail(ReceivedFailure{clip(f.Type), clip(f.Host), f.Count})
		}
	}
	slices.SortStableFunc(s.Failures, func(a, b ReceivedFailure) int {
		switch {
		case a.Count > b.Count:
			return -1
		case a.Count < b.Count:
			return 1
		}
		return 0
	})
	s.Failures = s.Failures[:min(len(s.Failures), maxDetails)]
	return s
}

func (s *Received) fail(f ReceivedFailure) {
	for i := range s.Failures {
		if o := &s.Failures[i]; o.Type == f.Type && o.Host == f.Host {
			o.Count = addUp(o.Count, f.Count)
			return
		}
	}
	s.Failures = append(s.Failures, f)
}

// addUp stops at the largest number: others choose what is added.
func addUp(a, b uint64) uint64 {
	if a+b < a {
		return ^uint64(0)
	}
	return a + b
}

func clip(s string) string {
	s = strings.ToValidUTF8(s, "?")
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s[:min(len(s), maxText)], ""))
}

// Receive keeps what a message reports of the way to us. ErrNoReport: it is no
// report, or none about a domain that ours accepts.
func (p *Policies) Receive(ctx context.Context, raw []byte, ours func(domain string) bool) error {
	r, err := ReadReport(raw)
	if err != nil {
		return err
	}
	now := time.Now()
	s := r.summary(now)
	if !ours(s.Domain) {
		return fmt.Errorf("%w: about %q", ErrNoReport, s.Domain)
	}
	err = p.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Next("tls report")
		if err != nil {
			return err
		}
		if n > maxReceived {
			to := reportKey(n - maxReceived)
			for row, err := range p.reports.Keys(tx, store.TableRange[reportKey]{To: &to}) {
				if err != nil {
					return err
				}
				if err := p.reports.Delete(tx, row); err != nil {
					return err
				}
			}
		}
		return p.reports.Set(tx, reportKey(n), s)
	})
	if err == nil {
		p.cfg.Logger.Info("report of TLS received", "from", s.Organization, "domain", s.Domain, "start", s.Start.Format(time.DateOnly), "success", s.Success, "failure", s.Failure)
	}
	return err
}

// reportKey numbers the reports that came.
type reportKey uint64

var reportKeys = store.Uint64Key[reportKey]()

// Received gives the reports that came about a domain, or about all, since a time,
// the newest first.
func (p *Policies) Received(ctx context.Context, domain string, since time.Time) (list []Received, err error) {
	err = p.cfg.Store.View(ctx, func(tx *store.Tx) error {
		for row, err := range p.reports.Scan(tx, store.TableRange[reportKey]{Reverse: true}) {
			if err != nil {
				return err
			}
			if r := row.Value; (domain == "" || strings.EqualFold(domain, r.Domain)) && !r.When.Before(since) {
				list = append(list, r)
			}
		}
		return nil
	})
	return list, err
}

// The fields of a received report's row, and of a failure within it. Numbers are
// never used again.
const (
	fieldWhen = iota + 1
	fieldOrganization
	fieldReportID
	fieldStart
	fieldEnd
	fieldDomain
	fieldKind
	fieldSuccesses
	fieldFailures
	fieldReceivedFailure
)

const (
	fieldFailureType = iota + 1
	fieldFailureHost
	fieldFailureCount
)

var receivedRows = store.Codec[Received]{
	Append: func(dst []byte, r Received) []byte {
		e := store.NewEncoder(dst)
		e.Time(fieldWhen, r.When)
		e.String(fieldOrganization, r.Organization)
		e.String(fieldReportID, r.ID)
		e.Time(fieldStart, r.Start)
		e.Time(fieldEnd, r.End)
		e.String(fieldDomain, r.Domain)
		for _, k := range r.Policies {
			e.Element(fieldKind, k)
		}
		e.Uint(fieldSuccesses, r.Success)
		e.Uint(fieldFailures, r.Failure)
		for _, f := range r.Failures {
			e.Message(fieldReceivedFailure, func(e *store.Encoder) {
				e.String(fieldFailureType, f.Type)
				e.String(fieldFailureHost, f.Host)
				e.Uint(fieldFailureCount, f.Count)
			})
		}
		return e.Out()
	},
	Parse: func(b []byte) (r Received, err error) {
		err = store.DecodeFields(b, func(f store.Field) (err error) {
			switch f.Number {
			case fieldWhen:
				r.When = f.Time()
			case fieldOrganization:
				r.Organization = f.String()
			case fieldReportID:
				r.ID = f.String()
			case fieldStart:
				r.Start = f.Time()
			case fieldEnd:
				r.End = f.Time()
			case fieldDomain:
				r.Domain = f.String()
			case fieldKind:
				r.Policies = append(r.Policies, f.String())
			case fieldSuccesses:
				r.Success = f.Uint()
			case fieldFailures:
				r.Failure = f.Uint()
			case fieldReceivedFailure:
				var x ReceivedFailure
				x, err = parseReceivedFailure(f.Bytes())
				r.Failures = append(r.Failures, x)
			}
			return err
		})
		if err != nil {
			return r, fmt.Errorf("tlspolicy: report: %w", err)
		}
		return r, nil
	},
}

func parseReceivedFailure(b []byte) (x ReceivedFailure, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case fieldFailureType:
			x.Type = f.String()
		case fieldFailureHost:
			x.Host = f.String()
		case fieldFailureCount:
			x.Count = f.Uint()
		}
		return nil
	})
	return x, err
}

// Check reads every row.
func (p *Policies) Check(ctx context.Context, report func(store.Problem)) error {
	return p.cfg.Store.View(ctx, func(tx *store.Tx) error {
		for row, err := range p.sts.Scan(tx, store.TableRange[string]{}) {
			if err != nil {
				return err
			}
			if !isDomain(row.Key) {
				report(store.Problem{Table: "sts policy", Key: row.Key, Text: "is not a domain"})
			}
		}
		for row, err := range p.tallies.Scan(tx, store.TableRange[tallyKey]{}) {
			if err != nil {
				return err
			}
			if row.Value.Success+row.Value.Failure == 0 {
				report(store.Problem{Table: "tls tally", Key: row.Key.domain, Text: "counts nothing"})
			}
		}
		for _, err := range p.reports.Scan(tx, store.TableRange[reportKey]{}) {
			if err != nil {
				return err
			}
		}
		return nil
	})
}
