package activesync

import (
	"context"
	"errors"
	"time"

	"martlet/protocol/eas"
	"martlet/store"
	"martlet/sync/device"
)

// maxDevices bounds an account's partnerships. Some clients name themselves
// anew at every start; the one longest unseen makes room, so that nobody is
// locked out.
const maxDevices = 100

// admit lets a known or new device in, unless it is blocked, must wipe itself
// or must provision first.
func (h *Handler) admit(ctx context.Context, s *session) error {
	if err := h.loadDevice(ctx, s); err != nil {
		return err
	}
	if err := s.barred(); err != nil || s.command.name == "Provision" {
		return err
	}
	d := &s.device
	switch { // MS-ASPROV_R487, MS-ASCMD_R4987
	case d.PolicyKey == 0:
		return statusError(eas.StatusDeviceNotProvisioned)
	case d.PolicyVersion != h.rules().version():
		return statusError(eas.StatusPolicyRefresh)
	case s.command.free: // the request names no key, but the device has one
		return nil
	case !s.hasPolicyKey && h.rules().OnlyProvisionable: // MS-ASPROV_R458, R685
		return statusError(eas.StatusLegacyDeviceOnStrictPolicy)
	case !s.hasPolicyKey || s.policyKey == 0:
		return statusError(eas.StatusDeviceNotProvisioned)
	case s.policyKey != d.PolicyKey:
		return statusError(eas.StatusInvalidPolicyKey)
	}
	return nil
}

// barred tells why a device gets nothing, whatever it asks for: it is blocked, or
// must wipe itself, which it is told when it provisions.
func (s *session) barred() error {
	d := &s.device
	if d.Access != device.AccessAllowed {
		return statusError(eas.StatusDeviceIsBlockedForThisUser)
	}
	wipe := d.Wipe == device.WipePending || d.Wipe == device.WipeSent
	switch {
	case wipe && d.WipeAccount && s.version < eas.V161:
		// The version knows no wipe of the account alone, and nobody asked for the
		// whole device (MS-ASPROV_R653): it is kept out instead.
		return statusError(eas.StatusDeviceIsBlockedForThisUser)
	case wipe && s.command.name != "Provision":
		return statusError(eas.StatusRemoteWipeRequested)
	}
	return nil
}

// loadDevice reads the device's record and writes it when there is news. An
// idle phone writes nothing.
func (h *Handler) loadDevice(ctx context.Context, s *session) error {
	var found bool
	err := h.c.Store.View(ctx, func(tx *store.Tx) error {
		d, err := h.c.Devices.Load(tx, s.id())
		if errors.Is(err, device.ErrNoDevice) {
			return nil
		}
		s.device, found = d, true
		return err
	})
	if err != nil {
		return err
	}
	now := s.start
	if d := s.device; found && !s.describe(&d, now) {
		return nil
	}
	if !found {
		h.sessionLog(s).Info("new device", "type", s.query.DeviceType)
	}
	return h.editDevice(ctx, s, func(d *device.Device) { s.describe(d, now) })
}

// describe notes what the request tells of its device, and whether that is
// news.
func (s *session) describe(d *device.Device, now time.Time) (news bool) {
	set := func(have *string, want string) {
		if want != "" && *have != want {
			*have, news = want, true
		}
	}
	set(&d.Type, s.query.DeviceType)
	set(&d.Version, s.version.String())
	set(&d.UserAgent, bounded(s.r.UserAgent()))
	return d.Seen(now) || news
}

// maxDescription bounds each text that a device says of itself, in bytes.
const maxDescription = 1024

func bounded(s string) string {
	if len(s) > maxDescription {
		s = s[:maxDescription]
	}
	return s
}

// editDevice changes the device's record, which it makes if there is none.
func (h *Handler) editDevice(ctx context.Context, s *session, edit func(*device.Device)) error {
	id := s.id()
	var d device.Device
	err := h.c.Store.Update(ctx, func(tx *store.Tx) error {
		var err error
		d, err = h.c.Devices.Load(tx, id)
		if errors.Is(err, device.ErrNoDevice) {
			d, err = device.Device{ID: id}, h.makeRoom(tx, id)
		}
		if err != nil {
			return err
		}
		edit(&d)
		return h.c.Devices.Save(tx, d)
	})
	if err == nil {
		s.device = d
	}
	return err
}

// makeRoom forgets the device longest unseen when an account has too many.
func (h *Handler) makeRoom(tx *store.Tx, id device.ID) error {
	var (
		n      int
		oldest device.Device
	)
	for d, err := range h.c.Devices.List(tx, id.Account) {
		if err != nil {
			return err
		}
		// A wipe that is under way must not be forgotten.
		if d.Wipe == device.WipeNone && d.Access == device.AccessAllowed && (oldest.ID.Device == "" || d.LastSeen.Before(oldest.LastSeen)) {
			oldest = d
		}
		n++
	}
	if n < maxDevices {
		return nil
	}
	if oldest.ID.Device == "" {
		return statusError(eas.StatusMaximumDevicesReached)
	}
	return h.c.Devices.Remove(tx, oldest.ID)
}
