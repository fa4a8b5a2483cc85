package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"martlet/directory"
	"martlet/directory/lockout"
	"martlet/directory/oidc"
	"martlet/gateway/admin"
	"martlet/gateway/dav"
	"martlet/gateway/registration"
	"martlet/gateway/telemetry"
	"martlet/mail/announce"
	"martlet/mail/dns"
	"martlet/mail/encrypt"
	"martlet/mail/feedback"
	"martlet/mail/junk"
	"martlet/mail/mailbox"
	"martlet/mail/queue"
	"martlet/mail/quota"
	"martlet/mail/relay"
	"martlet/mail/route"
	"martlet/mail/rules"
	"martlet/mail/schedule"
	"martlet/mail/share"
	"martlet/mail/sign"
	"martlet/mail/srs"
	"martlet/mail/tlspolicy"
	"martlet/mail/trace"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
	"martlet/store/keyring"
	"martlet/sync/device"
)

// data is everything that is kept, opened: what a server stands on, and what a
// command works on when no server runs.
type data struct {
	store     *store.Store
	blobs     *blob.Blobs
	hub       *push.Hub
	traces    *telemetry.Traces // nil: nothing is traced
	logins    *keyring.Ring     // keys of verifiers; nil: the store is not sealed
	directory *directory.Directory
	mailboxes *mailbox.Mailboxes
	guard     *lockout.Guard
	quota     *quota.Keeper
	tokens    *oidc.Reader // nil: there are no bearer tokens
	shares    *share.Shares
	queue     *queue.Queue
	dns       *dns.Resolver
	relay     *relay.Relay
	policies  *tlspolicy.Policies
	rules     *rules.Rules
	router    *route.Router
	senders   *srs.Rewriter // of what is passed on to other hosts
	trace     *trace.Log
	schedule  *schedule.Scheduler
	junk      *junk.Filter
	devices   *device.Devices
	signer    *sign.Signer
	feedback  *feedback.Book
	apps      *announce.Book
	setUp     func() []registration.App // what apps may register as
}

// The folders within the store's folder.
const (
	rowsFolder   = "rows"
	bodiesFolder = "bodies"
	tlsFolder    = "tls"
	loginKeyFile = "login.keys"

	incomingFolder = "incoming" // large messages that are still being received
)

func (c *Config) storeConfig(log *slog.Logger) store.Config {
	return store.Config{Path: filepath.Join(c.StorePath, rowsFolder), Key: c.Key, Logger: log}
}

func (c *Config) blobConfig(log *slog.Logger) blob.Config {
	return blob.Config{Path: filepath.Join(c.StorePath, bodiesFolder), Key: c.Key, Logger: log}
}

// makeStoreFolder makes the folder that nobody else may look into: messages lie
// in it, and a socket that lets do everything.
func makeStoreFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return os.Chmod(path, 0o700)
}

// openData opens what the configuration names and makes what is missing.
func openData(ctx context.Context, c *Config, log *slog.Logger) (d *data, err error) {
	if err := ownerIsUs(c.StorePath); err != nil {
		return nil, err
	}
	if err := makeStoreFolder(c.StorePath); err != nil {
		return nil, err
	}
	traces, err := c.newTraces(log)
	if err != nil {
		return nil, err
	}
	d = &data{hub: push.NewHub(), traces: traces}
	defer func() {
		if err != nil {
			err = errors.Join(explained(err, c), d.Close())
			d = nil
		}
	}()
	if d.store, err = store.Open(c.storeConfig(log)); err != nil {
		return d, err
	}
	bc := c.blobConfig(log)
	bc.Store = d.store
	if d.blobs, err = blob.Open(bc); err != nil {
		return d, err
	}
	if d.directory, err = d.openDirectory(c, log); err != nil {
		return d, err
	}
	d.mailboxes = mailbox.New(mailbox.Config{Store: d.store, Blobs: d.blobs, Hub: d.hub, Logger: log, Limits: quota.LimitsOf(d.directory)})
	if err := d.guardAccounts(c, log); err != nil {
		return d, err
	}
	dav.Connect(d.mailboxes)
	d.junk = junk.New(junk.Config{
		Store: d.store, Blobs: d.blobs, Directory: d.directory, Mailboxes: d.mailboxes, Hostname: c.Hostname, Options: c.Junk.Options, Logger: log,
	})
	d.dns = c.DNS.resolver(log)
	d.shares = share.New(share.Config{Store: d.store, Directory: d.directory, Mailboxes: d.mailboxes, Logger: log})
	d.policies = d.newPolicies(c, log)
	d.relay = c.relay(d.dns, d.policies, log)
	d.trace = trace.New(trace.Config{Store: d.store, Keep: c.TraceKeep, Logger: log})
	d.queue = queue.New(queue.Config{Trace: d.trace, Tracer: d.traces.Tracer(), Store: d.store, Blobs: d.blobs, Logger: log, Destination: d.relay.Destination, Limits: c.Relay.Limits})
	d.signer, d.feedback = d.newSigner(c, log), d.newFeedback(c, log)
	secret, err := secretIn(filepath.Join(c.StorePath, srsFile))
	if err != nil {
		return d, fmt.Errorf("%s: %w", srsFile, err)
	}
	d.senders = srs.New(srs.Config{Domain: c.Hostname, Keys: func() [][]byte { return [][]byte{secret} }})
	d.rules = rules.New(rules.Config{Store: d.store, Directory: d.directory, Mailboxes: d.mailboxes, Hostname: c.Hostname, Logger: log})
	d.router = route.New(route.Config{
		Sorter: d.rules, Store: d.store, Directory: d.directory, Mailboxes: d.mailboxes, Queue: d.queue, Hostname: c.Hostname, Trusted: c.TrustedResults, Logger: log,
		Trace: d.trace, Sign: d.signer.Sign, Forward: d.senders.Forward, Back: d.senders.Back, Encrypter: encrypt.New(d.directory),
	})
	d.queue.TellSenders(d.router.Report)
	d.schedule = schedule.New(schedule.Config{
		Store: d.store, Directory: d.directory, Mailboxes: d.mailboxes, Router: d.router, Delegates: d.delegates, Counts: dav.Counting(), Logger: log,
	})
	d.devices = device.New(device.Config{Store: d.store})
	d.setUp = c.Push.apps
	d.apps, err = announce.New(announce.Config{
		Store: d.store, Directory: d.directory, Mailboxes: d.mailboxes, Devices: d.devices, Logger: log, Detail: c.Push.Detail,
		Refresh: d.refreshLinks,
	})
	return d, err
}

