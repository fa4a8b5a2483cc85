package junk

import (
	"fmt"
	"strings"
	"testing"

	"martlet/mail/filter"
)

// rates judges messages of both kinds for a user.
func rates(h *house, c *corpus, user, n int) (missed, wrong int) {
	for range n {
		if found := h.scan(c.letter(true), filter.Auth{}, "192.0.2.1", user); !found.Opinions[h.users[user]] {
			missed++
		}
		if found := h.scan(c.letter(false), filter.Auth{}, "192.0.2.1", user); found.Opinions[h.users[user]] {
			wrong++
		}
	}
	return missed, wrong
}

func TestAFewDozenMessagesAreEnoughToTellJunk(t *testing.T) {
	h, c := newHouse(t, 1, Options{}), newCorpus(1)
	h.school(0, c, 100, false)
	missed, wrong := rates(h, c, 0, 200)
	t.Logf("of 200 each: %d missed, %d wrong", missed, wrong)
	if missed > 30 || wrong > 0 {
		t.Errorf("of 200 each: %d missed, %d wrong", missed, wrong)
	}
}

func TestNothingIsJudgedBeforeEnoughIsKnown(t *testing.T) {
	h, c := newHouse(t, 1, Options{}), newCorpus(2)
	h.school(0, c, defaultOwnMin-1, false)
	h.teach(0, c.letter(true), true)
	if found := h.scan(c.letter(true), filter.Auth{}, "", 0); found.Opinions != nil || found.Score != 0 || found.Reasons != nil {
		t.Errorf("with one message too few: %+v", found)
	}
	h.teach(0, c.letter(false), false)
	found := 0
	for range 20 {
		f := h.scan(c.letter(true), filter.Auth{}, "", 0)
		if f.Opinions[h.users[0]] && len(f.Reasons) > 1 {
			found++
		}
	}
	if found == 0 {
		t.Errorf("with enough: %d of 20", found)
	}
}

// What some users have taught helps one who has taught nothing, and a user who sees
// it otherwise is right for themselves.
func TestTheBaseHelpsWhoHasTaughtNothingAndYieldsToWhoHas(t *testing.T) {
	h, c := newHouse(t, 5, Options{SharedMin: 100}), newCorpus(3)
	for i := range 3 {
		h.school(i, c, 40, false)
	}
	missed, wrong := rates(h, c, 3, 100)
	t.Logf("by the base alone, of 100 each: %d missed, %d wrong", missed, wrong)
	if missed > 15 || wrong > 0 {
		t.Errorf("by the base alone, of 100 each: %d missed, %d wrong", missed, wrong)
	}
	h.school(4, c, 60, true) // user 4 wants what others take for junk
	agreed, theirs := 0, 0
	for range 20 {
		found := h.scan(c.letter(true), filter.Auth{}, "", 3, 4)
		if found.Opinions[h.users[4]] {
			t.Fatalf("the base is right against the user's own words: %+v", found)
		}
		if found.Opinions[h.users[3]] {
			theirs++
			if _, has := found.Opinions[h.users[4]]; has {
				agreed++
			}
		}
	}
	if theirs < 10 || agreed < theirs*2/3 {
		t.Errorf("of 20, %d are junk for others, of which %d are kept for the user", theirs, agreed)
	}
	h.SetOptions(Options{Alone: true})
	if found := h.scan(c.letter(true), filter.Auth{}, "", 3); found.Opinions != nil || found.Score != 0 {
		t.Errorf("users share nothing, and yet: %+v", found)
	}
}

// One user who teaches the others' mail as junk, as much as they like, does not make
// it junk for the others.
func TestOneUserCannotPoisonTheBase(t *testing.T) {
	h, c := newHouse(t, 5, Options{SharedMin: 100}), newCorpus(4)
	for i := range 3 {
		h.school(i, c, 60, false)
	}
	h.school(3, c, 80, true)
	if s := h.of(3); s.InJunk > maxShared+1 || s.InGood > maxShared+1 {
		t.Errorf("one user gave %.1f and %.1f", s.InJunk, s.InGood)
	}
	missed, wrong := rates(h, c, 4, 100)
	t.Logf("of 100 each: %d missed, %d wrong", missed, wrong)
	if wrong > 0 || missed > 40 {
		t.Errorf("of 100 each: %d missed, %d wrong", missed, wrong)
	}
	// A word that nobody else has ever seen: it must count as one message.
	for i := range 30 {
		h.teach(3, fmt.Appendf(nil, "From: a@b.example\r\nSubject: quarterly planning\r\n\r\nquarterly planning of the department %d\r\n", i), true)
	}
	found := h.scan([]byte("From: x@firm1.example\r\nSubject: quarterly planning\r\n\r\nquarterly planning of the department\r\n"), filter.Auth{}, "", 4)
	if found.Opinions[h.users[4]] || found.Score > 1 {
		t.Errorf("one user's word is the base's: %+v", found)
	}
}

func TestNoUserAloneMakesTheBaseJudge(t *testing.T) {
	h, c := newHouse(t, 2, Options{SharedMin: int(maxShared) + 1}), newCorpus(5)
	h.school(0, c, 80, false)
	if s := h.of(-1); s.Junk > maxShared+1 {
		t.Errorf("the base has %.1f", s.Junk)
	}
	if found := h.scan(c.letter(true), filter.Auth{}, "", 1); found.Opinions != nil {
		t.Errorf("%+v", found)
	}
}

func TestAnAdministratorTeachesAll(t *testing.T) {
	h, c := newHouse(t, 1, Options{SharedMin: 100}), newCorpus(6)
	h.school(-1, c, 100, false)
	missed, wrong := rates(h, c, 0, 100)
	if missed > 5 || wrong > 0 {
		t.Errorf("of 100 each: %d missed, %d wrong", missed, wrong)
	}
	j, err := h.Judge(t.Context(), 0, c.letter(true))
	if err != nil || !j.Junk || !j.Ready || len(j.Reasons) < 2 {
		t.Errorf("judged: %+v, %v", j, err)
	}
	if strings.ContainsAny(strings.Join(j.Reasons, ""), "\r\n\x00") {
		t.Errorf("reasons: %q", j.Reasons)
	}
}

func TestWhatIsOldCountsLessAndGoes(t *testing.T) {
	h, c := newHouse(t, 1, Options{}), newCorpus(7)
	h.school(0, c, 40, false)
	before := h.of(0)
	h.time = h.time.AddDate(0, 0, halfLife)
	if s := h.of(0); s.Junk < before.Junk/2-0.1 || s.Junk > before.Junk/2+0.1 {
		t.Errorf("after a half life %.2f of %.2f", s.Junk, before.Junk)
	}
	h.time = h.time.AddDate(5, 0, 0)
	if found := h.scan(c.letter(true), filter.Auth{}, "", 0); found.Opinions != nil {
		t.Errorf("what was learned years ago judges: %+v", found)
	}
	h.school(0, newCorpus(8), 1<<userBits/tidyBuckets/2, false)
	if s := h.of(0); s.Learned != 1<<userBits/tidyBuckets {
		t.Errorf("%d messages are remembered", s.Learned)
	}
	if j, err := h.Judge(t.Context(), h.users[0], c.letter(true)); err != nil || !j.Ready || j.Probability > 0.9 {
		t.Errorf("%+v %v", j, err)
	}
	for _, w := range c.good[:50] {
		if _, ok := h.known(ownerOf(h.users[0]), hash(kindWord, []byte(w))); ok {
			t.Errorf("%q is still known", w)
		}
	}
}
