package device

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"martlet/directory"
	"martlet/store"
)

// Config is what New needs.
type Config struct {
	Store *store.Store
}

// Devices is the table of all partnerships. Its methods are safe for
// concurrent use; those that take a transaction belong to the caller's.
type Devices struct {
	store       *store.Store
	devices     store.Table[ID, Device]
	collections store.Table[collectionKey, Collection]
	made        store.Table[ID, []Made]
	broken      store.Table[brokenKey, Broken]
}

// collectionKey names a collection's row.
type collectionKey struct {
	ID     ID
	Folder uint32
}

// New returns the devices kept in a store.
func New(c Config) *Devices {
	return &Devices{
		store: c.Store,
		devices: store.NewTable("device", store.PrefixDevice,
			store.Codec[ID]{Append: appendID, Parse: parseID},
			store.Codec[Device]{Append: appendDevice, Parse: parseDevice}),
		collections: store.NewTable("collection", store.PrefixCollection,
			store.Codec[collectionKey]{Append: appendCollectionKey, Parse: parseCollectionKey},
			store.Codec[Collection]{Append: appendCollection, Parse: parseCollection}),
		made: store.NewTable("made", store.PrefixMade,
			store.Codec[ID]{Append: appendID, Parse: parseID},
			store.Codec[[]Made]{Append: appendMade, Parse: parseMade}),
		broken: store.NewTable("broken", store.PrefixBroken,
			store.Codec[brokenKey]{Append: appendBrokenKey, Parse: parseBrokenKey},
			store.Codec[Broken]{Append: appendBroken, Parse: parseBroken}),
	}
}

// Load returns a device, or ErrNoDevice.
func (d *Devices) Load(tx *store.Tx, id ID) (Device, error) {
	dev, err := d.devices.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Device{}, ErrNoDevice
	}
	if err != nil {
		return Device{}, fmt.Errorf("device: load: %w", err)
	}
	dev.ID = id
	return dev, nil
}

// Save writes a device, or returns ErrBadID.
func (d *Devices) Save(tx *store.Tx, dev Device) error {
	if !dev.ID.Valid() {
		return ErrBadID
	}
	return d.devices.Set(tx, dev.ID, dev)
}

// Remove forgets a device and all its collections.
func (d *Devices) Remove(tx *store.Tx, id ID) error {
	if err := d.RemoveCollections(tx, id); err != nil {
		return err
	}
	if err := d.made.Delete(tx, id); err != nil {
		return err
	}
	return d.devices.Delete(tx, id)
}

// RemoveAccount forgets all devices of an account.
func (d *Devices) RemoveAccount(tx *store.Tx, account directory.AccountID) error {
	prefix := store.AppendUint64(nil, uint64(account))
	for key, err := range d.collections.Keys(tx, store.TableRange[collectionKey]{Prefix: prefix}) {
		if err != nil {
			return fmt.Errorf("device: remove account: %w", err)
		}
		if err := d.collections.Delete(tx, key); err != nil {
			return err
		}
	}
	if err := d.forgetBroken(tx, prefix); err != nil {
		return err
	}
	for id, err := range d.devices.Keys(tx, store.TableRange[ID]{Prefix: prefix}) {
		if err != nil {
			return fmt.Errorf("device: remove account: %w", err)
		}
		if err := d.made.Delete(tx, id); err != nil {
			return err
		}
		if err := d.devices.Delete(tx, id); err != nil {
			return err
		}
	}
	return nil
}

// List yields the devices of an account, or of all accounts when it is zero.
func (d *Devices) List(tx *store.Tx, account directory.AccountID) iter.Seq2[Device, error] {
	return func(yield func(Device, error) bool) {
		var r store.TableRange[ID]
		if account != 0 {
			r.Prefix = store.AppendUint64(nil, uint64(account))
		}
		for row, err := range d.devices.Scan(tx, r) {
			if err != nil {
				yield(Device{}, fmt.Errorf("device: list: %w", err))
				return
			}
			row.Value.ID = row.Key
			if !yield(row.Value, nil) {
				return
			}
		}
	}
}

