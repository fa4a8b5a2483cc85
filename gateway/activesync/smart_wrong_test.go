package activesync_test

import (
	"context"
	"html"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
)

func TestWrongSmartRequests(t *testing.T) {
	h := build(t)
	it := h.deliver(t, 1, toAll, time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC).UnixMilli())
	single := h.deliver(t, 1, invitation, 0)
	source := `<Source><FolderId>1</FolderId><ItemId>` + serverID(it) + `</ItemId></Source>`
	type row struct{ what, children, status string }
	common := []row{
		{"no ClientId", source + opaque(mine), "103"}, // MS-ASCMD_R1334
		{"no Source", `<ClientId>w</ClientId>` + opaque(mine), "103"},
		{"an empty Source", `<ClientId>w</ClientId><Source/>` + opaque(mine), "103"},
		{"no Mime", `<ClientId>w</ClientId>` + source, "103"},
		{"an empty Mime", `<ClientId>w</ClientId>` + source + `<Mime/>`, "107"},
		{"a ClientId too long", `<ClientId>` + strings.Repeat("x", 65) + `</ClientId>` + source + opaque(mine), "103"},
		{"LongId and ItemId", `<ClientId>w</ClientId><Source><FolderId>1</FolderId><ItemId>1:1</ItemId><LongId>1:1:1</LongId></Source>` + opaque(mine), "105"},
		{"LongId and InstanceId", `<ClientId>w</ClientId><Source><LongId>1:1:1</LongId><InstanceId>2026-06-01T10:00:00.000Z</InstanceId></Source>` + opaque(mine), "105"},
		{"a folder alone", `<ClientId>w</ClientId><Source><FolderId>1</FolderId></Source>` + opaque(mine), "105"},
		{"an item without its folder", `<ClientId>w</ClientId><Source><ItemId>1:1</ItemId></Source>` + opaque(mine), "105"},
		{"an id that is none", `<ClientId>w</ClientId><Source><FolderId>1</FolderId><ItemId>nonsense</ItemId></Source>` + opaque(mine), "106"},
		{"a LongId that is none", `<ClientId>w</ClientId><Source><LongId>nonsense</LongId></Source>` + opaque(mine), "106"},
		{"an item that is not there", `<ClientId>w</ClientId><Source><FolderId>1</FolderId><ItemId>1:999</ItemId></Source>` + opaque(mine), "150"}, // MS-ASCMD_R4930
		{"a LongId of nothing", `<ClientId>w</ClientId><Source><LongId>1:999:999</LongId></Source>` + opaque(mine), "150"},
		{"another folder", `<ClientId>w</ClientId><Source><FolderId>2</FolderId><ItemId>1:1</ItemId></Source>` + opaque(mine), "150"},
		{"an account", `<ClientId>w</ClientId>` + source + `<AccountId>work</AccountId>` + opaque(mine), "166"},                                          // MS-ASCMD_R724
		{"rights management", `<ClientId>w</ClientId>` + source + opaque(mine) + `<TemplateID xmlns="RightsManagement">t</TemplateID>`, "168"},           // MS-ASCMD_R4960
		{"no date", `<ClientId>w</ClientId><Source><FolderId>1</FolderId><ItemId>1:1</ItemId><InstanceId>x</InstanceId></Source>` + opaque(mine), "104"}, // MS-ASCMD_R541, R578
		{"an occurrence of what does not recur", `<ClientId>w</ClientId><Source><FolderId>1</FolderId><ItemId>1:1</ItemId><InstanceId>2026-06-01T10:00:00.000Z</InstanceId></Source>` + opaque(mine), "146"},
		{"an occurrence of a meeting that does not recur", `<ClientId>w</ClientId><Source><FolderId>1</FolderId><ItemId>` + serverID(single) + `</ItemId><InstanceId>2026-06-10T10:00:00.000Z</InstanceId></Source>` + opaque(mine), "146"}, // MS-ASCMD_R4919
		{"to nobody", `<ClientId>w</ClientId>` + source + opaque("Subject: x\r\n\r\ny"), "119"},
	}
	forwardees := `<Forwardees><Forwardee><Email>ben@example.com</Email></Forwardee></Forwardees>`
	body := `<Body xmlns="AirSyncBase"><Type>1</Type><EstimatedDataSize>1</EstimatedDataSize><Data>x</Data></Body>`
	modern := []row{
		{"Forwardees and Mime", `<ClientId>w</ClientId>` + source + opaque(mine) + forwardees, "178"}, // MS-ASCMD_R7467
		{"Body and Mime", `<ClientId>w</ClientId>` + source + opaque(mine) + body, "178"},             // MS-ASCMD_R7468
		{"Forwardees and SaveInSentItems", `<ClientId>w</ClientId>` + source + `<SaveInSentItems/>` + forwardees, "178"},
		{"Forwardees and ReplaceMime", `<ClientId>w</ClientId>` + source + `<ReplaceMime/>` + forwardees, "178"},
		{"Body without Forwardees", `<ClientId>w</ClientId>` + source + body, "179"},
		{"a Forwardee without address", `<ClientId>w</ClientId>` + source + `<Forwardees><Forwardee><Name>Ben</Name></Forwardee></Forwardees>`, "179"}, // MS-ASCMD_R7470
		{"a Forwardee whose address is none", `<ClientId>w</ClientId>` + source + `<Forwardees><Forwardee><Email>Ben</Email></Forwardee></Forwardees>`, "179"},
		{"Forwardees of what is no meeting", `<ClientId>w</ClientId>` + source + forwardees, "179"}, // MS-ASCMD_R7177
	}
	for _, version := range allVersions[3:] {
		p := newPhone(t, h, "phone"+version, version)
		p.provision()
		for _, cmd := range []string{"SmartReply", "SmartForward"} {
			rows := common
			if cmd == "SmartForward" {
				if version < "16" {
					rows = append(rows[:len(rows):len(rows)], row{"Forwardees before 16.0", `<ClientId>w</ClientId>` + source + forwardees, "103"},
						row{"Body before 16.0", `<ClientId>w</ClientId>` + source + body + opaque(mine), "103"}) // MS-ASAIRS_R1333
				} else {
					rows = append(rows[:len(rows):len(rows)], modern...)
				}
			}
			for _, r := range rows {
				a := p.smartXML(cmd, r.children)
				if got := element(a.xml, "Status"); a.status != http.StatusOK || got != r.status {
					t.Errorf("%s %s: %s: HTTP %d, status %q, want %s", cmd, version, r.what, a.status, got, r.status)
				}
			}
			if a := p.post(cmd, "", nil); element(a.xml, "Status") != "101" {
				t.Errorf("%s %s: no body: %s", cmd, version, a.xml)
			}
			if a := p.post(cmd, "application/vnd.ms-sync.wbxml", []byte("junk")); element(a.xml, "Status") != "102" {
				t.Errorf("%s %s: junk: %s", cmd, version, a.xml)
			}
			if a := p.post(cmd, "message/rfc822", []byte(mine)); element(a.xml, "Status") != "101" {
				t.Errorf("%s %s: a message: %s", cmd, version, a.xml)
			}
		}
	}
	if n := h.items(t, mail.RoleSent); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

