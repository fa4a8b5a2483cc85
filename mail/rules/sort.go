package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/route"
	"martlet/mail/sieve"
	"martlet/store"
)

// maxLetter is how many accounts get a message that is still a letter: one for
// more is answered by nobody.
const maxLetter = 256

// job is one message for one account.
type job struct {
	r       *Rules
	a       *route.Arriving
	msg     *sieve.Message
	account directory.Account
	now     time.Time
	dry     bool // nothing is written

	out    route.Sorting
	failed string // what went wrong on the way, for the user
	header []byte // as the last action has edited it
	notes  []sieve.Duplicate
	active state
}

// Sort says what an account's active script makes of a message, and answers for
// who is away. It implements route.Sorter.
func (r *Rules) Sort(ctx context.Context, a *route.Arriving) (*route.Sorting, error) {
	j := r.job(a)
	s, script, err := r.active(ctx, a.Account)
	if err != nil && s.active == "" {
		return nil, wrap(err)
	}
	j.active = s
	asked := s.active != "" && (err != nil || !a.Junk || wantsJunk(script))
	if asked {
		if err == nil {
			_, err = j.run(ctx, script)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			j.fail(err)
		}
	}
	if err := j.answerAbsence(ctx, asked); err != nil {
		return nil, wrap(err)
	}
	if !asked && len(j.out.Replies) == 0 {
		return nil, nil
	}
	if !asked {
		j.out.Copies = []route.Copy{j.inbox()}
	}
	j.out.Then = j.then()
	return &j.out, nil
}

func (r *Rules) job(a *route.Arriving) *job {
	j := &job{r: r, a: a, now: a.Env.Trace.Time}
	if j.now.IsZero() {
		j.now = now()
	}
	j.msg = &sieve.Message{Raw: a.Raw, Index: a.Index, From: a.Env.From, To: a.To, Spam: spamOf(a)}
	return j
}

// active is the script of an account that runs, if there is one.
func (r *Rules) active(ctx context.Context, account directory.AccountID) (s state, script *sieve.Script, err error) {
	err = r.c.Store.View(ctx, func(tx *store.Tx) error {
		if s, err = r.state(tx, account); err != nil || s.active == "" {
			return err
		}
		script, err = r.load(tx, account, s.active, s.version)
		return err
	})
	return s, script, err
}

// wantsJunk tells whether a script decides itself what becomes of junk. Any other
// is not asked about it.
func wantsJunk(s *sieve.Script) bool {
	return slices.Contains(s.Requires(), "spamtest") || slices.Contains(s.Requires(), "spamtestplus")
}

// run runs a script and works out what it says.
func (j *job) run(ctx context.Context, script *sieve.Script) (sieve.Result, error) {
	var err error
	if j.account, err = j.r.c.Directory.Account(ctx, j.a.Account); err != nil {
		return sieve.Result{}, err
	}
	res, err := script.Run(ctx, j.msg, j.surroundings(ctx))
	if err != nil {
		return res, err
	}
	j.notes = res.Duplicates
	for _, action := range res.Actions {
		if err := j.act(ctx, action); err != nil {
			return res, err
		}
	}
	if j.header != nil {
		j.out.Raw = append(slices.Clip(j.header), j.msg.Body()...)
	}
	return res, nil
}

// fail has the message kept as it came, and the user told why (RFC 5228 2.10.6).
func (j *job) fail(err error) {
	j.out = route.Sorting{Copies: []route.Copy{j.inbox()}}
	j.notes, j.failed = nil, failureText(err)
}

func failureText(err error) string {
	text := err.Error()
	var known *sieve.Error
	if errors.As(err, &known) {
		text = known.Error()
	}
	return cutText(text, 500)
}

func cutText(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "?")
}

// inbox is where the message goes without rules.
func (j *job) inbox() route.Copy {
	if j.a.Junk {
		return route.Copy{Role: mail.RoleJunk}
	}
	return route.Copy{Role: mail.RoleInbox}
}

