package activesync_test

import (
	"net"
	"testing"

	"martlet/mail"
)

// Who waits for a folder of another waits for it in the next process, too.
func TestAPingOfTheFolderOfAnotherIsHandedOver(t *testing.T) {
	c := newCouple(t, "16.1")
	c.grant(t, c.folder(t, mail.RoleContacts), mail.MayWrite)
	c.his.folderSync()
	id := c.linkID(t)
	his := c.his.collect(id)
	his.do("")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- c.server.Serve(l) }()
	answer := c.his.wait(l.Addr().String(), "Ping", pingFolder(id, "Contacts"))
	waitHeld(t, c.server, 1)
	parcels, err := c.server.HandOver(t.Context())
	if err != nil || len(parcels) != 1 {
		t.Fatalf("%d parcels, %v", len(parcels), err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	next := c.successor(t)
	next.Adopt(t.Context(), parcels)
	waitHeld(t, next, 1)
	c.handler = next.Handler()
	c.anna.collect("8").add("1", kinds()[1].data("16.1", "Eve"))
	if doc := <-answer; element(doc, "Status") != "2" || element(doc, "Folder") != id {
		t.Errorf("got\n%s", doc)
	}
}
