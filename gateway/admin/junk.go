package admin

import (
	"context"
	"errors"
	"fmt"

	"martlet/directory"
)

// MaxJunkMessage bounds a message that is judged or learned by a command, in bytes.
const MaxJunkMessage = 50 << 20

// JunkStats are how much the filter has learned, of one user or of all.
type JunkStats struct {
	Login   string  `json:"login,omitempty"` // empty: of all
	Junk    float64 `json:"junk"`            // messages; old ones count for less
	Good    float64 `json:"good"`
	Words   uint64  `json:"words"`
	Waiting uint64  `json:"waiting"` // messages that are still to be learned
	Ready   bool    `json:"ready"`   // it is enough to judge by
	Shared  float64 `json:"shared"`  // of the user's messages, what counts for all
}

// JunkRequest is about a message, or about what a user has taught.
type JunkRequest struct {
	Login string `json:"login,omitempty"` // empty: all
	Raw   []byte `json:"raw,omitempty"`
	Junk  bool   `json:"junk,omitempty"`
	Yes   bool   `json:"yes,omitempty"`
}

// JunkJudged is what a message is taken for.
type JunkJudged struct {
	Probability float64  `json:"probability"`
	Ready       bool     `json:"ready"`
	Junk        bool     `json:"junk"`
	Score       float64  `json:"score"`
	Reasons     []string `json:"reasons"`
}

// JunkLearned tells whether a message was new to the filter.
type JunkLearned struct {
	New bool `json:"new"`
}

var errNoMessage = errors.New("there is no message")

// teacher is the account of a login; zero is all.
func (a *Admin) teacher(ctx context.Context, login string) (directory.AccountID, error) {
	if login == "" {
		return 0, nil
	}
	acc, err := a.find(ctx, login)
	return acc.ID, err
}

func (a *Admin) junkStats(ctx context.Context, in JunkRequest) ([]JunkStats, error) {
	only, err := a.teacher(ctx, in.Login)
	if err != nil {
		return nil, err
	}
	all, err := a.c.Junk.Stats(ctx)
	if err != nil {
		return nil, err
	}
	out := []JunkStats{}
	for _, s := range all {
		if only != 0 && s.Account != only {
			continue
		}
		one := JunkStats{Junk: s.Junk, Good: s.Good, Words: s.Words, Waiting: s.Pending, Ready: s.Ready, Shared: s.SharedBy}
		if s.Account != 0 {
			acc, err := a.c.Directory.Account(ctx, s.Account)
			if errors.Is(err, directory.ErrNoAccount) {
				continue // a mailbox that is nobody's own
			}
			if err != nil {
				return nil, err
			}
			one.Login = acc.Login
		}
		out = append(out, one)
	}
	return out, nil
}

func (a *Admin) junkCheck(ctx context.Context, in JunkRequest) (JunkJudged, error) {
	id, err := a.teacher(ctx, in.Login)
	if err == nil && len(in.Raw) == 0 {
		err = errNoMessage
	}
	if err != nil {
		return JunkJudged{}, err
	}
	j, err := a.c.Junk.Judge(ctx, id, in.Raw)
	return JunkJudged(j), err
}

func (a *Admin) junkTrain(ctx context.Context, in JunkRequest) (JunkLearned, error) {
	id, err := a.teacher(ctx, in.Login)
	if err == nil && len(in.Raw) == 0 {
		err = errNoMessage
	}
	if err != nil {
		return JunkLearned{}, err
	}
	fresh, err := a.c.Junk.Teach(ctx, id, in.Raw, in.Junk)
	return JunkLearned{fresh}, err
}

// junkForget tells how much is forgotten, and forgets it if it is told to.
func (a *Admin) junkForget(ctx context.Context, in JunkRequest) ([]JunkStats, error) {
	id, err := a.teacher(ctx, in.Login)
	if err != nil {
		return nil, err
	}
	all, err := a.junkStats(ctx, in)
	if err != nil || !in.Yes {
		return all, err
	}
	if err := a.c.Junk.Forget(ctx, id); err != nil {
		return nil, err
	}
	a.log.Info("the junk filter has forgotten", "login", in.Login)
	return all, nil
}

// forgetJunk takes away what a user has taught who is being removed.
func (a *Admin) forgetJunk(ctx context.Context, id directory.AccountID) error {
	if a.c.Junk == nil {
		return nil
	}
	if err := a.c.Junk.Remove(ctx, id); err != nil {
		return fmt.Errorf("what was learned of junk: %w", err)
	}
	return nil
}

// JunkStats tells how much the filter has learned.
func (c Client) JunkStats(ctx context.Context, login string) ([]JunkStats, error) {
	return ask[[]JunkStats](ctx, c, "junk.stats", JunkRequest{Login: login})
}

// JunkCheck judges a message.
func (c Client) JunkCheck(ctx context.Context, in JunkRequest) (JunkJudged, error) {
	return ask[JunkJudged](ctx, c, "junk.check", in)
}

// JunkTrain has the filter learn a message.
func (c Client) JunkTrain(ctx context.Context, in JunkRequest) (JunkLearned, error) {
	return ask[JunkLearned](ctx, c, "junk.train", in)
}

// JunkForget has the filter forget what a user, or all, have taught.
func (c Client) JunkForget(ctx context.Context, login string, yes bool) ([]JunkStats, error) {
	return ask[[]JunkStats](ctx, c, "junk.forget", JunkRequest{Login: login, Yes: yes})
}
