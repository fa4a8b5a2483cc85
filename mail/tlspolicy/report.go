package tlspolicy

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Limits of reports.
const (
	// maxReportSize is how large a report may be when it is unpacked, in bytes.
	maxReportSize = 4 << 20
	// maxTargets of a domain get its report.
	maxTargets = 4
)

// Report is a report of TLS (RFC 8460 4.4).
type Report struct {
	Organization string         `json:"organization-name"`
	Range        DateRange      `json:"date-range"`
	Contact      string         `json:"contact-info"`
	ID           string         `json:"report-id"`
	Policies     []PolicyResult `json:"policies"`
}

// DateRange is the time that a report is about.
type DateRange struct {
	Start time.Time `json:"start-datetime"`
	End   time.Time `json:"end-datetime"`
}

// PolicyResult is how sessions under one policy went.
type PolicyResult struct {
	Policy   ReportedPolicy  `json:"policy"`
	Summary  Summary         `json:"summary"`
	Failures []FailureDetail `json:"failure-details,omitempty"`
}

// ReportedPolicy is a policy as a report shows it.
type ReportedPolicy struct {
	Type   string   `json:"policy-type"`
	String []string `json:"policy-string,omitempty"`
	Domain string   `json:"policy-domain"`
	Hosts  hostList `json:"mx-host,omitempty"`
}

// Summary counts sessions.
type Summary struct {
	Success uint64 `json:"total-successful-session-count"`
	Failure uint64 `json:"total-failure-session-count"`
}

// FailureDetail is one way to fail, and how often.
type FailureDetail struct {
	Type      string `json:"result-type"`
	Local     string `json:"sending-mta-ip,omitempty"`
	Host      string `json:"receiving-mx-hostname,omitempty"`
	Helo      string `json:"receiving-mx-helo,omitempty"`
	Remote    string `json:"receiving-ip,omitempty"`
	Count     uint64 `json:"failed-session-count"`
	More      string `json:"additional-information,omitempty"`
	ErrorCode string `json:"failure-reason-code,omitempty"`
}

// hostList is a list that some write as one string.
type hostList []string

// UnmarshalJSON takes both.
func (h *hostList) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*h = hostList{one}
		return nil
	}
	var all []string
	err := json.Unmarshal(b, &all)
	*h = all
	return err
}

// target is where a domain wants its reports.
type target struct{ mailto, https string }

// parseTargets reads the record at _smtp._tls (RFC 8460 3).
func parseTargets(texts []string) ([]target, error) {
	record := ""
	for _, t := range texts {
		if version, _, _ := strings.Cut(t, ";"); strings.TrimRight(version, " \t") != "v=TLSRPTv1" {
			continue
		}
		if record != "" {
			return nil, errRecord
		}
		record = t
	}
	var list []target
	for field := range strings.SplitSeq(record, ";") {
		name, value, _ := strings.Cut(strings.Trim(field, " \t"), "=")
		if strings.TrimRight(name, " \t") != "rua" {
			continue
		}
		for uri := range strings.SplitSeq(value, ",") {
			if t, ok := parseTarget(strings.Trim(uri, " \t")); ok && len(list) < maxTargets && !slices.Contains(list, t) {
				list = append(list, t)
			}
		}
		break
	}
	if len(list) == 0 {
		return nil, errRecord
	}
	return list, nil
}

func parseTarget(uri string) (target, bool) {
	u, err := url.Parse(uri)
	if err != nil || len(uri) > 1000 {
		return target{}, false
	}
	switch strings.ToLower(u.Scheme) {
	case "mailto":
		address, err := url.PathUnescape(u.Opaque)
		local, domain, ok := strings.Cut(address, "@")
		if err != nil || !ok || !isHost(domain) || local == "" || strings.IndexFunc(address, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`<>,;:"()[]\`, c) }) >= 0 {
			return target{}, false
		}
		return target{mailto: address}, true
	case "https":
		if u.Host == "" || u.User != nil || u.Port() != "" && u.Port() != "443" || !isDomain(u.Hostname()) {
			return target{}, false
		}
		return target{https: u.String()}, true
	}
	return target{}, false
}

// render makes a report of the tallies of a domain on a day.
func (p *Policies) render(day uint32, domain string, rows map[kind]tally) Report {
	r := Report{
		Organization: p.cfg.Hostname,
		Range:        DateRange{startOf(day), startOf(day + 1).Add(-time.Second)},
		Contact:      p.cfg.Contact,
		ID:           fmt.Sprintf("%s.%s@%s", startOf(day).Format("20060102"), domain, p.cfg.Hostname),
	}
	for _, k := range []kind{kindNone, kindSTS, kindDANE} {
		t, ok := rows[k]
		if !ok {
			continue
		}
		t.order()
		out := PolicyResult{
			Policy:  ReportedPolicy{Type: k.String(), String: t.Policy, Domain: domain, Hosts: t.Hosts},
			Summary: Summary{t.Success, t.Failure},
		}
		for _, d := range t.Details {
			out.Failures = append(out.Failures, FailureDetail{Type: d.Type, Local: d.Local, Host: d.Host, Remote: d.Remote, Count: d.Count, ErrorCode: d.Reason})
		}
		r.Policies = append(r.Policies, out)
	}
	return r
}

// pack is a report as it is sent (RFC 8460 5.1).
func (r *Report) pack() ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := errors.Join(json.NewEncoder(z).Encode(r), z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
