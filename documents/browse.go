package documents

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Limits of a listing.
const (
	// MaxListed is how far into a folder a listing reaches.
	MaxListed = 10_000
	// maxCounted bounds how many entries of a folder are looked at.
	maxCounted = 1_000_000
	// dirBatch is how many entries are read at once.
	dirBatch = 512
)

// Document is a file or a folder as clients see it (MS-ASDOC 2.2.2).
type Document struct {
	Link     string // UNC
	Name     string
	Folder   bool
	Hidden   bool
	Created  time.Time
	Modified time.Time
	Size     int64  // bytes; zero for a folder
	Type     string // MIME; empty for a folder
}

// Page is a part of a listing.
type Page struct {
	Documents []Document
	Total     int // of the whole listing
}

// Browse lists what a link names: first itself, and if it is a folder then what
// is in it, by name (MS-ASCMD_R3853, R3855, R3858). Of that it returns from the
// place from to the place to, both included; the folder itself is place 0.
// However large the folder is, only names up to the place to are kept.
func (l *Library) Browse(ctx context.Context, r Reader, linkID string, from, to int) (Page, error) {
	k, err := parseLink(linkID)
	if err != nil {
		return Page{}, err
	}
	share, err := l.enter(ctx, r, k)
	if err != nil {
		return Page{}, err
	}
	root, err := os.OpenRoot(share.Folder)
	if err != nil {
		return Page{}, errors.Join(ErrUnreachable, err)
	}
	defer root.Close()
	f, info, err := open(root, k.file())
	if err != nil {
		return Page{}, err
	}
	defer f.Close()
	unc := strings.Join(append([]string{share.Unc()}, k.path...), `\`)
	self := describe(unc, append([]string{share.Name}, k.path...)[len(k.path)], info, f)
	self.Hidden = k.hidden()
	p := Page{Total: 1}
	if from == 0 {
		p.Documents = append(p.Documents, self)
	}
	if !self.Folder {
		return p, nil
	}
	to = min(to, MaxListed)
	names, total, err := list(ctx, root, f, k.file(), to, share.ShowHidden)
	if err != nil {
		return Page{}, err
	}
	p.Total += total
	for i, name := range names {
		if place := i + 1; place < from {
			continue
		}
		if info, err := root.Stat(inside(k.file(), name)); err == nil && published(info) {
			d := describe(below(unc, name), name, info, nil)
			d.Hidden = isHidden(name)
			d.Created = earlier(createdAt(f, name, d.Modified), d.Modified)
			p.Documents = append(p.Documents, d)
		}
	}
	return p, nil
}

// open opens a file or a folder below root. Whatever else it is, a pipe or a
// device, is not opened, or not for longer than it takes to see that.
func open(root *os.Root, path string) (*os.File, fs.FileInfo, error) {
	info, err := root.Stat(path)
	if err == nil && !published(info) {
		return nil, nil, ErrNotFound
	}
	var f *os.File
	if err == nil {
		f, err = root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	}
	if err == nil {
		if info, err = f.Stat(); err == nil && !published(info) {
			err = ErrNotFound
		}
		if err != nil {
			f.Close()
		}
	}
	switch {
	case err == nil:
		return f, info, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, errors.Join(ErrUnreadable, err)
	}
	// A missing one, one that leads out of the folder, and a loop of links look
	// the same from outside.
	return nil, nil, errors.Join(ErrNotFound, err)
}

// published tells whether something is of a kind that is shown.
func published(info fs.FileInfo) bool { return info.IsDir() || info.Mode().IsRegular() }

func inside(path, name string) string {
	if path == "." {
		return name
	}
	return path + "/" + name
}

// describe says what is known of an open file, or of one in a listing.
func describe(unc, name string, info fs.FileInfo, f *os.File) Document {
	d := Document{Link: unc, Name: name, Folder: info.IsDir(), Modified: info.ModTime().UTC()}
	if f != nil {
		d.Created = earlier(createdAt(f, "", d.Modified), d.Modified)
	}
	if !d.Folder {
		d.Size, d.Type = info.Size(), contentType(name)
	}
	return d
}

// earlier is when a document was made: a copy that kept the time of its last
// change was not made after it.
func earlier(created, modified time.Time) time.Time {
	if modified.Before(created) {
		return modified
	}
	return created
}

// list returns the first names of a folder in order, at most limit, and how many
// there are. What cannot be linked to or is no file is left out.
func list(ctx context.Context, root *os.Root, dir *os.File, path string, limit int, hidden bool) ([]string, int, error) {
	var first []string // the smallest so far, and what came since
	last := ""         // of the smallest, once there are enough: what is not below it is only counted
	total, seen := 0, 0
	for seen < maxCounted {
		entries, err := dir.ReadDir(dirBatch)
		if ctx.Err() != nil {
			return nil, 0, context.Cause(ctx)
		}
		for _, e := range entries {
			seen++
			name := e.Name()
			if !validName(name) || !hidden && isHidden(name) || !listed(root, path, e) {
				continue
			}
			total++
			if last == "" || byName(name, last) < 0 {
				first = append(first, name)
			}
		}
		if len(first) > 2*limit+dirBatch {
			first = smallest(first, limit)
			if limit > 0 {
				last = first[limit-1]
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, errors.Join(ErrUnreadable, err)
		}
	}
	return smallest(first, limit), total, nil
}

// listed tells whether an entry is a file or a folder, or a link to one within
// the published folder.
func listed(root *os.Root, path string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir() || e.Type().IsRegular()
	}
	info, err := root.Stat(inside(path, e.Name()))
	return err == nil && published(info)
}

func smallest(names []string, limit int) []string {
	slices.SortFunc(names, byName)
	return names[:min(limit, len(names))]
}

// byName is the order of a listing: without regard to case first.
func byName(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
}
