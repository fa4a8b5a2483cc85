// Package admin carries out what an administrator asks for: users, the
// directory file, checks, backups. There is one table of operations and two
// ways to it: a local socket that a running server listens on, and the same
// process when no server runs. Whoever may open the socket may do everything,
// so it must never listen on anything but a file that only its owner can open,
// and it must never log a password or send back one by which somebody logs in.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"

	"martlet/directory"
	"martlet/directory/lockout"
	"martlet/gateway/registration"
	"martlet/mail/announce"
	"martlet/mail/feedback"
	"martlet/mail/junk"
	"martlet/mail/mailbox"
	"martlet/mail/oof"
	"martlet/mail/queue"
	"martlet/mail/quota"
	"martlet/mail/route"
	"martlet/mail/rules"
	"martlet/mail/schedule"
	"martlet/mail/share"
	"martlet/mail/sign"
	"martlet/mail/tlspolicy"
	"martlet/mail/trace"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/device"
)

// Config is what the operations work on. Every field but the last two is
// needed.
type Config struct {
	Store     *store.Store
	Blobs     *blob.Blobs
	Directory *directory.Directory
	Mailboxes *mailbox.Mailboxes
	Queue     *queue.Queue
	Router    *route.Router
	Trace     *trace.Log
	Rules     *rules.Rules
	Devices   *device.Devices
	Apps      *announce.Book
	Shares    *share.Shares
	Schedule  *schedule.Scheduler
	Junk      *junk.Filter
	Signer    *sign.Signer
	Feedback  *feedback.Book
	Policies  *tlspolicy.Policies
	Guard     *lockout.Guard            // nil: nobody is counted
	Quota     *quota.Keeper             // nil: nobody is told
	SetUp     func() []registration.App // what apps may register as
	Logger    *slog.Logger
	Process   Process // the running server
}

// Admin carries out operations. It is safe for concurrent use.
type Admin struct {
	c     Config
	away  *oof.Absences
	log   *slog.Logger
	table map[string]operation
}

// operation takes and gives JSON, or writes a stream.
type operation struct {
	call   func(ctx context.Context, in []byte) (any, error)
	stream func(ctx context.Context, in []byte, w io.Writer) error
}

