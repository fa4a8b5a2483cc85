package admin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"martlet/store"
	"martlet/sync/device"
)

// Device is a phone as shown to an administrator.
type Device struct {
	Login     string    `json:"login"`
	ID        string    `json:"id"`
	Type      string    `json:"type,omitempty"`
	Model     string    `json:"model,omitempty"`
	Name      string    `json:"name,omitempty"`
	OS        string    `json:"os,omitempty"`
	Version   string    `json:"version,omitempty"` // of the protocol
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Password  bool      `json:"password"` // a recovery password is kept
	Recovery  string    `json:"recovery_password,omitempty"`

	UserAgent string `json:"user_agent,omitempty"`
	Heartbeat uint32 `json:"heartbeat,omitempty"` // seconds, of its last Ping
	// HeldLimit is the age in seconds at which its held requests end when it
	// comes from HeldPeer; zero: they live as long as they should.
	HeldLimit uint32 `json:"held_limit,omitempty"`
	HeldPeer  string `json:"held_peer,omitempty"`
}

// DeviceRequest names a user's device.
type DeviceRequest struct {
	Login  string `json:"login"`
	Device string `json:"device"`
}

func (a *Admin) listDevices(ctx context.Context, in UserRequest) ([]Device, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return nil, err
	}
	var all []Device
	err = a.c.Store.View(ctx, func(tx *store.Tx) error {
		all = []Device{}
		for d, err := range a.c.Devices.List(tx, acc.ID) {
			if err != nil {
				return err
			}
			all = append(all, shownDevice(acc.Login, &d))
		}
		return nil
	})
	return all, err
}

func shownDevice(login string, d *device.Device) Device {
	return Device{
		Login: login, ID: d.ID.Device, Type: d.Type, Model: d.Model, Name: d.FriendlyName, OS: d.OS, Version: d.Version,
		FirstSeen: d.FirstSeen, LastSeen: d.LastSeen, Password: d.RecoveryPassword != "",
		UserAgent: d.UserAgent, Heartbeat: d.PingHeartbeat, HeldLimit: d.HeldLimit, HeldPeer: d.HeldPeer,
	}
}

// devicePassword tells the password by which a device is opened whose user
// forgot the own one. It is the one operation that gives out a secret, and the
// log says that it was asked for.
func (a *Admin) devicePassword(ctx context.Context, in DeviceRequest) (out Device, err error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return out, err
	}
	err = a.c.Store.View(ctx, func(tx *store.Tx) error {
		d, err := a.c.Devices.Load(tx, device.ID{Account: acc.ID, Device: in.Device})
		if err != nil {
			return fmt.Errorf("%w: %s", err, in.Device)
		}
		out = shownDevice(acc.Login, &d)
		out.Recovery = d.RecoveryPassword
		return nil
	})
	if err == nil {
		a.log.Warn("recovery password shown", "login", acc.Login, "account", acc.ID, "device", in.Device)
	}
	return out, err
}

func (a *Admin) showDevice(ctx context.Context, in DeviceRequest) (out Device, err error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return out, err
	}
	err = a.c.Store.View(ctx, func(tx *store.Tx) error {
		d, err := a.c.Devices.Load(tx, device.ID{Account: acc.ID, Device: in.Device})
		if err != nil {
			return fmt.Errorf("%w: %s", err, in.Device)
		}
		out = shownDevice(acc.Login, &d)
		return nil
	})
	return out, err
}

// Cut counts the devices whose held requests end at one age.
type Cut struct {
	Seconds uint32 `json:"seconds"`
	Peer    string `json:"peer"` // the network they come from
	Devices int    `json:"devices"`
}

// Examined is what the store tells whoever looks for what is wrong.
type Examined struct {
	Domains []string `json:"domains"`
	Devices int      `json:"devices"` // all there are
	Cuts    []Cut    `json:"cuts"`    // connections that are cut, most devices first
	Queue   Waiting  `json:"queue"`
}

func (a *Admin) examine(ctx context.Context, _ Nothing) (out Examined, err error) {
	if out.Queue, err = a.waiting(ctx); err != nil {
		return out, err
	}
	for d, err := range a.c.Directory.Domains(ctx) {
		if err != nil {
			return out, err
		}
		out.Domains = append(out.Domains, d.Name)
	}
	type where struct {
		seconds uint32
		peer    string
	}
	found := map[where]int{}
	err = a.c.Store.View(ctx, func(tx *store.Tx) error {
		for d, err := range a.c.Devices.List(tx, 0) {
			if err != nil {
				return err
			}
			out.Devices++
			if d.HeldLimit != 0 {
				found[where{d.HeldLimit, d.HeldPeer}]++
			}
		}
		return nil
	})
	out.Cuts = make([]Cut, 0, len(found))
	for w, n := range found {
		out.Cuts = append(out.Cuts, Cut{w.seconds, w.peer, n})
	}
	slices.SortFunc(out.Cuts, func(a, b Cut) int {
		return cmp.Or(b.Devices-a.Devices, cmp.Compare(a.Seconds, b.Seconds), cmp.Compare(a.Peer, b.Peer))
	})
	return out, err
}

// Device shows one of a user's devices.
func (c Client) Device(ctx context.Context, login, id string) (Device, error) {
	return ask[Device](ctx, c, "device.show", DeviceRequest{Login: login, Device: id})
}

// Examine tells what is in the store, for whoever looks for what is wrong.
func (c Client) Examine(ctx context.Context) (Examined, error) {
	return ask[Examined](ctx, c, "examine", Nothing{})
}