// Collection returns a device's state of a folder, or ErrNoCollection.
func (d *Devices) Collection(tx *store.Tx, id ID, folder uint32) (Collection, error) {
	c, err := d.collections.Get(tx, collectionKey{id, folder})
	if errors.Is(err, store.ErrNotFound) {
		return Collection{}, ErrNoCollection
	}
	if err != nil {
		return Collection{}, fmt.Errorf("device: collection: %w", err)
	}
	c.Folder = folder
	return c, nil
}

// Collections yields all collections a device has a state of, the hierarchy
// included.
func (d *Devices) Collections(tx *store.Tx, id ID) iter.Seq2[Collection, error] {
	return func(yield func(Collection, error) bool) {
		r := store.TableRange[collectionKey]{Prefix: appendID(nil, id)}
		for row, err := range d.collections.Scan(tx, r) {
			if err != nil {
				yield(Collection{}, fmt.Errorf("device: collections: %w", err))
				return
			}
			row.Value.Folder = row.Key.Folder
			if !yield(row.Value, nil) {
				return
			}
		}
	}
}

// SaveCollection writes a collection with its Version raised by one.
func (d *Devices) SaveCollection(tx *store.Tx, id ID, c Collection) error {
	if !id.Valid() {
		return ErrBadID
	}
	c.Version++
	return d.collections.Set(tx, collectionKey{id, c.Folder}, c)
}

// RemoveCollection forgets a device's state of a folder.
func (d *Devices) RemoveCollection(tx *store.Tx, id ID, folder uint32) error {
	if err := d.forgetBroken(tx, appendCollectionKey(nil, collectionKey{id, folder})); err != nil {
		return err
	}
	return d.collections.Delete(tx, collectionKey{id, folder})
}

// RemoveCollections forgets a device's state of all folders and of the
// hierarchy.
func (d *Devices) RemoveCollections(tx *store.Tx, id ID) error {
	for key, err := range d.collections.Keys(tx, store.TableRange[collectionKey]{Prefix: appendID(nil, id)}) {
		if err != nil {
			return fmt.Errorf("device: remove collections: %w", err)
		}
		if err := d.collections.Delete(tx, key); err != nil {
			return err
		}
	}
	return d.forgetBroken(tx, appendID(nil, id))
}

// Check reports every row that breaks an invariant.
func (d *Devices) Check(ctx context.Context, report func(store.Problem)) error {
	return d.store.View(ctx, func(tx *store.Tx) error {
		for row, err := range d.devices.Scan(tx, store.TableRange[ID]{}) {
			if err != nil {
				return err
			}
			if !row.Key.Valid() {
				report(store.Problem{Table: "device", Key: row.Key.String(), Text: "the id is not valid"})
			}
		}
		for row, err := range d.made.Scan(tx, store.TableRange[ID]{}) {
			if err != nil {
				return err
			}
			if len(row.Value) == 0 || len(row.Value) > maxMade {
				report(store.Problem{Table: "made", Key: row.Key.String(), Text: "too few or too many rows"})
			}
		}
		for row, err := range d.collections.Scan(tx, store.TableRange[collectionKey]{}) {
			if err != nil {
				return err
			}
			row.Value.Folder = row.Key.Folder
			for _, text := range row.Value.problems() {
				key := fmt.Sprintf("%s folder %d", row.Key.ID, row.Key.Folder)
				report(store.Problem{Table: "collection", Key: key, Text: text})
			}
		}
		return d.checkBroken(tx, report)
	})
}

// problems names the broken invariants of a collection.
func (c *Collection) problems() []string {
	var found []string
	complain := func(broken bool, text string) {
		if broken {
			found = append(found, text)
		}
	}
	complain(c.Confirmed.Key == 0 && c.Pending.Key == 0, "there is neither a confirmed nor a pending generation")
	complain(c.Pending.Key != 0 && c.Pending.Key <= c.Confirmed.Key, "the pending key is not above the confirmed one")
	complain(c.Pending.Key != 0 && c.Pending.Cursor < c.Confirmed.Cursor, "the pending cursor is behind the confirmed one")
	complain(c.Pending.Key != 0 && c.Pending.Top < c.Confirmed.Top, "the pending top is behind the confirmed one")
	complain(len(c.Own) > MaxOwnWrites, "too many own writes")
	for _, g := range []Generation{c.Confirmed, c.Pending} {
		complain(g.Start > g.Top, "the backfill starts above the top")
		complain(c.Folder == 0 && g.Start != 0, "the hierarchy has a backfill")
	}
	return found
}
