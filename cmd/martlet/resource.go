package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"martlet/directory"
	"martlet/gateway/admin"
)

func (a *app) resourceCommand() *cobra.Command {
	add, set := entryVerbs()
	return group(&cobra.Command{Use: "resource", Short: "Rooms and things that meetings book"},
		a.resourcePut(add), a.resourceList(), a.resourcePut(set), a.resourceRemove())
}

const resourceHelp = `A resource is invited to a meeting as people are, and answers by its rule: it
accepts when it is free and refuses what the rule does not allow, with the reason.
No two meetings get it at once unless --conflicts is given.`

func (a *app) resourcePut(v entryVerb) *cobra.Command {
	cmd := &cobra.Command{
		Use: v.use + " ADDRESS", Args: namedArguments, Short: "Change a room or a thing",
		Long:    "Change what is named of a room or a thing.\n\n" + resourceHelp,
		Example: "  martlet resource set attic@example.org --hours 08:00-18:00 --days mon,tue,wed,thu,fri --time-zone Europe/Zurich",
		RunE: func(cmd *cobra.Command, args []string) error {
			f := namedFlags{cmd.Flags()}
			r := directory.FileResource{
				Address: args[0], Kind: f.text("kind"), Name: f.text("name"), Location: f.text("location"), Phone: f.text("phone"), Capacity: f.number("capacity"),
				Aliases: f.list("alias"), Hidden: f.is("hidden"), Booking: f.text("booking"), Delegates: f.list("delegate"), MayBook: f.list("may-book"),
				Outsiders: f.is("outsiders"), Conflicts: f.is("conflicts"), OneTime: f.is("one-time"), Days: f.list("days"), Hours: f.text("hours"),
				TimeZone: f.text("time-zone"), MaxDuration: f.text("max-duration"), HorizonDays: f.number("horizon-days"),
			}
			var err error
			if r.PhotoBase64, err = a.photo(f); err != nil {
				return err
			}
			file := &directory.File{Resources: []directory.FileResource{r}}
			return put(a, cmd, v, args[0], file, admin.Client.PutResource, func(r *admin.Resource) string { return r.Kind + " " + r.Address })
		},
	}
	if v.isNew {
		cmd.Short = "Add a room or a thing"
		cmd.Long = "Add a room or a thing. ADDRESS is its mail address; its domain must be one of this\nserver's, or --new-domain makes it one.\n\n" + resourceHelp
		cmd.Example = "  martlet resource add attic@example.org --name \"The Attic\" --location \"Top floor\" --capacity 12"
		cmd.Flags().Bool("new-domain", false, "make the domain one of this server's")
	} else {
		cmd.ValidArgsFunction = resources().complete(a)
	}
	f := cmd.Flags()
	f.String("kind", "", `"room" or "equipment"; a new one is a room`)
	f.String("name", "", "name as shown to others")
	f.String("location", "", "where it is")
	f.String("phone", "", "telephone number")
	f.Int("capacity", 0, "how many people it is for")
	f.StringSlice("alias", nil, "further address; may be given several times; all of them")
	f.String(photoFlag, "", "file with a photo, JPEG or PNG; \"\" takes it away")
	f.Bool("hidden", false, "not in the address list")
	f.String("booking", "", `who answers: "automatic" (the rule), "delegates", or "closed" for nobody`)
	f.StringSlice("delegate", nil, "user or group that decides; all of them")
	f.StringSlice("may-book", nil, "user or group that may book it; all of them; \"\" is everybody here")
	f.Bool("outsiders", false, "people who are not here may book it, too")
	f.Bool("conflicts", false, "two meetings may have it at once")
	f.Bool("one-time", false, "no meetings that recur")
	f.StringSlice("days", nil, "days on which it may be booked: mon to sun; \"\" is each")
	f.String("hours", "", "hours in which it may be booked: 08:00-18:30; \"\" is the whole day")
	f.String("time-zone", "", "zone of these hours: Europe/Zurich")
	f.String("max-duration", "", `longest meeting: "4h"; "" is any; a new one has 24h`)
	f.Int("horizon-days", 0, "how many days ahead it may be booked; 0 is any; a new one has 180")
	return cmd
}

func resources() entries[admin.Resource] {
	return entries[admin.Resource]{admin.Client.ListResources, func(r *admin.Resource) (string, string) { return r.Address, r.Name }}
}

func (a *app) resourceList() *cobra.Command {
	cmd := &cobra.Command{Short: "List rooms and things, and their rules", Example: `  martlet resource list --json`}
	return resources().list(a, cmd, "ADDRESS\tKIND\tNAME\tLOCATION\tCAPACITY\tBOOKING", func(r *admin.Resource) []any {
		capacity := ""
		if r.Capacity > 0 {
			capacity = fmt.Sprint(r.Capacity)
		}
		return []any{r.Address, r.Kind, r.Name, r.Location, capacity, bookingText(r)}
	})
}

// bookingText is a rule in few words.
func bookingText(r *admin.Resource) string {
	s := []string{r.Booking}
	add := func(is bool, format string, args ...any) {
		if is {
			s = append(s, fmt.Sprintf(format, args...))
		}
	}
	add(r.Booking == "delegates", "%s", strings.Join(r.Delegates, " "))
	add(len(r.MayBook) > 0, "by %s", strings.Join(r.MayBook, " "))
	add(r.Outsiders, "outsiders too")
	add(len(r.Days) > 0, "%s", strings.Join(r.Days, " "))
	add(r.Hours != "", "%s %s", r.Hours, r.TimeZone)
	add(r.MaxDuration != "", "at most %s", r.MaxDuration)
	add(r.HorizonDays > 0, "%d days ahead", r.HorizonDays)
	add(r.OneTime, "nothing that recurs")
	add(r.Conflicts, "conflicts allowed")
	add(r.Hidden, "hidden")
	return strings.Join(s, ", ")
}

func (a *app) resourceRemove() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "remove ADDRESS", Short: "Remove a room or a thing with its calendar", Args: namedArguments,
		Example:           `  martlet resource remove attic@example.org --yes`,
		ValidArgsFunction: resources().complete(a),
		Long:              "Remove a room or a thing with its calendar. Without --yes it only shows what would go.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				u, err := c.RemoveResource(cmd.Context(), args[0], yes)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(userResult{User: u, Removed: &yes})
				}
				if yes {
					a.printf("removed %s with %d items\n", u.Login, u.Items)
					return nil
				}
				a.printf("would remove %s with %d items\nto do it: martlet resource remove %s --yes\n", u.Login, u.Items, u.Login)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}
