package main

import (
	"os"
	"time"

	"martlet/gateway/admin"
)

const (
	// keyYear is after how long a signing key should be renewed.
	keyYear = 365 * 24 * time.Hour
	// keyWait is how long new keys may wait for their DNS records unnoticed.
	keyWait = 24 * time.Hour
)

// signing looks at the keys that outgoing mail is signed with.
func (d *doctor) signing(a *app) {
	if _, err := os.Stat(d.c.StorePath); err != nil {
		return
	}
	var keys []admin.SigningKey
	err := a.withAdmin(d.ctx, func(c admin.Client) (err error) {
		keys, err = c.KnownKeys(d.ctx)
		return err
	})
	if err != nil { // what keeps the store from being read is told of already
		return
	}
	d.keys = keys
	d.findings = append(d.findings, judgeKeys(d.domains, keys, time.Now())...)
}

// judgeKeys says of each domain whether its mail is signed, and with how old a key.
func judgeKeys(domains []string, keys []admin.SigningKey, now time.Time) (out []finding) {
	for _, domain := range domains {
		used, waiting := false, false
		var oldest time.Duration
		for _, k := range keys {
			switch {
			case k.Domain != domain:
			case k.State == "used":
				used = true
				oldest = max(oldest, now.Sub(k.Made))
			case k.State == "waiting":
				waiting = waiting || now.Sub(k.Since) > keyWait
			}
		}
		f := finding{Check: "DKIM", Level: fine, Text: "mail of " + domain + " is signed"}
		switch {
		case !used:
			f = finding{"DKIM", warning, "mail of " + domain + " goes out unsigned: the DNS does not show its keys", "add the records of: martlet dkim dns " + domain}
		case waiting:
			f = finding{"DKIM", warning, "new keys of " + domain + " wait for their records in the DNS", "add the records of: martlet dkim dns " + domain}
		case oldest > keyYear:
			f = finding{"DKIM", warning, "mail of " + domain + " is signed with a key that is more than a year old", "martlet dkim rotate " + domain + ", then add the records that it prints"}
		}
		out = append(out, f)
	}
	return out
}
