package migrate

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/wire"
)

// Mbox is a source: a file of messages (RFC 4155), or a folder with such files, as
// Thunderbird (X and X.sbd), Apple Mail (X.mbox/mbox) and servers keep them.
type Mbox struct{ root string }

// OpenMbox looks whether there are such files.
func OpenMbox(path string) (*Mbox, error) {
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	m := &Mbox{root}
	folders, err := m.Folders(context.Background())
	if err == nil && len(folders) == 0 {
		err = fmt.Errorf("%s is no mbox and holds none: such a file begins with \"From \"", path)
	}
	return m, err
}

// ID is where it lies.
func (m *Mbox) ID() string { return "mbox:" + m.root }

// Close does nothing.
func (m *Mbox) Close() error { return nil }

// Folders lists the files.
func (m *Mbox) Folders(context.Context) ([]Folder, error) {
	info, err := os.Stat(m.root)
	if err != nil {
		return nil, err
	}
	var all []Folder
	if !info.IsDir() {
		if isMbox(m.root) {
			all = append(all, Folder{Path: []string{mboxName(filepath.Base(m.root))}, Count: -1, at: m.root})
		}
	} else if err := m.below(m.root, nil, &all); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Folder) int { return slices.Compare(a.Path, b.Path) })
	settle(all)
	return all, nil
}

func (m *Mbox) below(dir string, path []string, all *[]Folder) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, at := e.Name(), filepath.Join(dir, e.Name())
		info, err := os.Stat(at)
		if err != nil || strings.HasPrefix(name, ".") || len(path) >= maxDepth {
			continue
		}
		there := append(slices.Clone(path), mboxName(name))
		if strings.EqualFold(name, "mbox") && len(path) > 0 { // Apple Mail
			there = path
		}
		switch {
		case info.IsDir():
			if err := m.below(at, there, all); err != nil {
				return err
			}
		case info.Mode().IsRegular() && isMbox(at):
			*all = append(*all, Folder{Path: there, Count: -1, at: at})
		}
	}
	return nil
}

func mboxName(name string) string {
	for _, ext := range []string{".sbd", ".mbox", ".mbx"} {
		name = strings.TrimSuffix(name, ext)
	}
	return folderName(name)
}

func isMbox(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	line, _ := bufio.NewReader(f).ReadSlice('\n')
	return isFromLine(line)
}

// isFromLine tells whether a line begins a message: it has a time of day at least.
// Other lines of a text may begin with From, too.
func isFromLine(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("From ")) {
		return false
	}
	for i := len("From "); i+3 <= len(line); i++ {
		if line[i] == ':' && isDigit(line[i-1]) && isDigit(line[i+1]) && isDigit(line[i+2]) {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// fromDate reads when a message came.
func fromDate(line []byte) time.Time {
	words := strings.Fields(string(line))
	for at := 2; at < len(words); at++ {
		text := strings.Join(words[at:], " ")
		for _, form := range []string{"Mon Jan 2 15:04:05 2006", "Mon Jan 2 15:04 2006", "Mon Jan 2 15:04:05 MST 2006", "Mon Jan 2 15:04:05 -0700 2006", "Mon Jan 2 15:04:05 2006 -0700", time.RFC1123Z} {
			if t, err := time.Parse(form, text); err == nil {
				return t.UTC()
			}
		}
	}
	return time.Time{}
}

// mboxReader reads messages one after another.
type mboxReader struct {
	in     *bufio.Reader
	offset int64  // of the next line
	from   []byte // the line that begins the next message; empty: there is none
	at     int64  // where that line begins
}

// maxLine is how much of a line is looked at; what is longer is content.
const maxLine = 64 << 10

// line returns a line with its end, or the first part of a long one.
func (r *mboxReader) line() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		err = nil
	}
	r.offset += int64(len(line))
	if len(line) > 0 {
		err = nil
	}
	return line, err
}

func newMboxReader(r io.Reader, at int64) (*mboxReader, error) {
	m := &mboxReader{in: bufio.NewReaderSize(r, maxLine), offset: at, at: at}
	line, err := m.line()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if isFromLine(line) {
		m.from = bytes.Clone(line)
	}
	return m, nil
}

// mboxMessage takes the lines of one message.
type mboxMessage struct {
	head   Head
	inBody bool
	skip   bool // a folded field that is left out goes on
	folder bool // no message, but what a server noted of the folder
	each   func([]byte)
}

// next reads a message and gives its lines to each, without what an mbox adds to
// it: the quoting of From, and the fields in which flags are kept.
func (r *mboxReader) next(each func([]byte)) (*mboxMessage, error) {
	m := &mboxMessage{each: each, head: Head{start: r.at, Received: fromDate(r.from)}}
	blank, whole := false, true // the line before was empty; was one
	var held []byte             // an empty line that may be the separator
	for {
		at := r.offset
		line, err := r.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if err != nil || whole && (blank || !m.inBody) && isFromLine(line) {
			r.from, r.at = bytes.Clone(line), at
			m.head.Size = at - m.head.start
			return m, nil
		}
		if m.inBody && len(held) > 0 {
			each(held)
			held = nil
		}
		empty := whole && len(bytes.TrimRight(line, "\r\n")) == 0
		wasWhole := whole
		whole = line[len(line)-1] == '\n'
		switch {
		case !m.inBody:
			m.field(line, wasWhole)
			m.inBody, blank = empty, empty
		case empty:
			held, blank = bytes.Clone(line), true
		default:
			blank = false
			if wasWhole {
				line = unquoteFrom(line)
			}
			each(line)
		}
	}
}

