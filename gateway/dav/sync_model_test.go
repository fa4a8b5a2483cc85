package dav

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"martlet/mail"
)

var (
	answered = regexp.MustCompile(`<D:response><D:href>([^<]*)</D:href>(.*?)</D:response>`)
	tagged   = regexp.MustCompile(`<D:getetag>([^<]*)</D:getetag>`)
)

// program is a calendar program with a copy of a collection.
type program struct {
	user, path, token string
	has               map[string]string // tags by name
}

// takes follows an answer to a synchronisation, and tells whether there is more.
func (p *program) takes(t *testing.T, a *answer, path string) (more bool) {
	t.Helper()
	for _, m := range answered.FindAllStringSubmatch(a.body, -1) {
		name := strings.TrimPrefix(m[1], path)
		switch tag := tagged.FindStringSubmatch(m[2]); {
		case tag != nil && name != "":
			p.has[name] = tag[1]
		case strings.Contains(m[2], " 404 "):
			delete(p.has, name)
		case strings.Contains(m[2], " 507 ") && name == "":
			more = true
		case name != "":
			t.Fatalf("what is this: %s", m[0])
		}
	}
	p.token = a.token()
	return more
}

// Whatever happens to the resources of two address books, whoever synchronises
// them in whatever steps ends with what there is to be seen.
func TestWhoSynchronisesHasWhatThereIs(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synchronise(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func synchronise(t *testing.T, r *rand.Rand) {
	h, _ := sharing(t)
	h.want(http.StatusCreated, "MKCOL", books+"other/", `<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/><A:addressbook xmlns:A="urn:ietf:params:xml:ns:carddav"/></resourcetype></prop></set></mkcol>`)
	h.grant(nil, mail.RoleContacts, mail.MayRead)
	h.user = kenji
	shared := h.shared("addressbooks")
	programs := []*program{
		{user: robin, path: books + "contacts/"}, {user: robin, path: books + "other/"}, {user: kenji, path: shared}, {user: kenji, path: shared},
	}
	for _, p := range programs {
		p.has = map[string]string{}
	}
	sync := func(p *program, limit int) {
		h.user = p.user
		if p.takes(t, h.sync(p.path, p.token, limit), p.path) && limit > 5 {
			t.Logf("%s is not done with %d", p.path, limit)
		}
	}
	for step := range 120 {
		h.user = robin
		in := []string{books + "contacts/", books + "other/"}
		from := in[r.IntN(2)]
		name := fmt.Sprint("n", r.IntN(6))
		body := contact(fmt.Sprint("u", r.IntN(8)), fmt.Sprint("FN:", step))
		if r.IntN(3) == 0 {
			body = strings.Replace(body, "END:", "CLASS:PRIVATE\r\nEND:", 1)
		}
		switch r.IntN(6) {
		case 0:
			h.do("DELETE", from+name, "")
		case 1:
			h.do("MOVE", from+name, "", "Destination", in[r.IntN(2)]+fmt.Sprint("n", r.IntN(6)))
		case 2:
			h.do("COPY", from+name, "", "Destination", in[r.IntN(2)]+name)
		default:
			h.do("PUT", from+name, body)
		}
		for _, p := range programs {
			if r.IntN(8) == 0 {
				sync(p, r.IntN(3))
			}
		}
	}
	for i, p := range programs {
		h.user = p.user
		for n := 0; p.takes(t, h.sync(p.path, p.token, 1+r.IntN(3)), p.path); n++ {
			if n > 100 {
				t.Fatal("it does not end")
			}
		}
		listed := &program{has: map[string]string{}}
		listed.takes(t, h.want(http.StatusMultiStatus, "PROPFIND", p.path, `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`, "Depth", "1"), p.path)
		if !maps.Equal(listed.has, p.has) {
			t.Errorf("program %d has %v, there is %v", i, p.has, listed.has)
		}
	}
}
