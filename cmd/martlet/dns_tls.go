package main

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
)

// tlsRecords are what other servers look for before they send in TLS.
func tlsRecords(c *Config, domain string) (records []dnsRecord) {
	fqdn, host := domain+".", c.Hostname+"."
	if text := c.stsPolicy(); text != "" {
		sum := sha256.Sum256([]byte(text))
		records = append(records,
			dnsRecord{"mta-sts." + fqdn, "CNAME", host, "the policy of MTA-STS is fetched here; the name belongs to [acme] names (RFC 8461)"},
			dnsRecord{"_mta-sts." + fqdn, "TXT", `"v=STSv1; id=` + hex.EncodeToString(sum[:10]) + `"`, "mail comes in TLS as [mta_sts] says; the id is another when that changes (RFC 8461)"})
	}
	inbox := c.Filter.Inbox
	if inbox == "" {
		inbox = "postmaster@" + domain
	}
	records = append(records, dnsRecord{"_smtp._tls." + fqdn, "TXT", `"v=TLSRPTv1; rua=mailto:` + inbox + `"`, "other servers report how TLS with us goes (RFC 8460)"})
	if digest := keyDigest(c); digest != "" {
		records = append(records, dnsRecord{"_25._tcp." + host, "TLSA", "3 1 1 " + digest, "only if DNSSEC signs the zone: the key of this machine; a new key needs its record a day before it is used (RFC 7672)"})
	}
	return records
}

// keyDigest is what a TLSA record says of our key, where that stays the same: with
// ACME it is another every few weeks.
func keyDigest(c *Config) string {
	if c.TLS.Mode != tlsFiles {
		return ""
	}
	pair, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
	if err != nil || pair.Leaf == nil {
		return ""
	}
	sum := sha256.Sum256(pair.Leaf.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}
