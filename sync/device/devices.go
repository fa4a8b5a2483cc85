package device

import (
	"context"
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
	store *store.Store
}

// New returns the devices kept in a store.
func New(c Config) *Devices { return &Devices{store: c.Store} }

// Load returns a device, or ErrNoDevice.
func (d *Devices) Load(tx *store.Tx, id ID) (Device, error) { panic("todo") }

// Save writes a device.
func (d *Devices) Save(tx *store.Tx, dev Device) error { panic("todo") }

// Remove forgets a device and all its collections.
func (d *Devices) Remove(tx *store.Tx, id ID) error { panic("todo") }

// RemoveAccount forgets all devices of an account.
func (d *Devices) RemoveAccount(tx *store.Tx, account directory.AccountID) error { panic("todo") }

// List yields the devices of an account, or of all accounts when it is zero.
func (d *Devices) List(tx *store.Tx, account directory.AccountID) iter.Seq2[Device, error] {
	panic("todo")
}

// Collection returns a device's state of a folder, or ErrNoCollection.
func (d *Devices) Collection(tx *store.Tx, id ID, folder uint32) (Collection, error) { panic("todo") }

// SaveCollection writes a collection.
func (d *Devices) SaveCollection(tx *store.Tx, id ID, c Collection) error { panic("todo") }

// RemoveCollection forgets a device's state of a folder.
func (d *Devices) RemoveCollection(tx *store.Tx, id ID, folder uint32) error { panic("todo") }

// RemoveCollections forgets a device's state of all folders.
func (d *Devices) RemoveCollections(tx *store.Tx, id ID) error { panic("todo") }

// Check reports every row that breaks an invariant.
func (d *Devices) Check(ctx context.Context, report func(store.Problem)) error { panic("todo") }
