package phone

import (
	"context"
	"fmt"
	"strconv"

	"martlet/protocol/eas"
)

// Provisioned is the policy that Provision brought into force.
type Provisioned struct {
	Key    uint32
	Policy *eas.EASProvisionDoc // nil when the server has none, or only XML
	XML    string               // the policy of 2.5
}

// Provision gets the policy and acknowledges it as applied, in two requests
// (MS-ASPROV 3.1.5.1). A server without a policy is no error. When the server
// wants the device to be wiped it returns ErrWipe, and the wipe is to be
// reported with ReportWipe.
func (p *Phone) Provision(ctx context.Context) (Provisioned, error) {
	kind := eas.PolicyTypeWBXML
	if p.cfg.Version == eas.V25 {
		kind = eas.PolicyTypeXML
	}
	req := &eas.Provision{Policies: []eas.PolicyRequest{{PolicyType: kind}}}
	if p.cfg.Version >= eas.V141 {
		req.DeviceInformation = &eas.DeviceInformationSet{Set: p.deviceInformation()}
	}
	p.SetPolicyKey(0)
	first, policy, err := p.provision(ctx, req)
	if err != nil {
		return Provisioned{}, err
	}
	if len(first.Policies) > 0 && policy.Status == eas.PolicyStatusNoPolicy {
		return Provisioned{}, nil
	}
	if err := statusError("Provision", policy.Status, eas.PolicyStatusSuccess); err != nil {
		return Provisioned{}, err
	}
	out := Provisioned{}
	if policy.Data != nil {
		out.Policy, out.XML = policy.Data.Doc, policy.Data.XML
	}
	_, confirmed, err := p.provision(ctx, &eas.Provision{Policies: []eas.PolicyRequest{{
		PolicyType: kind, PolicyKey: policy.PolicyKey, Status: eas.PolicyAcknowledgmentApplied,
	}}})
	if err != nil {
		return Provisioned{}, err
	}
	if err := statusError("Provision", confirmed.Status, eas.PolicyStatusSuccess); err != nil {
		return Provisioned{}, err
	}
	key, err := strconv.ParseUint(confirmed.PolicyKey, 10, 32)
	if err != nil || key == 0 {
		return Provisioned{}, fmt.Errorf("phone: Provision: %q is no policy key", confirmed.PolicyKey)
	}
	p.SetPolicyKey(uint32(key))
	out.Key = uint32(key)
	return out, nil
}

func (p *Phone) provision(ctx context.Context, req *eas.Provision) (*eas.ProvisionResponse, eas.Policy, error) {
	var resp eas.ProvisionResponse
	if err := p.Call(ctx, "Provision", Params{}, req, &resp); err != nil {
		return nil, eas.Policy{}, err
	}
	if err := statusError("Provision", resp.Status, eas.ProvisionStatusSuccess); err != nil {
		return nil, eas.Policy{}, err
	}
	if resp.RemoteWipe || resp.AccountOnlyRemoteWipe {
		return nil, eas.Policy{}, ErrWipe
	}
	if len(resp.Policies) != 1 {
		return nil, eas.Policy{}, fmt.Errorf("phone: Provision: %d policies", len(resp.Policies))
	}
	return &resp, resp.Policies[0], nil
}

// ReportWipe tells the server how the wipe that it asked for went.
func (p *Phone) ReportWipe(ctx context.Context, status eas.WipeStatus, accountOnly bool) error {
	req := &eas.Provision{}
	if accountOnly {
		req.AccountOnlyRemoteWipe = &eas.WipeReport{Status: status}
	} else {
		req.RemoteWipe = &eas.WipeReport{Status: status}
	}
	var resp eas.ProvisionResponse
	if err := p.Call(ctx, "Provision", Params{}, req, &resp); err != nil {
		return err
	}
	return statusError("Provision", resp.Status, eas.ProvisionStatusSuccess)
}

func (p *Phone) deviceInformation() *eas.DeviceInformation {
	model, system, name := p.cfg.DeviceType, "Martlet Phone 1.0", p.cfg.DeviceType+" of "+p.cfg.User
	return &eas.DeviceInformation{Model: &model, OS: &system, FriendlyName: &name, UserAgent: &p.cfg.UserAgent}
}
