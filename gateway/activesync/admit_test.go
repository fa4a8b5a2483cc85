package activesync_test

import (
	"strconv"
	"strings"
	"testing"

	"martlet/store"
	"martlet/sync/device"
)

func TestPolicyKeyInTheWayOfTheVersion(t *testing.T) {
	h := build(t)
	body, err := fromXML(`<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, version, key string
		provision          bool
		http               int
		status             string
	}{
		{"never provisioned", "16.1", "", false, 200, "142"},
		{"key 0", "16.1", "0", true, 200, "142"},
		{"no key", "14.0", "", true, 200, "142"},
		{"wrong key", "14.0", "17", true, 200, "144"},
		{"junk", "14.1", "abc", true, 200, "144"},
		{"never provisioned, old", "12.1", "0", false, 449, ""},
		{"wrong key, old", "2.5", "17", true, 449, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPhone(t, h, "p"+strconv.Itoa(len(tt.name)), tt.version)
			if tt.provision {
				p.provision()
			}
			p.policy = tt.key
			a := p.post("FolderSync", "application/vnd.ms-sync.wbxml", body)
			if a.status != tt.http || element(a.xml, "Status") != tt.status {
				t.Errorf("HTTP %d\n%s", a.status, a.xml)
			}
		})
	}
}

func TestValidateStoresNothing(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "validate", "14.1")
	p.provision()
	if doc := p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`); element(doc, "Status") != "1" {
		t.Errorf("got\n%s", doc)
	}
	if doc := p.sync("0", "1", ""); element(doc, "Status") != "108" {
		t.Errorf("got\n%s", doc)
	}
	h.update(t, func(tx *store.Tx) error {
		for d, err := range h.devices.List(tx, h.account.ID) {
			t.Errorf("stored %v, %v", d.ID, err)
		}
		return nil
	})
}

// edit changes a device's record as an administrator would.
func (h *house) edit(t *testing.T, name string, fn func(*device.Device)) {
	t.Helper()
	h.update(t, func(tx *store.Tx) error {
		d, err := h.devices.Load(tx, device.ID{Account: h.account.ID, Device: name})
		if err != nil {
			return err
		}
		fn(&d)
		return h.devices.Save(tx, d)
	})
}

const emptyProvision = `<Provision xmlns="Provision"/>`

