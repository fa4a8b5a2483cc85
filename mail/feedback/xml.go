package feedback

import (
	"encoding/xml"
)

// The elements of a report (RFC 7489 appendix C). Others' reports are read by the
// same names; what is not known of them is skipped.
type xmlReport struct {
	XMLName  xml.Name    `xml:"feedback"`
	Version  string      `xml:"version,omitempty"`
	Metadata xmlMetadata `xml:"report_metadata"`
	Policy   xmlPolicy   `xml:"policy_published"`
	Records  []xmlRecord `xml:"record"`
}

type xmlMetadata struct {
	Organisation string `xml:"org_name"`
	Email        string `xml:"email"`
	ID           string `xml:"report_id"`
	Begin        int64  `xml:"date_range>begin"`
	End          int64  `xml:"date_range>end"`
}

type xmlPolicy struct {
	Domain  string `xml:"domain"`
	ADKIM   string `xml:"adkim,omitempty"`
	ASPF    string `xml:"aspf,omitempty"`
	Policy  string `xml:"p"`
	Below   string `xml:"sp"`
	Percent int    `xml:"pct"`
}

type xmlRecord struct {
	Row         xmlRow         `xml:"row"`
	Identifiers xmlIdentifiers `xml:"identifiers"`
	Results     xmlResults     `xml:"auth_results"`
}

type xmlRow struct {
	Source    string       `xml:"source_ip"`
	Count     uint64       `xml:"count"`
	Evaluated xmlEvaluated `xml:"policy_evaluated"`
}

type xmlEvaluated struct {
	Disposition string      `xml:"disposition"`
	DKIM        string      `xml:"dkim"`
	SPF         string      `xml:"spf"`
	Reasons     []xmlReason `xml:"reason"`
}

type xmlReason struct {
	Type    string `xml:"type"`
	Comment string `xml:"comment,omitempty"`
}

type xmlIdentifiers struct {
	EnvelopeFrom string `xml:"envelope_from"`
	HeaderFrom   string `xml:"header_from"`
}

type xmlResults struct {
	DKIM []xmlDKIM `xml:"dkim"`
	SPF  []xmlSPF  `xml:"spf"`
}

type xmlDKIM struct {
	Domain   string `xml:"domain"`
	Selector string `xml:"selector,omitempty"`
	Result   string `xml:"result"`
}

type xmlSPF struct {
	Domain string `xml:"domain"`
	Scope  string `xml:"scope"`
	Result string `xml:"result"`
}

// element is a row as a report has it.
func (r *row) element() xmlRecord {
	e := xmlEvaluated{Disposition: r.disposition, DKIM: passes(r.alignedDKIM), SPF: passes(r.alignedSPF)}
	if r.override != "" {
		e.Reasons = []xmlReason{{Type: r.override}}
	}
	out := xmlRecord{
		Row:         xmlRow{r.source.String(), r.count, e},
		Identifiers: xmlIdentifiers{r.envelope, r.from},
	}
	for _, s := range r.dkim {
		out.Results.DKIM = append(out.Results.DKIM, xmlDKIM{s.Domain, s.Selector, s.Result})
	}
	scope := "mfrom"
	if r.spf.Helo {
		scope = "helo"
	}
	out.Results.SPF = []xmlSPF{{r.spf.Domain, scope, r.spf.Result}}
	return out
}

func passes(ok bool) string {
	if ok {
		return "pass"
	}
	return "fail"
}

func strictness(strict bool) string {
	if strict {
		return "s"
	}
	return "r"
}

func (p *published) element() xmlPolicy {
	below := p.Below
	if below == "" {
		below = p.Policy
	}
	return xmlPolicy{p.Domain, strictness(p.StrictDKIM), strictness(p.StrictSPF), p.Policy, below, p.Percent}
}