// refreshLinks makes an account's links what was granted.
func (d *data) refreshLinks(ctx context.Context, account directory.AccountID) error {
	_, err := d.shares.Refresh(ctx, account)
	return err
}

// delegates are those who get an account's invitations.
func (d *data) delegates(ctx context.Context, account directory.AccountID) (all []directory.AccountID, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		all, err = d.shares.Delegates(tx, account)
		return err
	})
	return all, err
}

// openDirectory gives the directory of a sealed store keys to remember logins
// with over a restart. Who has a store that is not sealed would have them too.
func (d *data) openDirectory(c *Config, log *slog.Logger) (*directory.Directory, error) {
	dc := directory.Config{Store: d.store, Logger: log, HashCost: c.HashCost}
	if c.Key != nil {
		var err error
		d.logins, err = keyring.Open(keyring.Config{
			File: filepath.Join(c.StorePath, loginKeyFile), Seal: c.Key, Every: 24 * time.Hour, Keep: directory.VerifierKeyLife, Logger: log,
		})
		if err != nil {
			return nil, err
		}
		dc.Keys = d.logins.Keys
	}
	return directory.New(dc)
}

// admin is the table of operations on the data.
func (d *data) admin(log *slog.Logger, running admin.Process) *admin.Admin {
	return admin.New(admin.Config{
		Store: d.store, Blobs: d.blobs, Directory: d.directory, Mailboxes: d.mailboxes, Queue: d.queue, Router: d.router, Trace: d.trace,
		Rules: d.rules, Devices: d.devices, Apps: d.apps, Shares: d.shares, Schedule: d.schedule, Junk: d.junk, Signer: d.signer, Feedback: d.feedback, Policies: d.policies, Guard: d.guard, Quota: d.quota, SetUp: d.setUp, Logger: log, Process: running,
	})
}

// Close closes in the order in which one stands on the other.
func (d *data) Close() error {
	defer d.endTraces()
	var errs []error
	if d.router != nil {
		errs = append(errs, d.router.Close())
	}
	if d.schedule != nil {
		errs = append(errs, d.schedule.Close())
	}
	if d.blobs != nil {
		errs = append(errs, d.blobs.Close())
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	return errors.Join(errs...)
}

// plainly is an error in an administrator's words instead of its own.
type plainly struct {
	error
	text string
}

// Error is the text.
func (e plainly) Error() string { return e.text }

// Unwrap is the error that it stands for.
func (e plainly) Unwrap() error { return e.error }

// explained says what to do about an error that an administrator will see.
func explained(err error, c *Config) error {
	switch {
	case errors.Is(err, store.ErrLocked):
		return plainly{err, fmt.Sprintf("%s is in use: another server or command works on it; wait for that or stop it", c.StorePath)}
	case errors.Is(err, store.ErrWrongKey):
		return plainly{err, fmt.Sprintf("%s was made with another key, or with none: check [store] key_file", c.StorePath)}
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: run this as the user that owns %s", err, c.StorePath)
	}
	return err
}
