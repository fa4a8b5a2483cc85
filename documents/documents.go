// Package documents publishes folders of this machine to phones under UNC
// names, \\host\share\path, for those who may read them (MS-ASDOC). It reads
// and lists, no more: it must never write, never follow a link out of a
// published folder, and never open what is neither a file nor a folder.
package documents

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"martlet/directory"
)

// Errors that a door turns into its protocol's own status.
var (
	ErrBadLink     = errors.New("documents: not a link to a document")
	ErrElsewhere   = errors.New("documents: the link leads to where nothing is published")
	ErrNotFound    = errors.New("documents: no such document")
	ErrCredentials = errors.New("documents: the account may not read this; another's credentials are needed")
	ErrDenied      = errors.New("documents: the account may not read this")
	ErrUnreachable = errors.New("documents: the published folder cannot be opened")
	ErrUnreadable  = errors.New("documents: the document cannot be read")
)

// Share is one published folder.
type Share struct {
	Host, Name string   // of \\host\name; compared without regard to case
	Folder     string   // where it is
	Everyone   bool     // every account may read it
	Readers    []string // else: addresses of accounts and of groups
	ShowHidden bool     // list what is hidden, marked as such; else it is not there
}

// Unc is the share's name as a link, without a path.
func (s *Share) Unc() string { return `\\` + s.Host + `\` + s.Name }

// Config is what a Library needs; both are required.
type Config struct {
	Directory *directory.Directory
	Shares    []Share
}

// Library answers from the published folders. It keeps nothing between calls
// and is safe for concurrent use.
type Library struct {
	directory *directory.Directory
	shares    []Share
}

// New returns a library of the shares.
func New(c Config) (*Library, error) {
	if c.Directory == nil {
		return nil, errors.New("documents: no directory is configured")
	}
	seen := map[string]bool{}
	for i := range c.Shares {
		s := &c.Shares[i]
		unc := strings.ToLower(s.Unc())
		if s.Folder == "" || !s.Everyone && len(s.Readers) == 0 || seen[unc] {
			return nil, fmt.Errorf("documents: share %s has no folder or no readers, or stands twice", s.Unc())
		}
		seen[unc] = true
	}
	return &Library{directory: c.Directory, shares: c.Shares}, nil
}

// Reader is who asks.
type Reader struct {
	Account directory.AccountID
	// Named tells that the account's credentials were given for this very
	// request, so that there is no sense in asking for them.
	Named bool
}

// enter finds the share of a link and lets the reader in.
func (l *Library) enter(ctx context.Context, r Reader, k link) (*Share, error) {
	var share *Share
	host := false
	for i := range l.shares {
		s := &l.shares[i]
		if strings.EqualFold(s.Host, k.host) {
			host = true
			if strings.EqualFold(s.Name, k.share) {
				share = s
			}
		}
	}
	switch {
	case !host:
		return nil, ErrElsewhere
	case share == nil:
		return nil, ErrNotFound
	}
	ok, err := l.mayRead(ctx, share, r.Account)
	switch {
	case err != nil:
		return nil, err
	case !ok && r.Named:
		return nil, ErrDenied
	case !ok:
		return nil, ErrCredentials
	}
	if !share.ShowHidden && k.hidden() {
		return nil, ErrNotFound
	}
	return share, nil
}

func (l *Library) mayRead(ctx context.Context, s *Share, id directory.AccountID) (bool, error) {
	if s.Everyone {
		return true, nil
	}
	for _, address := range s.Readers {
		in, err := l.directory.Belongs(ctx, id, address)
		if in || err != nil {
			return in, err
		}
	}
	return false, nil
}
