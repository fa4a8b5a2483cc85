package filter

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"blitiri.com.ar/go/spf"
	"github.com/emersion/go-msgauth/dkim"
)

// The results that are not pass (RFC 8601 2.7).
const (
	pass      = "pass"
	none      = "none"
	fail      = "fail"
	tempError = "temperror"
	permError = "permerror"
)

// sender is what SPF says of the host that brings a message (RFC 7208).
type sender struct {
	result string
	domain string // which it is about: of MAIL FROM, or of HELO where that is empty
	helo   bool
}

func (f *Filter) spf(ctx context.Context, remote netip.Addr, helo, from string) sender {
	s := sender{helo: from == ""}
	address := from
	if s.helo { // a report about a message that came to nobody (RFC 7208 2.4)
		address = "postmaster@" + helo
	}
	s.domain = domainOf(address)
	if s.domain == "" {
		s.result = none
		return s
	}
	result, _ := spf.CheckHostWithSender(net.IP(remote.Unmap().AsSlice()), helo, address, spf.WithContext(ctx), spf.WithResolver(f.resolver))
	s.result = string(result)
	return s
}

// signature is what became of a DKIM signature (RFC 6376).
type signature struct{ result, domain string }

// dkim verifies the message's signatures. One that is for a part of the body only
// is none: anything could stand behind it, a meeting for one.
func (f *Filter) dkim(ctx context.Context, raw []byte) (out []signature) {
	found, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: f.lookupTXT(ctx), MaxVerifications: maxSignatures})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return nil
	}
	for _, v := range found {
		s := signature{pass, asciiDomain(v.Domain)}
		switch {
		case v.Err == nil:
		case dkim.IsTempFail(v.Err):
			s.result = tempError
		case dkim.IsPermFail(v.Err):
			s.result = permError
		default:
			s.result = fail
		}
		out = append(out, s)
	}
	return out
}

// cutHeader is the message's header with the empty line behind it. It is false for
// a message without that line, or with a longer header than is looked at.
func cutHeader(raw []byte) ([]byte, bool) {
	i := bytes.Index(raw[:min(len(raw), maxHeader)], []byte("\r\n\r\n"))
	if i < 0 {
		return nil, false
	}
	return raw[:i+4], true
}

// domainOf is the domain of an address as the DNS has it; empty if it is none.
func domainOf(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return ""
	}
	return asciiDomain(address[i+1:])
}