// New returns the operations on what c holds.
func New(c Config) *Admin {
	a := &Admin{c: c, away: oof.New(c.Store), log: c.Logger}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.table = map[string]operation{
		"status":        called(a.status),
		"reload":        called(a.reload),
		"upgrade":       called(a.upgrade),
		"user.add":      called(a.addUser),
		"user.list":     called(a.listUsers),
		"user.put":      called(a.putUser),
		"user.password": called(a.setPassword),
		"user.disable":  called(a.disableUser),
		"user.enable":   called(a.enableUser),
		"user.remove":   called(a.removeUser),

		"user.certificate.add":    called(a.addCertificates),
		"user.certificate.list":   called(a.listCertificates),
		"user.certificate.remove": called(a.removeCertificate),
		"user.photo":              called(a.setPhoto),
		"user.encryption":         called(a.encryption),

		"user.server":    called(a.setServer),
		"user.oof":       called(a.showOof),
		"user.oof.set":   called(a.setOof),
		"sieve.list":     called(a.listScripts),
		"sieve.show":     called(a.showScript),
		"sieve.put":      called(a.putScript),
		"sieve.activate": called(a.activateScript),
		"sieve.delete":   called(a.deleteScript),
		"sieve.check":    called(a.checkScript),
		"sieve.test":     called(a.testScript),

		"device.list":      called(a.listDevices),
		"device.show":      called(a.showDevice),
		"examine":          called(a.examine),
		"junk.stats":       called(a.junkStats),
		"junk.check":       called(a.junkCheck),
		"junk.train":       called(a.junkTrain),
		"junk.forget":      called(a.junkForget),
		"device.password":  called(a.devicePassword),
		"device.broken":    called(a.listBroken),
		"device.offer":     called(a.offerAgain),
		"push.apps":        called(a.listApps),
		"push.list":        called(a.listPush),
		"push.show":        called(a.showPush),
		"push.test":        called(a.testPush),
		"push.remove":      called(a.removePush),
		"push.outcomes":    called(a.listOutcomes),
		"folder.list":      called(a.listFolders),
		"folder.create":    called(a.createFolder),
		"folder.rename":    called(a.renameFolder),
		"folder.delete":    called(a.deleteFolder),
		"share.grant":      called(a.grantShare),
		"share.revoke":     called(a.revokeShare),
		"share.list":       called(a.listShares),
		"resource.put":     called(a.putResource),
		"resource.list":    called(a.listResources),
		"resource.remove":  called(a.removeResource),
		"contact.put":      called(a.putContact),
		"contact.list":     called(a.listContacts),
		"contact.remove":   called(a.removeContact),
		"group.put":        called(a.putGroup),
		"group.list":       called(a.listGroups),
		"group.remove":     called(a.removeGroup),
		"directory.apply":  called(a.applyDirectory),
		"directory.export": streamed(a.exportDirectory),
		"import":           called(a.importObjects),
		"export":           streamed(a.exportObjects),

		"import.mail":         called(a.importMail),
		"import.mail.compare": called(a.compareMail),
		"import.mail.forget":  called(a.forgetMail),
		"export.mail":         streamed(a.exportMail),

		"trace":         called(a.findTrace),
		"queue.list":    called(a.listQueue),
		"queue.change":  called(a.changeQueue),
		"dkim.list":     called(a.listKeys),
		"dkim.rotate":   called(a.rotateKeys),
		"dkim.use":      called(a.useKey),
		"dkim.retire":   called(a.retireKey),
		"reports.dmarc": called(a.dmarcReports),
		"reports.tls":   called(a.tlsReports),

		"fsck":   streamed(a.fsck),
		"backup": streamed(a.backup),
	}
	maps.Copy(a.table, a.loginOperations())
	return a
}

func called[In, Out any](run func(context.Context, In) (Out, error)) operation {
	return operation{call: func(ctx context.Context, b []byte) (any, error) {
		var in In
		if err := unmarshal(b, &in); err != nil {
			return nil, err
		}
		return run(ctx, in)
	}}
}

func streamed[In any](run func(context.Context, In, io.Writer) error) operation {
	return operation{stream: func(ctx context.Context, b []byte, w io.Writer) error {
		var in In
		if err := unmarshal(b, &in); err != nil {
			return err
		}
		return run(ctx, in, w)
	}}
}

// ErrBadRequest is a request that this version does not understand.
var ErrBadRequest = errors.New("admin: not an operation of this version")

func unmarshal(b []byte, into any) error {
	if len(b) == 0 {
		return nil
	}
	err := json.Unmarshal(b, into)
	var form *json.SyntaxError
	var kind *json.UnmarshalTypeError
	if errors.As(err, &form) || errors.As(err, &kind) {
		return fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	return err // nil, or what a directory file's own check says
}

// Transport is a way to the operations: an *Admin itself, or a *Socket to the
// process that has one.
type Transport interface {
	// Call does an operation that answers at once; out is a pointer.
	Call(ctx context.Context, name string, in, out any) error
	// Stream does one that writes as it goes. Only after a nil error is what was
	// written whole.
	Stream(ctx context.Context, name string, in any, w io.Writer) error
}

// Call does an operation in this process. In and out go through JSON as they do
// over the socket, so that both ways do the same.
func (a *Admin) Call(ctx context.Context, name string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	op := a.table[name]
	if op.call == nil {
		return fmt.Errorf("%w: %s", ErrBadRequest, name)
	}
	got, err := op.call(ctx, b)
	if err != nil {
		return err
	}
	if b, err = json.Marshal(got); err != nil {
		return err
	}
	return json.Unmarshal(b, out)
}

// Stream does an operation in this process.
func (a *Admin) Stream(ctx context.Context, name string, in any, w io.Writer) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	op := a.table[name]
	if op.stream == nil {
		return fmt.Errorf("%w: %s", ErrBadRequest, name)
	}
	return op.stream(ctx, b, w)
}
