package mail_test

import (
	"testing"
	"time"

	"martlet/mail"
)

func TestPartsThatDiffer(t *testing.T) {
	now := time.Now()
	base := mail.Item{Keywords: []string{"a"}, VerbTime: now}
	for name, tt := range map[string]struct {
		edit func(*mail.Item)
		want mail.Parts
	}{
		"nothing":       {func(it *mail.Item) { it.VerbTime = now.UTC() }, 0},
		"read":          {func(it *mail.Item) { it.Flags |= mail.FlagSeen }, mail.PartRead},
		"flag":          {func(it *mail.Item) { it.FollowUp.Status = mail.FollowUpActive }, mail.PartFollowUp},
		"category":      {func(it *mail.Item) { it.Keywords = nil }, mail.PartKeywords},
		"answered":      {func(it *mail.Item) { it.Flags |= mail.FlagAnswered }, mail.PartOther},
		"replied":       {func(it *mail.Item) { it.LastVerb = 1 }, mail.PartOther},
		"IMAP deleted":  {func(it *mail.Item) { it.Flags |= mail.FlagDeleted }, 0},
		"read and flag": {func(it *mail.Item) { it.Flags, it.FollowUp.Type = mail.FlagSeen, "x" }, mail.PartRead | mail.PartFollowUp},
	} {
		it := base
		tt.edit(&it)
		if got := mail.Differing(&base, &it); got != tt.want {
			t.Errorf("%s: %b, want %b", name, got, tt.want)
		}
	}
}

func TestPartsChangedSince(t *testing.T) {
	it := mail.Item{Created: 3}
	it.Parts.Note(mail.PartRead|mail.PartKeywords, 5)
	it.Parts.Note(mail.PartRead, 7)
	for s, want := range map[mail.ModSeq]mail.Parts{
		2: mail.AllParts, 3: mail.PartRead | mail.PartKeywords, 5: mail.PartRead, 6: mail.PartRead, 7: 0,
	} {
		if got := it.ChangedSince(s); got != want {
			t.Errorf("since %d: %b, want %b", s, got, want)
		}
	}
}
