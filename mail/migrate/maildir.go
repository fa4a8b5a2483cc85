package migrate

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"martlet/mail"
	"martlet/mail/wire"
)

const (
	// maxMessage bounds one message in bytes: it is read whole.
	maxMessage = 256 << 20
	// maxDepth bounds folders in folders.
	maxDepth = 32
)

// Maildir is a source: a folder with cur and new, and others below it, as
// Maildir++ names them (.A.B) or as folders in folders.
type Maildir struct{ root string }

// OpenMaildir looks whether there is one.
func OpenMaildir(path string) (*Maildir, error) {
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	m := &Maildir{root}
	folders, err := m.Folders(context.Background())
	if err == nil && len(folders) == 0 {
		err = fmt.Errorf("%s is no Maildir: neither it nor a folder in it has a folder cur", path)
	}
	return m, err
}

// ID is where it lies.
func (m *Maildir) ID() string { return "maildir:" + m.root }

// Close does nothing.
func (m *Maildir) Close() error { return nil }

// Folders lists what has a cur.
func (m *Maildir) Folders(context.Context) ([]Folder, error) {
	var all []Folder
	if isMaildir(m.root) {
		all = append(all, Folder{Path: []string{"INBOX"}, Role: mail.RoleInbox, Count: -1, at: m.root})
	}
	err := m.below(m.root, nil, &all)
	slices.SortFunc(all, func(a, b Folder) int { return slices.Compare(a.Path, b.Path) })
	settle(all)
	return all, err
}

func (m *Maildir) below(dir string, path []string, all *[]Folder) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		at := filepath.Join(dir, name)
		if info, err := os.Stat(at); err != nil || !info.IsDir() { // a link is followed
			continue
		}
		switch {
		case name == "cur" || name == "new" || name == "tmp" || len(path) >= maxDepth:
		case strings.HasPrefix(name, "."):
			if parts := plusPlus(name); len(path) == 0 && len(parts) > 0 && isMaildir(at) {
				*all = append(*all, Folder{Path: parts, Count: -1, at: at})
			}
		default:
			there := append(slices.Clone(path), folderName(name))
			if isMaildir(at) {
				*all = append(*all, Folder{Path: there, Count: -1, at: at})
			}
			if err := m.below(at, there, all); err != nil {
				return err
			}
		}
	}
	return nil
}

func isMaildir(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "cur"))
	return err == nil && info.IsDir()
}

// plusPlus takes a name of Maildir++ apart.
func plusPlus(name string) []string {
	parts := strings.Split(name[1:], ".")
	if slices.Contains(parts, "") {
		return nil
	}
	for i := range parts {
		parts[i] = folderName(parts[i])
	}
	if len(parts) > 1 && strings.EqualFold(parts[0], "INBOX") { // as Courier has it
		parts = parts[1:]
	}
	return parts
}

// folderName reads a name, which is in modified UTF-7 with most programs.
func folderName(s string) string {
	if name, ok := wire.DecodeUTF7(s); ok {
		return name
	}
	return strings.ToValidUTF8(s, string(utf8.RuneError))
}

// Heads lists the files, those that came first at the front.
func (m *Maildir) Heads(ctx context.Context, f *Folder) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		keywords := dovecotKeywords(f.at)
		heads, err := maildirFiles(f.at, keywords)
		if err != nil {
			yield(Head{}, err)
			return
		}
		numbers := dovecotNumbers(f.at)
		slices.SortStableFunc(heads, func(a, b Head) int {
			if x, y := numbers[a.Key], numbers[b.Key]; x != y && x != 0 && y != 0 {
				return cmp.Compare(x, y)
			}
			return cmp.Or(a.Received.Compare(b.Received), strings.Compare(a.Key, b.Key))
		})
		for i := range heads {
			if err := ctx.Err(); err != nil {
				yield(Head{}, err)
				return
			}
			if !yield(heads[i], nil) {
				return
			}
		}
	}
}

func maildirFiles(dir string, keywords map[byte]string) (heads []Head, err error) {
	for _, sub := range []string{"cur", "new"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() { // renamed meanwhile; the next run has it
				continue
			}
			h := Head{Received: info.ModTime().UTC(), Size: info.Size(), at: filepath.Join(sub, e.Name())}
			key, flags, _ := strings.Cut(e.Name(), ":2,")
			h.Key, _, _ = strings.Cut(key, ",") // without ,S=1234
			h.maildirFlags(flags, keywords)
			heads = append(heads, h)
		}
	}
	return heads, nil
}

