package feedback

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"martlet/mail/filter"
	"martlet/mail/wire"
	"martlet/store"
)

const (
	// maxDestinations is how many addresses get a report about one domain.
	maxDestinations = 4
	// maxReport is how large a report may be for who names no limit (bytes as sent).
	maxReport = 10 << 20
)

// destination is where a domain wants its reports (RFC 7489 6.2).
type destination struct {
	address string
	limit   int64 // bytes
}

// readDestination reads one address of rua. It is false for what is not mailto.
func readDestination(s string) (d destination, ok bool) {
	s, size, _ := strings.Cut(s, "!")
	u, err := url.Parse(s)
	if err != nil || !strings.EqualFold(u.Scheme, "mailto") {
		return d, false
	}
	if d.address, err = url.PathUnescape(u.Opaque); err != nil || !wire.IsASCII(d.address) {
		return d, false
	}
	at := strings.LastIndexByte(d.address, '@')
	if at < 1 || at == len(d.address)-1 || strings.ContainsAny(d.address, " \t\r\n<>\",") {
		return d, false
	}
	d.limit = maxReport
	if size != "" {
		d.limit = min(d.limit, readSize(size))
	}
	return d, true
}

func readSize(s string) int64 {
	unit := int64(1)
	switch s[len(s)-1] | 0x20 {
	case 'k':
		unit = 1 << 10
	case 'm':
		unit = 1 << 20
	case 'g':
		unit = 1 << 30
	case 't':
		unit = 1 << 40
	}
	if unit > 1 {
		s = s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return maxReport
	}
	return n * unit
}

// Send sends the reports of the days that are over. What cannot be sent now is tried
// again with the next call, for three days.
func (b *Book) Send(ctx context.Context, now time.Time) error {
	today := dayOf(now)
	due, err := b.due(ctx, today)
	if err != nil {
		return err
	}
	var errs []error
	for _, k := range due {
		if ctx.Err() != nil {
			return errors.Join(append(errs, ctx.Err())...)
		}
		if err := b.report(ctx, k); err != nil {
			errs = append(errs, fmt.Errorf("feedback: report about %s: %w", k.domain, err))
			if today-k.day > keepUnsent {
				errs = append(errs, b.c.Store.Update(ctx, b.drop(k)))
			}
		}
	}
	return errors.Join(errs...)
}

func (b *Book) due(ctx context.Context, today uint32) (due []dayKey, err error) {
	err = b.c.Store.View(ctx, func(tx *store.Tx) error {
		for k, err := range b.policies.Keys(tx, store.TableRange[dayKey]{To: &dayKey{day: today}}) {
			if err != nil {
				return err
			}
			due = append(due, k)
		}
		return nil
	})
	return due, err
}

// drop removes what is known of a domain's day.
func (b *Book) drop(k dayKey) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		for rk, err := range b.outcomes.Keys(tx, store.TableRange[rowKey]{Prefix: appendDay(nil, k)}) {
			if err != nil {
				return err
			}
			if err := b.outcomes.Delete(tx, rk); err != nil {
				return err
			}
		}
		return b.policies.Delete(tx, k)
	}
}

// report sends what is to be told about one day of a domain. The counts go with the
// last message: a crash in between sends some again rather than none.
func (b *Book) report(ctx context.Context, k dayKey) error {
	x, policy, err := b.gather(ctx, k)
	if err != nil {
		return err
	}
	var to []destination
	for _, s := range policy.Destinations {
		d, ok := readDestination(s)
		if !ok || len(to) == maxDestinations {
			continue
		}
		wanted, err := b.wants(ctx, k.domain, d.address)
		if err != nil {
			return err
		}
		if wanted {
			to = append(to, d)
		}
	}
	packed, err := pack(x)
	if err != nil {
		return err
	}
	var fits []destination
	for _, d := range to {
		if int64(len(packed)) <= d.limit {
			fits = append(fits, d)
		}
	}
	if len(fits) == 0 {
		return b.c.Store.Update(ctx, b.drop(k))
	}
	for i, d := range fits {
		then := func(*store.Tx) error { return nil }
		if i == len(fits)-1 {
			then = b.drop(k)
		}
		if err := b.c.Send(ctx, d.address, b.letter(x, d.address, packed), then); err != nil {
			return err
		}
		b.log.Info("DMARC report sent", "domain", k.domain, "to", d.address, "rows", len(x.Records))
	}
	return nil
}

