package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"martlet/gateway/admin"
)

func (a *app) exportCommand() *cobra.Command {
	in := admin.ExportRequest{}
	var output, maildir, mbox string
	cmd := &cobra.Command{
		Use: "export LOGIN", Short: "Write a user's mail, events, contacts, tasks or notes into files",
		Long: `Write what a folder holds as one .ics or .vcf file, or with --each as a file for
each item into a folder. Nothing is lost: martlet import reads it back as it was.

With --maildir or --mbox all mail is written, with folders, flags and dates. Into
a Maildir it can be written again: only what is new is.`,
		Example: `  martlet export ada@example.org --kind events -o calendar.ics
  martlet export ada@example.org --folder Customers --each -o cards/
  martlet export ada@example.org --maildir backup/ada`,
		Args:              namedArguments,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Login = args[0]
			if maildir != "" || mbox != "" {
				return a.mailExport(cmd.Context(), in.Login, maildir, mbox)
			}
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
	f.StringVar(&maildir, "maildir", "", "write all mail into this Maildir")
	f.StringVar(&mbox, "mbox", "", "write all mail into this folder, an mbox file for each folder of the user")
	f.StringVarP(&output, "output", "o", "-", "the file, or with --each the folder; - is standard output")
	for _, other := range []string{"kind", "folder", "each", "output"} {
		cmd.MarkFlagsMutuallyExclusive("maildir", "mbox", other)
	}
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
	n, names := 0, fileNames{}
	w := &jsonLines[admin.ExportedObject]{each: func(o *admin.ExportedObject) error {
		n++
		p.tell("%d written", n)
		name := filepath.Join(dir, names.name(o.Name))
		if there, err := os.ReadFile(name); err == nil && bytes.Equal(there, o.Raw) {
			return nil
		}
		return writeFile(name, o.Raw)
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

// jsonLines takes a stream apart, a line for each object.
type jsonLines[T any] struct {
	each func(*T) error
	rest []byte
}

func (x *jsonLines[T]) Write(b []byte) (int, error) {
	n := len(b)
	for {
		line, rest, ok := bytes.Cut(b, []byte{'\n'})
		x.rest = append(x.rest, line...)
		if !ok {
			return n, nil
		}
		var o T
		if err := json.Unmarshal(x.rest, &o); err != nil {
			return 0, fmt.Errorf("the server's answer: %w", err)
		}
		if err := x.each(&o); err != nil {
			return 0, err
		}
		x.rest, b = x.rest[:0], rest
	}
}

// fileNames are the names that an export has given, as a disk that does not tell
// small letters from large ones knows them.
type fileNames map[string]bool

// maxFileName is how many bytes the name of a file takes, without what tells it
// from another.
const maxFileName = 200

// name makes of the name of a resource, which a client chose, one that is a file
// of this folder and no other, and of no other resource.
func (f fileNames) name(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	if name = strings.TrimLeft(name, "."); name == "" {
		name = "item"
	}
	ext := filepath.Ext(name)
	if len(ext) > 20 {
		ext = ""
	}
	base := strings.TrimSuffix(name, ext)
	if len(base)+len(ext) > maxFileName {
		base = strings.ToValidUTF8(base[:maxFileName-len(ext)], "")
	}
	name = base + ext
	for n := 2; f[fileKey(name)]; n++ {
		name = fmt.Sprintf("%s (%d)%s", base, n, ext)
	}
	f[fileKey(name)] = true
	return name
}

func fileKey(name string) string { return norm.NFC.String(strings.ToLower(name)) }

// writeFile writes a file whole or not at all.
func writeFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".part-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
