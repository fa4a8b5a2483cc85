package admin

import (
	"context"

	"martlet/mail/tlspolicy"
)

func (a *Admin) tlsReports(ctx context.Context, in ReportsRequest) ([]tlspolicy.Received, error) {
	all, err := a.c.Policies.Received(ctx, in.Domain, in.Since)
	if all == nil {
		all = []tlspolicy.Received{}
	}
	return all, err
}

// TLSReports gives the reports of others about TLS with a domain, or with all.
func (c Client) TLSReports(ctx context.Context, in ReportsRequest) ([]tlspolicy.Received, error) {
	return ask[[]tlspolicy.Received](ctx, c, "reports.tls", in)
}
