package activesync

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/sync/class"
	"martlet/sync/engine"
)

// Errors of a collection or of a command in it.
var (
	errProtocol    = errors.New("activesync: the request is not as the protocol wants it")
	errNotAccepted = errors.New("activesync: items of this kind are not taken from clients")

	// These two are an errProtocol to a Sync. GetItemEstimate tells them apart.
	errFilter  = fmt.Errorf("%w: the class has no such filter", errProtocol)
	errClasses = fmt.Errorf("%w: these classes do not go together", errProtocol)

	// errReadOnlyCache refuses a Sync as a whole.
	errReadOnlyCache = fmt.Errorf("%w: clients add nothing to the recipient information", errProtocol)

	// errBodyPartType refuses a request as a whole (MS-ASCMD_R5412).
	errBodyPartType = errors.New("activesync: what is new in a message is HTML only")
)

// syncCollection is one collection of a Sync.
type syncCollection struct {
	wire       *eas.SyncCollection
	parts      []syncCollection // of several folders: a collection of each
	part       bool             // it is one of those
	takes      []mail.FolderID  // it is the first of those, and these are the others
	recalled   bool             // the client did not name it, the memory did
	fresh      bool             // options that were kept do not count
	class      mail.Class
	role       mail.Role
	link       mail.Link        // of a folder that is another's
	supported  []wbxml.Tag      // the elements that the client keeps; nil: all
	options    eas.SyncOptions  // in force
	smsOptions *eas.SyncOptions // of the short messages; nil: none are wanted
	request    engine.Request
	refused    []refusedCommand // those that the engine never sees
	places     []int            // of the engine's commands, in the wire's
	writes     []write          // what some of the engine's commands are made of
	said       map[string]int   // how often a command with some content stands in the request
	err        error            // what is wrong with it as a whole
}

// refusedCommand is a command that came to nothing at the door.
type refusedCommand struct {
	place int // in the wire's commands
	err   error
}

// readOptions takes the options of the request, or those that are kept (MS-ASCMD
// 2.2.3.125.5): a new block replaces the whole set. A new state begins without.
func (c *syncCollection) readOptions(s *session, kept []byte) error {
	if c.fresh || c.request.Key == engine.NewKey {
		kept = nil
	}
	was, err := decodeOptions(kept)
	if err != nil {
		return err
	}
	if lost(was.CollectionID, c.takes) {
		return engine.ErrStaleSyncKey
	}
	is := eas.SyncCollection{Options: c.wire.Options, Supported: was.Supported, CollectionID: namesOf(c.takes)}
	if is.Options == nil {
		is.Options = was.Options
	}
	if c.request.Key == engine.NewKey { // else it is ignored (MS-ASCMD_R4551, R4552)
		if is.Supported = c.wire.Supported; is.Supported != nil && c.class == mail.ClassNotes {
			return errProtocol // MS-ASNOTE_R114
		}
	}
	if c.wire.Options != nil || is.Supported != nil || is.CollectionID != was.CollectionID {
		if b, err := wbxml.MarshalRaw(&is); err != nil {
			return err
		} else if !bytes.Equal(b, kept) {
			c.request.Options = b
		}
	}
	if c.supported, err = supportedTags(is.Supported); err != nil {
		return err
	}
	blocks := is.Options
	o, err := pickOptions(blocks, c.class)
	if err != nil {
		return err
	}
	c.options = o
	if err := c.readSMSOptions(s, blocks); err != nil {
		return err
	}
	if o.FilterType != nil {
		c.request.Filter = uint8(*o.FilterType)
	}
	c.request.ServerWins = o.Conflict == nil || *o.Conflict == 1 // MS-ASCMD_R2066
	return nil
}

// decodeOptions reads what is kept: the options, the Supported elements and the
// folders that it takes in (see merged.go), as the content of a collection that
// has nothing else.
func decodeOptions(kept []byte) (c eas.SyncCollection, err error) {
	if len(kept) > 0 {
		err = wbxml.UnmarshalRaw(kept, &c)
	}
	return c, err
}

