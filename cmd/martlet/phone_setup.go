package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (a *app) phoneOptions(f *phoneFlags) *cobra.Command {
	return &cobra.Command{
		Use: "options", Short: "Ask which versions and commands the server knows", Args: cobra.NoArgs,
		Example: `  martlet phone options --url https://mail.example.org --user robin@example.org`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				offer, err := h.Options(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"versions": offer.Versions, "commands": offer.Commands})
				}
				a.printf("versions: %s\ncommands: %s\n", strings.Join(offer.Versions, " "), strings.Join(offer.Commands, " "))
				return nil
			})
		},
	}
}

func (a *app) phoneDiscover(f *phoneFlags) *cobra.Command {
	return &cobra.Command{
		Use: "discover", Short: "Find the server by Autodiscover", Args: cobra.NoArgs,
		Example: `  martlet phone discover --user robin@example.org --xml`,
		Long:    "Find the server of --user by Autodiscover: at --url, or at the domain of the address.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				found, err := h.Autodiscover(ctx, f.user)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]string{"url": found})
				}
				a.printf("%s\n", found)
				return nil
			})
		},
	}
}

func (a *app) phoneProvision(f *phoneFlags) *cobra.Command {
	return &cobra.Command{
		Use: "provision", Short: "Take the server's policy", Args: cobra.NoArgs,
		Example: `  martlet phone provision --user robin@example.org --xml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				p, err := h.Provision(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"policy_key": p.Key, "policy": p.Policy, "xml": p.XML})
				}
				if p.Key == 0 {
					a.printf("the server has no policy\n")
					return nil
				}
				a.printf("policy key %d\n", p.Key)
				return nil
			})
		},
	}
}

func (a *app) phoneFolders(f *phoneFlags) *cobra.Command {
	return &cobra.Command{
		Use: "folders", Short: "List the folders", Args: cobra.NoArgs,
		Example: `  martlet phone folders --user robin@example.org`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				if err := h.ready(ctx); err != nil {
					return err
				}
				folders := h.Folders()
				if a.json {
					return a.printJSON(folders)
				}
				w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tPARENT\tTYPE\tNAME")
				for _, f := range folders {
					fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", f.ServerID, f.ParentID, f.Type, f.DisplayName)
				}
				return w.Flush()
			})
		},
	}
}
