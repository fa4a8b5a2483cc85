package mailbox

import (
	"context"
	"iter"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
	"martlet/store/blob"
)

func (m *Mailboxes) Folders(tx *store.Tx, box mail.MailboxID) ([]mail.Folder, error) {
	return nil, errStub
}
func (m *Mailboxes) Folder(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (mail.Folder, error) {
	return mail.Folder{}, errStub
}
func (m *Mailboxes) FolderByRole(tx *store.Tx, box mail.MailboxID, role mail.Role) (mail.Folder, error) {
	return mail.Folder{}, errStub
}
func (m *Mailboxes) CreateFolder(tx *store.Tx, box mail.MailboxID, parent mail.FolderID, name string, class mail.Class) (mail.Folder, error) {
	return mail.Folder{}, errStub
}
func (m *Mailboxes) UpdateFolder(tx *store.Tx, box mail.MailboxID, f, parent mail.FolderID, name string) (mail.Folder, error) {
	return mail.Folder{}, errStub
}
func (m *Mailboxes) DeleteFolder(tx *store.Tx, box mail.MailboxID, f mail.FolderID) error {
	return errStub
}
func (m *Mailboxes) Highest(tx *store.Tx, box mail.MailboxID) (mail.ModSeq, error) {
	return 0, errStub
}
func (m *Mailboxes) Changes(tx *store.Tx, box mail.MailboxID, f mail.FolderID, since mail.ModSeq) iter.Seq2[mail.Change, error] {
	return nil
}
func (m *Mailboxes) Newest(tx *store.Tx, box mail.MailboxID, f mail.FolderID, below mail.Position, oldest int64) iter.Seq2[mail.Position, error] {
	return nil
}
func (m *Mailboxes) Between(tx *store.Tx, box mail.MailboxID, f mail.FolderID, from, to int64) iter.Seq2[mail.Position, error] {
	return nil
}
func (m *Mailboxes) Item(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID) (mail.Item, error) {
	return mail.Item{}, errStub
}
func (m *Mailboxes) Tombstone(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID) (mail.Change, error) {
	return mail.Change{}, errStub
}
func (m *Mailboxes) Append(tx *store.Tx, box mail.MailboxID, f mail.FolderID, n mail.NewItem) (mail.Item, error) {
	return mail.Item{}, errStub
}
func (m *Mailboxes) UpdateItem(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID, edit func(*mail.Item)) (mail.Item, error) {
	return mail.Item{}, errStub
}
func (m *Mailboxes) Delete(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID) (mail.Change, error) {
	return mail.Change{}, errStub
}
func (m *Mailboxes) Move(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID, dst mail.FolderID) (mail.Item, error) {
	return mail.Item{}, errStub
}
func (m *Mailboxes) Index(tx *store.Tx, ref blob.Ref) (*message.Index, error) { return nil, errStub }
func (m *Mailboxes) Empty(ctx context.Context, box mail.MailboxID, f mail.FolderID, subfolders bool) (int, error) {
	return 0, errStub
}
func (m *Mailboxes) Remove(ctx context.Context, box mail.MailboxID) error { return errStub }
func (m *Mailboxes) Sweep(ctx context.Context) error                     { return errStub }
func (m *Mailboxes) Check(ctx context.Context, report func(store.Problem)) error {
	return errStub
}
