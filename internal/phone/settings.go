package phone

import (
	"context"
	"fmt"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Settings sends a Settings request.
func (p *Phone) Settings(ctx context.Context, req *eas.Settings) (*eas.SettingsResponse, error) {
	var resp eas.SettingsResponse
	if err := p.Call(ctx, "Settings", Params{}, req, &resp); err != nil {
		return nil, err
	}
	return &resp, statusError("Settings", resp.Status, eas.SettingsStatusSuccess)
}

// SendDeviceInformation tells the server about the phone.
func (p *Phone) SendDeviceInformation(ctx context.Context) error {
	resp, err := p.Settings(ctx, &eas.Settings{Properties: []eas.SettingsProperty{
		{DeviceInformation: &eas.DeviceInformationSet{Set: p.deviceInformation()}},
	}})
	if err != nil {
		return err
	}
	for _, r := range resp.Properties {
		if r.DeviceInformation != nil {
			return statusError("Settings", r.DeviceInformation.Status, eas.SettingsStatusSuccess)
		}
	}
	return fmt.Errorf("phone: Settings: no answer about DeviceInformation")
}

// Addresses asks for the user's addresses, in either of the two forms.
func (p *Phone) Addresses(ctx context.Context) ([]string, error) {
	resp, err := p.Settings(ctx, &eas.Settings{Properties: []eas.SettingsProperty{
		{UserInformation: &eas.GetEmpty{Get: &wbxml.Empty{}}},
	}})
	if err != nil {
		return nil, err
	}
	var info *eas.UserInformationResult
	for _, r := range resp.Properties {
		if r.UserInformation != nil {
			info = r.UserInformation
		}
	}
	if info == nil || info.Get == nil {
		return nil, fmt.Errorf("phone: Settings: no answer about UserInformation")
	}
	if err := statusError("Settings", info.Status, eas.SettingsStatusSuccess); err != nil {
		return nil, err
	}
	var out []string
	if info.Get.EmailAddresses != nil {
		out = info.Get.EmailAddresses.SMTPAddresses
	}
	for _, a := range info.Get.Accounts {
		if a.EmailAddresses != nil {
			out = append(out, a.EmailAddresses.SMTPAddresses...)
		}
	}
	return out, nil
}
