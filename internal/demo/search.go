package demo

import (
	"context"
	"fmt"
	"strings"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// wanted is what the phone searches for: the beginning of a word in the text of
// one sample, and two characters within the subject of another.
const wanted = "figur OR 会議"

// search looks for mail in the way of the version; in 2.5, which has none, for
// somebody in the address list.
func (r *run) search(ctx context.Context) (string, map[string]any, error) {
	if r.Version < eas.V120 {
		hits, err := r.phone.SearchPeople(ctx, phone.Query{Text: "kenji"})
		if err != nil {
			return "", nil, err
		}
		if len(hits.People) != 1 {
			return "", nil, fmt.Errorf("the address list has %d people called kenji", len(hits.People))
		}
		return "the address list knows " + hits.People[0].DisplayName, map[string]any{"address": hits.People[0].EmailAddress}, nil
	}
	hits, err := r.phone.Search(ctx, phone.Query{Text: wanted})
	if err != nil {
		return "", nil, err
	}
	var subjects []string
	for _, m := range hits.Messages {
		subjects = append(subjects, *m.Email.Subject)
	}
	if len(subjects) < 2 {
		return "", nil, fmt.Errorf("%s finds %d messages", wanted, len(subjects))
	}
	return fmt.Sprintf("%s finds %s", wanted, strings.Join(subjects, " · ")), map[string]any{"query": wanted, "subjects": subjects}, nil
}
