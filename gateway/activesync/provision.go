package activesync

import (
	"context"
	"strconv"

	"martlet/protocol/eas"
	"martlet/sync/device"
)

// provision gives out the policy, takes its acknowledgment, and tells a device
// to wipe itself (MS-ASPROV 3.2.5.1).
func (h *Handler) provision(ctx context.Context, s *session, q *eas.Provision) (*eas.ProvisionResponse, error) {
	resp := &eas.ProvisionResponse{Status: eas.ProvisionStatusSuccess}
	if s.version < eas.V141 { // it is not of these versions (MS-ASPROV 2.2.2.53)
		q.DeviceInformation = nil
	}
	if q.DeviceInformation != nil {
		resp.DeviceInformation = &eas.DeviceInformationDone{Status: deviceInformationStatus(q.DeviceInformation.Set)}
		if resp.DeviceInformation.Status == eas.SettingsStatusSuccess {
			if err := h.noteDevice(ctx, s, q.DeviceInformation.Set); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case len(q.Strays) > 0, q.AccountOnlyRemoteWipe != nil && s.version < eas.V161: // MS-ASPROV_R395
		resp.Status = eas.ProvisionStatusProtocolError
		return resp, nil
	case q.RemoteWipe != nil:
		return resp, h.wiped(ctx, s, resp, q.RemoteWipe.Status)
	case q.AccountOnlyRemoteWipe != nil:
		return resp, h.wiped(ctx, s, resp, q.AccountOnlyRemoteWipe.Status)
	case s.device.Wipe == device.WipePending || s.device.Wipe == device.WipeSent:
		return resp, h.wipe(ctx, s, resp)
	case q.Policies == nil: // an empty request asks whether to wipe (MS-ASPROV_R493)
		if q.DeviceInformation == nil {
			return resp, nil
		}
		fallthrough
	case len(q.Policies) != 1:
		resp.Status = eas.ProvisionStatusProtocolError // MS-ASCMD_R4989
		return resp, nil
	}
	p := q.Policies[0]
	if p.PolicyType == "" {
		resp.Status = eas.ProvisionStatusProtocolError
		return resp, nil
	}
	answer := eas.Policy{PolicyType: p.PolicyType, Status: eas.PolicyStatusSuccess}
	var err error
	switch {
	case p.PolicyType != policyType(s.version):
		answer.Status = eas.PolicyStatusUnknownPolicyType
	case p.Status == 0 && (p.PolicyKey == "" || p.PolicyKey == "0"):
		if q.DeviceInformation == nil && s.version >= eas.V141 { // MS-ASCMD_R4954
			return nil, statusError(eas.StatusDeviceInformationRequired)
		}
		err = h.offerPolicy(ctx, s, &answer)
	default:
		err = h.acknowledgePolicy(ctx, s, p, resp, &answer)
	}
	resp.Policies = []eas.Policy{answer}
	return resp, err
}

// offerPolicy is the first phase: the policy and a key that is only good for
// acknowledging it (MS-ASPROV_R650).
func (h *Handler) offerPolicy(ctx context.Context, s *session, answer *eas.Policy) error {
	key := newPolicyKey(s.device.PolicyKey)
	answer.Data = h.rules().policyData(s.version)
	if !s.validating {
		if err := h.editDevice(ctx, s, func(d *device.Device) { d.PendingPolicyKey = key }); err != nil {
			return err
		}
	}
	answer.PolicyKey = strconv.FormatUint(uint64(key), 10)
	return nil
}

// acknowledgePolicy is the second phase: the device says how far it keeps the
// policy and gets the key for all further requests (MS-ASPROV 3.2.5.1.2.1).
func (h *Handler) acknowledgePolicy(ctx context.Context, s *session, p eas.PolicyRequest, resp *eas.ProvisionResponse, answer *eas.Policy) error {
	offered, err := strconv.ParseUint(p.PolicyKey, 10, 32)
	pending := uint64(s.device.PendingPolicyKey)
	if s.validating {
		pending = offered // nothing was stored to compare with
	}
	if err != nil || offered == 0 || offered != pending {
		answer.Status = eas.PolicyStatusKeyMismatch // MS-ASPROV_R658
		return nil
	}
	switch p.Status {
	case eas.PolicyAcknowledgmentApplied:
	case eas.PolicyAcknowledgmentAppliedPartially: // MS-ASPROV_R684, R1046
		if h.rules().OnlyProvisionable {
			return statusError(eas.StatusDeviceNotFullyProvisionable)
		}
	case eas.PolicyAcknowledgmentManagedElsewhere: // MS-ASPROV_R461, R687
		if !h.rules().ManagedElsewhere {
			return statusError(eas.StatusExternallyManagedDevicesNotAllowed)
		}
	case eas.PolicyAcknowledgmentRefused:
		return statusError(eas.StatusDeviceNotFullyProvisionable)
	default:
		resp.Status = eas.ProvisionStatusProtocolError
		return nil
	}
	key := newPolicyKey(uint32(offered))
	if !s.validating {
		err = h.editDevice(ctx, s, func(d *device.Device) {
			d.PolicyKey, d.PendingPolicyKey, d.PolicyVersion = key, 0, h.rules().version()
		})
		if err != nil {
			return err
		}
	}
	answer.PolicyKey = strconv.FormatUint(uint64(key), 10)
	return nil
}

// wipe tells the device to wipe itself.
func (h *Handler) wipe(ctx context.Context, s *session, resp *eas.ProvisionResponse) error {
	if s.device.Wipe == device.WipePending {
		if err := h.editDevice(ctx, s, func(d *device.Device) { d.Wipe = device.WipeSent }); err != nil {
			return err
		}
	}
	h.directWipe(s, resp)
	return nil
}

func (h *Handler) directWipe(s *session, resp *eas.ProvisionResponse) {
	resp.AccountOnlyRemoteWipe, resp.RemoteWipe = s.device.WipeAccount, !s.device.WipeAccount
	h.sessionLog(s).Warn("wipe directive sent", "account_only", resp.AccountOnlyRemoteWipe)
}

// wiped takes the report of a wipe (MS-ASPROV 3.2.5.1.2.2). A device that
// failed is told again.
func (h *Handler) wiped(ctx context.Context, s *session, resp *eas.ProvisionResponse, status eas.WipeStatus) error {
	if s.device.Wipe != device.WipePending && s.device.Wipe != device.WipeSent {
		return nil // a report nobody asked for, or the report once more
	}
	if status != eas.WipeStatusWiped {
		resp.Status = eas.ProvisionStatusProtocolError
		h.directWipe(s, resp)
		return nil
	}
	h.sessionLog(s).Warn("device wiped itself")
	return h.editDevice(ctx, s, func(d *device.Device) {
		d.Wipe, d.PolicyKey, d.PendingPolicyKey = device.WipeDone, 0, 0
	})
}
