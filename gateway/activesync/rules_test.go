package activesync_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/gateway/activesync"
	"martlet/mail/oof"
	"martlet/store"
	"martlet/sync/device"
)

const wbxmlType = "application/vnd.ms-sync.wbxml"

// post sends a request written as XML and takes any answer.
func (p *phone) postXML(cmd, request string) answer {
	p.t.Helper()
	body, err := fromXML(request)
	if err != nil {
		p.t.Fatalf("%s: %v in\n%s", cmd, err, request)
	}
	return p.post(cmd, wbxmlType, body)
}

// said is how an answer refuses: "200/139", or the HTTP status alone.
func (a answer) said() string {
	if a.status != http.StatusOK {
		return http.StatusText(a.status)
	}
	return element(a.xml, "Status")
}

func recoveryPassword(password string) string {
	return `<Settings xmlns="Settings"><DevicePassword><Set><Password>` + password + `</Password></Set></DevicePassword></Settings>`
}

// passwordStatus is the status of the property.
func passwordStatus(doc string) string {
	all := elements(doc, "Status")
	return all[len(all)-1]
}

func (h *house) device(t testing.TB, id string) (d device.Device) {
	t.Helper()
	err := h.store.View(context.Background(), func(tx *store.Tx) (err error) {
		d, err = h.devices.Load(tx, device.ID{Account: h.account.ID, Device: id})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// MS-ASCMD_R4396, R4398, R4400, R4402, MS-ASPROV 2.2.2.39
func TestARecoveryPasswordIsKeptWhereThePolicyAllowsIt(t *testing.T) {
	for _, version := range []string{"12.0", "12.1", "14.1", "16.1"} {
		h := build(t, activesync.Rules{PasswordRecovery: true})
		p := newPhone(t, h, "keeper", version)
		p.provision()
		if offer := p.send("Provision", `<Provision xmlns="Provision">`+aboutPhone+`<Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy></Policies></Provision>`); element(offer, "PasswordRecoveryEnabled") != "1" {
			t.Errorf("%s: the policy is\n%s", version, offer)
		}
		for _, c := range []struct{ password, status, kept string }{
			{"1234", "1", "1234"},
			{strings.Repeat("ä", 255), "1", strings.Repeat("ä", 255)},
			{strings.Repeat("a", 256), "5", strings.Repeat("ä", 255)},
			{"", "1", ""},
		} {
			if got := passwordStatus(p.send("Settings", recoveryPassword(c.password))); got != c.status {
				t.Errorf("%s: a password of %d is %s", version, len(c.password), got)
			}
			if got := h.device(t, "keeper").RecoveryPassword; got != c.kept {
				t.Errorf("%s: kept is %q", version, got)
			}
		}
		if doc := p.send("Settings", `<Settings xmlns="Settings"><DevicePassword><Set/></DevicePassword></Settings>`); doc != "<Settings xmlns=\"Settings\">\n  <Status>2</Status>\n</Settings>" {
			t.Errorf("%s: without a password:\n%s", version, doc)
		}
	}
	h := build(t)
	p := newPhone(t, h, "keeper", "16.1")
	p.provision()
	if got := passwordStatus(p.send("Settings", recoveryPassword("1234"))); got != "7" {
		t.Errorf("forbidden: %s", got)
	}
	if got := passwordStatus(p.send("Settings", recoveryPassword(strings.Repeat("x", 263)))); got != "5" {
		t.Errorf("forbidden and too long: %s", got)
	}
}

// MS-ASPROV_R1046, R684, R461, R687 and the HTTP statuses before 14.0.
func TestHowFarAPhoneMustKeepThePolicy(t *testing.T) {
	const yes = "1"
	for _, c := range []struct {
		name      string
		rules     activesync.Rules
		ack       string
		want, old string // since 14.0, before
	}{
		{"in part", activesync.Rules{}, "2", yes, yes},
		{"in part, whole wanted", activesync.Rules{OnlyProvisionable: true}, "2", "139", "Forbidden"},
		{"not at all", activesync.Rules{}, "3", "139", "Forbidden"},
		{"managed elsewhere", activesync.Rules{}, "4", "145", "Forbidden"},
		{"managed elsewhere, allowed", activesync.Rules{ManagedElsewhere: true}, "4", yes, yes},
		{"a value that is none", activesync.Rules{}, "5", "2", "2"},
	} {
		h := build(t, c.rules)
		for _, version := range []string{"12.1", "14.0", "14.1", "16.0", "16.1"} {
			want := c.want
			if version == "12.1" {
				want = c.old
			}
			p := newPhone(t, h, "v"+version, version)
			key := element(p.send("Provision", `<Provision xmlns="Provision">`+aboutPhone+`<Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy></Policies></Provision>`), "PolicyKey")
			a := p.postXML("Provision", `<Provision xmlns="Provision"><Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType><PolicyKey>`+key+`</PolicyKey><Status>`+c.ack+`</Status></Policy></Policies></Provision>`)
			got := a.said()
			if a.status == http.StatusOK && len(elements(a.xml, "Status")) > 1 && strings.Contains(a.xml, "<Settings") {
				got = elements(a.xml, "Status")[1]
			}
			if got != want || (want == yes) != (h.device(t, "v"+version).PolicyKey != 0) {
				t.Errorf("%s, %s: %s, want %s\n%s", c.name, version, got, want, a.xml)
			}
		}
	}
}

// MS-ASPROV_R458, R685: 142 tells a phone that can provision to do so.
func TestAPhoneWithoutAPolicyKey(t *testing.T) {
	for _, strict := range []bool{false, true} {
		h := build(t, activesync.Rules{OnlyProvisionable: strict})
		for _, version := range []string{"12.1", "14.0", "14.1", "16.1"} {
			p := newPhone(t, h, "v"+version, version)
			p.provision()
			for _, key := range []string{"", "0"} {
				p.policy = key
				want := "142"
				if key == "" && strict {
					want = "141"
				}
				a := p.postXML("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`)
				if got := element(a.xml, "Status"); version == "12.1" && a.status != 449 || version != "12.1" && got != want {
					t.Errorf("strict %v, %s, key %q: HTTP %d\n%s", strict, version, key, a.status, a.xml)
				}
			}
		}
	}
}

// MS-ASCMD_R4954: only the first request of the two must tell of the device.
func TestProvisionWantsToKnowTheDevice(t *testing.T) {
	h := build(t)
	for version, want := range map[string]string{"12.1": "1", "14.0": "1", "14.1": "165", "16.0": "165", "16.1": "165"} {
		p := newPhone(t, h, "v"+version, version)
		doc := p.send("Provision", `<Provision xmlns="Provision"><Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy></Policies></Provision>`)
		if element(doc, "Status") != want || want == "165" && strings.Contains(doc, "Policy") {
			t.Errorf("%s:\n%s", version, doc)
		}
	}
}

// MS-ASPROV_R395, R450: a Policy outside of Policies, and what a version does not have.
func TestProvisionThatIsNotFormedAsItShouldBe(t *testing.T) {
	h := build(t)
	for _, version := range []string{"12.1", "14.0", "14.1", "16.0", "16.1"} {
		p := newPhone(t, h, "v"+version, version)
		requests := []string{aboutPhone + `<Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy>`, `<Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy>`,
			`<Policies/>`, `<Policies><Policy/></Policies>`}
		if version != "16.1" {
			requests = append(requests, `<AccountOnlyRemoteWipe><Status>1</Status></AccountOnlyRemoteWipe>`)
		}
		for _, request := range requests {
			all := elements(p.send("Provision", `<Provision xmlns="Provision">`+request+`</Provision>`), "Status")
			if len(all) == 0 || all[len(all)-1] != "2" {
				t.Errorf("%s: %s: %q", version, request, all)
			}
		}
	}
}

// The policy changed while the phone was away: it gets the new one (143).
func TestAnotherPolicyIsFetched(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, 0)
	h.populate(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	account := h.account
	h.close(t)
	h = open(t, dir, 0, activesync.Rules{PasswordRecovery: true})
	defer h.close(t)
	h.account, p.house = account, h
	if doc := p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`); element(doc, "Status") != "143" {
		t.Errorf("got\n%s", doc)
	}
	p.provision()
	if p.folderSync() == "" {
		t.Error("it is not let in")
	}
}

// A message that a phone sends to a colleague is answered at once.
func TestAnAbsentColleagueAnswersAPhone(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	p.send("Settings", `<Settings xmlns="Settings"><Oof><Set><OofState>1</OofState><OofMessage><AppliesToInternal/><Enabled>1</Enabled><ReplyMessage>In the Alps.</ReplyMessage><BodyType>Text</BodyType></OofMessage></Set></Oof></Settings>`)
	if state := h.absence(t); state.State != oof.On || state.Messages[oof.Internal].Text != "In the Alps." {
		t.Errorf("kept is %+v", state)
	}
	bob, err := h.directory.AddUser(context.Background(), bobAccount(), testPassword)
	if err != nil {
		t.Fatal(err)
	}
	other := newPhone(t, h, "android", "14.1")
	other.login = bob.Login
	other.provision()
	for i := range 2 {
		other.send("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>`+string(rune('a'+i))+`</ClientId><Mime>To: anna@example.org&#13;&#10;Subject: Lunch&#13;&#10;&#13;&#10;Today?&#13;&#10;</Mime></SendMail>`)
	}
	other.folderSync()
	key := element(other.sync("0", "1", ""), "SyncKey")
	doc := other.sync(key, "1", bigWindow)
	if got := elements(doc, "Subject"); len(got) != 1 || got[0] != "Automatic reply: Lunch" || !strings.Contains(doc, "In the Alps.") {
		t.Errorf("bob sees %q in\n%s", got, doc)
	}
}

func (h *house) absence(t testing.TB) (a oof.Absence) {
	t.Helper()
	err := h.store.View(context.Background(), func(tx *store.Tx) (err error) {
		a, err = oof.New(h.store).Load(tx, h.account.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func bobAccount() directory.Account {
	return directory.Account{Login: "bob@example.org", Name: "Bob", ActiveSync: true}
}

// What a phone asked for earlier, and what it asks for now, is held to the
// bounds of this moment (MS-ASCMD 2.2.3.177.11, 2.2.3.177.17).
func TestTheBoundsOfHeartbeatsChangeWhileTheServerRuns(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "16.1")
	key := p.ready()
	c := p.later("Ping", pingInbox)
	waitHeld(t, h.server, 1)
	h.server.Reconfigure(activesync.Rules{MinHeartbeat: 100 * time.Second, MaxHeartbeat: 300 * time.Second}, nil)
	h.deliver(t, 1, plainMail, 0)
	if doc := <-c; element(doc, "Status") != "2" {
		t.Errorf("a Ping that was held by then:\n%s", doc)
	}
	for _, body := range []string{"", pingInbox} {
		if doc := p.send("Ping", body); element(doc, "Status") != "5" || element(doc, "HeartbeatInterval") != "300" {
			t.Errorf("%q: got\n%s", body, doc)
		}
	}
	doc := p.send("Sync", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>`+key+`</SyncKey><CollectionId>1</CollectionId></Collection></Collections><HeartbeatInterval>60</HeartbeatInterval></Sync>`)
	if element(doc, "Status") != "14" || element(doc, "Limit") != "100" {
		t.Errorf("Sync: got\n%s", doc)
	}
}
