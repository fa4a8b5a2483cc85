package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"martlet/directory"
	"martlet/gateway/admin"
)

// The commands for rooms, groups and shared contacts say one section of a
// directory file: what is not named in a flag stays as it is.

// namedFlags reads the flags that were given.
type namedFlags struct{ *pflag.FlagSet }

func (f namedFlags) text(name string) *string {
	if !f.Changed(name) {
		return nil
	}
	s, _ := f.GetString(name)
	return &s
}

func (f namedFlags) is(name string) *bool {
	if !f.Changed(name) {
		return nil
	}
	v, _ := f.GetBool(name)
	return &v
}

func (f namedFlags) number(name string) *int {
	if !f.Changed(name) {
		return nil
	}
	n, _ := f.GetInt(name)
	return &n
}

func (f namedFlags) number64(name string) *int64 {
	if !f.Changed(name) {
		return nil
	}
	n, _ := f.GetInt64(name)
	return &n
}

// list is nil for a flag that was not given, and empty for one that was given
// with nothing.
func (f namedFlags) list(name string) []string {
	if !f.Changed(name) {
		return nil
	}
	all, _ := f.GetStringSlice(name)
	out := []string{}
	for _, s := range all {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// photoFlag is a flag for a photo in a file.
const photoFlag = "photo"

// photo reads the file of the photo flag; an empty name takes the photo away.
func (a *app) photo(f namedFlags) (*string, error) {
	name := f.text(photoFlag)
	if name == nil || *name == "" {
		return name, nil
	}
	b, err := a.readUserFile(*name)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 {
		return nil, fmt.Errorf("%s is empty", *name)
	}
	s := base64.StdEncoding.EncodeToString(b)
	return &s, nil
}

// entryVerb is adding an entry or changing one.
type entryVerb struct {
	use   string // "add" or "set"
	isNew bool
	said  string
}

func entryVerbs() (add, set entryVerb) {
	return entryVerb{"add", true, "added"}, entryVerb{"set", false, "changed"}
}

// put has the server take the one section of a file.
func put[T any](a *app, cmd *cobra.Command, v entryVerb, address string, file *directory.File, do func(admin.Client, context.Context, admin.EntryRequest) (T, error), name func(*T) string) error {
	in := admin.EntryRequest{Address: address, File: file, New: v.isNew}
	if domain := (namedFlags{cmd.Flags()}).is("new-domain"); domain != nil {
		in.Domain = *domain
	}
	return a.withAdmin(cmd.Context(), func(c admin.Client) error {
		got, err := do(c, cmd.Context(), in)
		if v.isNew && errors.Is(err, directory.ErrNoDomain) {
			err = fmt.Errorf("%w: add --new-domain if it shall be", err)
		}
		if err != nil {
			return err
		}
		return a.shown(got, "%s the %s\n", v.said, name(&got))
	})
}

// shown prints what came of a change.
func (a *app) shown(v any, format string, args ...any) error {
	if a.json {
		return a.printJSON(v)
	}
	a.printf(format, args...)
	return nil
}

// showAll prints a list: as JSON, or in columns below a head, a row for each.
func showAll[T any](a *app, all []T, head string, row func(*T) []any) error {
	if a.json {
		return a.printJSON(all)
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for i := range all {
		for j, cell := range row(&all[i]) {
			if j > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// entries is a kind of entry: what asks for all of them, and how one is named.
type entries[T any] struct {
	all    func(admin.Client, context.Context) ([]T, error)
	naming func(*T) (address, name string)
}

// list makes the command that shows all of a kind.
func (e entries[T]) list(a *app, cmd *cobra.Command, head string, row func(*T) []any) *cobra.Command {
	cmd.Use, cmd.Args = "list", cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.withAdmin(cmd.Context(), func(c admin.Client) error {
			all, err := e.all(c, cmd.Context())
			if err != nil {
				return err
			}
			return showAll(a, all, head, row)
		})
	}
	return cmd
}

// remove makes the command that removes one of a kind; cmd.Use says which.
func (e entries[T]) remove(a *app, cmd *cobra.Command, do func(admin.Client, context.Context, string) (T, error)) *cobra.Command {
	kind := cmd.Use
	cmd.Use, cmd.Args, cmd.ValidArgsFunction = "remove ADDRESS", namedArguments, e.complete(a)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.withAdmin(cmd.Context(), func(c admin.Client) error {
			got, err := do(c, cmd.Context(), args[0])
			if err != nil {
				return err
			}
			address, _ := e.naming(&got)
			return a.shown(got, "removed the %s %s\n", kind, address)
		})
	}
	return cmd
}

// complete offers the addresses that begin with what was typed.
func (e entries[T]) complete(a *app) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var fit []string
		err := a.withAdmin(cmd.Context(), func(c admin.Client) error {
			all, err := e.all(c, cmd.Context())
			for i := range all {
				if address, name := e.naming(&all[i]); strings.HasPrefix(address, typed) {
					fit = append(fit, address+"\t"+name)
				}
			}
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return fit, cobra.ShellCompDirectiveNoFileComp
	}
}

// hiddenState says in a list that an entry is hidden.
func hiddenState(hidden bool) string {
	if hidden {
		return "hidden"
	}
	return ""
}

// personFlags are what the address list says of a person, here or outside.
func personFlags(f *pflag.FlagSet) {
	f.String("name", "", "name as shown to others")
	f.String("given-name", "", "given name")
	f.String("surname", "", "surname")
	f.String("title", "", "what they are")
	f.String("company", "", "company")
	f.String("department", "", "department")
	f.String("office", "", "office")
	f.String("phone", "", "telephone number")
	f.String("mobile", "", "mobile number")
	f.String("home-phone", "", "telephone number at home")
	f.String("short-name", "", "short name in the address list")
	f.Bool("hidden", false, "not in the address list")
}
