package message

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var addressCases = []struct {
	in   string
	want []Address
}{
	{"", nil},
	{"bob@example.com", []Address{{"", "bob@example.com"}}},
	{"Bob <bob@example.com>", []Address{{"Bob", "bob@example.com"}}},
	{`"Builder, Bob" <bob@example.com>, carol@example.com`, []Address{{"Builder, Bob", "bob@example.com"}, {"", "carol@example.com"}}},
	{`Builder, Bob <bob@example.com>`, []Address{{"Builder, Bob", "bob@example.com"}}},
	{"a@x.org; b@x.org;c@x.org", []Address{{"", "a@x.org"}, {"", "b@x.org"}, {"", "c@x.org"}}},
	{"bob@example.com (Bob (the) Builder)", []Address{{"Bob (the) Builder", "bob@example.com"}}},
	{"Friends: a@x.org, Bea <b@x.org>;, c@x.org", []Address{{"", "a@x.org"}, {"Bea", "b@x.org"}, {"", "c@x.org"}}},
	{"undisclosed-recipients:;", nil},
	{"=?iso-8859-1?Q?Andr=E9?= Pirard <p@x.be>", []Address{{"André Pirard", "p@x.be"}}},
	{`"=?utf-8?B?SsO8cmdlbg==?=" <j@x.de>`, []Address{{"Jürgen", "j@x.de"}}},
	{`=?utf-8?Q?M=C3=BCller=2C_J=C3=BCrgen?= <j@x.de>`, []Address{{"Müller, Jürgen", "j@x.de"}}},
	{"=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?= <e@x.de>", []Address{{"€", "e@x.de"}}},
	{"J\xfcrgen <j@x.de>", []Address{{"Jürgen", "j@x.de"}}},
	{"Jürgen <jürgen@bücher.example>", []Address{{"Jürgen", "jürgen@bücher.example"}}},
	{"Bob <bob@example.com", []Address{{"Bob", "bob@example.com"}}},
	{"<<bob@example.com>>", []Address{{"", "bob@example.com"}}},
	{`"Bob <bob@example.com>`, []Address{{"Bob", "bob@example.com"}}},
	{"'Bob' <'bob@example.com'>", []Address{{"Bob", "bob@example.com"}}},
	{"Bob bob@example.com", []Address{{"Bob", "bob@example.com"}}},
	{"<@relay.example,@other.example:bob@example.com>", []Address{{"", "bob@example.com"}}},
	{`"john doe"@example.com`, []Address{{"", `"john doe"@example.com`}}},
	{`"Quote \" and \\" <q@x.org>`, []Address{{`Quote " and \`, "q@x.org"}}},
	{"Bob\x00by <bob@example.com>", []Address{{"Bobby", "bob@example.com"}}},
	{"bob@[IPv6:2001:db8::1], x@y.z", []Address{{"", "bob@[IPv6:2001:db8::1]"}, {"", "x@y.z"}}},
	{"mailto:bob@example.com", []Address{{"", "bob@example.com"}}},
	{"Bob <mailto:bob@example.com>", []Address{{"Bob", "bob@example.com"}}},
	{"MAILER-DAEMON", []Address{{"MAILER-DAEMON", ""}}},
	{"Moderator <>", []Address{{"Moderator", ""}}},
	{", ,;,", nil},
	{"a@x.org,\r\n\tb@x.org", []Address{{"", "a@x.org"}, {"", "b@x.org"}}},
	{"bob@example.com <bob@example.com>", []Address{{"bob@example.com", "bob@example.com"}}},
}

func TestAddressListsAreReadHoweverTheyAreWritten(t *testing.T) {
	for _, c := range addressCases {
		if diff := cmp.Diff(c.want, ParseAddressList(c.in)); diff != "" {
			t.Errorf("%q: %s", c.in, diff)
		}
	}
}

func TestAddressListsAreBounded(t *testing.T) {
	list := ParseAddressList(strings.Repeat("a@x.org,", maxAddresses+10))
	if len(list) != maxAddresses {
		t.Errorf("%d addresses", len(list))
	}
}

func TestAddressesAreWrittenAsInAHeader(t *testing.T) {
	for _, c := range []struct {
		a    Address
		want string
	}{
		{Address{"Bob", "bob@x.org"}, `"Bob" <bob@x.org>`},
		{Address{"", "bob@x.org"}, "bob@x.org"},
		{Address{"bob@x.org", "bob@x.org"}, "bob@x.org"},
		{Address{`a "b" \c`, "bob@x.org"}, `"a \"b\" \\c" <bob@x.org>`},
		{Address{"Daemon", ""}, `"Daemon"`},
	} {
		if got := c.a.String(); got != c.want {
			t.Errorf("%v: %s, want %s", c.a, got, c.want)
		}
	}
}
