package feedback

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail/dns/dnstest"
	"martlet/mail/filter"
	"martlet/mail/message"
	"martlet/store"
)

type sent struct {
	to  string
	raw []byte
}

type house struct {
	*Book
	store *store.Store
	sent  []sent
	down  bool
}

func newHouse(t testing.TB) *house {
	t.Helper()
	s, err := store.Open(store.Config{Path: t.TempDir(), NoCompaction: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	t.Cleanup(func() {
		if err := New(Config{Store: s}).Check(context.Background(), func(p store.Problem) { t.Error(p) }); err != nil {
			t.Error(err)
		}
	})
	d, err := directory.New(directory.Config{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddDomain(context.Background(), directory.Domain{Name: "example.org"}); err != nil {
		t.Fatal(err)
	}
	h := &house{store: s}
	h.Book = New(Config{
		Store: s, Directory: d, Hostname: "mx.example.org", Organisation: "Example", Contact: "postmaster@mx.example.org",
		Lookup: dnstest.Serve(t, "example.com._report._dmarc.watcher.example. TXT \"v=DMARC1;\"\nexample.com._report._dmarc.odd.example. TXT \"no\"\n").LookupTXT,
		Send: func(ctx context.Context, to string, raw []byte, then func(*store.Tx) error) error {
			if h.down {
				return errors.New("down")
			}
			h.sent = append(h.sent, sent{to, raw})
			return s.Update(ctx, then)
		},
	})
	return h
}

var day = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func outcome(source string, destinations ...string) filter.Outcome {
	return filter.Outcome{
		Time: day, Source: netip.MustParseAddr(source), Disposition: "reject", From: "news.example.com", Envelope: "bounces.example.net",
		Policy: filter.PolicyPublished{Domain: "example.com", Policy: "reject", StrictSPF: true, Percent: 100, Destinations: destinations},
		DKIM:   []filter.SignatureResult{{Domain: "example.net", Selector: "s", Result: "pass"}}, SPF: filter.SPFResult{Domain: "bounces.example.net", Result: "softfail"},
	}
}

func (h *house) saved(t *testing.T) {
	t.Helper()
	if err := h.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The report that goes out is one that we read.
func TestADayIsToldToTheDomain(t *testing.T) {
	h := newHouse(t)
	for range 3 {
		h.Observe(outcome("192.0.2.1", "mailto:dmarc@example.com"))
	}
	h.saved(t)
	h.Observe(outcome("192.0.2.1", "mailto:dmarc@example.com"))
	good := outcome("2001:db8::1", "mailto:dmarc@example.com")
	good.Disposition, good.AlignedDKIM = "none", true
	h.Observe(good)
	h.saved(t)
	if err := h.Send(t.Context(), day); err != nil || len(h.sent) != 0 {
		t.Fatal("the day is not over", err)
	}
	if err := h.Send(t.Context(), day.Add(24*time.Hour)); err != nil || len(h.sent) != 1 || h.sent[0].to != "dmarc@example.com" {
		t.Fatal(h.sent, err)
	}
	raw := h.sent[0].raw
	ix := message.Parse(raw)
	if !strings.HasPrefix(ix.Subject, "Report Domain: example.com Submitter: mx.example.org Report-ID: <example.com.") || len(ix.Parts) != 3 {
		t.Errorf("%q %d", ix.Subject, len(ix.Parts))
	}
	if name := ix.AttachmentName(2); !strings.HasPrefix(name, "mx.example.org!example.com!1795392000!1795478399!") || !strings.HasSuffix(name, ".xml.gz") {
		t.Error(name)
	}
	x, err := unpack(ix.Open(2, message.Bytes(raw)), "gzip", defaultSizes())
	if err != nil {
		t.Fatal(err)
	}
	s := x.summary(day)
	if s.Messages != 5 || s.Passed != 1 || s.Domain != "example.com" || s.Policy != "reject" || s.Organisation != "Example" || !s.Begin.Equal(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", s)
	}
	if want := (Source{Address: "192.0.2.1", From: "news.example.com", Messages: 4, Refused: 4}); !slices.Contains(s.Sources, want) {
		t.Errorf("%+v", s.Sources)
	}
	h.sent = nil
	if err := h.Send(t.Context(), day.Add(48*time.Hour)); err != nil || len(h.sent) != 0 {
		t.Error("it was told twice", err)
	}
	if left := h.rowsLeft(t); left != 0 {
		t.Errorf("%d rows stay", left)
	}
}

func (h *house) rowsLeft(t *testing.T) (n int) {
	t.Helper()
	err := h.store.View(t.Context(), func(tx *store.Tx) error {
		for _, err := range h.outcomes.Keys(tx, store.TableRange[rowKey]{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Nobody is sent reports who has not said that they want them.
func TestOnlyThoseWhoWantReportsGetThem(t *testing.T) {
	for destinations, want := range map[string]string{
		"mailto:a@example.com":                          "a@example.com",
		"mailto:a@reports.example.com":                  "a@reports.example.com",
		"mailto:a@watcher.example":                      "a@watcher.example",
		"mailto:a@victim.example":                       "",
		"mailto:a@odd.example":                          "",
		"https://example.com/,mailto:a@example.com!1k":  "a@example.com",
		"mailto:a@example.com!10":                       "",
		"mailto:a@example.com!10m":                      "a@example.com",
		"mailto:a%40example.com":                        "a@example.com",
		"mailto:a@example.com%0d%0aBcc:eve@example.com": "",
		"mailto:1@example.com,mailto:2@example.com,mailto:3@example.com,mailto:4@example.com,mailto:5@example.com": "1@example.com 2@example.com 3@example.com 4@example.com",
		"mailto:,mailto:@,mailto:a@":                                        "",
		"mailto:a@example.com,mailto:b@example.com,mailto:c@victim.example": "a@example.com b@example.com",
	} {
		h := newHouse(t)
		h.Observe(outcome("192.0.2.1", strings.Split(destinations, ",")...))
		h.saved(t)
		if err := h.Send(t.Context(), day.Add(24*time.Hour)); err != nil {
			t.Error(err)
		}
		var to []string
		for _, s := range h.sent {
			to = append(to, s.to)
		}
		if got := strings.Join(to, " "); got != want || h.rowsLeft(t) != 0 {
			t.Errorf("%s: %q, %d rows", destinations, got, h.rowsLeft(t))
		}
	}
	h := newHouse(t)
	h.Observe(outcome("192.0.2.1"))
	if len(h.unsaved) != 0 {
		t.Error("what nobody wants is counted")
	}
}

func TestAReportThatCannotBeSentWaitsAndIsGivenUp(t *testing.T) {
	h := newHouse(t)
	h.Observe(outcome("192.0.2.1", "mailto:a@example.com"))
	h.saved(t)
	h.down = true
	for days := range 6 {
		if days == 0 {
			continue
		}
		err := h.Send(t.Context(), day.AddDate(0, 0, days))
		if left := h.rowsLeft(t); (err != nil) != (days <= 4) || (left == 1) != (days <= 3) {
			t.Errorf("after %d days: %v, %d rows", days, err, left)
		}
	}
}

func TestCountsAreBounded(t *testing.T) {
	h := newHouse(t)
	for i := range 3 * maxRows {
		h.Observe(outcome(fmt.Sprintf("10.0.%d.%d", i/256, i%256), "mailto:a@example.com"))
	}
	if len(h.unsaved) != maxUnsaved || h.dropped != maxRows {
		t.Error(len(h.unsaved), h.dropped)
	}
	h.saved(t)
	if n := h.rowsLeft(t); n != maxRows {
		t.Error(n)
	}
}

const theirs = `<?xml version="1.0" encoding="UTF-8" ?>
<feedback>
  <version>1.0</version>
  <report_metadata><org_name>Mail Company</org_name><email>noreply@mail.example</email><extra_contact_info>x</extra_contact_info>
    <report_id>%s</report_id><date_range><begin>1795392000</begin><end>1795478399</end></date_range></report_metadata>
  <policy_published><domain>%s</domain><adkim>r</adkim><aspf>r</aspf><p>none</p><sp>none</sp><pct>100</pct><np>none</np></policy_published>
  <record><row><source_ip>192.0.2.1</source_ip><count>7</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
    <identifiers><header_from>example.org</header_from></identifiers><auth_results><dkim><domain>example.org</domain><result>pass</result></dkim><spf><domain>example.org</domain><result>fail</result></spf></auth_results></record>
  <record><row><source_ip>203.0.113.9</source_ip><count>2</count><policy_evaluated><disposition>quarantine</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>
    <identifiers><header_from>example.org</header_from></identifiers></record>
  <record><row><source_ip>rubbish</source_ip><count>99</count></row></record>
</feedback>`

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	z.Close()
	return b.Bytes()
}

func inZip(t testing.TB, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	z.Close()
	return b.Bytes()
}

func mailWith(contentType, name string, content []byte) []byte {
	return []byte("From: noreply@mail.example\r\nTo: dmarc-reports@example.org\r\nSubject: Report\r\nMIME-Version: 1.0\r\nContent-Type: " + contentType + "; name=\"" + name +
		"\"\r\nContent-Disposition: attachment; filename=\"" + name + "\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(content) + "\r\n")
}

func TestReportsAboutUsAreSummedUp(t *testing.T) {
	h := newHouse(t)
	for i, raw := range [][]byte{
		mailWith("application/gzip", "a.xml.gz", gzipped(t, fmt.Sprintf(theirs, "id-1", "example.org"))),
		mailWith("application/zip", "a.zip", inZip(t, "A.XML", fmt.Sprintf(theirs, "id-2", "Example.org"))),
		mailWith("text/xml", "a.xml", []byte(fmt.Sprintf(theirs, "id-3", "mail.example.org"))),
		mailWith("application/octet-stream", "a.xml.gz", gzipped(t, fmt.Sprintf(theirs, "id-1", "example.org"))), // again
	} {
		if n, err := h.Receive(t.Context(), raw); n != 1 || err != nil {
			t.Errorf("%d: %d %v", i, n, err)
		}
	}
	all, err := h.Received(t.Context(), "", time.Time{})
	if err != nil || len(all) != 3 {
		t.Fatal(len(all), err)
	}
	s := all[0]
	if s.Organisation != "Mail Company" || s.Messages != 9 || s.Passed != 7 || len(s.Sources) != 2 || s.Sources[1] != (Source{Address: "203.0.113.9", From: "example.org", Messages: 2, Junk: 2}) {
		t.Errorf("%+v", s)
	}
	if all, _ = h.Received(t.Context(), "mail.example.org", time.Time{}); len(all) != 1 || all[0].ID != "id-3" {
		t.Errorf("%+v", all)
	}
	if all, _ = h.Received(t.Context(), "", day.AddDate(0, 1, 0)); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	if err := h.Sweep(t.Context(), time.Now().Add(keepReceived+time.Hour)); err != nil {
		t.Error(err)
	}
	if all, _ = h.Received(t.Context(), "", time.Time{}); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestHostileReportsAreRefused(t *testing.T) {
	h := newHouse(t)
	h.sizes = sizes{packed: 64 << 10, unpacked: 1 << 20, records: 1000} // the race detector is slow
	bomb := "<feedback>" + strings.Repeat(" ", 1<<20) + "</feedback>"
	deep := "<feedback>" + strings.Repeat("<x>", 100) + strings.Repeat("</x>", 100) + "</feedback>"
	entities := `<!DOCTYPE feedback [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><feedback><version>&b;</version></feedback>`
	many := "<feedback>" + strings.Repeat("<record/>", 1001) + "</feedback>"
	for name, tc := range map[string]struct {
		raw  []byte
		want error
	}{
		"a bomb":               {mailWith("application/gzip", "a.xml.gz", gzipped(t, bomb)), ErrTooLarge},
		"a bomb in an archive": {mailWith("application/zip", "a.zip", inZip(t, "a.xml", bomb)), ErrTooLarge},
		"too large":            {mailWith("application/gzip", "a.xml.gz", bytes.Repeat([]byte("x"), 64<<10+1)), ErrTooLarge},
		"too many records":     {mailWith("text/xml", "a.xml", []byte(many)), ErrTooLarge},
		"too deep":             {mailWith("text/xml", "a.xml", []byte(deep)), errBadReport},
		"entities":             {mailWith("text/xml", "a.xml", []byte(entities)), errBadReport},
		"an unknown entity":    {mailWith("text/xml", "a.xml", []byte("<feedback><version>&b;</version></feedback>")), errBadReport},
		"no gzip":              {mailWith("application/gzip", "a.xml.gz", []byte("x")), errBadReport},
		"no archive":           {mailWith("application/zip", "a.zip", []byte("x")), errBadReport},
		"an archive of others": {mailWith("application/zip", "a.zip", inZip(t, "a.exe", "x")), ErrNoReport},
		"another XML":          {mailWith("text/xml", "a.xml", []byte("<html/>")), ErrNoReport},
		"cut off":              {mailWith("text/xml", "a.xml", []byte("<feedback><record>")), errBadReport},
		"about another":        {mailWith("text/xml", "a.xml", []byte(fmt.Sprintf(theirs, "id", "example.com"))), ErrNotOurs},
		"without an ID":        {mailWith("text/xml", "a.xml", []byte(fmt.Sprintf(theirs, "", "example.org"))), errBadReport},
		"a picture":            {mailWith("image/png", "a.png", []byte("x")), ErrNoReport},
		"another charset":      {mailWith("text/xml", "a.xml", []byte(`<?xml version="1.0" encoding="utf-7"?><feedback/>`)), errBadReport},
	} {
		if n, err := h.Receive(t.Context(), tc.raw); n != 0 || !errors.Is(err, tc.want) {
			t.Errorf("%s: %d %v", name, n, err)
		}
	}
}

func TestXMLIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"deep":      "<feedback>" + strings.Repeat("<x>", maxNesting) + strings.Repeat("</x>", maxNesting) + "</feedback>",
		"directive": "<!DOCTYPE feedback><feedback></feedback>",
	} {
		if x, err := readReport(strings.NewReader(text), defaultSizes()); !errors.Is(err, errBadReport) {
			t.Errorf("%s: %+v %v", name, x, err)
		}
	}
	x, err := readReport(strings.NewReader("<feedback><record><row><source_ip>192.0.2.1</source_ip><count>99999999999999</count></row></record><record><row><source_ip>192.0.2.1</source_ip><count>5</count></row></record></feedback>"), defaultSizes())
	if err != nil || x.summary(day).Messages != 5 {
		t.Errorf("%+v %v", x, err)
	}
}

// There is an end to what others can have us keep.
func TestWhatIsKeptIsBounded(t *testing.T) {
	h := newHouse(t)
	raw := mailWith("text/xml", "a.xml", []byte(fmt.Sprintf(theirs, "one-more", "example.org")))
	err := h.store.Update(t.Context(), func(tx *store.Tx) error {
		for i := range maxReceived {
			k := reportKey{domain: "example.org", end: uint64(i)}
			if err := h.received.Set(tx, k, Summary{Domain: "example.org", ID: "x"}); err != nil {
				return err
			}
		}
		for i := range maxDomains {
			if err := h.policies.Set(tx, dayKey{dayOf(day), fmt.Sprintf("d%d.example", i)}, published{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := h.Receive(t.Context(), raw); n != 0 || !errors.Is(err, ErrTooMany) {
		t.Error(n, err)
	}
	h.Observe(outcome("192.0.2.1", "mailto:dmarc@example.com"))
	h.saved(t)
	if n := h.rowsLeft(t); n != 0 {
		t.Errorf("%d rows of one domain more", n)
	}
}

func TestManySourcesBecomeOne(t *testing.T) {
	x := &xmlReport{}
	for i := range 1000 {
		x.Records = append(x.Records, xmlRecord{Row: xmlRow{Source: fmt.Sprintf("10.0.%d.%d", i/256, i%256), Count: uint64(i)}})
	}
	s := x.summary(day)
	var all uint64
	for _, one := range s.Sources {
		all += one.Messages
	}
	if len(s.Sources) != maxSources || s.Sources[0].Messages != 999 || s.Sources[maxSources-1].Address != "" || all != s.Messages {
		t.Error(len(s.Sources), all, s.Messages)
	}
}

func FuzzReadReport(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(theirs, "id", "example.org")))
	f.Add([]byte("<feedback><record><row><count>-1</count></row></record></feedback>"))
	f.Add([]byte("<feedback><report_metadata><date_range><begin>9999999999999999999</begin></date_range></report_metadata></feedback>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := readReport(bytes.NewReader(text), defaultSizes())
		if err != nil {
			return
		}
		s := x.summary(day)
		again, err := summaries.Parse(summaries.Append(nil, s))
		if err != nil || again.Messages != s.Messages || len(again.Sources) != len(s.Sources) {
			t.Errorf("%+v\n%+v %v", s, again, err)
		}
	})
}
