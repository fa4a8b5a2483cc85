package main

// dnsRecord is one record that a domain needs.
type dnsRecord struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
	Why   string `json:"why"`
}

// dnsRecords are what mail and phones look for. Signing (DKIM) is not there to
// have a record for.
func dnsRecords(q *quickstart) []dnsRecord {
	host := q.Hostname + "."
	domain := q.Domain + "."
	records := []dnsRecord{
		{host, "A", "<address>", "this machine; AAAA too if it has IPv6"},
		{domain, "MX", "10 " + host, "mail for the domain comes here"},
		{domain, "TXT", `"v=spf1 mx -all"`, "only this machine sends mail of the domain (RFC 7208)"},
		{"_dmarc." + domain, "TXT", `"v=DMARC1; p=none; rua=mailto:postmaster@` + q.Domain + `"`, "reports of who sends in the domain's name (RFC 7489)"},
		{"_autodiscover._tcp." + domain, "SRV", "0 0 443 " + host, "phones find the server (MS-OXDISCO)"},
	}
	if auto := "autodiscover." + domain; auto != host {
		records = append(records, dnsRecord{auto, "CNAME", host, "phones find the server from the mail address"})
	}
	return append(records,
		dnsRecord{"_imaps._tcp." + domain, "SRV", "0 1 993 " + host, "mail programs find the mailbox (RFC 6186)"},
		dnsRecord{"_submissions._tcp." + domain, "SRV", "0 1 465 " + host, "mail programs find where to send (RFC 8314)"},
		dnsRecord{"_caldavs._tcp." + domain, "SRV", "0 1 443 " + host, "calendar programs find the server (RFC 6764)"},
		dnsRecord{"_carddavs._tcp." + domain, "SRV", "0 1 443 " + host, "address book programs find the server (RFC 6764)"})
}