// gather makes the report.
func (b *Book) gather(ctx context.Context, k dayKey) (x *xmlReport, p published, err error) {
	begin := startOf(k.day)
	x = &xmlReport{Version: "1.0", Metadata: xmlMetadata{
		Organisation: b.c.Organisation, Email: b.c.Contact, ID: fmt.Sprintf("%s.%d.%s", k.domain, begin.Unix(), strings.ToLower(rand.Text()[:8])),
		Begin: begin.Unix(), End: begin.Unix() + 86399,
	}}
	err = b.c.Store.View(ctx, func(tx *store.Tx) error {
		if p, err = b.policies.Get(tx, k); err != nil {
			return err
		}
		x.Policy = p.element()
		for r, err := range b.outcomes.Scan(tx, store.TableRange[rowKey]{Prefix: appendDay(nil, k)}) {
			if err != nil {
				return err
			}
			x.Records = append(x.Records, r.Value.element())
		}
		return nil
	})
	return x, p, err
}

// wants tells whether an address may be sent reports about a domain: who is of
// another organisation has to say so (RFC 7489 7.1), or anybody could have others
// flooded.
func (b *Book) wants(ctx context.Context, domain, address string) (bool, error) {
	host := strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
	if filter.Organisation(host) == filter.Organisation(domain) {
		return true, nil
	}
	texts, err := b.c.Lookup(ctx, domain+"._report._dmarc."+host)
	if err != nil {
		var d *net.DNSError
		if errors.As(err, &d) && d.IsNotFound {
			return false, nil
		}
		return false, err
	}
	for _, t := range texts {
		version, _, _ := strings.Cut(t, ";")
		if strings.ReplaceAll(version, " ", "") == "v=DMARC1" {
			return true, nil
		}
	}
	return false, nil
}

func pack(x *xmlReport) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write([]byte(xml.Header)); err != nil {
		return nil, err
	}
	e := xml.NewEncoder(z)
	e.Indent("", " ")
	if err := errors.Join(e.Encode(x), z.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// letter is the message (RFC 7489 7.2.1.1).
func (b *Book) letter(x *xmlReport, to string, packed []byte) []byte {
	m := &x.Metadata
	name := fmt.Sprintf("%s!%s!%d!%d!%s.xml.gz", b.c.Hostname, x.Policy.Domain, m.Begin, m.End, strings.ToLower(rand.Text()[:8]))
	boundary := "=_" + rand.Text()
	var out bytes.Buffer
	for _, line := range []string{
		"Date: " + time.Now().UTC().Format(wire.DateFormat),
		"From: <" + b.c.Contact + ">",
		"To: <" + to + ">",
		"Subject: Report Domain: " + x.Policy.Domain + "\r\n Submitter: " + b.c.Hostname + "\r\n Report-ID: <" + m.ID + ">",
		"Message-ID: <" + rand.Text() + "@" + b.c.Hostname + ">",
		"Auto-Submitted: auto-generated",
		"MIME-Version: 1.0",
		`Content-Type: multipart/mixed; boundary="` + boundary + `"`,
		"",
		"--" + boundary,
		"Content-Type: text/plain; charset=us-ascii",
		"",
		"This is a DMARC aggregate report about mail that came to " + b.c.Hostname,
		"with a From of " + x.Policy.Domain + ".",
		"",
		"--" + boundary,
		`Content-Type: application/gzip; name="` + name + `"`,
		`Content-Disposition: attachment; filename="` + name + `"`,
		"Content-Transfer-Encoding: base64",
		"",
	} {
		out.WriteString(line + "\r\n")
	}
	out.Write(wire.AppendBase64(nil, packed))
	out.WriteString("\r\n--" + boundary + "--\r\n")
	return out.Bytes()
}
