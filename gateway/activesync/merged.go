package activesync

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/store"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// Some phones have one calendar and one address book. What others share with
// their user they get among their own items: the default folder and the links
// of its class are one collection. Each of these folders has its own state in the
// engine, with its own key; the collection's SyncKey is all of them together, so
// that a repeated request repeats each. An item's ServerId names the folder that
// it is in, as always. Which folders the phone was told to be in it is kept beside
// the own one's options: one that is gone makes it begin anew.

// maxMerged is how many folders of others a collection takes in: a SyncKey has
// 64 characters at most (MS-ASCMD 2.2.3.181.4).
const maxMerged = 5

// merges tells whether the phone gets what is shared among its own items.
func (s *session) merges() bool { return s.linked && s.hasOneCalendar() }

// hasOneCalendar tells whether the phone has room for no others.
func (s *session) hasOneCalendar() bool {
	kind := strings.ToUpper(cmp.Or(s.device.Type, s.query.DeviceType))
	return strings.HasPrefix(kind, "SAMSUNG") || strings.HasPrefix(kind, "WP")
}

// merged tells whether a link is part of another collection for the phone.
func (s *session) merged(f *mail.Folder) bool {
	return !f.Link.IsZero() && (f.Class == mail.ClassCalendar || f.Class == mail.ClassContacts) && s.merges()
}

// partsOf are the links that a folder of the phone's takes in, by number.
func (h *Handler) partsOf(tx *store.Tx, s *session, folder *mail.Folder) (parts []mail.FolderID, err error) {
	if folder.Role != mail.RoleCalendar && folder.Role != mail.RoleContacts || !s.merges() {
		return nil, nil
	}
	folders, err := h.c.Mailboxes.Folders(tx, s.box)
	for i := range folders {
		if f := &folders[i]; f.Class == folder.Class && s.merged(f) && len(parts) < maxMerged {
			parts = append(parts, f.ID)
		}
	}
	return parts, err
}

// mergedKey is the SyncKey of a collection of several folders.
type mergedKey struct {
	own   string
	parts map[mail.FolderID]string
}

// mergedMark is what such a key begins with: others are numbers.
const mergedMark = "m"

func (k *mergedKey) String() string {
	b := appendKey(nil, k.own)
	for _, f := range slices.Sorted(mapKeys(k.parts)) {
		b = appendKey(binary.AppendUvarint(b, uint64(f)), k.parts[f])
	}
	return mergedMark + base64.RawURLEncoding.EncodeToString(b)
}

func mapKeys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func appendKey(b []byte, key string) []byte {
	n, _ := strconv.ParseUint(key, 10, 64) // they are the engine's
	return binary.AppendUvarint(b, n)
}

// parseMergedKey reads a key; one of a time without parts is that of the own
// folder.
func parseMergedKey(s string) (mergedKey, error) {
	k := mergedKey{own: s, parts: map[mail.FolderID]string{}}
	text, is := strings.CutPrefix(s, mergedMark)
	if !is {
		return k, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return k, engine.ErrStaleSyncKey
	}
	var n []uint64
	for len(b) > 0 {
		v, used := binary.Uvarint(b)
		if used <= 0 {
			return k, engine.ErrStaleSyncKey
		}
		n, b = append(n, v), b[used:]
	}
	if len(n)%2 == 0 {
		return k, engine.ErrStaleSyncKey
	}
	k.own = strconv.FormatUint(n[0], 10)
	for i := 1; i < len(n); i += 2 {
		k.parts[mail.FolderID(n[i])] = strconv.FormatUint(n[i+1], 10)
	}
	return k, nil
}