// maildirFlags reads the letters behind a file's name. Small letters are keywords,
// which Dovecot names in a file.
func (h *Head) maildirFlags(letters string, keywords map[byte]string) {
	for i := range len(letters) {
		switch c := letters[i]; c {
		case 'S':
			h.setFlag(`\Seen`)
		case 'R':
			h.setFlag(`\Answered`)
		case 'F':
			h.setFlag(`\Flagged`)
		case 'D':
			h.setFlag(`\Draft`)
		case 'T':
			h.setFlag(`\Deleted`)
		case 'P':
			h.setFlag("$Forwarded")
		default:
			h.setFlag(keywords[c])
		}
	}
}

// dovecotKeywords reads which letter stands for which keyword: "0 name" is a.
func dovecotKeywords(dir string) map[byte]string {
	names := map[byte]string{}
	for line := range linesOf(filepath.Join(dir, "dovecot-keywords")) {
		number, name, ok := strings.Cut(line, " ")
		if n, err := strconv.Atoi(number); ok && err == nil && n >= 0 && n < 26 {
			names['a'+byte(n)] = name
		}
	}
	return names
}

// dovecotNumbers reads the UIDs that messages had: "12 W1234 :name".
func dovecotNumbers(dir string) map[string]uint64 {
	numbers := map[string]uint64{}
	for line := range linesOf(filepath.Join(dir, "dovecot-uidlist")) {
		number, _, _ := strings.Cut(line, " ")
		_, name, ok := strings.Cut(line, " :")
		if n, err := strconv.ParseUint(number, 10, 32); ok && err == nil {
			name, _, _ = strings.Cut(name, ":2,")
			name, _, _ = strings.Cut(name, ",")
			numbers[name] = n
		}
	}
	return numbers
}

// linesOf reads a text file; one that is not there has none.
func linesOf(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		f, err := os.Open(name)
		if err != nil {
			return
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			if !yield(s.Text()) {
				return
			}
		}
	}
}

// Fetch reads files. One that another program has renamed meanwhile is looked for.
func (m *Maildir) Fetch(ctx context.Context, f *Folder, heads []Head, yield func(int, []byte, error) error) error {
	var now map[string]string // where they are, by key
	for i := range heads {
		if err := ctx.Err(); err != nil {
			return err
		}
		raw, err := readMessage(filepath.Join(f.at, heads[i].at))
		if errors.Is(err, fs.ErrNotExist) {
			if now == nil {
				now = map[string]string{}
				again, err := maildirFiles(f.at, nil)
				if err != nil {
					return err
				}
				for _, h := range again {
					now[h.Key] = h.at
				}
			}
			at, ok := now[heads[i].Key]
			if !ok {
				continue // deleted
			}
			raw, err = readMessage(filepath.Join(f.at, at))
		}
		if err != nil {
			err = failed(f, heads[i].Key, err)
		}
		if err := yield(i, wire.CRLF(raw), err); err != nil {
			return err
		}
	}
	return nil
}

// errTooBig says that a message is larger than any that is brought.
var errTooBig = fmt.Errorf("the message is larger than %d MB", maxMessage>>20)

func readMessage(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxMessage+1))
	if err == nil && len(raw) > maxMessage {
		return nil, errTooBig
	}
	return raw, err
}

// maildirName is the name of a message's file (with its flags).
func maildirName(h *Head, keywords map[string]byte) string {
	var letters []byte
	for _, f := range []struct {
		has    bool
		letter byte
	}{
		{h.Flags&mail.FlagDraft != 0, 'D'}, {h.Flagged, 'F'}, {h.Flags&mail.FlagForwarded != 0, 'P'},
		{h.Flags&mail.FlagAnswered != 0, 'R'}, {h.Flags&mail.FlagSeen != 0, 'S'}, {h.Flags&mail.FlagDeleted != 0, 'T'},
	} {
		if f.has {
			letters = append(letters, f.letter)
		}
	}
	var small []byte
	for _, k := range h.Keywords {
		if c, ok := keywords[k]; ok {
			small = append(small, c)
		}
	}
	slices.Sort(small)
	return h.Key + ":2," + string(letters) + string(small)
}

// stampOf is the time that a file of a message shows.
func stampOf(h *Head) time.Time {
	if h.Received.IsZero() {
		return time.Now()
	}
	return h.Received
}
