package imap

import (
	"context"
	"strings"

	"martlet/mail"
	"martlet/mail/announce"
	"martlet/push"
	"martlet/store"
)

const (
	appleVersion  = "2"
	appleSubtopic = "com.apple.mobilemail"
	maxAppleField = 256
)

// appleArgs is what XAPPLEPUSHSERVICE says.
type appleArgs struct {
	version, account, token, subtopic string
	mailboxes                         []string
}

// offersApple tells whether XAPPLEPUSHSERVICE is there for the client.
func (s *session) offersApple() bool { return s.srv.apple.Load() != nil }

// parseApple reads pairs of names and values in any order. There is no document
// of this extension but the source that Apple published with its server, and
// the servers that were written after it:
//
//	XAPPLEPUSHSERVICE aps-version 2 aps-account-id … aps-device-token …
//	    aps-subtopic com.apple.mobilemail mailboxes (INBOX Notes)
func parseApple(p *parser) (a appleArgs) {
	for pairs := 0; p.err == nil && (pairs == 0 || p.peek() == ' ') && pairs < 20; pairs++ {
		p.sp()
		key := strings.ToLower(p.astring())
		p.sp()
		if key == "mailboxes" {
			p.list(true, func() { a.mailboxes = append(a.mailboxes, p.mailbox()) })
			continue
		}
		value := p.astring()
		if len(value) > maxAppleField {
			p.fail()
		}
		switch key {
		case "aps-version":
			a.version = value
		case "aps-account-id":
			a.account = value
		case "aps-device-token":
			a.token = value
		case "aps-subtopic":
			a.subtopic = value
		}
	}
	return a
}

// applePush answers XAPPLEPUSHSERVICE: the device is woken for what comes into
// the mailboxes, and learns by which topic it will be.
func (s *session) applePush(ctx context.Context, p *parser) error {
	a, apple := parseApple(p), s.srv.apple.Load()
	switch {
	case apple == nil: // since the command was looked up
		return bad("Command not known")
	case p.end() != nil:
		return p.err
	case a.account == "" || a.token == "" || a.subtopic == "":
		return errSyntax
	case a.subtopic != appleSubtopic:
		return no("CANNOT", "Not a topic that is served here")
	case a.version != "1" && a.version != appleVersion:
		return no("CANNOT", "Not a version that is served here")
	}
	r := announce.Registration{
		Account: s.account.ID, Kind: push.APNs, App: apple.App, Token: a.token, Sandbox: apple.Sandbox,
		Mode: push.AppleMail, AppleAccount: a.account,
	}
	err := s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		all, err := s.tree(tx)
		if err != nil {
			return err
		}
		seen := map[mail.FolderID]bool{}
		for _, name := range a.mailboxes {
			// Devices name what they would like to have, as Notes; what is not there
			// is left out.
			n, found := find(all, name)
			if found && n.shown && !n.noselect && !seen[n.ID] && len(r.Folders) < announce.MaxFolders {
				seen[n.ID] = true
				r.Folders = append(r.Folders, n.ID)
				r.AppleMailboxes = append(r.AppleMailboxes, s.encodeName(n.name))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(r.Folders) == 0 {
		return no("NONEXISTENT", "None of these mailboxes is here")
	}
	if _, _, err := apple.Book.Add(ctx, r); err != nil {
		return appleRefusal(err)
	}
	s.out.raw("* XAPPLEPUSHSERVICE aps-version ").string(a.version).raw(" aps-topic ").string(apple.Topic).raw("\r\n")
	return nil
}