// then is what is written down with the delivery.
func (j *job) then() func(tx *store.Tx) error {
	if j.failed == "" && len(j.notes) == 0 {
		return nil
	}
	return func(tx *store.Tx) error {
		if err := j.r.remember(tx, j.a.Account, j.notes, j.now); err != nil {
			return wrap(err)
		}
		if j.failed == "" {
			return nil
		}
		s, err := j.r.state(tx, j.a.Account)
		if err != nil || s.active != j.active.active || s.version != j.active.version {
			return wrap(err) // it was another script
		}
		s.failed, s.failedAt = j.failed, time.UnixMilli(j.now.UnixMilli()).UTC()
		return wrap(j.r.states.Set(tx, j.a.Account, s))
	}
}

// surroundings are what the script may ask about.
func (j *job) surroundings(ctx context.Context) *sieve.Surroundings {
	view := func(fn func(*store.Tx, folders) (bool, error)) (yes bool, err error) {
		err = j.r.c.Store.View(ctx, func(tx *store.Tx) error {
			f, err := j.r.folders(tx, j.a.Account)
			if err != nil && !errors.Is(err, mail.ErrNoFolder) {
				return err
			}
			yes, err = fn(tx, f)
			return err
		})
		return yes, err
	}
	_, domain, _ := strings.Cut(j.account.Login, "@")
	env := map[string]string{
		"domain": domain, "host": j.r.c.Hostname, "location": "MDA", "name": "Martlet", "phase": "during", "version": "1",
	}
	if t := &j.a.Env.Trace; t.Remote.IsValid() {
		env["remote-ip"], env["remote-host"] = t.Remote.String(), t.Helo
	}
	return &sieve.Surroundings{
		Now: j.now, Zone: j.r.c.Zone, Environment: env,
		MailboxExists: func(name string) (bool, error) {
			return view(func(_ *store.Tx, f folders) (bool, error) { return f.exists(name), nil })
		},
		SpecialUse: func(name, attribute string) (bool, error) {
			return view(func(_ *store.Tx, f folders) (bool, error) { return f.hasUse(name, attribute), nil })
		},
		Seen: func(d sieve.Duplicate) (yes bool, err error) {
			err = j.r.c.Store.View(ctx, func(tx *store.Tx) error {
				yes, err = j.r.remembers(tx, j.a.Account, d.ID, j.now)
				return err
			})
			return yes, err
		},
		Include: func(name string, global bool) (s *sieve.Script, err error) {
			if global { // there are none for all
				return nil, nil
			}
			err = j.r.c.Store.View(ctx, func(tx *store.Tx) error {
				s, err = j.r.load(tx, j.a.Account, name, 0)
				return err
			})
			if errors.Is(err, ErrNoScript) {
				return nil, nil
			}
			return s, err
		},
	}
}

// act works one action out.
func (j *job) act(ctx context.Context, action sieve.Action) error {
	switch a := action.(type) {
	case sieve.Keep:
		j.edit(a.Header)
		j.keep(a.Flags)
	case sieve.FileInto:
		j.edit(a.Header)
		return j.fileInto(ctx, &a)
	case sieve.Redirect:
		j.edit(a.Header)
		return j.redirect(ctx, &a)
	case sieve.Discard:
	case sieve.Reject:
		j.out.Reject = cutText(strings.TrimSpace(a.Text), 1000)
		if j.out.Reject == "" {
			j.out.Reject = "The recipient does not want this message"
		}
	case sieve.Vacation:
		return j.vacation(ctx, &a)
	case sieve.Notify:
		return j.notify(&a)
	}
	return nil
}

// edit takes the header that an action wants. A message has one only: that of the
// last action.
func (j *job) edit(header []byte) {
	if header != nil {
		j.header = header
	}
}

func (j *job) keep(flags []string) {
	c := j.inbox()
	j.addCopy(c, flags)
}

// addCopy adds a place, or other flags to a place that is there.
func (j *job) addCopy(c route.Copy, flags []string) {
	setFlags(&c, flags)
	for i := range j.out.Copies {
		if old := &j.out.Copies[i]; old.Role == c.Role && old.Folder == c.Folder {
			*old = c
			return
		}
	}
	j.out.Copies = append(j.out.Copies, c)
}

