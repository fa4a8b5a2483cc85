package junk

import (
	"context"
	"fmt"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/filter"
	"martlet/mail/mailbox"
	"martlet/store"
)

// maxOpinions is for how many accounts a message is judged; for others the base's
// word stands.
const maxOpinions = 50

// wantedBelow is the probability below which an account's own words keep a message
// out of Junk that others would put there.
const wantedBelow = 0.4

// Scan says how likely a message is junk, for all and for each account (see
// filter.Scanner). Mail between our own users is not judged.
func (f *Filter) Scan(ctx context.Context, m *filter.Message) (filter.Finding, error) {
	if m.Auth.Submission || m.Client != nil && m.Client.Account != 0 {
		return filter.Finding{}, nil
	}
	opt := f.opts()
	v := verdict{f: f, opt: opt, today: f.today(), tokens: read(m.Index, m.Raw)}
	accounts := m.Env.Accounts()
	accounts = accounts[:min(len(accounts), maxOpinions)]
	friends := map[directory.AccountID]bool{}
	if m.Auth.Authentic && len(m.Index.From) == 1 {
		for _, a := range accounts {
			known, err := f.writesTo(ctx, a, m.Index.From[0].Address)
			if err != nil {
				return filter.Finding{}, fmt.Errorf("junk: %w", err)
			}
			friends[a] = known
		}
	}
	var found filter.Finding
	err := f.store.View(ctx, func(tx *store.Tx) (err error) {
		found, err = v.finding(tx, originOf(m), accounts, friends)
		return err
	})
	if err != nil {
		return filter.Finding{}, fmt.Errorf("junk: %w", err)
	}
	return found, nil
}

// writesTo tells whether the account's user has written to an address.
func (f *Filter) writesTo(ctx context.Context, a directory.AccountID, address string) (bool, error) {
	strangers, err := f.mailboxes.Strangers(ctx, mail.MailboxOf(a), []mailbox.Recipient{{Address: address}})
	return len(strangers) == 0, err
}

// verdict is a message that is judged.
type verdict struct {
	f      *Filter
	opt    Options
	today  uint16
	tokens *tokens
	shared *side
	extra  []float64 // of reputations
	why    []string
}

func (v *verdict) finding(tx *store.Tx, o origin, accounts []directory.AccountID, friends map[directory.AccountID]bool) (found filter.Finding, err error) {
	if err := v.begin(tx, o); err != nil {
		return found, err
	}
	common := unknown
	if v.shared.ready {
		var said []evidence
		common, said = weigh(v.shared, nil, v.tokens, v.extra, v.today)
		found.Score = points(common)
		found.Reasons = append(reasons(v.tokens, common, said), v.why...)
	}
	for _, a := range accounts {
		is, p, said, err := v.of(tx, a, common, friends[a])
		if err != nil {
			return found, err
		}
		if is == neither {
			continue
		}
		if found.Opinions == nil {
			found.Opinions = map[directory.AccountID]bool{}
		}
		found.Opinions[a] = is == isJunk
		switch {
		case friends[a]:
			found.Reasons = append(found.Reasons, fmt.Sprintf("account %d writes to the sender", a))
		case !v.shared.ready && len(accounts) == 1:
			found.Reasons = append(reasons(v.tokens, p, said), v.why...)
		case said != nil:
			found.Reasons = append(found.Reasons, fmt.Sprintf("account %d %.3f", a, p))
		}
	}
	return found, nil
}

// begin reads what all share.
func (v *verdict) begin(tx *store.Tx, o origin) (err error) {
	if v.shared, err = v.f.side(tx, base, v.today, !v.opt.Alone, v.opt.SharedMin); err != nil {
		return err
	}
	v.extra, v.why, err = v.f.reputations(tx, o, v.today)
	return err
}

// of is what a message is for one account. said is nil where its own words have
// nothing to say.
func (v *verdict) of(tx *store.Tx, a directory.AccountID, common float64, friend bool) (is judgement, p float64, said []evidence, err error) {
	if friend {
		return isGood, common, nil, nil
	}
	own, err := v.f.side(tx, ownerOf(a), v.today, true, v.opt.OwnMin)
	if err != nil {
		return neither, 0, nil, err
	}
	p = common
	if own.ready {
		p, said = weigh(v.shared, own, v.tokens, v.extra, v.today)
	}
	switch {
	case !own.ready && !v.shared.ready:
		return neither, p, said, nil
	case p >= v.opt.Threshold:
		return isJunk, p, said, nil
	case own.ready && p < wantedBelow && common >= v.opt.Threshold:
		return isGood, p, said, nil
	}
	return neither, p, said, nil
}

// side reads what an owner knows, if it is enough to judge by.
func (f *Filter) side(tx *store.Tx, o owner, today uint16, wanted bool, least int) (*side, error) {
	s := &side{owner: o}
	if !wanted {
		return s, nil
	}
	var err error
	if s.state, err = f.state(tx, o, today); err != nil {
		return nil, err
	}
	if min(s.state.Junk, s.state.Good) < float64(least) {
		return s, nil
	}
	s.ready = true
	s.image, err = f.image(tx, o, s.state.Generation)
	return s, err
}
