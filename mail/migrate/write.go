package migrate

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/wire"
)

// Outgoing is what is told of an item elsewhere. Its key is the same however often
// it is written.
func Outgoing(it *mail.Item) Head {
	return Head{
		Key: fmt.Sprintf("%d.M%x.martlet", it.Received/1000, it.Object), Flags: it.Flags, Flagged: it.FollowUp.Status == mail.FollowUpActive,
		Keywords: it.Keywords, Received: time.UnixMilli(it.Received).UTC(), Size: it.Blob.Size,
	}
}

// Writer writes messages into files.
type Writer interface {
	// Begin begins a folder.
	Begin(f *Folder) error
	// Write writes a message of the folder that was begun last.
	Write(it *Item) error
	Close() error
}

// MaildirWriter writes a Maildir++. What is there already under the same name is
// left alone but for its flags, so an export can be repeated.
type MaildirWriter struct {
	root, dir string
	keywords  map[string]byte
	there     map[string]string // the names of files in cur, by key
}

// NewMaildirWriter makes the folder if it is not there.
func NewMaildirWriter(root string) (*MaildirWriter, error) {
	return &MaildirWriter{root: root}, os.MkdirAll(root, 0o700)
}

// Begin makes the folder .A.B, or uses root for the inbox.
func (w *MaildirWriter) Begin(f *Folder) error {
	w.dir = w.root
	if f.Role != mail.RoleInbox {
		parts := make([]string, len(f.Path))
		for i, p := range f.Path {
			// The delimiter and what no file can have give way.
			parts[i] = wire.EncodeUTF7(strings.NewReplacer(".", "_", "/", "_", "\x00", "_").Replace(p))
		}
		w.dir = filepath.Join(w.root, "."+strings.Join(parts, "."))
	}
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(w.dir, sub), 0o700); err != nil {
			return err
		}
	}
	if f.Role != mail.RoleInbox {
		if err := os.WriteFile(filepath.Join(w.dir, "maildirfolder"), nil, 0o600); err != nil {
			return err
		}
	}
	w.keywords = map[string]byte{}
	for c, k := range dovecotKeywords(w.dir) {
		w.keywords[k] = c
	}
	heads, err := maildirFiles(w.dir, nil)
	w.there = make(map[string]string, len(heads))
	for i := range heads {
		w.there[heads[i].Key] = heads[i].at
	}
	return err
}

// Write writes a file with the time when the message came.
func (w *MaildirWriter) Write(it *Item) error {
	if err := w.name(it.Keywords); err != nil {
		return err
	}
	name := filepath.Join("cur", maildirName(&it.Head, w.keywords))
	to := filepath.Join(w.dir, name)
	if at, ok := w.there[it.Key]; ok {
		if at == name {
			return nil
		}
		return os.Rename(filepath.Join(w.dir, at), to)
	}
	tmp := filepath.Join(w.dir, "tmp", it.Key)
	if err := os.WriteFile(tmp, it.Raw, 0o600); err != nil {
		return err
	}
	at := stampOf(&it.Head)
	return errors.Join(os.Chtimes(tmp, at, at), os.Rename(tmp, to))
}

// name gives letters to keywords that have none, in the file where Dovecot keeps
// them. There are 26; what is left has none.
func (w *MaildirWriter) name(keywords []string) error {
	var lines bytes.Buffer
	for _, k := range keywords {
		if _, ok := w.keywords[k]; ok || len(w.keywords) >= 26 || strings.ContainsAny(k, " \r\n") {
			continue
		}
		w.keywords[k] = 'a' + byte(len(w.keywords))
		fmt.Fprintf(&lines, "%d %s\n", w.keywords[k]-'a', k)
	}
	if lines.Len() == 0 {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(w.dir, "dovecot-keywords"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(lines.Bytes())
	return errors.Join(err, f.Close())
}

// Close does nothing.
func (w *MaildirWriter) Close() error { return nil }

// MboxWriter writes a file for each folder, those below a folder X into X.sbd, as
// Thunderbird has them. A file that is there is replaced when the new one is whole.
type MboxWriter struct {
	root, name string
	file       *os.File
	out        *bufio.Writer
}

// NewMboxWriter makes the folder if it is not there.
func NewMboxWriter(root string) (*MboxWriter, error) {
	return &MboxWriter{root: root}, os.MkdirAll(root, 0o700)
}

// Begin begins a file.
func (w *MboxWriter) Begin(f *Folder) error {
	if err := w.end(); err != nil {
		return err
	}
	dir := w.root
	for i, p := range f.Path {
		p = strings.Map(func(r rune) rune {
			if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
				return '_'
			}
			return r
		}, p)
		if p = strings.TrimLeft(p, "."); p == "" {
			p = "_"
		}
		if i == len(f.Path)-1 {
			w.name = filepath.Join(dir, p)
			break
		}
		dir = filepath.Join(dir, p+".sbd")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var err error
	if w.file, err = os.CreateTemp(dir, ".part-*"); err != nil {
		return err
	}
	w.out = bufio.NewWriterSize(w.file, 256<<10)
	return nil
}

// Write writes a message in the form that mboxrd has: lines end in LF, and what
// begins with From, behind any number of >, gets one more.
func (w *MboxWriter) Write(it *Item) error {
	fmt.Fprintf(w.out, "From %s %s\n", cmp.Or(returnPath(it.Raw), "MAILER-DAEMON"), stampOf(&it.Head).UTC().Format("Mon Jan _2 15:04:05 2006"))
	w.out.Write(mboxStatus(&it.Head))
	for line := range bytes.Lines(it.Raw) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
			w.out.WriteByte('>')
		}
		w.out.Write(line)
		w.out.WriteByte('\n')
	}
	return w.out.WriteByte('\n') // its error is that of all before it
}

// returnPath is the sender that a message's first field names.
func returnPath(raw []byte) string {
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	name, value, ok := strings.Cut(string(line), ":")
	if !ok || !strings.EqualFold(name, "Return-Path") {
		return ""
	}
	value = strings.Trim(strings.TrimSpace(value), "<>")
	if strings.ContainsAny(value, " \t") {
		return ""
	}
	return value
}

func (w *MboxWriter) end() error {
	if w.file == nil {
		return nil
	}
	f := w.file
	w.file = nil
	defer os.Remove(f.Name())
	if err := errors.Join(w.out.Flush(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), w.name)
}

// Close ends the last file.
func (w *MboxWriter) Close() error { return w.end() }
