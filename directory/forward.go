package directory

import (
	"fmt"
	"slices"
)

// maxForward bounds whom the mail of one account goes to.
const maxForward = 50

// checkForward brings the addresses that mail is forwarded to into their
// canonical form, each once. An account does not forward to itself.
func checkForward(a *Account, to []string) ([]string, error) {
	if len(to) > maxForward {
		return nil, fmt.Errorf("%w: mail is forwarded to at most %d addresses", ErrBadValue, maxForward)
	}
	own := map[addressKey]bool{}
	for _, s := range addressesOf(a) {
		own[keyOf(s)] = true
	}
	var out []string
	for _, s := range to {
		at, err := newAddress(s)
		if err != nil {
			return nil, err
		}
		if own[at.key()] {
			return nil, fmt.Errorf("%w: %s is the account itself", ErrBadValue, s)
		}
		if c := at.String(); !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out, nil
}

// forward checks whom a user of the file forwards to.
func (c *checker) forward(u *FileUser) {
	if u.Forward == nil {
		return
	}
	out, err := checkForward(&Account{Login: u.Login, Aliases: u.Aliases}, u.Forward)
	if err != nil {
		c.fail(err, u.section.at("forward")...)
	}
	if out == nil {
		out = []string{}
	}
	u.Forward = out
}

// planForward brings into want what the file says. Who begins to forward keeps
// copies, unless the file says otherwise.
func (u *FileUser) planForward(old, want *Account, text []string) []string {
	if u.Forward != nil {
		want.Forward = u.Forward
		if len(old.Forward) == 0 {
			want.KeepCopy = true
		}
	}
	if u.KeepCopy != nil {
		want.KeepCopy = *u.KeepCopy
	}
	if len(want.Forward) == 0 {
		want.Forward, want.KeepCopy = nil, false
	}
	text = differList(text, "forward", old.Forward, want.Forward)
	if len(want.Forward) > 0 {
		text = differ(text, "keep_copy", old.KeepCopy, want.KeepCopy)
	}
	return text
}