// MS-ASCMD_R4410, R4846: what is no mail cannot be answered.
func TestOnlyMailIsAnswered(t *testing.T) {
	h := build(t)
	body, err := h.mailboxes.Prepare(context.Background(), []byte("From: +15551234567\r\n\r\nhi"))
	if err != nil {
		t.Fatal(err)
	}
	var it mail.Item
	h.update(t, func(tx *store.Tx) (err error) {
		it, err = h.mailboxes.Append(tx, h.box, 1, mail.NewItem{Class: mail.ClassSMS, Body: body})
		return err
	})
	p := newPhone(t, h, "phone", "14.1")
	p.provision()
	for cmd, want := range map[string]string{"SmartReply": "117", "SmartForward": "147"} {
		if a := p.smart(cmd, "c1", it, mine, ""); element(a.xml, "Status") != want {
			t.Errorf("%s: HTTP %d\n%s", cmd, a.status, a.xml)
		}
	}
}

// Before 14.0 the request line names the original, and errors are HTTP's.
func TestWrongSmartRequestLines(t *testing.T) {
	h := build(t)
	it := h.deliver(t, 1, toAll, 0)
	for _, version := range allVersions[:3] {
		p := newPhone(t, h, "phone"+version, version)
		p.provision()
		for _, cmd := range []string{"SmartReply", "SmartForward"} {
			for _, r := range []struct {
				what   string
				mime   string
				status int
				params []string
			}{
				{"no original", mine, 400, nil},
				{"no item", mine, 400, []string{"CollectionId", "1"}},
				{"no folder", mine, 400, []string{"ItemId", serverID(it)}},
				{"nonsense", mine, 400, []string{"CollectionId", "1", "ItemId", "nonsense"}},
				{"gone", mine, 400, []string{"CollectionId", "1", "ItemId", "1:999"}},
				{"both ids", mine, 400, []string{"CollectionId", "1", "ItemId", serverID(it), "LongId", "1:1:1"}},
				{"no date", mine, 400, []string{"CollectionId", "1", "ItemId", serverID(it), "Occurrence", "x"}},
				{"does not recur", mine, 400, []string{"CollectionId", "1", "ItemId", serverID(it), "Occurrence", "2026-06-01T10:00:00.000Z"}},
				{"to nobody", "Subject: x\r\n\r\ny", 500, []string{"CollectionId", "1", "ItemId", serverID(it)}},
				{"no message", "", 400, []string{"CollectionId", "1", "ItemId", serverID(it)}},
			} {
				if a := p.post(cmd, "message/rfc822", []byte(r.mime), r.params...); a.status != r.status || len(a.body) != 0 {
					t.Errorf("%s %s: %s: HTTP %d, want %d", cmd, version, r.what, a.status, r.status)
				}
			}
			if a := p.post(cmd, "application/vnd.ms-sync.wbxml", []byte{3, 1, 0x6a, 0}, "CollectionId", "1", "ItemId", serverID(it)); a.status != 400 {
				t.Errorf("%s %s: WBXML: HTTP %d", cmd, version, a.status)
			}
		}
	}
	if n := h.items(t, mail.RoleInbox); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// FuzzSmart answers and forwards anything with anything, through the whole
// door and a real store.
func FuzzSmart(f *testing.F) {
	f.Add([]byte(mine), []byte(toAll), "1", "", false, false)
	f.Add([]byte(toAll), []byte(mine), "", "1:1:1", true, true)
	f.Add([]byte(mine), []byte(invitation), "1", "", true, false)
	h := build(f)
	one, twelve := newPhone(f, h, "fuzz16", "16.1"), newPhone(f, h, "fuzz12", "12.1")
	one.provision()
	twelve.provision()
	n := 0
	f.Fuzz(func(t *testing.T, mime, original []byte, folder, instance string, forward, replace bool) {
		it := h.deliver(t, 1, string(original), 0)
		cmd := "SmartReply"
		if forward {
			cmd = "SmartForward"
		}
		n++
		p16, p12 := *one, *twelve
		p16.t, p12.t = t, t
		x := `<ClientId>f` + strconv.Itoa(n) + `</ClientId><Source><FolderId>` + html.EscapeString(strings.ToValidUTF8(folder, "")) + `</FolderId><ItemId>` + serverID(it) + `</ItemId>`
		if instance != "" {
			x += `<InstanceId>` + html.EscapeString(strings.ToValidUTF8(instance, "")) + `</InstanceId>`
		}
		x += `</Source>` + opaque(string(mime))
		if replace {
			x += `<ReplaceMime/>`
		}
		body, err := fromXML(`<` + cmd + ` xmlns="ComposeMail">` + x + `</` + cmd + `>`)
		if err != nil {
			t.Skip(err)
		}
		a := p16.post(cmd, "application/vnd.ms-sync.wbxml", body)
		b := p12.post(cmd, "message/rfc822", mime, "CollectionId", folder, "ItemId", serverID(it), "Occurrence", instance)
		if a.status != 200 || b.status != 200 && b.status != 400 && b.status != 500 || h.server.Panics() > 0 {
			t.Fatalf("HTTP %d, %d\n%s", a.status, b.status, h.log)
		}
	})
}
