package directory

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"martlet/store"
)

var errUnbuilt = errors.New("directory: being written")

type HashCost struct {
	Memory  uint32 // KiB
	Time    uint32
	Threads uint8
}
type hasher struct{}
type cache struct{}

func newHasher(HashCost, int) (*hasher, error) { return &hasher{}, nil }
func newCache(time.Duration, int) *cache       { return &cache{} }

type File struct{}
type Edit struct {
	Kind, Subject, Text string
	Account             AccountID
}

func (d *Directory) Authenticate(ctx context.Context, login, password string) (Account, error) {
	return Account{}, errUnbuilt
}
func (d *Directory) Account(ctx context.Context, id AccountID) (Account, error) {
	return Account{}, errUnbuilt
}
func (d *Directory) AccountByLogin(ctx context.Context, login string) (Account, error) {
	return Account{}, errUnbuilt
}
func (d *Directory) Accounts(ctx context.Context) iter.Seq2[Account, error] { return nil }
func (d *Directory) Resolve(ctx context.Context, address string) (Route, error) {
	return Route{}, errUnbuilt
}
func (d *Directory) IsLocal(domain string) bool { return false }
func (d *Directory) MaySendAs(ctx context.Context, id AccountID, address string) (bool, error) {
	return false, errUnbuilt
}
func (d *Directory) MaySendOnBehalf(ctx context.Context, id AccountID, address string) (bool, error) {
	return false, errUnbuilt
}
func (d *Directory) AddDomain(ctx context.Context, dom Domain) error { return errUnbuilt }
func (d *Directory) AddGroup(ctx context.Context, g Group) error     { return errUnbuilt }
func (d *Directory) AddUser(ctx context.Context, a Account, password string) (Account, error) {
	return Account{}, errUnbuilt
}
func (d *Directory) SetPassword(ctx context.Context, id AccountID, password string) error {
	return errUnbuilt
}
func (d *Directory) SetDisabled(ctx context.Context, id AccountID, disabled bool) error {
	return errUnbuilt
}
func (d *Directory) RemoveUser(ctx context.Context, id AccountID) error { return errUnbuilt }
func (d *Directory) Apply(ctx context.Context, f *File, dryRun, prune bool) ([]Edit, error) {
	return nil, errUnbuilt
}
func (d *Directory) Export(ctx context.Context) (*File, error)                   { return nil, errUnbuilt }
func (d *Directory) Check(ctx context.Context, report func(store.Problem)) error { return errUnbuilt }
func ParseFile(r io.Reader, name string) (*File, error)                          { return nil, errUnbuilt }
func (f *File) WriteTOML(w io.Writer) error                                      { return errUnbuilt }