// prepareMerged makes a collection of each folder that belongs to the one that
// the client names.
func (h *Handler) prepareMerged(tx *store.Tx, s *session, c *syncCollection, folder *mail.Folder, parts []mail.FolderID) error {
	c.class, c.role = folder.Class, folder.Role
	c.request.Box, c.request.Folder = s.box, folder.ID
	key, err := parseMergedKey(c.wire.SyncKey)
	if err != nil {
		c.err = err
		return nil
	}
	own, err := h.c.Devices.Collection(tx, s.id(), uint32(folder.ID))
	if err != nil && !errors.Is(err, device.ErrNoCollection) {
		return err
	}
	c.parts = make([]syncCollection, 0, 1+len(parts))
	for _, f := range append([]mail.FolderID{folder.ID}, parts...) {
		w := *c.wire
		w.CollectionID, w.Commands = folderServerID(f), commandsFor(c.wire.Commands, f, folder.ID, parts)
		part := syncCollection{wire: &w, recalled: c.recalled, fresh: c.fresh, part: true}
		known, ok := key.parts[f]
		switch {
		case f == folder.ID:
			w.SyncKey, part.takes = key.own, parts
		case c.recalled:
			if _, err := h.c.Devices.Collection(tx, s.id(), uint32(f)); errors.Is(err, device.ErrNoCollection) {
				part.recalled = false
			} else if err != nil {
				return err
			}
		case ok && key.own != engine.NewKey:
			w.SyncKey = known
		case key.own == engine.NewKey:
			w.SyncKey, w.GetChanges = engine.NewKey, nil
		}
		if !part.recalled && f != folder.ID && (c.recalled || !ok && key.own != engine.NewKey) {
			if err := beginLater(&w, own.Options); err != nil {
				return err
			}
		}
		c.parts = append(c.parts, part)
		if err := h.prepareCollection(tx, s, &c.parts[len(c.parts)-1]); err != nil {
			return err
		}
		if err := c.parts[len(c.parts)-1].err; err != nil {
			c.err = err
			return nil
		}
	}
	return nil
}

// beginLater makes w the first request for a folder that was not shared yet when
// the phone was given its key: with the options of its own.
func beginLater(w *eas.SyncCollection, kept []byte) error {
	was, err := decodeOptions(kept)
	w.SyncKey, w.GetChanges, w.Supported = engine.NewKey, nil, was.Supported
	if w.Options == nil {
		w.Options = was.Options
	}
	return err
}

// namesOf are the folders that a collection takes in, as they are kept.
func namesOf(parts []mail.FolderID) string {
	names := make([]string, len(parts))
	for i, f := range parts {
		names[i] = folderServerID(f)
	}
	return strings.Join(names, " ")
}

// lost tells whether a folder is gone of which the phone has items.
func lost(names string, parts []mail.FolderID) bool {
	return slices.ContainsFunc(strings.Fields(names), func(name string) bool {
		f, err := parseFolderID(name)
		return err != nil || !slices.Contains(parts, f)
	})
}

// commandsFor are the commands on items of a folder. What is added goes to the
// phone's own, and so does what is of no folder of the collection.
func commandsFor(all []eas.SyncCommand, f, own mail.FolderID, parts []mail.FolderID) (some []eas.SyncCommand) {
	for i := range all {
		id := ""
		switch w := &all[i]; {
		case w.Change != nil:
			id = w.Change.ServerID
		case w.Delete != nil:
			id = w.Delete.ServerID
		case w.Fetch != nil:
			id = w.Fetch.ServerID
		}
		to := own
		if folder, _, err := parseItemID(id); err == nil && slices.Contains(parts, folder) {
			to = folder
		}
		if to == f {
			some = append(some, all[i])
		}
	}
	return some
}

