package filter

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"

	"blitiri.com.ar/go/spf"
)

// The results that are not pass (RFC 8601 2.7).
const (
	pass      = "pass"
	none      = "none"
	fail      = "fail"
	softFail  = "softfail"
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
