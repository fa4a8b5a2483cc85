package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// queryFlags are those of search and find.
type queryFlags struct {
	people bool
	folder string
	count  uint
}

func (q *queryFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&q.people, "people", false, "search the address list")
	cmd.Flags().StringVar(&q.folder, "folder", "", "only in this folder")
	cmd.Flags().UintVar(&q.count, "count", 25, "how many results")
	cmd.MarkFlagsMutuallyExclusive("people", "folder")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w (a query that begins with - goes after --)", err)
	})
}

// search runs a search with the query as the flags have it.
func (a *app) search(cmd *cobra.Command, f *phoneFlags, q *queryFlags, text string, run func(context.Context, *handset, phone.Query) (phone.Hits, error)) error {
	return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
		if err := h.ready(ctx); err != nil {
			return err
		}
		query := phone.Query{Text: text, Count: q.count}
		if q.folder != "" {
			folder, err := h.folder(q.folder)
			if err != nil {
				return err
			}
			query.Collection = folder.ServerID
		}
		hits, err := run(ctx, h, query)
		if err != nil {
			return err
		}
		return a.showHits(hits)
	})
}

func (a *app) phoneSearch(f *phoneFlags) *cobra.Command {
	var q queryFlags
	cmd := &cobra.Command{
		Use: "search QUERY", Short: "Search mail or people with the Search command", Args: namedArguments,
		Example: `  martlet phone search 'from:wren lunch' --user robin@example.org --folder Inbox
  martlet phone search wren --people --user robin@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.search(cmd, f, &q, args[0], func(ctx context.Context, h *handset, query phone.Query) (phone.Hits, error) {
				if q.people {
					return h.SearchPeople(ctx, query)
				}
				if h.Version() < eas.V120 {
					return phone.Hits{}, errors.New("searching mail came with 12.0: give another --protocol, or --people")
				}
				return h.Search(ctx, query)
			})
		},
	}
	q.add(cmd)
	return cmd
}

func (a *app) phoneFind(f *phoneFlags) *cobra.Command {
	var q queryFlags
	cmd := &cobra.Command{
		Use: "find QUERY", Short: "Search mail or people with the Find command (16.1)", Args: namedArguments,
		Example: `  martlet phone find 'subject:lunch hasattachment:yes' --user robin@example.org
  martlet phone find wren --people --user robin@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.search(cmd, f, &q, args[0], func(ctx context.Context, h *handset, query phone.Query) (phone.Hits, error) {
				if h.Version() < eas.V161 {
					return phone.Hits{}, errors.New("searching with Find came with 16.1: give another --protocol, or use search")
				}
				return h.Find(ctx, uuid.NewString(), query, q.people)
			})
		},
	}
	q.add(cmd)
	return cmd
}

// person is an entry of the address list.
type person struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Phone   string `json:"phone,omitempty"`
	Mobile  string `json:"mobile,omitempty"`
}

func (a *app) showHits(hits phone.Hits) error {
	lines, people := []line{}, []person{}
	for _, m := range hits.Messages {
		id := m.ServerID
		if id == "" {
			id = m.LongID
		}
		lines = append(lines, lineOf("", id, m.Email))
	}
	for _, p := range hits.People {
		people = append(people, person{p.DisplayName, p.EmailAddress, p.Phone, p.MobilePhone})
	}
	if a.json {
		return a.printJSON(map[string]any{"messages": lines, "people": people, "range": hits.Range, "total": hits.Total})
	}
	if err := a.showLines(lines); err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	for _, p := range people {
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Address, p.Phone)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.printf("%d of %d\n", len(hits.Messages)+len(hits.People), hits.Total)
	return nil
}
