package activesync

import (
	"context"
	"slices"
	"unicode/utf8"

	"martlet/directory"
	"martlet/protocol/eas"
	"martlet/sync/device"
)

// settings reads and writes properties of the user and the device in the order
// in which they are asked for (MS-ASCMD 2.2.1.18, MS-ASCMD_R478).
func (h *Handler) settings(ctx context.Context, s *session, q *eas.Settings) (*eas.SettingsResponse, error) {
	resp := &eas.SettingsResponse{Status: eas.SettingsStatusSuccess}
	if namesTwice(q.Properties) || s.version < eas.V141 && asksForRights(q.Properties) {
		resp.Status = eas.SettingsStatusProtocolError // MS-ASCMD_R483
		return resp, nil
	}
	for i := range q.Properties {
		r, err := h.setting(ctx, s, &q.Properties[i])
		if err != nil {
			return nil, err
		}
		resp.Properties = append(resp.Properties, r)
	}
	return resp, nil
}

// namesTwice tells whether a property stands twice in a request (MS-ASCMD_R477).
func namesTwice(all []eas.SettingsProperty) bool {
	var rights, oof, password, device, user int
	for i := range all {
		switch p := &all[i]; {
		case p.RightsManagementInformation != nil:
			rights++
		case p.Oof != nil:
			oof++
		case p.DevicePassword != nil:
			password++
		case p.DeviceInformation != nil:
			device++
		case p.UserInformation != nil:
			user++
		}
	}
	return max(rights, oof, password, device, user) > 1
}

// asksForRights tells whether a request has the property that came with 14.1
// (MS-ASCMD_R7278, R7280).
func asksForRights(all []eas.SettingsProperty) bool {
	return slices.ContainsFunc(all, func(p eas.SettingsProperty) bool { return p.RightsManagementInformation != nil })
}

// setting answers one property.
func (h *Handler) setting(ctx context.Context, s *session, q *eas.SettingsProperty) (r eas.SettingsResult, err error) {
	switch {
	case q.RightsManagementInformation != nil:
		r.RightsManagementInformation = &eas.RightsManagementResult{
			Status: eas.StatusIRMFeatureDisabled, Get: &eas.RightsManagementGet{Templates: []eas.RightsManagementTemplate{}},
		}
		if q.RightsManagementInformation.Get == nil {
			r.RightsManagementInformation.Status = eas.SettingsStatusProtocolError
		}
	case q.Oof != nil:
		r.Oof, err = h.oof(ctx, s, q.Oof)
	case q.DevicePassword != nil:
		r.DevicePassword, err = h.devicePassword(ctx, s, q.DevicePassword)
	case q.DeviceInformation != nil:
		r.DeviceInformation = &eas.DeviceInformationDone{Status: deviceInformationStatus(q.DeviceInformation.Set)}
		if r.DeviceInformation.Status == eas.SettingsStatusSuccess {
			err = h.noteDevice(ctx, s, q.DeviceInformation.Set)
		}
	case q.UserInformation != nil:
		r.UserInformation = userInformation(s.account, s.version, q.UserInformation.Get != nil)
	}
	return r, err
}

// maxRecoveryPassword is how long a recovery password may be, in characters
// (MS-ASCMD_R4400).
const maxRecoveryPassword = 255

// devicePassword keeps the password by which an administrator opens the device
// for somebody who forgot the own one (MS-ASCMD 2.2.3.46); an empty one is
// forgotten.
func (h *Handler) devicePassword(ctx context.Context, s *session, q *eas.DevicePassword) (*eas.DevicePasswordDone, error) {
	done := &eas.DevicePasswordDone{Status: eas.SettingsStatusSuccess}
	switch {
	case q.Set == nil:
		done.Status = eas.SettingsStatusProtocolError
	case utf8.RuneCountInString(q.Set.Password) > maxRecoveryPassword:
		done.Status = eas.SettingsStatusInvalidArguments
	case !h.rules().PasswordRecovery: // MS-ASCMD_R4402
		done.Status = eas.SettingsStatusDeniedByPolicy
	case s.validating || s.device.RecoveryPassword == q.Set.Password:
	default:
		return done, h.editDevice(ctx, s, func(d *device.Device) { d.RecoveryPassword = q.Set.Password })
	}
	return done, nil
}

// userInformation lists the user's addresses (MS-ASCMD 2.2.3.193).
func userInformation(a directory.Account, v eas.Version, get bool) *eas.UserInformationResult {
	if !get {
		return &eas.UserInformationResult{Status: eas.SettingsStatusProtocolError}
	}
	all := &eas.EmailAddresses{SMTPAddresses: append([]string{a.Login}, a.Aliases...)}
	info := &eas.UserInformation{}
	if v < eas.V141 { // MS-ASCMD_R6672
		info.EmailAddresses = all
	} else {
		all.PrimarySMTPAddress = a.Login
		info.Accounts = []eas.Account{{EmailAddresses: all}}
	}
	return &eas.UserInformationResult{Status: eas.SettingsStatusSuccess, Get: info}
}

// deviceInformationStatus tells whether the description can be taken. What it
// leaves out is no error as long as it says anything (MS-ASCMD_R3944).
func deviceInformationStatus(info *eas.DeviceInformation) eas.SettingsStatus {
	switch {
	case info == nil, *info == eas.DeviceInformation{}:
		return eas.SettingsStatusProtocolError
	case info.EnableOutboundSMS != nil && *info.EnableOutboundSMS > 1: // MS-ASCMD 2.2.3.60
		return eas.SettingsStatusInvalidArguments
	}
	return eas.SettingsStatusSuccess
}

// noteDevice keeps what a device says of itself (MS-ASCMD 2.2.3.45).
func (h *Handler) noteDevice(ctx context.Context, s *session, info *eas.DeviceInformation) error {
	if info == nil || s.validating {
		return nil
	}
	d := s.device
	if !describeDevice(&d, info) {
		return nil
	}
	return h.editDevice(ctx, s, func(d *device.Device) { describeDevice(d, info) })
}

// describeDevice sets what is given and tells whether that is news.
func describeDevice(d *device.Device, info *eas.DeviceInformation) (news bool) {
	set := func(have *string, want *string) {
		if want != nil && *have != bounded(*want) {
			*have, news = bounded(*want), true
		}
	}
	set(&d.Model, info.Model)
	set(&d.IMEI, info.IMEI)
	set(&d.FriendlyName, info.FriendlyName)
	set(&d.OS, info.OS)
	set(&d.OSLanguage, info.OSLanguage)
	set(&d.PhoneNumber, info.PhoneNumber)
	if d.UserAgent == "" { // the header says it with every request, and may say it differently
		set(&d.UserAgent, info.UserAgent)
	}
	set(&d.Operator, info.MobileOperator)
	if sms := info.EnableOutboundSMS; sms != nil && d.OutboundSMS != (*sms == 1) {
		d.OutboundSMS, news = *sms == 1, true
	}
	return news
}