// setFlags turns flags of IMAP into those of an item.
func setFlags(c *route.Copy, flags []string) {
	for _, f := range flags {
		switch strings.ToLower(f) {
		case `\seen`:
			c.Flags |= mail.FlagSeen
		case `\answered`:
			c.Flags |= mail.FlagAnswered
		case `\deleted`:
			c.Flags |= mail.FlagDeleted
		case `\draft`:
			c.Flags |= mail.FlagDraft
		case `\flagged`:
			c.Flagged = true
		default:
			c.Keywords = append(c.Keywords, f)
		}
	}
}

// redirect passes the message on. What would come back at once is kept.
func (j *job) redirect(ctx context.Context, a *sieve.Redirect) error {
	if j.owns(ctx, a.Address) {
		j.keep(nil)
		return nil
	}
	j.out.Redirect = append(j.out.Redirect, a.Address)
	return nil
}

// owns tells whether an address is the account's own.
func (j *job) owns(ctx context.Context, address string) bool {
	to, err := j.r.c.Directory.Resolve(ctx, address)
	return err == nil && len(to.Accounts) == 1 && to.Accounts[0] == j.a.Account
}

// fileInto finds the folder, and makes it where that is wanted. A message for one
// that is not there is kept, and the user is told.
func (j *job) fileInto(ctx context.Context, a *sieve.FileInto) error {
	c, missing, err := j.place(ctx, a)
	if err != nil {
		return err
	}
	if missing != "" {
		j.failed = fmt.Sprintf("%s: the message was kept in the inbox", missing)
		c = j.inbox()
	}
	j.addCopy(c, a.Flags)
	return nil
}

// place is where a message is filed; missing says why that cannot be.
func (j *job) place(ctx context.Context, a *sieve.FileInto) (c route.Copy, missing string, err error) {
	var f folders
	err = j.r.c.Store.View(ctx, func(tx *store.Tx) error {
		f, err = j.r.folders(tx, j.a.Account)
		if errors.Is(err, mail.ErrNoMailbox) {
			return nil
		}
		return err
	})
	if err != nil {
		return c, "", err
	}
	if role := roleOf(a.SpecialUse); role != mail.RoleNone {
		if found, ok := f.byRole(role); ok || len(f.all) == 0 {
			return route.Copy{Role: role, Folder: found.ID}, "", nil
		}
	}
	if strings.EqualFold(a.Mailbox, inbox) {
		return route.Copy{Role: mail.RoleInbox}, "", nil
	}
	found, _, rest := f.find(a.Mailbox)
	switch {
	case len(rest) == 0 && takesMail(&found):
		return route.Copy{Folder: found.ID}, "", nil
	case len(rest) == 0:
		return c, fmt.Sprintf("fileinto: %q takes no mail", a.Mailbox), nil
	case !a.Create:
		return c, fmt.Sprintf("fileinto: there is no folder %q", a.Mailbox), nil
	}
	if j.dry {
		return route.Copy{Folder: madeLater}, "", nil
	}
	id, err := j.r.create(ctx, j.a.Account, a.Mailbox)
	switch {
	case err == nil:
		return route.Copy{Folder: id}, "", nil
	case errors.Is(err, mail.ErrBadName), errors.Is(err, mail.ErrTooManyFolders), errors.Is(err, mail.ErrBadParent):
		return c, fmt.Sprintf("fileinto: %q cannot be made", a.Mailbox), nil
	}
	return c, "", err
}

// madeLater stands for a folder that only a real run would make.
const madeLater = ^mail.FolderID(0)

// create makes a folder with those above it.
func (r *Rules) create(ctx context.Context, account directory.AccountID, path string) (id mail.FolderID, err error) {
	if len(path) > maxPath {
		return 0, mail.ErrBadName
	}
	box := mail.MailboxOf(account)
	err = r.c.Store.Update(ctx, func(tx *store.Tx) error {
		if err := r.c.Mailboxes.Ensure(tx, box); err != nil {
			return err
		}
		f, err := r.folders(tx, account)
		if err != nil {
			return err
		}
		found, parent, rest := f.find(path)
		id = found.ID
		for _, name := range rest {
			made, err := r.c.Mailboxes.CreateFolder(tx, box, parent, strings.ReplaceAll(name, slashInName, delimiter), mail.ClassEmail)
			if err != nil {
				return err
			}
			id, parent = made.ID, made.ID
		}
		return nil
	})
	return id, err
}
