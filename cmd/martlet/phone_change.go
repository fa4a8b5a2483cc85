package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

func (a *app) phoneChange(f *phoneFlags) *cobra.Command {
	var o objectFlags
	var at occurrence
	cmd := &cobra.Command{
		Use: "change FOLDER ID", Short: "Change an event, a contact, a task or a note", Args: namedArguments,
		Example: `  martlet phone change Calendar 7:12 --start "2026-12-01 14:00" --place Harbour --user robin@example.org
  martlet phone change Calendar 7:12 --occurrence "2026-12-08 12:00" --subject "Long lunch" --user robin@example.org
  martlet phone change Contacts 8:3 --mobile "+49 170 4711" --user robin@example.org
  martlet phone change Tasks 9:4 --done --user robin@example.org`,
		Long: `Change what is named of an event, a contact, a task or a note; ID is what sync
showed. Times are those of this machine. An event that is given another beginning
keeps its length. --invite invites further people. Who is invited gets an update
when it concerns them.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				folder, it, err := h.item(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				class := phone.ClassOf(folder.Type)
				command := phone.ChangeTo
				var begins time.Time
				if at.text != "" {
					if begins, command, err = at.change(class, h.Version(), it); err != nil {
						return err
					}
				}
				data, err := o.changed(class, h.Version(), it, begins)
				if err != nil {
					return err
				}
				return h.write(ctx, folder.ServerID, false, command(it.ServerID, data), map[string]string{"id": it.ServerID}, "changed "+it.ServerID)
			})
		},
	}
	o.add(cmd.Flags())
	at.add(cmd.Flags().StringVar)
	return cmd
}

func (a *app) phoneDelete(f *phoneFlags) *cobra.Command {
	var at occurrence
	var permanent bool
	cmd := &cobra.Command{
		Use: "delete FOLDER ID", Short: "Delete an item, or one occurrence of an event", Args: namedArguments,
		Example: `  martlet phone delete Calendar 7:12 --user robin@example.org
  martlet phone delete Calendar 7:12 --occurrence "2026-12-08 12:00" --user robin@example.org`,
		Long: `Delete a message, an event, a contact, a task or a note; ID is what sync showed.
Who was invited to an event hears that it is cancelled. It lies in Deleted Items
then, unless --permanent is given.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				folder, it, err := h.item(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				command := phone.Delete(it.ServerID)
				if at.text != "" {
					instance, err := at.instance(phone.ClassOf(folder.Type), h.Version(), it)
					if err != nil {
						return err
					}
					command = phone.DeleteOccurrence(it.ServerID, instance.Format(compactForm))
				}
				return h.write(ctx, folder.ServerID, permanent, command, map[string]string{"id": it.ServerID}, "deleted "+it.ServerID)
			})
		},
	}
	at.add(cmd.Flags().StringVar)
	cmd.Flags().BoolVar(&permanent, "permanent", false, "it is gone, not in Deleted Items")
	return cmd
}

// item brings a folder up to date, and finds an item in it.
func (h *handset) item(ctx context.Context, name, id string) (eas.Folder, phone.Item, error) {
	if err := h.ready(ctx); err != nil {
		return eas.Folder{}, phone.Item{}, err
	}
	folder, err := h.folder(name)
	if err != nil {
		return folder, phone.Item{}, err
	}
	if _, err := h.sync(ctx, folder.ServerID, phone.SyncOptions{All: true, Window: 512, KeepNoMail: true}); err != nil {
		return folder, phone.Item{}, err
	}
	it, ok := h.View(folder.ServerID)[id]
	if !ok {
		return folder, it, fmt.Errorf("there is no %s in %s: give the id that martlet phone sync shows", id, folder.DisplayName)
	}
	return folder, it, nil
}

// write sends one command and says what came of it.
func (h *handset) write(ctx context.Context, folder string, permanent bool, command eas.SyncCommand, result any, said string) error {
	r, err := h.Sync(ctx, folder, phone.SyncOptions{Commands: []eas.SyncCommand{command}, NoChanges: true, Permanent: permanent})
	if err != nil {
		return err
	}
	if _, err := taken(r); err != nil {
		return err
	}
	return h.app.shown(result, "%s\n", said)
}

