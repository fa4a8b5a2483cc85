package imap

import (
	"context"
	"strings"

	goimap "github.com/emersion/go-imap/v2"
)

// states is a set of connection states (RFC 9051 3).
type states uint8

func (st states) has(s goimap.ConnState) bool { return st&(1<<s) != 0 }

const (
	early    states = 1 << goimap.ConnStateNotAuthenticated
	loggedIn states = 1<<goimap.ConnStateAuthenticated | selected
	selected states = 1 << goimap.ConnStateSelected
	always   states = early | loggedIn
)

// command is one row of the table: what it does and when it may be said.
type command struct {
	run func(s *session, ctx context.Context, p *parser) error
	in  states
	// tells: what changed in the selected mailbox is told before the reply, gone
	// messages too (RFC 9051 7.5.1 forbids that for commands with sequence
	// numbers).
	tells   bool
	offered func(s *session) bool // nil: to everybody
}

// commands is every command there is (RFC 9051 6).
func commands() map[string]command {
	return map[string]command{
		"CAPABILITY": {run: (*session).capabilityCommand, in: always, tells: true},
		"NOOP":       {run: (*session).noop, in: always, tells: true},
		"LOGOUT":     {run: (*session).logout, in: always},
		"ID":         {run: (*session).id, in: always, tells: true}, // RFC 2971

		"STARTTLS":     {run: (*session).startTLS, in: early},
		"AUTHENTICATE": {run: (*session).authenticate, in: early},
		"LOGIN":        {run: (*session).login, in: early},

		"ENABLE":      {run: (*session).enable, in: 1 << goimap.ConnStateAuthenticated}, // RFC 9051 6.3.1
		"SELECT":      {run: (*session).selectCommand, in: loggedIn},
		"EXAMINE":     {run: (*session).examine, in: loggedIn},
		"CREATE":      {run: (*session).create, in: loggedIn, tells: true},
		"DELETE":      {run: (*session).deleteCommand, in: loggedIn, tells: true},
		"RENAME":      {run: (*session).rename, in: loggedIn, tells: true},
		"SUBSCRIBE":   {run: (*session).subscribe, in: loggedIn, tells: true},
		"UNSUBSCRIBE": {run: (*session).unsubscribe, in: loggedIn, tells: true},
		"LIST":        {run: (*session).list, in: loggedIn, tells: true},
		"LSUB":        {run: (*session).lsub, in: loggedIn, tells: true},
		"NAMESPACE":   {run: (*session).namespace, in: loggedIn, tells: true},
		"STATUS":      {run: (*session).status, in: loggedIn, tells: true},
		"APPEND":      {run: (*session).append, in: loggedIn, tells: true},
		"IDLE":        {run: (*session).idleCommand, in: loggedIn, tells: true}, // RFC 2177

		"UNAUTHENTICATE": {run: (*session).unauthenticate, in: loggedIn}, // RFC 8437

		// RFC 9208
		"GETQUOTA":     {run: (*session).getQuota, in: loggedIn, tells: true},
		"GETQUOTAROOT": {run: (*session).getQuotaRoot, in: loggedIn, tells: true},

		// RFC 5464
		"GETMETADATA": {run: (*session).getMetadata, in: loggedIn, tells: true},
		"SETMETADATA": {run: (*session).setMetadata, in: loggedIn, tells: true},

		// RFC 4314
		"MYRIGHTS":   {run: (*session).myRightsCommand, in: loggedIn, tells: true, offered: (*session).shares},
		"GETACL":     {run: (*session).getACL, in: loggedIn, tells: true, offered: (*session).shares},
		"LISTRIGHTS": {run: (*session).listRights, in: loggedIn, tells: true, offered: (*session).shares},
		"SETACL":     {run: (*session).setACL, in: loggedIn, tells: true, offered: (*session).shares},
		"DELETEACL":  {run: (*session).deleteACL, in: loggedIn, tells: true, offered: (*session).shares},

		"XAPPLEPUSHSERVICE": {run: (*session).applePush, in: loggedIn, tells: true, offered: (*session).offersApple},

		"CHECK":    {run: (*session).noop, in: selected, tells: true},
		"CLOSE":    {run: (*session).closeCommand, in: selected},
		"UNSELECT": {run: (*session).unselectCommand, in: selected},
		"EXPUNGE":  {run: (*session).expunge, in: selected, tells: true},
		"SEARCH":   {run: byNumber((*session).search), in: selected},
		"SORT":     {run: byNumber((*session).sort), in: selected},   // RFC 5256
		"THREAD":   {run: byNumber((*session).thread), in: selected}, // RFC 5256
		"FETCH":    {run: byNumber((*session).fetch), in: selected},
		"STORE":    {run: byNumber((*session).store), in: selected},
		"COPY":     {run: byNumber((*session).copy), in: selected, tells: true},
		"MOVE":     {run: byNumber((*session).move), in: selected, tells: true},
		"REPLACE":  {run: byNumber((*session).replace), in: selected, tells: true}, // RFC 8508
		"UID":      {run: (*session).uid, in: selected, tells: true},

		"CANCELUPDATE": {run: (*session).cancelUpdate, in: selected, tells: true}, // RFC 5267 4.3.5
	}
}

// numbered is a command that comes with sequence numbers and with UIDs.
type numbered func(s *session, ctx context.Context, p *parser, uid bool) error

func byNumber(run numbered) func(*session, context.Context, *parser) error {
	return func(s *session, ctx context.Context, p *parser) error {
		p.sp()
		return run(s, ctx, p, false)
	}
}

// uid answers the commands that name messages by UID (RFC 9051 6.4.9).
func (s *session) uid(ctx context.Context, p *parser) error {
	p.sp()
	verb := strings.ToUpper(p.atom())
	p.sp()
	if p.err != nil {
		return p.err
	}
	switch verb {
	case "SEARCH":
		return s.search(ctx, p, true)
	case "SORT":
		return s.sort(ctx, p, true)
	case "THREAD":
		return s.thread(ctx, p, true)
	case "FETCH":
		return s.fetch(ctx, p, true)
	case "STORE":
		return s.store(ctx, p, true)
	case "COPY":
		return s.copy(ctx, p, true)
	case "MOVE":
		return s.move(ctx, p, true)
	case "REPLACE":
		return s.replace(ctx, p, true)
	case "EXPUNGE":
		return s.expungeUIDs(ctx, p)
	}
	return errSyntax
}
