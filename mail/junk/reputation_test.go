package junk

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/filter"
	"martlet/mail/mailbox"
	"martlet/store"
)

// stamped is a letter as it lies in a mailbox: with what this server has found out.
func stamped(c *corpus, junk bool, domain, ip, results string) []byte {
	return append(fmt.Appendf(nil, "Return-Path: <x@%s>\r\nReceived: from mx (["+ip+"])\r\n\tby %s with ESMTP id 1;\r\n\tSun, 1 Mar 2026 12:00:00 +0000\r\nAuthentication-Results: %s; %s\r\nFrom: <a@%s>\r\n",
		domain, hostname, hostname, results, domain), c.rest(junk)...)
}

func TestWhereMailComesFromIsReadFromWhatThisServerWrote(t *testing.T) {
	h := newHouse(t, 0, Options{})
	for name, tc := range map[string]struct{ raw, domain, network string }{
		"dmarc": {"Received: from x ([192.0.2.9]) by mx.example.org with ESMTP id 1; x\r\nAuthentication-Results: mx.example.org; dmarc=pass (p=reject) header.from=good.example\r\nFrom: a@good.example\r\n\r\n",
			"good.example", "192.0.2.0/24"},
		"v6, dkim of the organisation": {"Received: from x ([IPv6:2001:db8:1:2::3])\r\n\tby mx.example.org with ESMTP id 1; x\r\nAuthentication-Results: mx.example.org; spf=fail smtp.mailfrom=l.example; dkim=pass header.d=mail.good.example; dmarc=none header.from=good.example\r\nFrom: a@good.example\r\n\r\n",
			"good.example", "2001:db8:1::/48"},
		"dmarc fails": {"Authentication-Results: mx.example.org; dkim=pass header.d=good.example; dmarc=fail header.from=good.example\r\nFrom: a@good.example\r\n\r\n", "", ""},
		"another's results": {"Received: from x ([192.0.2.9]) by mx.example.net with ESMTP id 1; x\r\nAuthentication-Results: mx.example.net; dmarc=pass header.from=good.example\r\nFrom: a@good.example\r\n\r\n",
			"", ""},
		"forged below": {"Authentication-Results: mx.example.org; dmarc=none header.from=good.example\r\nAuthentication-Results: mx.example.org; dmarc=pass header.from=good.example\r\nFrom: a@good.example\r\n\r\n", "", ""},
		"inside":       {"Received: from x ([10.1.2.3]) by mx.example.org with ESMTP id 1; x\r\nFrom: a@good.example\r\n\r\n", "", ""},
		"nothing":      {"From: a@good.example\r\n\r\n", "", ""},
	} {
		network := netip.Prefix{}
		if tc.network != "" {
			network = netip.MustParsePrefix(tc.network)
		}
		if got := h.originOf(tc.raw); got != (origin{tc.domain, network}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestSendersAndNetworksHaveAReputationThatFades(t *testing.T) {
	h, c := newHouse(t, 3, Options{}), newCorpus(20)
	for i := range 24 {
		h.teach(i%2, stamped(c, true, "bad.example", "198.51.100.7", "dmarc=pass header.from=bad.example"), true)
		h.teach(i%2, stamped(c, false, "good.example", "192.0.2.7", "dmarc=pass header.from=good.example"), false)
	}
	auth := func(domain string) filter.Auth { return filter.Auth{Authentic: true, From: domain} }
	says := func(a filter.Auth, ip string) (all []float64) {
		t.Helper()
		err := h.store.View(t.Context(), func(tx *store.Tx) (err error) {
			all, _, err = h.reputations(tx, originOf(&filter.Message{Client: &mail.Client{Addr: netip.MustParseAddr(ip)}, Auth: a}), h.today())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if got := says(auth("bad.example"), "198.51.100.200"); len(got) != senderWeight+networkWeight || got[0] < 0.8 || got[len(got)-1] < 0.8 {
		t.Errorf("of a bad sender: %v", got)
	}
	if got := says(auth("good.example"), "192.0.2.200"); len(got) != senderWeight+networkWeight || got[0] > 0.2 {
		t.Errorf("of a good one: %v", got)
	}
	if got := says(filter.Auth{From: "good.example"}, "203.0.113.1"); got != nil {
		t.Errorf("of one that only says so: %v", got)
	}
	h.time = h.time.AddDate(0, 0, 5*reputationLife)
	if got := says(auth("bad.example"), "198.51.100.200"); got != nil {
		t.Errorf("months later: %v", got)
	}
}

// Who alone says that a sender is bad says it once.
func TestOneUserDoesNotSpoilAReputation(t *testing.T) {
	h, c := newHouse(t, 1, Options{}), newCorpus(21)
	for range 20 {
		h.teach(0, stamped(c, true, "good.example", "192.0.2.7", "dmarc=pass header.from=good.example"), true)
	}
	err := h.store.View(t.Context(), func(tx *store.Tx) error {
		r, err := h.tables.senders.Get(tx, "good.example")
		if p := r.says(); p > 0.65 {
			t.Errorf("%+v says %.2f", r, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whom a user writes to is no sender of junk, if it is them.
func TestWordsDoNotMakeJunkOfMailFromAFriend(t *testing.T) {
	h, c := newHouse(t, 2, Options{}), newCorpus(22)
	for i := range 2 {
		h.school(i, c, 60, false)
	}
	letter := []byte("From: <friend@firm.example>\r\n" + string(c.rest(true)) + c.words(true, 600))
	card, err := h.mailboxes.Blobs().Put(t.Context(), []byte("BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	h.update(func(tx *store.Tx) error {
		return h.mailboxes.NoteRecipients(tx, mail.MailboxOf(h.users[0]), []mailbox.Recipient{{Address: "Friend@firm.example", Card: mail.Body{Blob: card}}}, h.time)
	})
	known := filter.Auth{Authentic: true, From: "firm.example"}
	found := h.scan(letter, known, "", 0, 1)
	if is, has := found.Opinions[h.users[0]]; is || !has || !found.Opinions[h.users[1]] {
		t.Errorf("user 0 writes to them, user 1 does not: %+v", found)
	}
	if !strings.Contains(strings.Join(found.Reasons, ";"), "writes to the sender") {
		t.Errorf("reasons: %q", found.Reasons)
	}
	if found := h.scan(letter, filter.Auth{From: "firm.example"}, "", 0); !found.Opinions[h.users[0]] {
		t.Errorf("it is not shown to be them: %+v", found)
	}
}

func TestMailBetweenOurOwnUsersIsNotJudged(t *testing.T) {
	h, c := newHouse(t, 1, Options{}), newCorpus(23)
	h.school(0, c, 30, false)
	if found := h.scan(c.long(true), filter.Auth{Submission: true}, "", 0); found.Opinions != nil || found.Score != 0 {
		t.Errorf("%+v", found)
	}
}

func TestOpinionsAreForAFewAccounts(t *testing.T) {
	h, c := newHouse(t, 1, Options{}), newCorpus(24)
	h.school(-1, c, 210, false)
	m := &filter.Message{Env: &mail.Envelope{To: []mail.Recipient{{Local: true}}}, Raw: c.long(true)}
	for i := range 3 * maxOpinions {
		m.Env.To[0].Accounts = append(m.Env.To[0].Accounts, directory.AccountID(1000+i))
	}
	found := h.find(m)
	if len(found.Opinions) != maxOpinions || found.Score < 4 {
		t.Errorf("%d opinions, score %f", len(found.Opinions), found.Score)
	}
}