// supportedTags are the elements that are not ghosted (MS-ASCMD 2.2.3.179): nil
// is all of them, none is none.
func supportedTags(raw wbxml.Raw) ([]wbxml.Tag, error) {
	if raw == nil {
		return nil, nil
	}
	tags, err := wbxml.Children(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errProtocol, err)
	}
	if tags == nil {
		tags = []wbxml.Tag{}
	}
	return tags, nil
}

// pickOptions finds the block of the folder's own class. Another may only be of
// SMS beside Email (MS-ASCMD_R930, MS-ASCMD_R934).
func pickOptions(blocks []eas.SyncOptions, folder mail.Class) (eas.SyncOptions, error) {
	var own *eas.SyncOptions
	var sms bool
	for i := range blocks {
		b := &blocks[i]
		switch {
		case b.Class == "SMS":
			if sms || folder != mail.ClassEmail {
				return eas.SyncOptions{}, errClasses
			}
			sms = true
		case b.Class == "" || b.Class == className(folder):
			if own != nil {
				return eas.SyncOptions{}, errClasses
			}
			own = b
		default:
			return eas.SyncOptions{}, errClasses
		}
	}
	if own == nil {
		return eas.SyncOptions{}, nil
	}
	return *own, checkOptions(own, folder)
}

// checkOptions holds values to their ranges. A filter must be one of those that
// the class has (MS-ASCMD 2.2.3.68.2).
func checkOptions(o *eas.SyncOptions, folder mail.Class) error {
	if f := o.FilterType; f != nil {
		ok := true
		switch folder {
		case mail.ClassEmail:
			ok = *f <= 5
		case mail.ClassCalendar:
			ok = *f == 0 || *f >= 4 && *f <= 7
		case mail.ClassTasks:
			ok = *f == 0 || *f == 8
		default: // ignored, says MS-ASCMD_R3078
			o.FilterType = nil
		}
		switch {
		case *f > 8: // MS-ASCMD_R2984
			return errProtocol
		case !ok:
			return errFilter
		}
	}
	if o.Conflict != nil && *o.Conflict > 1 || o.MIMESupport != nil && *o.MIMESupport > 2 ||
		o.MIMETruncation != nil && *o.MIMETruncation > 8 || o.Truncation != nil && *o.Truncation > 9 {
		return errProtocol
	}
	return checkPreferences(o.BodyPreference)
}

// checkPreferences allows one preference for each type (MS-ASAIRS_R349).
func checkPreferences(list []eas.BodyPreference) error {
	var seen [eas.BodyMIME + 1]bool
	for i := range list {
		t := list[i].Type
		if t == nil || *t < uint(eas.BodyPlain) || *t > uint(eas.BodyMIME) || seen[*t] {
			return errProtocol
		}
		seen[*t] = true
	}
	return nil
}

// checkBodyParts allows preferences for what is new in a message from 14.1 on,
// and HTML only (MS-ASAIRS 2.2.2.41.3).
func checkBodyParts(v eas.Version, o *eas.SyncOptions) error {
	if v < eas.V141 {
		o.BodyPartPreference = nil
	}
	for i, p := range o.BodyPartPreference {
		switch {
		case p.Type == nil || i > 0:
			return errProtocol
		case *p.Type != uint(eas.BodyHTML):
			return errBodyPartType
		}
	}
	return nil
}

