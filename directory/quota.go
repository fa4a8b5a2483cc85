package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"martlet/store"
)

// Quota is how much a mailbox may hold. Of an account zero is what its domain
// says, of a domain zero is any amount; Unlimited is any amount whatever the
// domain says.
type Quota struct {
	Bytes int64 // of what its items hold
	Items int64
}

// Unlimited is a limit that is none.
const Unlimited = -1

// over is the account's limit where it has one, else its domain's. Zero is none.
func over(account, domain int64) int64 {
	if account == 0 {
		account = domain
	}
	return max(account, 0)
}

// QuotaIn returns what an account may hold: zero is any amount.
func (d *Directory) QuotaIn(tx *store.Tx, id AccountID) (Quota, error) {
	a, err := d.account(tx, id)
	if err != nil {
		return Quota{}, err
	}
	dom, err := d.tables.domains.Get(tx, keyOf(a.Login).domain())
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return Quota{over(a.Quota.Bytes, dom.Quota.Bytes), over(a.Quota.Items, dom.Quota.Items)}, err
}

// Quota is QuotaIn in a transaction of its own.
func (d *Directory) Quota(ctx context.Context, id AccountID) (q Quota, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		q, err = d.QuotaIn(tx, id)
		return err
	})
	return q, err
}

// maxQuota bounds both numbers of a quota, far beyond any disk.
const maxQuota = 1 << 60

// sizeUnits are the units of a size, the largest first.
func sizeUnits() []struct {
	name  string
	shift uint
} {
	return []struct {
		name  string
		shift uint
	}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}}
}

// ParseSize reads a number of bytes as people write it: "5 GiB", "500MiB". Empty
// is zero, "unlimited" is Unlimited.
func ParseSize(s string) (int64, error) {
	switch s = strings.ReplaceAll(strings.TrimSpace(s), " ", ""); strings.ToLower(s) {
	case "", "0":
		return 0, nil
	case "unlimited":
		return Unlimited, nil
	}
	for _, u := range sizeUnits() {
		digits, ok := strings.CutSuffix(strings.ToLower(s), strings.ToLower(u.name))
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 || n > maxQuota>>u.shift {
			break
		}
		return n << u.shift, nil
	}
	return 0, fmt.Errorf("%w: %q is no size: write \"5 GiB\", \"500 MiB\" or \"unlimited\"", ErrBadValue, s)
}

// SizeText writes a size so that ParseSize reads the same.
func SizeText(n int64) string {
	switch {
	case n < 0:
		return "unlimited"
	case n == 0:
		return ""
	}
	for _, u := range sizeUnits() {
		if n%(1<<u.shift) == 0 {
			return fmt.Sprintf("%d %s", n>>u.shift, u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}

func checkQuotaItems(n int64) error {
	if n < Unlimited || n > maxQuota {
		return fmt.Errorf("%w: a number of items, 0 for what the domain says, or -1 for any", ErrBadValue)
	}
	return nil
}

func (q Quota) encode(e *store.Encoder) {
	e.Int(1, q.Bytes)
	e.Int(2, q.Items)
}

func parseQuota(b []byte) (q Quota, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			q.Bytes = f.Int()
		case 2:
			q.Items = f.Int()
		}
		return nil
	})
	return q, err
}

// quota checks what a file says of one.
func (c *checker) quota(size *string, items *int64, path ...any) {
	at := func(key string) []any { return append(append([]any{}, path...), key) }
	if size != nil {
		if _, err := ParseSize(*size); err != nil {
			c.fail(err, at("quota")...)
		}
	}
	if items != nil {
		if err := checkQuotaItems(*items); err != nil {
			c.fail(err, at("quota_items")...)
		}
	}
}

// planQuota is what a quota becomes by a file that was checked.
func planQuota(q Quota, size *string, items *int64) Quota {
	if size != nil {
		q.Bytes, _ = ParseSize(*size)
	}
	if items != nil {
		q.Items = *items
	}
	return q
}

func differQuota(text []string, old, want Quota) []string {
	text = differ(text, "quota", SizeText(old.Bytes), SizeText(want.Bytes))
	return differ(text, "quota_items", old.Items, want.Items)
}

// presentNumber is nil for zero.
func presentNumber(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}
