package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"martlet/mail/search"
	"martlet/store"
)

// signatureTable has what sums up the texts of messages (search.Signature). Who
// looks into messages makes them; one that is missing is made again when somebody
// does. It goes with the message's index.
var signatureTable = store.NewTable("signature", store.PrefixSignature,
	store.Codec[[32]byte]{Append: appendHash, Parse: parseHash}, rawBytes)

// signChunk is how many signatures are written in one transaction: 1.6 MB at most.
const signChunk = 100

// Signature returns the signature of a body, nil if there is none.
func (m *Mailboxes) Signature(tx *store.Tx, hash [32]byte) (search.Signature, error) {
	g, err := signatureTable.Get(tx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("mailbox: signature: %w", err)
	}
	return g, nil
}

// Signed is a body with its signature.
type Signed struct {
	Hash      [32]byte
	Signature search.Signature
}

// Sign writes signatures of messages that some mailbox still has.
func (m *Mailboxes) Sign(ctx context.Context, all []Signed) error {
	for part := range slices.Chunk(all, signChunk) {
		err := m.store.Update(ctx, func(tx *store.Tx) error {
			for _, s := range part {
				there, err := indexTable.Has(tx, s.Hash)
				if err == nil && there {
					err = signatureTable.Set(tx, s.Hash, s.Signature)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("mailbox: sign: %w", err)
		}
	}
	return nil
}

// signatures reports signatures of messages that no mailbox has.
func (c *checker) signatures() error {
	for row, err := range signatureTable.Scan(c.tx, store.TableRange[[32]byte]{}) {
		if err != nil {
			return err
		}
		if there, err := indexTable.Has(c.tx, row.Key); err != nil {
			return err
		} else if !there {
			c.bad("signature", fmt.Sprintf("%x", row.Key), "no mailbox has this message")
		}
	}
	return nil
}