// unquoteFrom takes one > off lines like >From and >>From.
func unquoteFrom(line []byte) []byte {
	if line[0] == '>' && bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
		return line[1:]
	}
	return line
}

// field takes a line of the header.
func (m *mboxMessage) field(line []byte, begins bool) {
	folded := !begins || line[0] == ' ' || line[0] == '\t'
	if !folded {
		name, value, _ := bytes.Cut(line, []byte(":"))
		m.skip = m.flagField(strings.ToLower(string(name)), strings.TrimSpace(string(value)))
	}
	if !m.skip {
		m.each(line)
	}
}

// flagField reads a field in which a program keeps the state of a message, and
// tells whether it is one.
func (m *mboxMessage) flagField(name, value string) bool {
	h := &m.head
	switch name {
	case "status":
		if strings.Contains(value, "R") {
			h.setFlag(`\Seen`)
		}
	case "x-status":
		for _, f := range []struct{ letter, flag string }{{"A", `\Answered`}, {"F", `\Flagged`}, {"D", `\Deleted`}, {"T", `\Draft`}} {
			if strings.Contains(value, f.letter) {
				h.setFlag(f.flag)
			}
		}
	case "x-keywords", "x-mozilla-keys":
		for k := range strings.FieldsSeq(value) {
			h.setFlag(k)
		}
	case "x-mozilla-status":
		bits, _ := strconv.ParseUint(value, 16, 16)
		for _, f := range []struct {
			bit  uint64
			flag string
		}{{1, `\Seen`}, {2, `\Answered`}, {4, `\Flagged`}, {8, `\Deleted`}, {0x1000, "$Forwarded"}} {
			if bits&f.bit != 0 {
				h.setFlag(f.flag)
			}
		}
	case "x-imap", "x-imapbase":
		m.folder = m.folder || name == "x-imap"
	case "x-uid", "content-length", "x-mozilla-status2":
	default:
		return false
	}
	return true
}

// Heads lists the messages. What tells them apart is what they say: an mbox gives
// them no names.
func (m *Mbox) Heads(ctx context.Context, f *Folder) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		in, err := os.Open(f.at)
		if err != nil {
			yield(Head{}, err)
			return
		}
		defer in.Close()
		r, err := newMboxReader(in, 0)
		if err != nil {
			yield(Head{}, err)
			return
		}
		sum, seen := sha256.New(), map[string]int{}
		for len(r.from) > 0 {
			sum.Reset()
			one, err := r.next(func(line []byte) { writeLine(sum, line) })
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(Head{}, err)
				return
			}
			if one.folder {
				continue
			}
			h := one.head
			h.Key = fmt.Sprintf("%x", sum.Sum(nil)[:16])
			seen[h.Key]++
			if n := seen[h.Key]; n > 1 {
				h.Key += fmt.Sprintf("#%d", n)
			}
			var out error
			if h.Size > maxMessage {
				out = failed(f, h.Key, errTooBig)
			}
			if !yield(h, out) {
				return
			}
		}
	}
}

// writeLine adds a line to the sum, whatever its end.
func writeLine(sum hash.Hash, line []byte) {
	sum.Write(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")))
	if line[len(line)-1] == '\n' {
		sum.Write([]byte{'\n'})
	}
}

// Fetch reads messages where they were found.
func (m *Mbox) Fetch(ctx context.Context, f *Folder, heads []Head, yield func(int, []byte, error) error) error {
	if len(heads) == 0 {
		return nil
	}
	in, err := os.Open(f.at)
	if err != nil {
		return err
	}
	defer in.Close()
	for i := range heads {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := newMboxReader(io.NewSectionReader(in, heads[i].start, heads[i].Size), heads[i].start)
		if err != nil {
			return err
		}
		var raw []byte
		if len(r.from) > 0 {
			_, err = r.next(func(line []byte) { raw = append(raw, line...) })
		} else {
			err = errors.New("the file was changed meanwhile")
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

// mboxStatus are the fields that keep a message's flags.
func mboxStatus(h *Head) []byte {
	var b bytes.Buffer
	status, x := "O", ""
	if h.Flags&mail.FlagSeen != 0 {
		status = "RO"
	}
	for _, f := range []struct {
		has    bool
		letter string
	}{{h.Flags&mail.FlagAnswered != 0, "A"}, {h.Flagged, "F"}, {h.Flags&mail.FlagDeleted != 0, "D"}, {h.Flags&mail.FlagDraft != 0, "T"}} {
		if f.has {
			x += f.letter
		}
	}
	fmt.Fprintf(&b, "Status: %s\n", status)
	if x != "" {
		fmt.Fprintf(&b, "X-Status: %s\n", x)
	}
	keywords := slices.Clone(h.Keywords)
	if h.Flags&mail.FlagForwarded != 0 {
		keywords = append(keywords, "$Forwarded")
	}
	if keywords = slices.DeleteFunc(keywords, func(k string) bool { return strings.ContainsAny(k, " \t\r\n") }); len(keywords) > 0 {
		fmt.Fprintf(&b, "X-Keywords: %s\n", strings.Join(keywords, " "))
	}
	return b.Bytes()
}
