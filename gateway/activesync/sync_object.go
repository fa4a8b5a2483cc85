package activesync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/object"
	"martlet/mail/schedule"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/class"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// objectCommand is an Add, a Change or a Delete of an event, a contact, a task or
// a note (MS-ASCMD 2.2.3.7.2, 2.2.3.24, 2.2.3.42.2).
type objectCommand struct {
	data     wbxml.Raw // of an Add and a Change
	instance string    // the one occurrence that is meant
	name     string    // of this command with this content, in its place among others that say the same

	found mail.ItemID    // of an Add: the item that was there already
	plan  *schedule.Plan // of an event: who is told of it
}

// objectState is what an item holds after the commands so far.
type objectState struct {
	item mail.Item
	raw  []byte
	err  error
}

// readObject reads a command that writes an object.
func (c *syncCollection) readObject(s *session, cmd engine.Command, w *eas.SyncCommand) (engine.Command, error) {
	o := &objectCommand{}
	var id, named string
	switch {
	case w.Add != nil:
		id, o.data, named = w.Add.ClientID, w.Add.ApplicationData, w.Add.Class
	case w.Change != nil:
		id, o.data, o.instance, named = w.Change.ServerID, w.Change.ApplicationData, w.Change.InstanceID, w.Change.Class
	case w.Delete != nil:
		id, o.instance = w.Delete.ServerID, w.Delete.InstanceID
	}
	if named != "" && named != className(c.class) || o.instance != "" && (c.class != mail.ClassCalendar || s.version < eas.V160) {
		return cmd, errNotAccepted
	}
	if err := ofClass(c.class, o.data); err != nil {
		return cmd, err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%d\x00%d\x00%s\x00%s\x00", s.query.DeviceID, c.request.Folder, cmd.Kind, id, o.instance)
	sum.Write(o.data)
	o.name = hex.EncodeToString(sum.Sum(nil)[:20])
	if w.Add == nil { // the same may be said again, with something else in between
		if c.said == nil {
			c.said = map[string]int{}
		}
		c.said[o.name]++
		o.name += fmt.Sprintf(".%d", c.said[o.name])
	}
	c.writeWith(o)
	return cmd, nil
}

// ofClass refuses data with elements of another class (MS-ASCMD_R4440).
func ofClass(class mail.Class, data wbxml.Raw) error {
	tags, err := wbxml.Children(data)
	if err != nil {
		return err
	}
	own := className(class)
	for _, tag := range tags {
		switch space, _, _ := strings.Cut(tag.String(), ":"); space {
		case "Email", "Email2", "Calendar", "Contacts", "Contacts2", "Tasks", "Notes":
			if strings.TrimSuffix(space, "2") != own {
				return errNotAccepted
			}
		}
	}
	return nil
}

// prepare implements writer.
func (o *objectCommand) prepare(ctx context.Context, w *writing, cmd *engine.Command) error {
	o.plan = nil
	who, err := w.h.ownerOf(ctx, w.s, w.c.link)
	if err != nil {
		return err
	}
	if cmd.Kind == engine.Add {
		return o.prepareAdd(ctx, w, cmd, &who)
	}
	if w.anew && cmd.Kind == engine.Delete && o.instance == "" {
		delete(w.objects, cmd.Item)
	}
	st := w.object(ctx, cmd.Item)
	switch {
	case errors.Is(st.err, mail.ErrNoItem): // the engine finds the same
		cmd.Edit = nothing
		return nil
	case st.err != nil && !errors.Is(st.err, errUnreadable):
		return st.err
	case hidden(&who, &st.item):
		return mail.ErrReadOnly
	case st.err != nil && (cmd.Kind != engine.Delete || o.instance != ""):
		return st.err
	case st.err != nil: // whom it was about nobody knows any more
		cmd.From, st.err = st.item.Blob, mail.ErrNoItem
		return nil
	}
	if cmd.Kind == engine.Delete && o.instance == "" {
		return o.prepareDelete(ctx, w, cmd, st)
	}
	return o.prepareChange(ctx, w, cmd, st, &who)
}

// errUnreadable means that what an item holds is damaged or gone: that must not
// keep the rest of the folder from the device, nor the device from deleting it.
var errUnreadable = fmt.Errorf("activesync: the item cannot be read: %w", class.ErrBadValue)

// nothing is the Edit of a Change that leaves the item as it is.
func nothing(*mail.Item) error { return nil }

// prepareAdd prepares a new item. Its name in the folder is made of the command,
// so that a device that begins again finds what it has added already.
func (o *objectCommand) prepareAdd(ctx context.Context, w *writing, cmd *engine.Command, who *owner) error {
	raw, err := w.edit(nil, o, cmd, who)
	if err == nil {
		raw, err = o.schedule(ctx, w, cmd, nil, withUID(w.c.class, raw))
	}
	if err != nil {
		return err
	}
	body, err := w.keep(ctx, raw)
	if err != nil {
		return err
	}
	o.found = 0
	name := o.name + extension(w.c.class)
	fresh := &mail.NewItem{Class: w.c.class, Body: body, Name: name, Own: true}
	cmd.New = fresh
	cmd.Made = func(tx *store.Tx) (id mail.ItemID, err error) {
		fresh.Name, o.found = name, 0
		if o.found, err = w.addedBefore(tx, fresh); err != nil || o.found != 0 || w.c.class != mail.ClassCalendar {
			return o.found, err // only events have a UID that their clients know
		}
		o.found, err = w.sameUID(tx, body.Facts.UID)
		return o.found, err
	}
	return nil
}

// extension is how resources of a class end.
func extension(c mail.Class) string {
	if c == mail.ClassContacts {
		return ".vcf"
	}
	return ".ics"
}

// prepareChange prepares the change of an item, or of one occurrence of it.
func (o *objectCommand) prepareChange(ctx context.Context, w *writing, cmd *engine.Command, st *objectState, who *owner) error {
	// A command that was done is known by its name.
	cmd.Kind, cmd.ClientID, cmd.Edit = engine.Change, o.name, nothing
	raw, err := w.edit(st.raw, o, cmd, who)
	switch {
	case errors.Is(err, class.ErrNotFound) && o.data == nil: // an occurrence that is gone is deleted as wanted
		return nil
	case errors.Is(err, class.ErrNotFound):
		return errNoOccurrence
	case err != nil:
		return err
	case len(raw) == 0: // it was the last occurrence
		cmd.Kind = engine.Delete
		return o.prepareDelete(ctx, w, cmd, st)
	case bytes.Equal(raw, st.raw):
		return nil
	}
	if raw, err = o.schedule(ctx, w, cmd, st.raw, raw); err != nil {
		return err
	}
	body, err := w.keep(ctx, raw)
	if err != nil {
		return err
	}
	cmd.Body, cmd.From = &body, st.item.Blob
	st.raw, st.item.Blob, st.item.Brief = raw, body.Blob, body.Facts.Brief
	return nil
}

// prepareDelete prepares the end of an item.
func (o *objectCommand) prepareDelete(ctx context.Context, w *writing, cmd *engine.Command, st *objectState) error {
	_, err := o.schedule(ctx, w, cmd, st.raw, nil)
	cmd.From, st.err = st.item.Blob, mail.ErrNoItem
	return err
}

// errNoOccurrence means that a series has no such occurrence.
var errNoOccurrence = fmt.Errorf("activesync: no such occurrence: %w", mail.ErrNoItem)

// schedule has a meeting's people told of what becomes of it, in the transaction
// that writes it. Before 16.0 phones tell them themselves (MS-ASCMD_R7478, R7479).
func (o *objectCommand) schedule(ctx context.Context, w *writing, cmd *engine.Command, was, is []byte) ([]byte, error) {
	if w.h.c.Schedule == nil || w.c.class != mail.ClassCalendar {
		return is, nil
	}
	c := schedule.Change{
		Account: w.s.account.ID, Box: w.s.box, Folder: w.c.request.Folder, Item: cmd.Item,
		Old: was, New: is, Invites: schedule.ByClient,
	}
	if w.s.version >= eas.V160 {
		c.Invites = schedule.ByServer
	}
	plan, err := w.h.c.Schedule.Plan(ctx, c)
	if err != nil {
		return nil, badObject(err)
	}
	o.plan = plan
	cmd.Then = func(tx *store.Tx, _ mail.ItemID) error { return plan.Commit(tx) }
	return plan.New, nil
}

// badObject says of an error that it is one of what the client sent, if it is.
func badObject(err error) error {
	for _, is := range []error{object.ErrMalformed, object.ErrTooLarge, object.ErrTwo, schedule.ErrOrganizer, schedule.ErrTooMany} {
		if errors.Is(err, is) {
			return fmt.Errorf("%w: %w", class.ErrBadValue, err)
		}
	}
	return err
}

// edit makes the bytes that an item is to hold; old is nil for a new one.
func (w *writing) edit(old []byte, o *objectCommand, cmd *engine.Command, who *owner) (raw []byte, err error) {
	defer func() {
		if p := recover(); p != nil { // over bytes that nobody has foreseen
			raw, err = nil, class.ErrBadValue
			w.h.sessionLog(w.s).Error("item cannot be written", "folder", uint32(w.c.request.Folder), "item", uint32(cmd.Item), "error", fmt.Sprint(p))
		}
	}()
	opt := &class.EditOptions{
		Version: w.s.version, Supported: w.c.supported, Instance: o.instance, Owner: who.person, Addresses: who.addresses, Mark: who.mark,
		Now: time.Now(), Folder: w.c.request.Folder, Item: cmd.Item,
		DropPicture: !strings.HasPrefix(w.s.query.DeviceType, "iP"), // iPhone, iPad, iPod
	}
	if o.data == nil {
		raw, err = class.DeleteOccurrence(old, opt)
	} else {
		raw, err = class.EditObject(w.c.class, old, o.data, opt)
	}
	if err != nil && !refusesOne(err) && !errors.Is(err, class.ErrNotFound) { // nothing but bytes were read
		err = fmt.Errorf("%w: %w", class.ErrBadValue, err)
	}
	return raw, err
}

// keep makes an object durable.
func (w *writing) keep(ctx context.Context, raw []byte) (mail.Body, error) {
	body, err := w.h.c.Mailboxes.PrepareObject(ctx, w.c.class, raw)
	return body, badObject(err)
}

// object reads an item with its bytes, once for all of the request's commands.
func (w *writing) object(ctx context.Context, id mail.ItemID) *objectState {
	if st := w.objects[id]; st != nil {
		return st
	}
	st := &objectState{}
	w.objects[id] = st
	read := func() error {
		return w.h.c.Store.View(ctx, func(tx *store.Tx) (err error) {
			st.item, err = w.h.c.Mailboxes.Item(tx, w.s.box, w.c.request.Folder, id)
			return err
		})
	}
	if st.err = read(); st.err != nil {
		return st
	}
	st.raw, st.err = w.h.readObject(ctx, &st.item)
	if was := st.item.Blob; errors.Is(st.err, blob.ErrGone) { // or another has taken its place
		if err := read(); err != nil {
			st.err = err
		} else if st.item.Blob == was {
			st.err = errUnreadable
		}
	} else if errors.Is(st.err, blob.ErrCorrupt) || errors.Is(st.err, object.ErrTooLarge) {
		st.err = errUnreadable
	}
	return st
}

// addedBefore finds the item that the same Add has made before the device lost
// its state. What it has made since then under the same name is another one, of
// a device that gives its ClientIds twice.
func (w *writing) addedBefore(tx *store.Tx, n *mail.NewItem) (mail.ItemID, error) {
	f := w.c.request.Folder
	id, err := w.h.c.Mailboxes.ByName(tx, w.s.box, f, n.Name)
	if errors.Is(err, mail.ErrNoItem) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	state, err := w.h.c.Devices.Collection(tx, w.s.id(), uint32(f))
	if err != nil && !errors.Is(err, device.ErrNoCollection) {
		return 0, err
	}
	if uint32(id) <= max(state.Confirmed.Start, state.Pending.Start) {
		return id, nil
	}
	n.Name = "" // the mailbox finds one
	return 0, nil
}

// sameUID finds the object of the folder that has a UID. Who adds an event twice,
// as iOS does from a mail, means the one that is there.
func (w *writing) sameUID(tx *store.Tx, uid string) (mail.ItemID, error) {
	if uid == "" {
		return 0, nil
	}
	m := w.h.c.Mailboxes
	_, box, f, err := m.Resolve(tx, w.s.box, w.c.request.Folder)
	if err != nil {
		return 0, err
	}
	places, err := m.ByUID(tx, box, w.c.class, uid)
	if err != nil {
		return 0, err
	}
	for _, at := range places {
		if at.Folder == f {
			return at.Item, nil
		}
	}
	return 0, nil
}

// done implements writer.
func (o *objectCommand) done() {
	if o.plan != nil && o.found == 0 {
		o.plan.Done()
	}
}

// reply implements writer. A new item has its ServerId; what else there is to
// tell since 16.0 is an event's (MS-ASCAL_R2223). Without that a Change needs no
// answer (MS-ASCMD_R6234), nor does a Delete.
func (o *objectCommand) reply(r *renderer, d *engine.Response, w *eas.SyncCommand) (eas.SyncReply, bool) {
	data := o.told(r, d)
	switch {
	case w.Add != nil:
		if o.found != 0 {
			r.restore = append(r.restore, restored{item: o.found})
		}
		return eas.SyncReply{Add: &eas.SyncAddReply{
			ClientID: w.Add.ClientID, ServerID: itemServerID(r.c.request.Folder, d.Item.ID), Status: eas.SyncStatusSuccess, ApplicationData: data,
		}}, true
	case w.Change != nil && data != nil:
		return eas.SyncReply{Change: &eas.SyncChangeReply{
			ServerID: w.Change.ServerID, InstanceID: w.Change.InstanceID, Status: eas.SyncStatusSuccess, ApplicationData: data,
		}}, true
	}
	return eas.SyncReply{}, false
}

// told is what a client is told of an event that it has written, or nil.
func (o *objectCommand) told(r *renderer, d *engine.Response) any {
	if r.s.version < eas.V160 || d.Item.Class != mail.ClassCalendar || o.data == nil {
		return nil
	}
	raw, err := r.h.readObject(r.ctx, &d.Item)
	if err != nil { // it is gone again, which the log tells
		return nil
	}
	if told := class.RenderAddedEvent(&d.Item, raw, o.data, d.Kind == engine.Add); told != nil {
		return told
	}
	return nil
}
