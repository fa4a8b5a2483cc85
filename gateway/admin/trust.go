package admin

import (
	"context"
	"time"

	"martlet/directory"
	"martlet/mail/feedback"
	"martlet/mail/sign"
)

// SigningKey is a key of DKIM.
type SigningKey struct {
	Domain    string    `json:"domain"`
	Selector  string    `json:"selector"`
	Algorithm string    `json:"algorithm"`
	State     string    `json:"state"` // waiting, used, retired
	Made      time.Time `json:"made"`
	Since     time.Time `json:"since"`  // when it came into its state
	Name      string    `json:"name"`   // where the DNS has it
	Record    string    `json:"record"` // the text that the DNS has there
}

// KeyRequest says whose keys are meant.
type KeyRequest struct {
	Domain   string `json:"domain,omitempty"` // empty: of all domains
	Selector string `json:"selector,omitempty"`
	Force    bool   `json:"force,omitempty"`
	Known    bool   `json:"known,omitempty"` // none are made
}

// listKeys gives the keys of a domain, or of all. Domains that have none get them.
func (a *Admin) listKeys(ctx context.Context, in KeyRequest) ([]SigningKey, error) {
	var domains []string
	for d, err := range a.c.Directory.Domains(ctx) {
		if err != nil {
			return nil, err
		}
		if in.Domain == "" || in.Domain == d.Name {
			domains = append(domains, d.Name)
		}
	}
	if len(domains) == 0 && in.Domain != "" {
		return nil, directory.ErrNoDomain
	}
	all := []SigningKey{}
	for _, d := range domains {
		list := a.c.Signer.Ensure
		if in.Known {
			list = a.c.Signer.Keys
		}
		keys, err := list(ctx, d)
		if err != nil {
			return nil, err
		}
		if all, err = appendKeys(all, keys); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func appendKeys(all []SigningKey, keys []sign.Key) ([]SigningKey, error) {
	for _, k := range keys {
		open, err := k.Open()
		if err != nil {
			return nil, err
		}
		record, err := open.Record()
		if err != nil {
			return nil, err
		}
		all = append(all, SigningKey{k.Domain, k.Selector, open.Algorithm(), k.State.String(), k.Made, k.Since, open.Name(), record})
	}
	return all, nil
}

// rotateKeys makes new keys.
func (a *Admin) rotateKeys(ctx context.Context, in KeyRequest) ([]SigningKey, error) {
	keys, err := a.c.Signer.Rotate(ctx, in.Domain)
	if err != nil {
		return nil, err
	}
	return appendKeys([]SigningKey{}, keys)
}

// useKey has a key used, whatever the DNS shows.
func (a *Admin) useKey(ctx context.Context, in KeyRequest) ([]SigningKey, error) {
	if err := a.c.Signer.Use(ctx, in.Domain, in.Selector); err != nil {
		return nil, err
	}
	return a.listKeys(ctx, KeyRequest{Domain: in.Domain})
}

// retireKey has a key used no more.
func (a *Admin) retireKey(ctx context.Context, in KeyRequest) ([]SigningKey, error) {
	if err := a.c.Signer.Retire(ctx, in.Domain, in.Selector, in.Force); err != nil {
		return nil, err
	}
	return a.listKeys(ctx, KeyRequest{Domain: in.Domain})
}

// ReportsRequest says which reports about our domains are meant.
type ReportsRequest struct {
	Domain string    `json:"domain,omitempty"` // empty: all
	Since  time.Time `json:"since"`
}

func (a *Admin) dmarcReports(ctx context.Context, in ReportsRequest) ([]feedback.Summary, error) {
	all, err := a.c.Feedback.Received(ctx, in.Domain, in.Since)
	if all == nil {
		all = []feedback.Summary{}
	}
	return all, err
}

// SigningKeys gives the keys of a domain, or of all domains. Those that have none
// get them.
func (c Client) SigningKeys(ctx context.Context, domain string) ([]SigningKey, error) {
	return ask[[]SigningKey](ctx, c, "dkim.list", KeyRequest{Domain: domain})
}

// KnownKeys gives the keys that there are.
func (c Client) KnownKeys(ctx context.Context) ([]SigningKey, error) {
	return ask[[]SigningKey](ctx, c, "dkim.list", KeyRequest{Known: true})
}

// RotateKeys makes new keys for a domain.
func (c Client) RotateKeys(ctx context.Context, domain string) ([]SigningKey, error) {
	return ask[[]SigningKey](ctx, c, "dkim.rotate", KeyRequest{Domain: domain})
}

// UseKey has a key used, whatever the DNS shows.
func (c Client) UseKey(ctx context.Context, domain, selector string) ([]SigningKey, error) {
	return ask[[]SigningKey](ctx, c, "dkim.use", KeyRequest{Domain: domain, Selector: selector})
}

// RetireKey has a key used no more; the one in use only with force.
func (c Client) RetireKey(ctx context.Context, domain, selector string, force bool) ([]SigningKey, error) {
	return ask[[]SigningKey](ctx, c, "dkim.retire", KeyRequest{Domain: domain, Selector: selector, Force: force})
}

// DMARCReports gives the reports of others about a domain, or about all.
func (c Client) DMARCReports(ctx context.Context, in ReportsRequest) ([]feedback.Summary, error) {
	return ask[[]feedback.Summary](ctx, c, "reports.dmarc", in)
}
