package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	Line   int    `json:"line"` // where it begins
	Title  string `json:"title,omitempty"`
	Reason string `json:"reason"`
}

func (a *app) importCommand() *cobra.Command {
	in := admin.ImportRequest{}
	cmd := &cobra.Command{
		Use: "import LOGIN FILE...", Short: "Bring events, contacts, tasks and notes from files into a user's folder",
		Long: `Bring what .ics and .vcf files hold into a user's folder; FILE may be a folder with
such files, or - for standard input. What is there already stays one item: the
import can be broken off and repeated. An item that is there in a newer state is
kept, unless --replace says otherwise. What cannot be read is told at the end.`,
		Example: `  martlet import ada@example.org calendar.ics
  martlet import ada@example.org --kind contacts --folder Customers --create cards/`,
		Args:              importArguments,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
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
		for _, name := range files {
			if err := run.file(ctx, name); err != nil {
				run.p.clear()
				return fmt.Errorf("%s: %w\nwhat was done so far stays; run the same command again to go on", name, err)
			}
		}
		for _, b := range run.batches {
			if err := run.flush(ctx, b); err != nil {
				return err
			}
		}
		if run.otherKind != nil && len(run.report.Folders) == 0 {
			return run.otherKind
		}
		run.p.clear()
		return a.showImport(&run.report)
	})
}

// importFiles lists the files that names stand for, and how large they are
// together.
func importFiles(names []string) (files []string, total int64, err error) {
	for _, name := range names {
		if name == "-" {
			files = append(files, name)
			continue
		}
		err := filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			kind := strings.ToLower(filepath.Ext(path))
			if path != name && kind != ".ics" && kind != ".vcf" {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			files, total = append(files, path), total+info.Size()
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

func (r *importRun) file(ctx context.Context, name string) error {
	in, err := r.app.input(name)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(in, importFile+1))
	in.Close()
	if err != nil {
		return err
	}
	if len(raw) > importFile {
		return errors.New("the file is larger than 1 GB: split it")
	}
	r.report.Files++
	for part, err := range object.Split(raw) {
		at := importTrial{File: name, Line: part.Line}
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
	r.read += int64(len(raw))
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
		title := ""
		if t.Title != "" {
			title = " (" + t.Title + ")"
		}
		a.printf("  %s, line %d%s: %s\n", t.File, t.Line, title, t.Reason)
	}
	return nil
}

func (a *app) exportCommand() *cobra.Command {
	in := admin.ExportRequest{}
	var output string
	cmd := &cobra.Command{
		Use: "export LOGIN", Short: "Write a user's events, contacts, tasks or notes into a file, or into one for each",
		Long: `Write what a folder holds as one .ics or .vcf file, or with --each as a file for
each item into a folder. Nothing is lost: martlet import reads it back as it was.`,
		Example: `  martlet export ada@example.org --kind events -o calendar.ics
  martlet export ada@example.org --folder Customers --each -o cards/`,
		Args:              namedArguments,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Login = args[0]
			if in.Each && output == "-" {
				return errors.New("--each writes many files: name a folder with -o")
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				if in.Each {
					return a.exportEach(cmd.Context(), c, in, output)
				}
				return a.writeOutput(output, func(w io.Writer) error { return c.ExportObjects(cmd.Context(), in, w) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Kind, "kind", "", "events, contacts, tasks or notes")
	f.StringVar(&in.Folder, "folder", "", "the folder's path; without it, the default one of the kind")
	f.BoolVar(&in.Each, "each", false, "a file for each item")
	f.StringVarP(&output, "output", "o", "-", "the file, or with --each the folder; - is standard output")
	return cmd
}

// exportEach writes a file for each object. Those that are there already and
// say the same are left alone.
func (a *app) exportEach(ctx context.Context, c admin.Client, in admin.ExportRequest, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	p := a.progress()
	defer p.clear()
	n := 0
	w := &exported{each: func(o *admin.ExportedObject) error {
		n++
		p.tell("%d written", n)
		name := filepath.Join(dir, fileName(o.Name))
		if there, err := os.ReadFile(name); err == nil && bytes.Equal(there, o.Raw) {
			return nil
		}
		return os.WriteFile(name, o.Raw, 0o600)
	}}
	if err := c.ExportObjects(ctx, in, w); err != nil {
		return err
	}
	p.clear()
	if a.json {
		return a.printJSON(map[string]any{"folder": dir, "items": n})
	}
	a.printf("wrote %d items into %s\n", n, dir)
	return nil
}

// exported takes an export apart, a line for each object.
type exported struct {
	each func(*admin.ExportedObject) error
	rest []byte
}

func (x *exported) Write(b []byte) (int, error) {
	x.rest = append(x.rest, b...)
	for {
		line, rest, ok := bytes.Cut(x.rest, []byte{'\n'})
		if !ok {
			x.rest = slices.Clone(x.rest)
			return len(b), nil
		}
		var o admin.ExportedObject
		if err := json.Unmarshal(line, &o); err != nil {
			return 0, fmt.Errorf("the server's answer: %w", err)
		}
		if err := x.each(&o); err != nil {
			return 0, err
		}
		x.rest = rest
	}
}

// fileName makes of the name of a resource, which a client chose, one that is a
// file of this folder and no other.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	if name = strings.TrimLeft(name, "."); name == "" {
		name = "item"
	}
	if len(name) > 200 {
		ext := filepath.Ext(name)
		name = name[:200-len(ext)] + ext
	}
	return name
}