// taken is why the server refused a command; of an Add that it took, the id. What
// it says nothing of it took, but for an Add.
func taken(r *phone.SyncResult) (id string, err error) {
	for _, reply := range r.Replies {
		status := eas.SyncStatusSuccess
		switch {
		case reply.Add != nil:
			id, status = reply.Add.ServerID, reply.Add.Status
		case reply.Change != nil:
			status = reply.Change.Status
		case reply.Delete != nil:
			status = reply.Delete.Status
		}
		switch status {
		case eas.SyncStatusSuccess:
		case eas.SyncStatusConversionError:
			return "", errors.New("the server refused it (Sync status 6): may the folder only be read? is the value one that it takes?")
		case eas.SyncStatusConflict:
			return "", errors.New("the server keeps what it has (Sync status 7): it was changed there meanwhile, or may not be changed by this user")
		case eas.SyncStatusObjectNotFound:
			return "", errors.New("the server has no such item (Sync status 8)")
		default:
			return "", fmt.Errorf("the server refused it: %s (Sync status %d)", status, status)
		}
	}
	return id, nil
}

// occurrence names one of an event that recurs, by when its series has it.
type occurrence struct{ text string }

func (at *occurrence) add(flag func(p *string, name, value, usage string)) {
	flag(&at.text, "occurrence", "", `only the occurrence that the series has then: "2026-12-08 12:00", or 2026-12-08 of whole days`)
}

// compactForm is how a command writes the beginning of an occurrence (MS-ASDTYPE
// 2.7.2).
const compactForm = "20060102T150405Z"

// instance is when the occurrence begins, as a command says it.
func (at *occurrence) instance(class string, v eas.Version, it phone.Item) (time.Time, error) {
	if class != phone.Calendar {
		return time.Time{}, fmt.Errorf("--occurrence is for a folder of the class %s, not %s", phone.Calendar, class)
	}
	if v < eas.V160 {
		return time.Time{}, errors.New("one occurrence is named since 16.0: give another --protocol")
	}
	var c eas.Calendar
	if err := it.Decode(&c); err != nil {
		return time.Time{}, err
	}
	if c.Recurrence == nil {
		return time.Time{}, fmt.Errorf("%s does not recur: leave --occurrence out", it.ServerID)
	}
	days := c.AllDayEvent != nil && *c.AllDayEvent == 1
	t, err := parseTime("--occurrence", at.text, days)
	if days {
		return midnightUTC(t), err
	}
	return t.UTC(), err
}

// change makes the command that changes the occurrence.
func (at *occurrence) change(class string, v eas.Version, it phone.Item) (time.Time, func(string, any) eas.SyncCommand, error) {
	begins, err := at.instance(class, v, it)
	return begins, func(id string, data any) eas.SyncCommand {
		c, _ := data.(*eas.Calendar)
		return phone.ChangeOccurrence(id, begins.Format(compactForm), c)
	}, err
}

// changed is what the flags make of an item: since 16.0 of an event what is
// changed, of all else the whole item as a phone sends it.
func (o *objectFlags) changed(class string, v eas.Version, it phone.Item, begins time.Time) (any, error) {
	if err := o.check(class); err != nil {
		return nil, err
	}
	if o.none() {
		return nil, errors.New("nothing to change: what is to become of it?")
	}
	switch class {
	case phone.Calendar:
		return o.changedEvent(v, it, begins)
	case phone.Contacts:
		var c eas.Contact
		if err := it.Decode(&c); err != nil {
			return nil, err
		}
		c.Body, c.LegacyContactBody, c.Picture = nil, eas.LegacyContactBody{}, nil // what is not sent stays (MS-ASCMD_R878)
		o.fillContact(&c)
		return &c, nil
	case phone.Tasks:
		var t eas.Task
		if err := it.Decode(&t); err != nil {
			return nil, err
		}
		t.Body, t.LegacyTaskBody = nil, eas.LegacyTaskBody{}
		return &t, o.fillTask(&t, v)
	case phone.Notes:
		var n eas.Note
		if err := it.Decode(&n); err != nil {
			return nil, err
		}
		if n.Body, n.LastModifiedDate = nil, nil; o.given("text") {
			n.Body = body(o.text)
		}
		if o.given("subject") {
			n.Subject = &o.subject
		}
		return &n, nil
	}
	return nil, errors.New("the folder holds messages, which cannot be changed")
}

