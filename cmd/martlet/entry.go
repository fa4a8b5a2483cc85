package main

import (
	"encoding/base64"
	"fmt"
	"strings"

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

// request is what is asked of the server for one entry.
func (v entryVerb) request(address string, f namedFlags, file *directory.File) admin.EntryRequest {
	in := admin.EntryRequest{Address: address, File: file, New: v.isNew}
	if domain := f.is("new-domain"); domain != nil {
		in.Domain = *domain
	}
	return in
}

// shown prints what came of a change.
func (a *app) shown(v any, format string, args ...any) error {
	if a.json {
		return a.printJSON(v)
	}
	a.printf(format, args...)
	return nil
}

// completeEntry offers the addresses that a list gives.
func (a *app) completeEntry(list func(cmd *cobra.Command, c admin.Client) ([]string, error)) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var fit []string
		err := a.withAdmin(cmd.Context(), func(c admin.Client) error {
			all, err := list(cmd, c)
			for _, s := range all {
				if strings.HasPrefix(s, typed) {
					fit = append(fit, s)
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
