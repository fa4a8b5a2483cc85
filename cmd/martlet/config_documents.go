package main

import (
	"os"
	"strings"

	"martlet/directory"
	"martlet/documents"
)

// documentsFile is one [[documents]]: a folder that phones may read.
type documentsFile struct {
	Share      string   `toml:"share"`
	Folder     string   `toml:"folder"`
	Readers    []string `toml:"readers"`
	ShowHidden bool     `toml:"show_hidden"`
}

// everyone is the reader that stands for all accounts.
const everyone = "all"

// documents reads the published folders. One that is not there may be on a disk
// that is mounted later.
func (r *configReader) documents(list []documentsFile) []documents.Share {
	var shares []documents.Share
	seen := map[string]bool{}
	for i, f := range list {
		fail := func(key, format string, args ...any) {
			r.errs = append(r.errs, r.lines.Errorf([]any{"documents", i, key}, format, args...))
		}
		s := documents.Share{Folder: r.path(f.Folder), ShowHidden: f.ShowHidden}
		var err error
		if s.Host, s.Name, err = documents.ParseShare(f.Share); err != nil {
			fail("share", "'%s' is not the name of a share, such as '\\\\files\\plans'", f.Share)
		} else if unc := strings.ToLower(s.Unc()); seen[unc] {
			fail("share", "%s is published twice", f.Share)
		} else {
			seen[unc] = true
		}
		switch info, err := os.Stat(s.Folder); {
		case f.Folder == "":
			fail("folder", "the folder to publish is missing")
		case err != nil:
			r.missing = append(r.missing, r.lines.Errorf([]any{"documents", i, "folder"}, "%w", err))
		case !info.IsDir():
			fail("folder", "%s is not a folder", s.Folder)
		}
		if len(f.Readers) == 0 {
			fail("readers", "say who may read it: [\"all\"], or addresses of accounts and groups")
		}
		for j, who := range f.Readers {
			if who == everyone {
				s.Everyone = true
			} else if _, err := directory.DomainOf(who); err != nil {
				r.errs = append(r.errs, r.lines.Errorf([]any{"documents", i, "readers", j}, "%q is neither \"all\" nor an address", who))
			} else {
				s.Readers = append(s.Readers, who)
			}
		}
		shares = append(shares, s)
	}
	return shares
}

// library is what phones may read of the published folders; nil when there are
// none.
func (c *Config) library(d *directory.Directory) (*documents.Library, error) {
	if len(c.Documents) == 0 {
		return nil, nil
	}
	return documents.New(documents.Config{Directory: d, Shares: c.Documents})
}
