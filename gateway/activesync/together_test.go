package activesync_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// together lets all do their work at the same time and waits for them.
func together(work ...func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, w := range work {
		wg.Go(func() {
			<-start
			w()
		})
	}
	close(start)
	wg.Wait()
}

// fine holds an answer to what may be said when others act meanwhile: nothing
// that blames the server.
func fine(t *testing.T, what string, a answer) {
	t.Helper()
	if a.status != 200 && a.status != 503 {
		t.Errorf("%s: HTTP %d", what, a.status)
	}
	for _, status := range elements(a.xml, "Status") {
		if status == "110" {
			t.Errorf("%s:\n%s", what, a.xml)
		}
	}
}

// A phone that lost patience sends its Sync again while the first still runs:
// its changes are made once, and it goes on with either answer.
func TestTwoSyncsOfOneDeviceAtOnce(t *testing.T) {
	h := build(t)
	for i := range 20 {
		h.deliver(t, 1, "Subject: "+fmt.Sprint(i)+"\r\n\r\nx\r\n", int64(i))
	}
	d := newDrafter(t, h, "phone", "16.1")
	inbox := element(d.sync("0", "1", ""), "SyncKey")
	for round := range 8 {
		add := addDraft(fmt.Sprint("c", round), `<Subject xmlns="Email">draft</Subject>`)
		request := `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>` + d.key + `</SyncKey><CollectionId>2</CollectionId><Commands>` + add + `</Commands></Collection>` +
			`<Collection><SyncKey>` + inbox + `</SyncKey><CollectionId>1</CollectionId><WindowSize>3</WindowSize></Collection></Collections></Sync>`
		answers := make([]answer, 3)
		var work []func()
		for i := range answers {
			work = append(work, func() { answers[i] = d.postXML("Sync", request) })
		}
		together(work...)
		keys := map[string]string{}
		for i, a := range answers {
			fine(t, "Sync", a)
			for _, m := range keyOfCollection.FindAllStringSubmatch(a.xml, -1) {
				if m[3] == "1" {
					keys[m[2]] = m[1]
				} else if m[3] != "3" {
					t.Errorf("answer %d: status %s of collection %s", i, m[3], m[2])
				}
			}
		}
		if keys["2"] == "" || keys["1"] == "" && round < 6 {
			t.Fatalf("round %d: no answer to go on with: %v", round, keys)
		}
		d.key = keys["2"]
		if keys["1"] != "" {
			inbox = keys["1"]
		}
	}
	if all := h.contents(t, mail.RoleDrafts); len(all) != 8 {
		t.Errorf("%d drafts of 8", len(all))
	}
}

