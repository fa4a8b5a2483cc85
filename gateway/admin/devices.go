package admin

import (
	"context"
	"fmt"
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
