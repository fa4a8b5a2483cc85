package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
	"martlet/mail"
	"martlet/mail/object"
	"martlet/mail/transfer"
)

// Limits of what is sent to the server at once.
const (
	importItems = 100
	importBytes = 8 << 20
	// importFile bounds one file: it is read whole.
	importFile = 1 << 30
)

// importReport says what became of everything.
type importReport struct {
	Folders   []string      `json:"folders"`
	Files     int           `json:"files"`
	Added     int           `json:"added"`
	Updated   int           `json:"updated"`
	Unchanged int           `json:"unchanged"`
	Kept      int           `json:"kept"` // newer here
	Refused   []importTrial `json:"refused"`
	DryRun    bool          `json:"dry_run,omitempty"`
}

// importTrial is an object that was refused.
type importTrial struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // where it begins; 0: the whole file
	Title  string `json:"title,omitempty"`
	Reason string `json:"reason"`
}

func (a *app) importCommand() *cobra.Command {
	in, source := admin.ImportRequest{}, mailSource{}
	cmd := &cobra.Command{
		Use: "import LOGIN FILE...", Short: "Bring mail from elsewhere, or events, contacts, tasks and notes from files",
		Long: `Bring what .ics and .vcf files hold into a user's folder; FILE may be a folder with
such files, or - for standard input. What is there already stays one item: the
import can be broken off and repeated. An item that is there in a newer state is
kept, unless --replace says otherwise. What cannot be read is told at the end.

Mail comes from a Maildir, from mbox files or from another IMAP server, with its
folders, flags and dates. What came once does not come again, whatever the user
does with it here: the import can be broken off and repeated, and run again later
to bring what has arrived there since.`,
		Example: `  martlet import ada@example.org calendar.ics
  martlet import ada@example.org --kind contacts --folder Customers --create cards/
  martlet import ada@example.org --maildir /var/mail/ada/Maildir
  martlet import ada@example.org --imap imaps://old.example.org --imap-password-file secret
  martlet import --imap imaps://old.example.org --csv users.csv`,
		Args: func(cmd *cobra.Command, args []string) error {
			if source.given() || source.csv != "" {
				return source.check(args)
			}
			return importArguments(cmd, args)
		},
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			if source.given() {
				return a.runMailImport(cmd.Context(), &source, args, in.DryRun)
			}
			in.Login = args[0]
			return a.runImport(cmd.Context(), in, args[1:])
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Kind, "kind", "", "only events, contacts, tasks or notes")
	f.StringVar(&in.Folder, "folder", "", "the folder's path, as Calendar/Team; without it, each kind's default one")
	f.BoolVar(&in.Create, "create", false, "make the folder if it is not there")
	f.BoolVar(&in.Replace, "replace", false, "replace items that are there in a newer state, too")
	f.BoolVar(&in.DryRun, "dry-run", false, "tell what would be done, and do nothing")
	source.add(cmd)
	return cmd
}

// importArguments wants a login and a file at least.
func importArguments(cmd *cobra.Command, args []string) error {
	if len(args) >= 2 {
		return nil
	}
	return fmt.Errorf("%s LOGIN FILE...: %s is missing", cmd.CommandPath(), []string{"LOGIN", "FILE"}[len(args)])
}

func (a *app) runImport(ctx context.Context, in admin.ImportRequest, names []string) error {
	files, total, err := importFiles(names)
	if err != nil {
		return err
	}
	return a.withAdmin(ctx, func(c admin.Client) error {
		run := &importRun{app: a, client: c, in: in, total: total, p: a.progress(), batches: map[mail.Class]*importBatch{},
			report: importReport{DryRun: in.DryRun, Refused: []importTrial{}}}
		defer run.p.clear()
		if err := run.all(ctx, files); err != nil {
			run.p.clear()
			if len(run.report.Folders) == 0 {
				return err
			}
			return fmt.Errorf("%w\nwhat was done so far stays; run the same command again to go on", err)
		}
		if run.otherKind != nil && len(run.report.Folders) == 0 {
			return run.otherKind
		}
		run.p.clear()
		if err := a.showImport(&run.report); err != nil || run.unread == 0 {
			return err
		}
		return fmt.Errorf("%d of %d files could not be read", run.unread, len(files))
	})
}

