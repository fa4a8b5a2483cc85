package apns

import (
	"crypto/ecdsa"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sideshow/apns2/token"
)

// Provider tokens, "Refresh your token regularly": no more than once every 20
// minutes, no less than once every 60.
const (
	tokenAge   = 50 * time.Minute // when we make a new one
	tokenLife  = 60 * time.Minute // when Apple refuses it
	tokenPause = 20 * time.Minute
	// clockSlip is how far the clock may be set back before a token counts as
	// made in the future.
	clockSlip = time.Minute
	// atOnce is an Outcome.After that asks for no wait at all.
	atOnce = time.Millisecond
)

// provider makes the provider tokens of one signing key. Ages are taken by the
// wall clock, which Apple judges by: a machine that slept has an old token.
type provider struct {
	log *slog.Logger

	mu     sync.Mutex
	key    *token.Token
	header []string  // of authorization; nil: there is none yet
	made   time.Time // wall clock
}

func newProvider(key *ecdsa.PrivateKey, keyID, teamID string, log *slog.Logger) *provider {
	return &provider{key: &token.Token{AuthKey: key, KeyID: keyID, TeamID: teamID}, log: log}
}

func wall() time.Time { return time.Now().Round(0) }

// authorization is the header's value. If signing fails, a token that Apple
// still takes goes on being used.
func (p *provider) authorization() ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := wall()
	age := now.Sub(p.made)
	if p.header != nil && age < tokenAge && age > -clockSlip {
		return p.header, nil
	}
	if _, err := p.key.Generate(); err != nil {
		if p.header != nil && age < tokenLife && age > -clockSlip {
			p.log.Warn("provider token not renewed", "key_id", p.key.KeyID)
			return p.header, nil
		}
		return nil, fmt.Errorf("apns: provider token: %w", err)
	}
	p.header, p.made = []string{"bearer " + p.key.Bearer}, now
	return p.header, nil
}

// refused is told that Apple calls a token expired, and says how long to wait
// before the next attempt. A token that is old is made anew. A young one means
// that the clocks differ: a new one would be no better, and soon one too many.
func (p *provider) refused(header []string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(header) == 0 || len(p.header) == 0 || header[0] != p.header[0] {
		return atOnce // somebody has made a new one already
	}
	age := wall().Sub(p.made)
	if age >= 0 && age < tokenPause {
		p.log.Warn("new provider token called expired: compare this machine's clock", "key_id", p.key.KeyID, "age", age)
		return tokenPause - age
	}
	p.header = nil
	return atOnce
}

// untilNext is how long it takes until Apple takes a new token.
func (p *provider) untilNext() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(max(tokenPause-wall().Sub(p.made), time.Minute), tokenPause)
}
