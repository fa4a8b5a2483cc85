package activesync_test

import (
	"strings"
	"testing"
)

const guid = "5f1b3a70-0000-4000-8000-00000000000"

// findIn is a Find with one criterion.
func findIn(id, criterion, query, options string) string {
	return `<Find xmlns="Find"><SearchId>` + id + `</SearchId><ExecuteSearch><` + criterion + `><Query>` + query + `</Query><Options>` + options + `</Options></` + criterion + `></ExecuteSearch></Find>`
}

// What is wrong with the request as a whole, and that the hierarchy is stale,
// stands above; the rest beside the results (MS-ASCMD 2.2.3.177.2).
func TestFindsThatAreWrong(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, "Subject: needle\r\n\r\nx", 1000)
	const mailbox, gal, text = "MailBoxSearchCriterion", "GalSearchCriterion", `<FreeText>needle</FreeText>`
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	for name, tt := range map[string]struct{ request, want string }{
		"right":                  {findIn(guid+"1", mailbox, text, ""), "1 1"},
		"its second page":        {findIn(guid+"1", mailbox, text, "<Range>1-2</Range>"), "1 1"},
		"empty":                  {`<Find xmlns="Find"/>`, "2"},
		"no id":                  {findIn("", mailbox, text, ""), "2"},
		"no GUID":                {findIn("17", mailbox, text, ""), "2"},
		"nearly a GUID":          {findIn(guid+"x", mailbox, text, ""), "2"},
		"no criterion":           {`<Find xmlns="Find"><SearchId>` + guid + `1</SearchId><ExecuteSearch/></Find>`, "2"},
		"both criteria":          {strings.Replace(findIn(guid+"1", mailbox, text, ""), "<ExecuteSearch>", "<ExecuteSearch><"+gal+"><Query>x</Query></"+gal+">", 1), "2"},
		"out of place":           {`<Find xmlns="Find"><SearchId>` + guid + `1</SearchId><Subject xmlns="Email">x</Subject></Find>`, "2"},
		"no query":               {`<Find xmlns="Find"><SearchId>` + guid + `1</SearchId><ExecuteSearch><` + mailbox + `/></ExecuteSearch></Find>`, "1 2"},
		"no text":                {findIn(guid+"1", mailbox, `<Class xmlns="AirSync">Email</Class>`, ""), "1 2"},
		"text outside":           {findIn(guid+"1", mailbox, `needle`, ""), "1 2"},
		"another class":          {findIn(guid+"1", mailbox, text+`<Class xmlns="AirSync">Calendar</Class>`, ""), "1 2"}, // MS-ASCMD_R901100613
		"missing folder":         {findIn(guid+"1", mailbox, text+`<CollectionId xmlns="AirSync">99</CollectionId>`, ""), "3"},
		"no folder":              {findIn(guid+"1", mailbox, text+`<CollectionId xmlns="AirSync">x</CollectionId>`, ""), "3"},
		"bad range":              {findIn(guid+"1", mailbox, text, "<Range>9-0</Range>"), "1 2"},
		"first range not from 0": {findIn(guid+"9", mailbox, text, "<Range>1-2</Range>"), "1 4"}, // MS-ASCMD_R72172518
		"a picture of mail":      {findIn(guid+"1", mailbox, text, "<Picture/>"), "1 2"},
		"people":                 {findIn(guid+"1", gal, "anna", ""), "1 1"},
		"people by FreeText":     {findIn(guid+"1", gal, "<FreeText>anna</FreeText>", ""), "1 1"},
		"nobody":                 {findIn(guid+"1", gal, "", ""), "1 2"},
		"people in a folder":     {findIn(guid+"1", gal, `anna<CollectionId xmlns="AirSync">1</CollectionId>`, ""), "1 2"},
		"people, deep":           {findIn(guid+"1", gal, "anna", "<DeepTraversal/>"), "1 2"}, // MS-ASCMD_R6399100710
		"people by range":        {findIn(guid+"1", gal, "anna", "<Range>x</Range>"), "1 2"},
	} {
		t.Run(name, func(t *testing.T) {
			p.send("Find", findIn(guid+"1", mailbox, text, ""))
			if doc := p.send("Find", tt.request); statuses(doc) != tt.want {
				t.Errorf("statuses %s, want %s\n%s", statuses(doc), tt.want, doc)
			}
		})
	}
	other := newPhone(t, h, "ipad", "16.1")
	other.provision()
	if doc := other.send("Find", findIn(guid+"1", mailbox, text, "<Range>1-2</Range>")); statuses(doc) != "1 4" {
		t.Errorf("another device's search:\n%s", doc)
	}
	for _, version := range []string{"12.1", "14.0", "14.1", "16.0"} { // MS-ASCMD_R10032015 and the following
		old := newPhone(t, h, "v"+version, version)
		old.provision()
		body, err := fromXML(findIn(guid+"1", mailbox, text, ""))
		if err != nil {
			t.Fatal(err)
		}
		if a := old.post("Find", "application/vnd.ms-sync.wbxml", body); a.status == 200 && element(a.xml, "Status") != "138" || a.status != 200 && a.status != 400 {
			t.Errorf("%s: HTTP %d\n%s", version, a.status, a.xml)
		}
	}
}
