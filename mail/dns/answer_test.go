package dns

import (
	"testing"
	"time"

	"github.com/miekg/dns"
)

func FuzzAnswer(f *testing.F) {
	for _, text := range []string{"a.example. 300 IN MX 10 b.example.", "a.example. 300 IN CNAME a.example.", `a.example. 300 IN TXT "x\000"`, "a.example. 4294967295 IN A 192.0.2.1"} {
		rr, err := dns.NewRR(text)
		if err != nil {
			f.Fatal(err)
		}
		m := new(dns.Msg)
		m.SetQuestion("a.example.", rr.Header().Rrtype)
		m.Response = true
		m.Answer = []dns.RR{rr}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := parse(b)
		if m == nil || len(m.Question) != 1 {
			return
		}
		q := question{m.Question[0].Name, m.Question[0].Qtype}
		if !belongs(m, m.Id, q) {
			return
		}
		if _, err := canonical(q.name); err != nil {
			return
		}
		a, err := read(m, q, false)
		if err != nil {
			return
		}
		if a.authentic || a.ttl < 0 || a.ttl > maxTTL || len(a.records) > maxRecords || a.size() > 1<<20 {
			t.Errorf("%+v", a)
		}
		for _, rr := range a.records {
			if rr.Header().Rrtype != q.kind {
				t.Errorf("%v is not of type %d", rr, q.kind)
			}
			switch r := rr.(type) {
			case *dns.TXT:
				joinTexts(r.Txt)
			case *dns.MX:
				hostOf(r.Mx)
			}
		}
	})
}

func TestALifeBeyondAllBoundsIsNone(t *testing.T) {
	a := &answer{ttl: maxTTL}
	a.limit(1<<31 - 1)
	if a.ttl != time.Hour {
		t.Errorf("%v", a.ttl)
	}
	a.limit(1 << 31) // RFC 2181 8
	if a.ttl != 0 {
		t.Errorf("%v", a.ttl)
	}
}