// importFiles lists the files that names stand for, and how large they are
// together. In folders links are followed to files, not to folders.
func importFiles(names []string) (files []string, total int64, err error) {
	for _, name := range names {
		if name == "-" {
			files = append(files, name)
			continue
		}
		if info, err := os.Stat(name); err != nil {
			return nil, 0, err
		} else if !info.IsDir() {
			files, total = append(files, name), total+info.Size()
			continue
		}
		// The separator has a folder that is named by a link followed.
		err := filepath.WalkDir(name+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if kind := strings.ToLower(filepath.Ext(path)); kind != ".ics" && kind != ".vcf" {
				return nil
			}
			info, err := os.Stat(path)
			if err == nil && !info.Mode().IsRegular() { // a pipe is waited for without end
				return nil
			}
			if files = append(files, path); err == nil { // else it is told when it is to be read
				total += info.Size()
			}
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	if len(files) == 0 {
		return nil, 0, errors.New("no .ics or .vcf files there")
	}
	return files, total, nil
}

// importRun is an import on its way.
type importRun struct {
	app    *app
	client admin.Client
	in     admin.ImportRequest
	report importReport
	p      *progress

	total, read int64 // bytes of files
	unread      int   // files that could not be read
	batches     map[mail.Class]*importBatch
	otherKind   error // some are of another kind than the folder
}

// importBatch are objects of one kind that wait to be sent.
type importBatch struct {
	class   mail.Class
	objects [][]byte
	from    []importTrial
	size    int
}

// all brings in what the files hold.
func (r *importRun) all(ctx context.Context, files []string) error {
	for _, name := range files {
		raw, err := r.contents(name)
		if err != nil {
			r.unread++
			r.report.Refused = append(r.report.Refused, importTrial{File: name, Reason: err.Error()})
			continue
		}
		if err := r.file(ctx, name, raw); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, class := range slices.Sorted(maps.Keys(r.batches)) {
		if err := r.flush(ctx, r.batches[class]); err != nil {
			return err
		}
	}
	return nil
}

func (r *importRun) contents(name string) ([]byte, error) {
	in, err := r.app.input(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	raw, err := io.ReadAll(io.LimitReader(in, importFile+1))
	if err == nil && len(raw) > importFile {
		err = errors.New("the file is larger than 1 GB: split it")
	}
	return raw, err
}

func (r *importRun) file(ctx context.Context, name string, raw []byte) error {
	r.report.Files++
	begun := r.read
	defer func() { r.read = begun + int64(len(raw)) }()
	for part, err := range object.Split(raw) {
		at := importTrial{File: name, Line: part.Line}
		r.read = max(r.read, begun+int64(part.At))
		if kind := kindOf(part.Class); err == nil && r.in.Kind != "" && kind != r.in.Kind {
			err = fmt.Errorf("it is one of the %s", kind)
		}
		if err != nil {
			at.Reason = transfer.Reason(err)
			r.report.Refused = append(r.report.Refused, at)
			continue
		}
		if err := r.add(ctx, part.Class, at, part.Raw); err != nil {
			return err
		}
	}
	return nil
}

// kindOf is the word for a class of objects.
func kindOf(c mail.Class) string {
	switch c {
	case mail.ClassContacts:
		return "contacts"
	case mail.ClassTasks:
		return "tasks"
	case mail.ClassNotes:
		return "notes"
	}
	return "events"
}

func (r *importRun) add(ctx context.Context, class mail.Class, at importTrial, raw []byte) error {
	b := r.batches[class]
	if b == nil {
		b = &importBatch{class: class}
		r.batches[class] = b
	}
	b.objects, b.from, b.size = append(b.objects, raw), append(b.from, at), b.size+len(raw)
	if len(b.objects) < importItems && b.size < importBytes {
		return nil
	}
	return r.flush(ctx, b)
}

// flush sends what waits.
func (r *importRun) flush(ctx context.Context, b *importBatch) error {
	if len(b.objects) == 0 {
		return nil
	}
	in := r.in
	in.Kind, in.Objects = kindOf(b.class), b.objects
	done, err := r.client.ImportObjects(ctx, in)
	if errors.Is(err, transfer.ErrClass) { // others may be of the folder's kind
		r.otherKind = err
		for _, at := range b.from {
			at.Reason = "it is one of the " + in.Kind + ", which the folder does not hold"
			r.report.Refused = append(r.report.Refused, at)
		}
		b.objects, b.from, b.size = nil, nil, 0
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.Contains(r.report.Folders, done.Folder) {
		r.report.Folders = append(r.report.Folders, done.Folder)
	}
	for i, res := range done.Results {
		switch res.Outcome {
		case transfer.Added:
			r.report.Added++
		case transfer.Updated:
			r.report.Updated++
		case transfer.Unchanged:
			r.report.Unchanged++
		case transfer.Kept:
			r.report.Kept++
		default:
			at := b.from[i]
			at.Title, at.Reason = res.Title, res.Reason
			r.report.Refused = append(r.report.Refused, at)
		}
	}
	b.objects, b.from, b.size = nil, nil, 0
	r.p.bar(r.read, r.total, "%d added, %d refused", r.report.Added, len(r.report.Refused))
	return nil
}

func (a *app) showImport(r *importReport) error {
	if a.json {
		return a.printJSON(r)
	}
	would := ""
	if r.DryRun {
		would = "would be "
	}
	where := "nowhere"
	if len(r.Folders) > 0 {
		where = strings.Join(r.Folders, ", ")
	}
	a.printf("%s: %d %sadded, %d %supdated, %d unchanged, %d kept as they are newer, %d refused\n",
		where, r.Added, would, r.Updated, would, r.Unchanged, r.Kept, len(r.Refused))
	for _, t := range r.Refused {
		where := t.File
		if t.Line > 0 {
			where += fmt.Sprintf(", line %d", t.Line)
		}
		if t.Title != "" {
			where += " (" + t.Title + ")"
		}
		a.printf("  %s\n", printable(where+": "+t.Reason))
	}
	return nil
}
