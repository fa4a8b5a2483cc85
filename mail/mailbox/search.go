package mailbox

import (
	"context"

	"martlet/mail"
	"martlet/mail/search"
)

// MaxSearchLimit is the largest number of places one Search returns.
const MaxSearchLimit = 1000

// SearchOptions say how much of what was found is wanted.
type SearchOptions struct {
	Limit int // at most MaxSearchLimit, which zero stands for
}

// SearchResult is what was found.
type SearchResult struct {
	Places []mail.Place // where the messages are now, the newest first
	Total  int          // how many there are, Places and more
	Capped bool         // there may be more than Total: not every candidate could be looked at
}

// Search finds messages. It knows what was committed before it was called, and
// where a message is now. A mailbox that was never used has none.
func (m *Mailboxes) Search(ctx context.Context, box mail.MailboxID, q search.Query, o SearchOptions) (SearchResult, error) {
	return SearchResult{}, nil
}