// The same message sent over several connections at once goes out once.
func TestTheSameMessageSentAtOnceIsSentOnce(t *testing.T) {
	for _, version := range allVersions {
		h := build(t)
		it := h.deliver(t, 1, toAll, 0)
		p := newPhone(t, h, "phone", version)
		p.provision()
		answers := make([]answer, 6)
		var work []func()
		for i := range answers {
			work = append(work, func() {
				if i%2 == 0 {
					answers[i] = p.smart("SmartReply", "same", it, mine, "")
				} else if version < "14" || version == "2.5" {
					answers[i] = p.post("SendMail", "message/rfc822", []byte("To: anna@example.org\r\n\r\nx"), "SaveInSent", "T")
				} else {
					answers[i] = p.postXML("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>other</ClientId><SaveInSentItems/>`+opaque("To: anna@example.org\r\n\r\nx")+`</SendMail>`)
				}
			})
		}
		together(work...)
		for i, a := range answers {
			fine(t, fmt.Sprint(version, " ", i), a)
			if status := element(a.xml, "Status"); status != "" && status != "118" {
				t.Errorf("%s: status %s", version, status)
			}
		}
		if sent := h.contents(t, mail.RoleSent); len(sent) != 2 {
			t.Errorf("%s: %d messages sent, not a reply and a message", version, len(sent))
		}
	}
}

// Folders go while phones sync, search, move and fetch in them.
func TestFoldersAreDeletedWhileTheyAreUsed(t *testing.T) {
	h := build(t)
	for round := range 5 {
		var folder mail.Folder
		h.update(t, func(tx *store.Tx) (err error) {
			folder, err = h.mailboxes.CreateFolder(tx, h.box, 0, fmt.Sprint("f", round), mail.ClassEmail)
			return err
		})
		var items []mail.Item
		for range 10 {
			items = append(items, h.deliver(t, folder.ID, withFile, 0))
		}
		id := folderName(folder.ID)
		owner := newPhone(t, h, fmt.Sprint("owner", round), "16.1")
		owner.provision()
		hierarchy := owner.folderSync()
		work := []func(){func() {
			fine(t, "FolderDelete", owner.postXML("FolderDelete", `<FolderDelete xmlns="FolderHierarchy"><SyncKey>`+hierarchy+`</SyncKey><ServerId>`+id+`</ServerId></FolderDelete>`))
		}}
		for i, version := range []string{"12.1", "14.1", "16.1"} {
			p := newPhone(t, h, fmt.Sprintf("p%dx%d", round, i), version)
			p.provision()
			key := element(p.sync("0", id, ""), "SyncKey")
			work = append(work, func() {
				for range 6 {
					a := p.postXML("Sync", strings.Replace(syncRequest(key, bigWindow), "<CollectionId>1<", "<CollectionId>"+id+"<", 1))
					fine(t, "Sync", a)
				}
			}, func() {
				for _, it := range items {
					fine(t, "Fetch", p.postXML("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">`+id+`</CollectionId><ServerId xmlns="AirSync">`+serverID(it)+`</ServerId></Fetch></ItemOperations>`))
				}
			}, func() {
				for range 6 {
					fine(t, "Search", p.postXML("Search", searchMail(`<FreeText>terms</FreeText><CollectionId xmlns="AirSync">`+id+`</CollectionId>`, `<BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference>`)))
				}
			}, func() {
				for _, it := range items[:5] {
					fine(t, "MoveItems", p.postXML("MoveItems", `<MoveItems xmlns="Move"><Move><SrcMsgId>`+serverID(it)+`</SrcMsgId><SrcFldId>`+id+`</SrcFldId><DstFldId>4</DstFldId></Move></MoveItems>`))
				}
			})
		}
		together(work...)
	}
	if strings.Contains(h.log.String(), "level=ERROR") {
		t.Errorf("an error of ours:\n%.3000s", h.log)
	}
}

// Items leave for good, with their bodies, while they are searched, synced and
// replied to.
func TestItemsLeaveWhileTheyAreRead(t *testing.T) {
	h := build(t)
	for _, version := range []string{"12.1", "16.1"} {
		var items []mail.Item
		for range 40 {
			items = append(items, h.deliver(t, 1, withFile, 0))
		}
		p := newPhone(t, h, "p"+version[:2], version)
		p.provision()
		key := element(p.sync("0", "1", ""), "SyncKey")
		together(func() {
			for _, it := range items {
				if err := h.store.Update(t.Context(), func(tx *store.Tx) error {
					_, err := h.mailboxes.Delete(tx, h.box, 1, it.ID)
					return err
				}); err != nil {
					t.Error(err)
				}
			}
		}, func() {
			for range 12 {
				fine(t, "Sync", p.postXML("Sync", syncRequest(key, bigWindow)))
			}
		}, func() {
			for range 12 {
				a := p.postXML("Search", searchMail(`<FreeText>terms</FreeText>`, `<BodyPreference xmlns="AirSyncBase"><Type>2</Type></BodyPreference>`))
				fine(t, "Search", a)
				if got := statuses(a.xml); !strings.HasPrefix(got, "1 1") {
					t.Errorf("Search: statuses %s", got)
				}
			}
		}, func() {
			for i := range items {
				it := items[len(items)-1-i]
				if a := p.smart("SmartForward", fmt.Sprint("c", i), it, mine, ""); a.status == 500 && element(a.xml, "Status") == "110" || a.status == 200 && element(a.xml, "Status") == "110" {
					t.Errorf("SmartForward: HTTP %d\n%s", a.status, a.xml)
				}
			}
		}, func() {
			for _, it := range items {
				fine(t, "Fetch", p.postXML("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><FileReference xmlns="AirSyncBase">`+serverID(it)+`:2</FileReference></Fetch></ItemOperations>`))
			}
		})
	}
	if strings.Contains(h.log.String(), "level=ERROR") {
		t.Errorf("an error of ours:\n%.3000s", h.log)
	}
}
