package activesync_test

import (
	"fmt"
	"strings"
	"testing"
)

// Requests that are WBXML and the command's own, but not formed as it wants:
// elements twice, missing, with a value that is none, too many, too long. The
// last status of the answer counts; "" is none at all.
func TestFormsOfSettingsAndProvision(t *testing.T) {
	const (
		oofGet = `<Oof><Get><BodyType>Text</BodyType></Get></Oof>`
		policy = `<Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy></Policies>`
	)
	device := func(in string) string { return `<DeviceInformation><Set>` + in + `</Set></DeviceInformation>` }
	for _, c := range []struct {
		name, cmd, in, want string
		from                string // the first version
	}{
		{"nothing asked", "Settings", ``, "1", "12.0"},
		{"a property twice", "Settings", oofGet + oofGet, "2", "12.0"},
		{"Get twice", "Settings", `<UserInformation><Get/><Get/></UserInformation>`, "2", "12.0"},
		{"Get missing", "Settings", `<UserInformation/>`, "2", "12.0"},
		{"Set in what is read", "Settings", `<UserInformation><Set/></UserInformation>`, "2", "12.0"},
		{"Get in what is written", "Settings", `<DevicePassword><Get/></DevicePassword>`, "2", "12.0"},
		{"a password twice", "Settings", `<DevicePassword><Set><Password>1</Password><Password>2</Password></Set></DevicePassword>`, "2", "12.0"},
		{"a description without a word", "Settings", device(``), "2", "12.0"},
		{"a model twice", "Settings", device(`<Model>1</Model><Model>2</Model>`), "2", "12.0"},
		{"a switch with another value", "Settings", device(`<EnableOutboundSMS>2</EnableOutboundSMS>`), "5", "14.0"},
		{"a switch that is none", "Settings", device(`<EnableOutboundSMS>on</EnableOutboundSMS>`), "2", "14.0"},
		{"a long model", "Settings", device(`<Model>` + strings.Repeat("x", 5000) + `</Model>`), "1", "12.0"},
		{"a time that is none", "Settings", `<Oof><Set><OofState>2</OofState><StartTime>tomorrow</StartTime><EndTime>2030-01-01T00:00:00.000Z</EndTime></Set></Oof>`, "2", "12.0"},
		{"four audiences", "Settings", `<Oof><Set>` + strings.Repeat(`<OofMessage><AppliesToInternal/><Enabled>0</Enabled></OofMessage>`, 4) + `</Set></Oof>`, "6", "12.0"},
		{"a message that is too long", "Settings", `<Oof><Set><OofMessage><AppliesToInternal/><ReplyMessage>` + strings.Repeat("x", 128<<10+1) + `</ReplyMessage><BodyType>Text</BodyType></OofMessage></Set></Oof>`, "5", "12.0"},
		{"rights without Get", "Settings", `<RightsManagementInformation/>`, "2", "14.1"},
		{"rights", "Settings", `<RightsManagementInformation><Get/></RightsManagementInformation>`, "168", "14.1"},
		{"two policies", "Provision", aboutPhone + `<Policies>` + strings.Repeat(`<Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy>`, 2) + `</Policies>`, "2", "12.0"},
		{"Policies twice", "Provision", aboutPhone + policy + policy, "2", "12.0"},
		{"a type twice", "Provision", aboutPhone + `<Policies><Policy><PolicyType>x</PolicyType><PolicyType>y</PolicyType></Policy></Policies>`, "2", "12.0"},
		{"a type that is none", "Provision", aboutPhone + `<Policies><Policy><PolicyType>InvalidMS-EAS-Provisioning-WBXML</PolicyType></Policy></Policies>`, "3", "12.0"},
		{"the type of 2.5", "Provision", aboutPhone + `<Policies><Policy><PolicyType>MS-WAP-Provisioning-XML</PolicyType></Policy></Policies>`, "3", "12.0"},
		{"a key that was never given", "Provision", `<Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType><PolicyKey>1234567890</PolicyKey><Status>1</Status></Policy></Policies>`, "5", "12.0"},
		{"a key that is no number", "Provision", `<Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType><PolicyKey>x</PolicyKey><Status>1</Status></Policy></Policies>`, "5", "12.0"},
		{"a status that is no number", "Provision", `<Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType><PolicyKey>1</PolicyKey><Status>yes</Status></Policy></Policies>`, "2", "12.0"},
		{"a report nobody asked for", "Provision", `<RemoteWipe><Status>1</Status></RemoteWipe>`, "1", "12.0"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			h := build(t)
			for _, version := range []string{"12.0", "12.1", "14.0", "14.1", "16.0", "16.1"} {
				if version < c.from {
					continue
				}
				p := newPhone(t, h, "v"+strings.ReplaceAll(version, ".", ""), version)
				p.provision()
				all := elements(p.send(c.cmd, fmt.Sprintf(`<%s xmlns="%[1]s">%s</%[1]s>`, c.cmd, c.in)), "Status")
				got := ""
				if len(all) > 0 {
					got = all[len(all)-1]
				}
				if c.want == "168" && len(all) > 1 {
					got = all[1]
				}
				if got != c.want {
					t.Errorf("%s: %q, want %s", version, all, c.want)
				}
			}
		})
	}
}