func TestRemoteWipe(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.ready()
	h.edit(t, "iphone", func(d *device.Device) { d.Wipe = device.WipePending })
	if doc := p.send("Ping", pingInbox); element(doc, "Status") != "140" {
		t.Errorf("Ping got\n%s", doc)
	}
	doc := p.send("Provision", emptyProvision)
	status, wipe := strings.Index(doc, "<Status>1</Status>"), strings.Index(doc, "<RemoteWipe/>")
	if status < 0 || wipe < status { // or iOS does not wipe
		t.Errorf("got\n%s", doc)
	}
	// The device could not: it is told again.
	doc = p.send("Provision", `<Provision xmlns="Provision"><RemoteWipe><Status>2</Status></RemoteWipe></Provision>`)
	if element(doc, "Status") != "2" || !strings.Contains(doc, "<RemoteWipe/>") {
		t.Errorf("got\n%s", doc)
	}
	doc = p.send("Provision", `<Provision xmlns="Provision"><RemoteWipe><Status>1</Status></RemoteWipe></Provision>`)
	if element(doc, "Status") != "1" || strings.Contains(doc, "<RemoteWipe/>") {
		t.Errorf("got\n%s", doc)
	}
	if doc := p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`); element(doc, "Status") != "142" {
		t.Errorf("a wiped device got\n%s", doc)
	}
}

func TestRemoteWipeOfAnOldDevice(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "old", "12.1")
	p.ready()
	h.edit(t, "old", func(d *device.Device) { d.Wipe = device.WipePending })
	if a := p.post("FolderSync", "", nil); a.status != 449 {
		t.Errorf("HTTP %d", a.status)
	}
	p.policy = ""
	if a := p.post("Ping", "", nil); a.status != 403 {
		t.Errorf("HTTP %d without a policy key", a.status)
	}
	if doc := p.send("Provision", emptyProvision); !strings.Contains(doc, "<RemoteWipe/>") {
		t.Errorf("got\n%s", doc)
	}
}

func TestAWipeOfTheAccountAlone(t *testing.T) { // MS-ASPROV_R66612
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.ready()
	h.edit(t, "iphone", func(d *device.Device) { d.Wipe, d.WipeAccount = device.WipePending, true })
	if doc := p.send("Provision", emptyProvision); !strings.Contains(doc, "<AccountOnlyRemoteWipe/>") || strings.Contains(doc, "<RemoteWipe/>") {
		t.Errorf("got\n%s", doc)
	}
	doc := p.send("Provision", `<Provision xmlns="Provision"><AccountOnlyRemoteWipe><Status>2</Status></AccountOnlyRemoteWipe></Provision>`)
	if element(doc, "Status") != "2" || !strings.Contains(doc, "<AccountOnlyRemoteWipe/>") { // MS-ASPROV_R66603
		t.Errorf("got\n%s", doc)
	}
	doc = p.send("Provision", `<Provision xmlns="Provision"><AccountOnlyRemoteWipe><Status>1</Status></AccountOnlyRemoteWipe></Provision>`)
	if element(doc, "Status") != "1" || strings.Contains(doc, "RemoteWipe/>") { // MS-ASPROV_R66602
		t.Errorf("got\n%s", doc)
	}
}

// Versions before 16.1 know no wipe of the account alone. The whole device must
// not be wiped in its place (MS-ASPROV_R653).
func TestAnOldDeviceIsNotWipedForItsAccount(t *testing.T) {
	h := build(t)
	for _, version := range []string{"12.1", "14.1", "16.0"} {
		p := newPhone(t, h, "v"+version, version)
		p.ready()
		h.edit(t, "v"+version, func(d *device.Device) { d.Wipe, d.WipeAccount = device.WipePending, true })
		for _, cmd := range []string{"Ping", "FolderSync", "Provision"} {
			a := p.post(cmd, "", nil)
			blocked := a.status == 200 && element(a.xml, "Status") == "129"
			if version == "12.1" {
				blocked = a.status == 403
			}
			if !blocked || strings.Contains(a.xml, "Wipe") {
				t.Errorf("%s %s: HTTP %d\n%s", version, cmd, a.status, a.xml)
			}
		}
	}
}

// MS-ASPROV_R455: what a device says that does not apply the policy at all.
func TestARefusedPolicyGivesNoKey(t *testing.T) {
	h := build(t)
	const policy = `<Provision xmlns="Provision"><Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType>`
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(t, h, "v"+version, version)
		offer := strings.Replace(policy, `<Policies>`, aboutPhone+`<Policies>`, 1) + `</Policy></Policies></Provision>`
		key := element(p.send("Provision", offer), "PolicyKey")
		body, err := fromXML(policy + `<PolicyKey>` + key + `</PolicyKey><Status>3</Status></Policy></Policies></Provision>`)
		if err != nil {
			t.Fatal(err)
		}
		a := p.post("Provision", "application/vnd.ms-sync.wbxml", body)
		if version == "12.1" && a.status != 403 || version != "12.1" && element(a.xml, "Status") != "139" || strings.Contains(a.xml, "PolicyKey") {
			t.Errorf("%s: HTTP %d\n%s", version, a.status, a.xml)
		}
	}
}

func TestABlockedDevice(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "lost", "14.1")
	p.ready()
	h.edit(t, "lost", func(d *device.Device) { d.Access = device.AccessBlocked })
	if doc := p.send("Ping", pingInbox); element(doc, "Status") != "129" {
		t.Errorf("got\n%s", doc)
	}
	p.version = "12.1"
	if a := p.post("Ping", "", nil); a.status != 403 {
		t.Errorf("HTTP %d", a.status)
	}
}

// Outlook calls itself anew at every start: the device longest unseen makes
// room, and the others keep their state.
func TestTooManyDevicesMakeRoom(t *testing.T) {
	h := build(t)
	first := newPhone(t, h, "d0", "16.1")
	first.ready()
	for i := 1; i < 103; i++ {
		newPhone(t, h, "d"+strconv.Itoa(i), "16.1").post("Provision", "", nil)
	}
	n := 0
	h.update(t, func(tx *store.Tx) error {
		n = 0
		for _, err := range h.devices.List(tx, h.account.ID) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if n != 100 {
		t.Errorf("%d devices are kept, want 100", n)
	}
	if doc := first.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`); element(doc, "Status") != "142" {
		t.Errorf("the oldest is not the one that made room:\n%s", doc)
	}
}
