package main

import (
	"strings"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

// dnsRecord is one record that a domain needs.
type dnsRecord struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
	Why   string `json:"why"`
}

// dnsRecords are what mail and phones look for.
func dnsRecords(hostname, name string, keys []admin.SigningKey) []dnsRecord {
	host := hostname + "."
	domain := name + "."
	records := []dnsRecord{
		{host, "A", "<address>", "this machine; AAAA too if it has IPv6"},
		{domain, "MX", "10 " + host, "mail for the domain comes here"},
		{domain, "TXT", `"v=spf1 mx -all"`, "only this machine sends mail of the domain (RFC 7208)"},
		{host, "TXT", `"v=spf1 a -all"`, "the same for reports of the machine itself (RFC 7208 2.4)"},
	}
	records = append(records, keyRecords(keys)...)
	records = append(records,
		dnsRecord{"_dmarc." + domain, "TXT", `"v=DMARC1; p=none; rua=mailto:postmaster@` + name + `"`, "reports of who sends in the domain's name (RFC 7489); p=quarantine when they show nobody of yours failing"},
		dnsRecord{"_autodiscover._tcp." + domain, "SRV", "0 0 443 " + host, "phones find the server (MS-OXDISCO)"})
	if auto := "autodiscover." + domain; auto != host {
		records = append(records, dnsRecord{auto, "CNAME", host, "phones find the server from the mail address"})
	}
	return append(records,
		dnsRecord{"_imaps._tcp." + domain, "SRV", "0 1 993 " + host, "mail programs find the mailbox (RFC 6186)"},
		dnsRecord{"_submissions._tcp." + domain, "SRV", "0 1 465 " + host, "mail programs find where to send (RFC 8314)"},
		dnsRecord{"_caldavs._tcp." + domain, "SRV", "0 1 443 " + host, "calendar programs find the server (RFC 6764)"},
		dnsRecord{"_carddavs._tcp." + domain, "SRV", "0 1 443 " + host, "address book programs find the server (RFC 6764)"})
}

// keyRecords are the records of signing keys.
func keyRecords(keys []admin.SigningKey) (out []dnsRecord) {
	for _, k := range keys {
		why := "our signatures can be checked (RFC 6376)"
		if k.State == "retired" {
			why = "what it has signed is still on its way; to be removed a week after " + k.Since.Format("2006-01-02")
		}
		out = append(out, dnsRecord{k.Name + ".", "TXT", texts(k.Record), why})
	}
	return out
}

// texts writes a text in strings of a length that the DNS takes (RFC 1035 3.3).
func texts(s string) string {
	var parts []string
	for len(s) > 255 {
		parts = append(parts, `"`+s[:255]+`"`)
		s = s[255:]
	}
	return strings.Join(append(parts, `"`+s+`"`), " ")
}

func (a *app) dnsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "dns [DOMAIN]", Short: "Print the DNS records that the domains need", Args: cobra.MaximumNArgs(1),
		Long: `Print the DNS records that mail, phones and other programs look for: of one
domain, or of all, with the public halves of the keys that mail is signed with. A
domain without keys gets them. Values are written as in a zone file.`,
		Example: "  martlet dns\n  martlet dns example.org --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(client admin.Client) error {
				keys, err := client.SigningKeys(cmd.Context(), strings.Join(args, ""))
				if err != nil {
					return err
				}
				return a.showRecords(domainRecords(&c, keys))
			})
		},
	}
}

// domainRecords are the records of all domains that keys are of.
func domainRecords(c *Config, keys []admin.SigningKey) (all []dnsRecord) {
	host := c.Hostname
	if host == "" {
		host = "<this machine>"
	}
	seen := map[dnsRecord]bool{}
	for len(keys) > 0 {
		n := 1
		for n < len(keys) && keys[n].Domain == keys[0].Domain {
			n++
		}
		for _, r := range append(dnsRecords(host, keys[0].Domain, keys[:n]), tlsRecords(c, keys[0].Domain)...) {
			if !seen[r] { // the machine's own are those of every domain
				seen[r] = true
				all = append(all, r)
			}
		}
		keys = keys[n:]
	}
	return all
}

func (a *app) showRecords(all []dnsRecord) error {
	if a.json {
		if all == nil {
			all = []dnsRecord{}
		}
		return a.printJSON(all)
	}
	for _, r := range all {
		a.printf("; %s\n%s %s %s\n", r.Why, r.Name, r.Type, r.Value)
	}
	return nil
}