// readCommands turns the client's commands into the engine's. One that cannot
// be is refused alone (MS-ASCMD 2.2.3.177.17, scope Item).
func (c *syncCollection) readCommands(s *session, folder mail.Folder) error {
	for i := range c.wire.Commands {
		if folder.Role == mail.RoleRecipientInfo { // MS-ASCMD_R756
			return errReadOnlyCache
		}
		if add := c.wire.Commands[i].Add; add != nil && len(add.ClientID) > maxClientID { // it cannot be said back
			return errProtocol
		}
		cmd, err := c.readCommand(s, &c.wire.Commands[i])
		if err != nil {
			c.refused = append(c.refused, refusedCommand{place: i, err: err})
			continue
		}
		if c.readOnly() && cmd.Kind != engine.Fetch {
			cmd.Refused = mail.ErrReadOnly
		}
		c.request.Commands = append(c.request.Commands, cmd)
		c.places = append(c.places, i)
	}
	return nil
}

func (c *syncCollection) readCommand(s *session, w *eas.SyncCommand) (engine.Command, error) {
	switch {
	case w.Add != nil:
		if isObject(c.class) && w.Add.ClientID != "" {
			return c.readObject(s, engine.Command{Kind: engine.Add, ClientID: w.Add.ClientID}, w)
		}
		return c.readAdd(s, w.Add)
	case w.Change != nil:
		item, err := c.itemID(w.Change.ServerID)
		if err != nil {
			return engine.Command{}, err
		}
		if isObject(c.class) {
			return c.readObject(s, engine.Command{Kind: engine.Change, Item: item}, w)
		}
		if c.class != mail.ClassEmail || w.Change.InstanceID != "" {
			return engine.Command{}, errNotAccepted
		}
		if c.takesDrafts(s) {
			return c.readDraft(s, engine.Command{Kind: engine.Change, Item: item}, w.Change.ApplicationData, w.Change.ServerID, w.Change.Send)
		}
		if w.Change.Send {
			return engine.Command{}, errNotAccepted
		}
		edit, err := class.EditEmail(w.Change.ApplicationData, s.version)
		return engine.Command{Kind: engine.Change, Item: item, Edit: edit}, err
	case w.Delete != nil:
		item, err := c.itemID(w.Delete.ServerID)
		if err == nil && isObject(c.class) {
			return c.readObject(s, engine.Command{Kind: engine.Delete, Item: item}, w)
		}
		return engine.Command{Kind: engine.Delete, Item: item}, err
	case w.Fetch != nil:
		item, err := c.itemID(w.Fetch.ServerID)
		return engine.Command{Kind: engine.Fetch, Item: item}, err
	}
	return engine.Command{}, errProtocol
}

// readAdd reads a new item. Of mail only drafts and short messages are added by
// clients (MS-ASCMD_R755).
func (c *syncCollection) readAdd(s *session, w *eas.SyncAdd) (engine.Command, error) {
	switch {
	case w.ClientID == "":
		return engine.Command{}, errProtocol
	case w.Class == classSMS:
		return c.readSMS(s, engine.Command{Kind: engine.Add, ClientID: w.ClientID}, w.ApplicationData)
	case c.takesDrafts(s) && (w.Class == "" || w.Class == className(mail.ClassEmail)):
		return c.readDraft(s, engine.Command{Kind: engine.Add, ClientID: w.ClientID}, w.ApplicationData, w.ClientID, w.Send)
	}
	return engine.Command{}, errNotAccepted
}

// itemID reads a ServerId, which must be of this collection.
func (c *syncCollection) itemID(id string) (mail.ItemID, error) {
	f, item, err := parseItemID(id)
	if err != nil || f != c.request.Folder {
		return 0, mail.ErrNoItem
	}
	return item, nil
}

// deletes tells whether the client deletes something in some collection.
func (req *syncRequest) deletes() bool {
	return slices.ContainsFunc(req.collections, func(c syncCollection) bool { return c.deletes() })
}

// deletes tells whether the client deletes something.
func (c *syncCollection) deletes() bool {
	return slices.ContainsFunc(c.request.Commands, func(cmd engine.Command) bool { return cmd.Kind == engine.Delete }) ||
		slices.ContainsFunc(c.parts, func(p syncCollection) bool { return p.deletes() })
}
