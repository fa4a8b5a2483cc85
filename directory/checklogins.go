package directory

import (
	"errors"
	"fmt"

	"martlet/store"
)

// logins checks the rows by which accounts log in besides their passwords.
func (c *checking) logins() error {
	for row, err := range c.d.tables.appPasswords.Scan(c.tx, store.TableRange[appKey]{}) {
		if err != nil {
			return err
		}
		subject := fmt.Sprint(row.Key.account, " ", row.Key.number)
		if _, ok := c.byID[row.Key.account]; !ok {
			c.problem("app passwords", subject, "no such account")
		}
		if len(row.Value.salt) == 0 || len(row.Value.mac) == 0 {
			c.problem("app passwords", subject, "it fits everything or nothing")
		}
	}
	for row, err := range c.d.tables.secondFactors.Scan(c.tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return err
		}
		a, ok := c.byID[row.Key]
		switch {
		case !ok:
			c.problem("second factors", fmt.Sprint(row.Key), "no such account")
		case row.Value.secret == "" || !row.Value.pending != a.TwoFactor:
			c.problem("second factors", fmt.Sprint(row.Key), "the account says %t", a.TwoFactor)
		}
	}
	for id, a := range c.byID {
		ok, err := c.d.tables.secondFactors.Has(c.tx, id)
		if err != nil {
			return err
		}
		if a.TwoFactor && !ok {
			c.problem("second factors", fmt.Sprint(id), "missing")
		}
	}
	return errors.Join(c.keys(), c.pins())
}

func (c *checking) keys() error {
	for row, err := range c.d.tables.scram.Scan(c.tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return err
		}
		if _, ok := c.byID[row.Key]; !ok {
			c.problem("keys of passwords", fmt.Sprint(row.Key), "no such account")
		}
		if _, err := parseScram(scramText(row.Value)); err != nil {
			c.problem("keys of passwords", fmt.Sprint(row.Key), "%v", err)
		}
	}
	return nil
}

func (c *checking) pins() error {
	for row, err := range c.d.tables.pins.Scan(c.tx, store.TableRange[string]{}) {
		if err != nil {
			return err
		}
		if _, ok := c.byID[row.Value.Account]; !ok {
			c.problem("client certificates", row.Key, "no such account")
		}
		if print, err := fingerprint(row.Key); err != nil || print != row.Key {
			c.problem("client certificates", row.Key, "not a fingerprint")
		}
	}
	return nil
}
