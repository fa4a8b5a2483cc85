package tlspolicy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"time"

	"martlet/store"
)

const (
	// gather is how long results wait for others before they are written down.
	gather = time.Minute
	// spread is the time after midnight over which reports are sent (RFC 8460 4.1).
	spread = 4 * time.Hour
	// again is how long a report waits that could not be sent, and giveUp when it is
	// thrown away: a day after it was due (RFC 8460 5.3).
	again  = time.Hour
	giveUp = 30 * time.Hour
)

// Run writes down what is counted and sends reports until ctx ends.
func (p *Policies) Run(ctx context.Context) error {
	due := time.NewTimer(0)
	defer due.Stop()
	write := time.NewTimer(gather)
	write.Stop()
	defer write.Stop()
	for {
		select {
		case <-p.counted.some:
			write.Reset(gather)
		case <-write.C:
			p.log(ctx, "count results of TLS", p.flush(ctx, ctx))
		case <-due.C:
			p.log(ctx, "forget policies of MTA-STS", p.sweep(ctx))
			next, err := p.sendDue(ctx)
			p.log(ctx, "send reports of TLS", err)
			due.Reset(time.Until(next))
		case <-ctx.Done():
			p.end()
			p.fetches.Wait()
			// There is no time to ask anybody now.
			return p.flush(ctx, context.WithoutCancel(ctx))
		}
	}
}

func (p *Policies) log(ctx context.Context, work string, err error) {
	if err != nil && ctx.Err() == nil {
		p.cfg.Logger.Error("background work failed", "work", work, "error", err)
	}
}

// dueAt is when the report of a day about a domain is sent: not all at midnight.
func dueAt(day uint32, domain string) time.Time {
	h := fnv.New32a()
	io.WriteString(h, domain)
	return startOf(day + 1).Add(time.Duration(h.Sum32()) % (spread / time.Second) * time.Second)
}

// sendDue sends the reports of days that are over, and tells when to come again.
func (p *Policies) sendDue(ctx context.Context) (time.Time, error) {
	now := time.Now()
	today := dayOf(now)
	next := startOf(today + 1).Add(2 * gather) // when the day's last results are there
	type subject struct {
		day    uint32
		domain string
	}
	waiting := map[subject]map[kind]tally{}
	err := p.cfg.Store.View(ctx, func(tx *store.Tx) error {
		for row, err := range p.tallies.Scan(tx, store.TableRange[tallyKey]{To: &tallyKey{day: today}}) {
			if err != nil {
				return err
			}
			s := subject{row.Key.day, row.Key.domain}
			if waiting[s] == nil {
				waiting[s] = map[kind]tally{}
			}
			waiting[s][row.Key.kind] = row.Value
		}
		return nil
	})
	if err != nil {
		return now.Add(again), err
	}
	for s, rows := range waiting {
		at := dueAt(s.day, s.domain)
		if now.Before(at) {
			next = earlier(next, at)
			continue
		}
		err := p.send(ctx, s.day, s.domain, rows)
		if ctx.Err() != nil {
			return next, ctx.Err()
		}
		if err != nil {
			p.cfg.Logger.Info("a report of TLS could not be sent", "domain", s.domain, "error", err)
			if now.Sub(startOf(s.day+1)) < giveUp {
				next = earlier(next, now.Add(again))
				continue
			}
		}
		if err := p.forget(ctx, s.day, s.domain, rows); err != nil {
			return now.Add(again), err
		}
	}
	return next, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (p *Policies) forget(ctx context.Context, day uint32, domain string, rows map[kind]tally) error {
	return p.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		for k := range rows {
			if err := p.tallies.Delete(tx, tallyKey{day, domain, k}); err != nil {
				return err
			}
		}
		return nil
	})
}

// reportTo is where a domain wants its reports. It is dns.ErrNotFound or errRecord
// where it wants none.
func (p *Policies) reportTo(ctx context.Context, domain string) ([]target, error) {
	texts, err := p.cfg.DNS.TXT(ctx, "_smtp._tls."+domain)
	if err != nil {
		return nil, err
	}
	return parseTargets(texts.Records)
}

// send sends a report to wherever one place takes it.
func (p *Policies) send(ctx context.Context, day uint32, domain string, rows map[kind]tally) error {
	targets, err := p.reportTo(ctx, domain)
	switch {
	case isNotFound(err), errors.Is(err, errRecord):
		return nil // no longer wanted
	case err != nil:
		return err
	}
	report := p.render(day, domain, rows)
	packed, err := report.pack()
	if err != nil {
		return err
	}
	var errs []error
	done := 0
	for _, t := range targets {
		switch {
		case t.https != "":
			err = p.post(ctx, t.https, packed)
		case p.cfg.Send != nil:
			err = p.cfg.Send(ctx, t.mailto, p.compose(&report, domain, t.mailto, packed))
		default:
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		done++
	}
	if done > 0 {
		p.cfg.Logger.Info("report of TLS sent", "domain", domain, "day", startOf(day).Format(time.DateOnly))
		return nil
	}
	return errors.Join(errs...)
}

// post puts a report on a web server (RFC 8460 5.4).
func (p *Policies) post(ctx context.Context, url string, packed []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(packed))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/tlsrpt+gzip")
	req.Header.Set("User-Agent", "martlet")
	resp, err := p.web.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%w: %d", errStatus, resp.StatusCode)
	}
	return nil
}
