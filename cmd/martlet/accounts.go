package main

import (
	"log/slog"

	"martlet/directory/lockout"
	"martlet/mail/quota"
)

// guardAccounts makes what stands before the directory and the mailboxes: who
// guesses is turned away, and who has too much.
func (d *data) guardAccounts(c *Config, log *slog.Logger) error {
	if err := d.readTokens(c, log); err != nil {
		return err
	}
	d.guard = lockout.New(lockout.Config{Store: d.store, Directory: d.directory, Logger: log, Trusts: c.ClientCerts.trusts()})
	d.quota = quota.New(quota.Config{Store: d.store, Directory: d.directory, Mailboxes: d.mailboxes, Refuse: c.RefuseFull, Logger: log})
	return nil
}