// syncMerged answers a collection of several folders.
func (h *Handler) syncMerged(ctx context.Context, s *session, c *syncCollection, room *room) (*eas.SyncResponseCollection, error) {
	out := &eas.SyncResponseCollection{Class: c.wireClass(s), CollectionID: c.wire.CollectionID, Status: eas.SyncStatusSuccess}
	key := mergedKey{parts: map[mail.FolderID]string{}}
	told := false
	left := *room
	left.items = min(room.items, window(c.wire.WindowSize, defaultWindow))
	full := left.items
	for i := range c.parts {
		p := &c.parts[i]
		is := p.request.Key
		if i > 0 && left.items <= 0 {
			out.MoreAvailable = true // there may be: the next request will tell
		}
		answer, err := h.syncCollection(ctx, s, p, &left)
		switch {
		case err != nil:
			return nil, err
		case answer != nil && answer.Status != eas.SyncStatusSuccess:
			return c.failedAs(s, answer.Status), nil
		case answer != nil:
			told = told || answer.SyncKey != is || len(answer.Responses)+len(answer.Commands) > 0 || s.version < eas.V121
			// What is shared from now on comes with the next request.
			fresh := is == engine.NewKey && c.wire.SyncKey != engine.NewKey
			out.MoreAvailable = out.MoreAvailable || answer.MoreAvailable || fresh
			out.Responses, out.Commands = append(out.Responses, answer.Responses...), append(out.Commands, answer.Commands...)
			is = answer.SyncKey
		}
		if i == 0 {
			key.own = is
		} else {
			key.parts[p.request.Folder] = is
		}
	}
	room.items, room.bytes = room.items-(full-left.items), left.bytes
	if !told {
		return nil, nil
	}
	out.SyncKey = key.String()
	return out, nil
}

// failedAs is a collection that could not be synchronised.
func (c *syncCollection) failedAs(s *session, status eas.SyncStatus) *eas.SyncResponseCollection {
	r := c.failed(s, engine.ErrStaleSyncKey)
	if r.Status = status; status != eas.SyncStatusInvalidSyncKey {
		r.SyncKey = c.wire.SyncKey
	}
	return r
}

// estimateMerged counts for a collection of several folders.
func (h *Handler) estimateMerged(ctx context.Context, s *session, c *syncCollection) (all int, err error) {
	for i := range c.parts {
		r := c.parts[i].request
		if r.Key == engine.NewKey {
			all++ // at least a request
			continue
		}
		n, err := h.c.Engine.Estimate(ctx, s.id(), r)
		if err != nil {
			return 0, err
		}
		all += n
	}
	return all, nil
}

// takeIn has a Ping watch what its folders take in, under their names. One that
// takes in others than the phone was told has changed.
func (h *Handler) takeIn(ctx context.Context, s *session, p *pinged) error {
	if !s.hasOneCalendar() {
		return nil
	}
	names, folders := p.names, p.folders
	return h.c.Store.View(ctx, func(tx *store.Tx) error {
		p.names, p.folders, p.regrouped = names[:len(names):len(names)], folders[:len(folders):len(folders)], nil
		for i, f := range folders {
			folder, err := h.c.Mailboxes.Folder(tx, s.box, f)
			if errors.Is(err, mail.ErrNoFolder) {
				continue // others say so
			}
			if err != nil {
				return err
			}
			parts, err := h.partsOf(tx, s, &folder)
			if err != nil {
				return err
			}
			for _, f := range parts {
				p.names, p.folders = append(p.names, names[i]), append(p.folders, f)
			}
			state, err := h.c.Devices.Collection(tx, s.id(), uint32(f))
			if errors.Is(err, device.ErrNoCollection) {
				continue
			}
			if err != nil {
				return err
			}
			if kept, err := decodeOptions(state.Options); err != nil {
				return err
			} else if kept.CollectionID != namesOf(parts) {
				p.regrouped = append(p.regrouped, names[i])
			}
		}
		return nil
	})
}

// holds tells whether items of a folder are in the one that a client names, to it.
func (h *Handler) holds(ctx context.Context, s *session, named, folder mail.FolderID) (is bool, err error) {
	if named == folder || !s.merges() {
		return named == folder, nil
	}
	err = h.c.Store.View(ctx, func(tx *store.Tx) error {
		f, err := h.c.Mailboxes.Folder(tx, s.box, named)
		if err != nil {
			return err
		}
		parts, err := h.partsOf(tx, s, &f)
		is = slices.Contains(parts, folder)
		return err
	})
	return is, err
}
