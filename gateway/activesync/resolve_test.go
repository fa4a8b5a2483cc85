package activesync_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail/vcard"
	"martlet/store"
)

func in64(der []byte) string { return base64.StdEncoding.EncodeToString(der) }

// addUser makes another user, with certificates and a photo.
func (h *house) addUser(t testing.TB, a directory.Account, ders ...[]byte) directory.Account {
	t.Helper()
	ctx := context.Background()
	a, err := h.directory.AddUser(ctx, a, "")
	if err == nil && len(ders) > 0 {
		err = h.directory.AddCertificates(ctx, a.ID, ders)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func photoOf(size int) []byte {
	return append([]byte("\xff\xd8\xff"), bytes.Repeat([]byte{1}, size-3)...)
}

func resolveRequest(options string, to ...string) string {
	var b strings.Builder
	for _, s := range to {
		fmt.Fprintf(&b, "<To>%s</To>", s)
	}
	if options != "" {
		options = "<Options>" + options + "</Options>"
	}
	return `<ResolveRecipients xmlns="ResolveRecipients">` + b.String() + options + `</ResolveRecipients>`
}

// flat is an answer in one line, without what stands in all of them.
func flat(doc string) string {
	var b strings.Builder
	for line := range strings.Lines(doc) {
		b.WriteString(strings.TrimSpace(line))
	}
	s := strings.TrimPrefix(b.String(), `<ResolveRecipients xmlns="ResolveRecipients"><Status>1</Status>`)
	return strings.TrimSuffix(s, `</ResolveRecipients>`)
}

// resolveHouse has Anna, two Bobs, a group and some contacts.
func resolveHouse(t testing.TB) (*house, *authority, map[string][]byte) {
	h := build(t)
	ca := newAuthority(t, "Test authority", nil, nil)
	certs := map[string][]byte{
		"brown": ca.issue("bob.brown@example.org", nil),
		"green": ca.issue("bob.green@example.org", nil),
		"carol": ca.issue("carol@example.net", nil),
	}
	h.addUser(t, directory.Account{Login: "bob.brown@example.org", Name: "Bob Brown", Photo: photoOf(1000)}, certs["brown"],
		ca.issue("bob.brown@example.org", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		ca.issue("bob.brown@example.org", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }),
		ca.issue("bob.brown@example.org", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }))
	h.addUser(t, directory.Account{Login: "bob.green@example.org", Name: "Bob Green", Photo: photoOf(3000)}, certs["green"])
	h.addUser(t, directory.Account{Login: "gone@example.org", Name: "Gone Bob", Disabled: true})
	file := `[[group]]
address = "team@example.org"
name = "The Team"
members = ["bob.brown@example.org", "bob.green@example.org", "anna@example.org"]
`
	f, err := directory.ParseFile(strings.NewReader(file), "team.toml")
	if err == nil {
		_, err = h.directory.Apply(context.Background(), f, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	h.addCard(t, "BEGIN:VCARD\nVERSION:4.0\nFN:Carol Cox\nN:Cox;Carol;;;\nEMAIL:carol@example.net\nEMAIL:carol@home.example\nKEY:data:application/pkix-cert;base64,"+in64(certs["carol"])+
		"\nPHOTO:data:image/jpeg;base64,"+in64(photoOf(500))+"\nEND:VCARD\n")
	h.addCard(t, "BEGIN:VCARD\nVERSION:3.0\nFN:Dave Dow\nEMAIL:dave@example.net\nEND:VCARD\n")
	h.addCard(t, "BEGIN:VCARD\nVERSION:3.0\nFN:No Address\nEND:VCARD\n")
	h.addCard(t, "no card")
	h.writesTo(t, time.Now(), "erin@example.net", "dave@example.net")
	return h, ca, certs
}

func TestRecipientsAreResolved(t *testing.T) {
	h, _, _ := resolveHouse(t)
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	bob := func(name string) string {
		return `<Recipient><Type>1</Type><DisplayName>Bob ` + name + `</DisplayName><EmailAddress>bob.` + strings.ToLower(name) + `@example.org</EmailAddress></Recipient>`
	}
	person := func(name, address string) string {
		return `<Recipient><Type>2</Type><DisplayName>` + name + `</DisplayName><EmailAddress>` + address + `</EmailAddress></Recipient>`
	}
	for _, tc := range []struct{ to, options, want string }{
		{"bob.brown@example.org", "", "<Status>1</Status><RecipientCount>1</RecipientCount>" + bob("Brown")},
		{"BOB.Brown@Example.org", "", "<Status>1</Status><RecipientCount>1</RecipientCount>" + bob("Brown")},
		{"brown", "", "<Status>1</Status><RecipientCount>1</RecipientCount>" + bob("Brown")},
		// MS-ASCMD_R3761, R3762: the ones who may be meant, and a status that says so.
		{"bob", "", "<Status>2</Status><RecipientCount>2</RecipientCount>" + bob("Brown") + bob("Green")},
		{"bob", "<MaxAmbiguousRecipients>1</MaxAmbiguousRecipients>", "<Status>3</Status><RecipientCount>2</RecipientCount>" + bob("Brown")},
		{"bob", "<MaxAmbiguousRecipients>0</MaxAmbiguousRecipients>", "<Status>3</Status><RecipientCount>2</RecipientCount>"},
		{"bob", "<MaxAmbiguousRecipients>2</MaxAmbiguousRecipients>", "<Status>2</Status><RecipientCount>2</RecipientCount>" + bob("Brown") + bob("Green")},
		{"nobody", "", "<Status>4</Status><RecipientCount>0</RecipientCount>"},
		{"nobody@example.org", "", "<Status>4</Status><RecipientCount>0</RecipientCount>"},
		{"gone@example.org", "", "<Status>4</Status><RecipientCount>0</RecipientCount>"},
		{"", "", "<Status>4</Status><RecipientCount>0</RecipientCount>"},
		{"team@example.org", "", "<Status>1</Status><RecipientCount>1</RecipientCount><Recipient><Type>1</Type><DisplayName>The Team</DisplayName><EmailAddress>team@example.org</EmailAddress></Recipient>"},
		// Contacts (MS-ASCMD_R4686), and those whom the user only writes to.
		{"carol@home.example", "", "<Status>1</Status><RecipientCount>1</RecipientCount>" + person("Carol Cox", "carol@home.example")},
		{"car", "", "<Status>2</Status><RecipientCount>2</RecipientCount>" + person("Carol Cox", "carol@example.net") + person("Carol Cox", "carol@home.example")},
		{"dow dave", "", "<Status>1</Status><RecipientCount>1</RecipientCount>" + person("Dave Dow", "dave@example.net")},
		{"erin", "", "<Status>1</Status><RecipientCount>1</RecipientCount>" + person("Name of erin@example.net", "erin@example.net")},
		{"No Address", "", "<Status>4</Status><RecipientCount>0</RecipientCount>"},
	} {
		got := flat(p.send("ResolveRecipients", resolveRequest(tc.options, tc.to)))
		if want := "<Response><To>" + tc.to + "</To>" + tc.want + "</Response>"; tc.to != "" && got != want {
			t.Errorf("%q %s:\ngot  %s\nwant %s", tc.to, tc.options, got, want)
		}
	}
	doc := p.send("ResolveRecipients", resolveRequest("", "nobody", "brown", "bob"))
	if got := strings.Join(elements(doc, "To"), " "); got != "nobody brown bob" {
		t.Errorf("the answers come as %s", got)
	}
}

// MS-ASCMD 2.2.3.22, 2.2.3.23.1, 2.2.3.101.
func TestCertificatesOfRecipients(t *testing.T) {
	h, _, certs := resolveHouse(t)
	brown, green, carol := in64(certs["brown"]), in64(certs["green"]), in64(certs["carol"])
	for _, version := range []string{"12.1", "14.0", "14.1", "16.1"} {
		p := newPhone(t, h, "d"+version, version)
		p.provision()
		certificates := func(options string, to string) string {
			doc := flat(p.send("ResolveRecipients", resolveRequest(options, to)))
			_, rest, _ := strings.Cut(doc, "<Certificates>")
			rest, _, _ = strings.Cut(rest, "</Certificates>")
			return rest
		}
		head := func(status, count, people int) string {
			return fmt.Sprintf("<Status>%d</Status><CertificateCount>%d</CertificateCount><RecipientCount>%d</RecipientCount>", status, count, people)
		}
		whole := "<CertificateRetrieval>2</CertificateRetrieval>"
		for _, tc := range []struct{ options, to, want string }{
			{"", "brown", ""},
			{"<CertificateRetrieval>1</CertificateRetrieval>", "brown", ""},                                                                 // MS-ASCMD_R856
			{whole, "brown", head(1, 1, 1) + "<Certificate>" + brown + "</Certificate>"},                                                    // R843, and none that cannot encrypt mail now
			{"<CertificateRetrieval>3</CertificateRetrieval>", "green", head(1, 1, 1) + "<MiniCertificate>" + green + "</MiniCertificate>"}, // R3435
			{whole, "anna@example.org", head(7, 0, 1)},                                                                                      // R4304
			{whole, "bob", ""}, // R4279: no certificates of those who may be meant
			{whole, "carol@example.net", head(1, 1, 1) + "<Certificate>" + carol + "</Certificate>"},
			{whole, "carol@home.example", head(7, 0, 1)}, // it is not of this address
			{whole, "dave@example.net", head(7, 0, 1)},
			{whole + "<MaxCertificates>0</MaxCertificates>", "brown", head(8, 1, 1)}, // R4305
			// R3768: of a list the members, and all of their certificates or none (R3255).
			{whole, "team@example.org", head(1, 2, 3) + "<Certificate>" + brown + "</Certificate><Certificate>" + green + "</Certificate>"},
			{whole + "<MaxCertificates>1</MaxCertificates>", "team@example.org", head(8, 2, 3)},
		} {
			if got := certificates(tc.options, tc.to); got != tc.want {
				t.Errorf("%s: %s %s:\ngot  %s\nwant %s", version, tc.options, tc.to, got, tc.want)
			}
		}
		// MaxCertificates is of the whole answer (R3251).
		doc := p.send("ResolveRecipients", resolveRequest(whole+"<MaxCertificates>1</MaxCertificates>", "brown", "green"))
		if n := strings.Count(doc, "<Certificate>"); n != 1 || !strings.Contains(flat(doc), head(8, 1, 1)) {
			t.Errorf("%s: of two recipients %d certificates:\n%s", version, n, doc)
		}
	}
}

// MS-ASCMD 2.2.3.104.2, 2.2.3.105.2.
func TestPicturesOfRecipients(t *testing.T) {
	h, _, _ := resolveHouse(t)
	for _, version := range []string{"14.1", "16.0", "16.1"} {
		p := newPhone(t, h, "d"+version, version)
		p.provision()
		for _, tc := range []struct {
			options, to string
			want        []string // the statuses of pictures
		}{
			{"", "brown", nil},
			{"<Picture/>", "brown", []string{"1"}},
			{"<Picture/>", "anna@example.org", []string{"173"}}, // R4311
			{"<Picture/>", "team@example.org", []string{"173"}},
			{"<Picture><MaxSize>999</MaxSize></Picture>", "brown", []string{"174"}}, // R4312
			{"<Picture><MaxSize>1000</MaxSize></Picture>", "brown", []string{"1"}},
			{"<Picture><MaxSize>102400</MaxSize></Picture>", "brown", []string{"1"}},
			{"<Picture><MaxPictures>1</MaxPictures></Picture>", "bob", []string{"1", "175"}}, // R4313, R3286
			{"<Picture><MaxPictures>0</MaxPictures></Picture>", "brown", []string{"175"}},
			{"<Picture><MaxPictures>0</MaxPictures></Picture>", "anna@example.org", []string{"173"}},                // R3287
			{"<Picture><MaxSize>1000</MaxSize><MaxPictures>1</MaxPictures></Picture>", "bob", []string{"1", "174"}}, // R3288
			{"<Picture/>", "carol@example.net", []string{"1"}},
		} {
			doc := p.send("ResolveRecipients", resolveRequest(tc.options, tc.to))
			var got []string
			for _, part := range strings.Split(doc, "<Picture>")[1:] {
				got = append(got, element(part, "Status"))
			}
			if strings.Join(got, " ") != strings.Join(tc.want, " ") {
				t.Errorf("%s: %s %s: statuses %v, want %v\n%s", version, tc.options, tc.to, got, tc.want, doc)
			}
		}
		// MS-ASCMD_R3290: MaxPictures is of each To.
		doc := p.send("ResolveRecipients", resolveRequest("<Picture><MaxPictures>1</MaxPictures></Picture>", "brown", "green"))
		if n := strings.Count(doc, "<Data"); n != 2 {
			t.Errorf("%s: %d pictures:\n%s", version, n, doc)
		}
	}
}

func TestWrongResolveRequests(t *testing.T) {
	h, _, _ := resolveHouse(t)
	many := func(n int) string {
		return `<ResolveRecipients xmlns="ResolveRecipients">` + strings.Repeat("<To>x</To>", n) + `</ResolveRecipients>`
	}
	span := func(start, end string) string {
		s := "<Availability>"
		if start != "" {
			s += "<StartTime>" + start + "</StartTime>"
		}
		if end != "" {
			s += "<EndTime>" + end + "</EndTime>"
		}
		return resolveRequest(s+"</Availability>", "brown")
	}
	const one = "2026-06-01T08:00:00.000Z"
	all := []string{"12.1", "14.0", "14.1", "16.0", "16.1"}
	for _, tc := range []struct {
		name, request string
		from, to      string // versions
		want          string
	}{
		{"nobody to resolve", `<ResolveRecipients xmlns="ResolveRecipients"/>`, "12.1", "16.1", "5"},
		{"a hundred", many(100), "12.1", "16.1", "1"},
		{"one more (MS-ASCMD_R5656)", many(101), "12.1", "16.1", "5"},
		{"256 characters", resolveRequest("", strings.Repeat("ß", 256)), "12.1", "16.1", "1"},
		{"257 characters (MS-ASCMD_R4611)", resolveRequest("", strings.Repeat("x", 257)), "12.1", "16.1", "5"},
		{"no such retrieval", resolveRequest("<CertificateRetrieval>4</CertificateRetrieval>", "brown"), "12.1", "16.1", "5"},
		{"retrieval 0", resolveRequest("<CertificateRetrieval>0</CertificateRetrieval>", "brown"), "12.1", "16.1", "5"},
		{"retrieval that is no number", resolveRequest("<CertificateRetrieval>x</CertificateRetrieval>", "brown"), "12.1", "16.1", "5"},
		{"MaxCertificates 9999 (MS-ASCMD_R3253)", resolveRequest("<MaxCertificates>9999</MaxCertificates>", "brown"), "12.1", "16.1", "1"},
		{"MaxCertificates 10000", resolveRequest("<MaxCertificates>10000</MaxCertificates>", "brown"), "12.1", "16.1", "5"},
		{"MaxAmbiguousRecipients 10000 (MS-ASCMD_R3248)", resolveRequest("<MaxAmbiguousRecipients>10000</MaxAmbiguousRecipients>", "brown"), "12.1", "16.1", "5"},
		{"MaxAmbiguousRecipients below 0", resolveRequest("<MaxAmbiguousRecipients>-1</MaxAmbiguousRecipients>", "brown"), "12.1", "16.1", "5"},
		{"pictures before 14.1 (MS-ASCMD_R6967)", resolveRequest("<Picture/>", "brown"), "12.1", "14.0", "5"},
		{"too large a picture (MS-ASCMD_R5349)", resolveRequest("<Picture><MaxSize>102401</MaxSize></Picture>", "brown"), "14.1", "16.1", "5"},
		{"MaxSize below 0", resolveRequest("<Picture><MaxSize>-1</MaxSize></Picture>", "brown"), "14.1", "16.1", "5"},
		{"availability before 14.0 (MS-ASCMD_R6085)", span(one, ""), "12.1", "12.1", "5"},
		{"no start (MS-ASCMD_R3985)", span("", one), "14.0", "16.1", "5"},
		{"a start that is no time (MS-ASCMD_R3986)", span("tomorrow", ""), "14.0", "16.1", "5"},
		{"an end that is no time (MS-ASCMD_R2264)", span(one, "later"), "14.0", "16.1", "5"},
		{"no end (MS-ASCMD_R2265)", span(one, ""), "14.0", "16.1", "1"},
		{"half an hour", span(one, "2026-06-01T08:30:00.000Z"), "14.0", "16.1", "1"},
		{"less (MS-ASCMD_R2266)", span(one, "2026-06-01T08:29:59.000Z"), "14.0", "16.1", "5"},
		{"an end before the start", span(one, "2026-05-01T08:00:00.000Z"), "14.0", "16.1", "5"},
		{"42 days", span(one, "2026-07-13T08:00:00.000Z"), "14.0", "16.1", "1"},
		{"more (MS-ASCMD_R5175)", span(one, "2026-07-13T08:00:01.000Z"), "14.0", "16.1", "5"},
		{"options twice", `<ResolveRecipients xmlns="ResolveRecipients"><To>x</To><Options/><Options/></ResolveRecipients>`, "12.1", "16.1", "5"},
		{"another command", `<Ping xmlns="Ping"/>`, "12.1", "16.1", "5"},
	} {
		for _, version := range all {
			if version < tc.from || version > tc.to {
				continue
			}
			p := newPhone(t, h, "d"+version, version)
			p.provision()
			doc := p.send("ResolveRecipients", tc.request)
			if got := element(doc, "Status"); got != tc.want {
				t.Errorf("%s at %s: status %s, want %s\n%s", tc.name, version, got, tc.want, doc)
			}
			if tc.want == "5" && strings.Contains(doc, "Response>") {
				t.Errorf("%s at %s: an answer all the same\n%s", tc.name, version, doc)
			}
		}
	}
}

func FuzzResolveRecipients(f *testing.F) {
	f.Add("bob", uint(2), uint(1), uint(1), int64(0), int64(3600))
	f.Add("carol@example.net", uint(3), uint(0), uint(100), int64(1780000000), int64(1780007200))
	f.Add("\x00;\u202e\"<a>", uint(9), uint(99999), uint(0), int64(-1), int64(1))
	h, _, _ := resolveHouse(f)
	p := newPhone(f, h, "fuzz", "16.1")
	p.provision()
	f.Fuzz(func(t *testing.T, to string, retrieval, certificates, suggestions uint, start, end int64) {
		if strings.ContainsFunc(to, func(r rune) bool { return r < ' ' || r == 0xfffd || r >= 0xfffe && r <= 0xffff }) {
			return // cannot stand in XML
		}
		p := *p
		p.t = t
		escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(to)
		at := func(n int64) string { return time.Unix(n%(1<<33), 0).UTC().Format("2006-01-02T15:04:05.000Z") }
		doc := p.send("ResolveRecipients", resolveRequest(fmt.Sprintf(
			"<CertificateRetrieval>%d</CertificateRetrieval><MaxCertificates>%d</MaxCertificates><MaxAmbiguousRecipients>%d</MaxAmbiguousRecipients><Availability><StartTime>%s</StartTime><EndTime>%s</EndTime></Availability><Picture/>",
			retrieval, certificates, suggestions, at(start), at(end)), escaped, "team@example.org"))
		if s := element(doc, "Status"); s != "1" && s != "5" {
			t.Errorf("%q: status %s", to, s)
		}
	})
}

// FuzzContactCard puts any card among the contacts.
func FuzzContactCard(f *testing.F) {
	f.Add([]byte("BEGIN:VCARD\nFN:Fuzz\nEMAIL:fuzz@example.net\nKEY;ENCODING=b:AAAA\nPHOTO;ENCODING=b:AAAA\nEND:VCARD"))
	f.Add(vcard.New().Bytes())
	h := build(f)
	p := newPhone(f, h, "fuzz", "16.1")
	p.provision()
	f.Fuzz(func(t *testing.T, card []byte) {
		p := *p
		p.t = t
		it := h.addCard(t, string(card))
		defer h.update(t, func(tx *store.Tx) error {
			_, err := h.mailboxes.Delete(tx, h.box, it.Folder, it.ID)
			return err
		})
		p.send("ResolveRecipients", resolveRequest("<CertificateRetrieval>2</CertificateRetrieval><Picture/>", "fuzz", "fuzz@example.net"))
	})
}

// Somebody with a thousand contacts, and a thousand whom he writes to.
func BenchmarkResolveAmongContacts(b *testing.B) {
	h := build(b)
	for i := range 1000 {
		h.addCard(b, fmt.Sprintf("BEGIN:VCARD\nVERSION:4.0\nFN:Person %d\nN:%d;Person;;;\nEMAIL:p%d@example.net\nTEL:+49 30 %d\nNOTE:met at a fair\nEND:VCARD\n", i, i, i, i))
	}
	for i := 0; i < 1000; i += 100 {
		var some []string
		for j := range 100 {
			some = append(some, fmt.Sprintf("q%d@example.net", i+j))
		}
		h.writesTo(b, time.Now().Add(time.Duration(i)*time.Minute), some...)
	}
	p := newPhone(b, h, "iphone", "16.1")
	p.provision()
	body, err := fromXML(resolveRequest("", "p999@example.net", "person 998", "nobody"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if a := p.post("ResolveRecipients", "application/vnd.ms-sync.wbxml", body); a.status != 200 {
			b.Fatal(a.status)
		}
	}
}