func (o *objectFlags) changedEvent(v eas.Version, it phone.Item, begins time.Time) (*eas.Calendar, error) {
	var old eas.Calendar
	if err := it.Decode(&old); err != nil {
		return nil, err
	}
	c := &eas.Calendar{}
	if v < eas.V160 {
		if len(old.Attendees)+len(o.invite) > 0 {
			return nil, errors.New("the server sends invitations since 16.0: give another --protocol")
		}
		now := time.Now().UTC()
		*c = old
		c.DtStamp, c.CalendarBody, c.NativeBodyType = &now, eas.CalendarBody{}, 0
		c.AppointmentReplyTime, c.ResponseType, c.ConfLink, c.ExternalLink = nil, nil, nil, nil
	}
	if o.given("subject") {
		c.Subject = &o.subject
	}
	if o.given("start") || o.given("end") || o.given("all-day") {
		start, end, days, err := o.moved(&old, begins)
		if err != nil {
			return nil, err
		}
		setTimes(c, v, start, end, days)
	}
	if len(o.invite) > 0 { // the list is the whole list
		for _, a := range old.Attendees {
			c.Attendees = append(c.Attendees, eas.CalendarAttendee{Email: a.Email, Name: a.Name, AttendeeType: a.AttendeeType})
		}
	}
	o.describe(c, v)
	return c, nil
}

// moved is when an event is to be; begins is when the occurrence is that is
// changed, or zero.
func (o *objectFlags) moved(old *eas.Calendar, begins time.Time) (start, end time.Time, days bool, err error) {
	start, end, days = localTimes(old)
	if !begins.IsZero() {
		length := end.Sub(start)
		if start = begins.Local(); days {
			start = localMidnight(begins)
		}
		end = start.Add(length)
	}
	if o.given("all-day") && o.allDay != days { // of another kind: as a new one
		if o.start == "" {
			o.start = start.Format(map[bool]string{true: dayForm, false: minuteForm}[o.allDay])
		}
		start, end, err = o.times()
		return start, end, o.allDay, err
	}
	length := end.Sub(start)
	if o.start != "" {
		if start, err = parseTime("--start", o.start, days); err != nil {
			return start, end, days, err
		}
		end = start.Add(length)
	}
	if o.end != "" {
		if end, err = parseTime("--end", o.end, days); err != nil {
			return start, end, days, err
		}
		if days {
			end = end.AddDate(0, 0, 1) // the last day is one of them
		}
	}
	if days { // whatever the clocks do meanwhile
		end = localMidnight(end.Add(12 * time.Hour))
	}
	if end.Before(start) {
		return start, end, days, fmt.Errorf("--end %s is before it begins, %s", cmp.Or(o.end, end.Format(minuteForm)), start.Format(minuteForm))
	}
	return start, end, days, nil
}

func localMidnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.Local)
}

// localTimes are an event's in the time of this machine, of whole days at
// midnight.
func localTimes(c *eas.Calendar) (start, end time.Time, days bool) {
	if c.StartTime == nil || c.EndTime == nil {
		return start, end, false
	}
	start, end = *c.StartTime, *c.EndTime
	if c.AllDayEvent == nil || *c.AllDayEvent == 0 {
		return start.Local(), end.Local(), false
	}
	if c.Timezone != nil {
		if loc, err := zoneOf(*c.Timezone, start.Year()); err == nil {
			start, end = start.In(loc), end.In(loc)
		}
	}
	return localMidnight(start), localMidnight(end), true
}
