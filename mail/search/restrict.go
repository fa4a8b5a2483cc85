package search

import (
	"strings"

	"martlet/mail"
	"martlet/mail/message"
)

// fieldNames are the properties whose values are words.
func fieldNames(name string) (Field, bool) {
	switch name {
	case "from", "sender", "author":
		return From, true
	case "to":
		return To, true
	case "cc", "bcc":
		return Cc, true
	case "recipients", "recipient":
		return Recipients, true
	case "participants", "participant":
		return Participants, true
	case "subject", "title":
		return Subject, true
	case "body", "content", "contents":
		return Body, true
	case "attachment", "attachments", "attachmentname", "attachmentnames", "filename":
		return Attachment, true
	}
	return 0, false
}

func isDate(name string) bool {
	switch name {
	case "received", "sent", "date", "before", "after":
		return true
	}
	return false
}

func isRestriction(name string) bool {
	switch name {
	case "hasattachment", "hasattachments", "has", "importance", "is", "isread", "isflagged", "isdraft", "category", "categories", "keyword", "kind":
		return true
	}
	return isDate(name)
}

// restriction reads the value of a property. A value that says nothing makes
// the whole a word.
func (p *parser) restriction(name string, depth int) Query {
	if f, ok := fieldNames(name); ok {
		switch p.in[p.pos] {
		case '"':
			return p.count(p.phrase(f))
		case '(':
			if depth < maxQueryDepth {
				p.pos++
				return p.group(f, depth)
			}
		}
		return p.count(wordsIn(f, p.word()))
	}
	comparison := ""
	for isDate(name) && p.pos < len(p.in) && strings.IndexByte("<>=", p.in[p.pos]) >= 0 {
		comparison += p.in[p.pos : p.pos+1]
		p.pos++
	}
	p.skip()
	value, quoted := "", p.pos < len(p.in) && p.in[p.pos] == '"'
	if quoted {
		value = p.quoted()
	} else {
		value = p.word()
	}
	var q Query
	if isDate(name) {
		q = p.dates(name, comparison, value)
		if q == nil && !quoted { // this week, last month
			if from := p.pos; p.pos < len(p.in) && p.in[p.pos] == ' ' {
				p.skip()
				if q = p.dates(name, comparison, value+" "+p.word()); q == nil {
					p.pos = from
				}
			}
		}
	} else {
		q = state(name, strings.ToLower(value))
		if _, ok := q.(Category); ok {
			q = Category(value) // as it is written
		}
	}
	if q == nil {
		q = wordsIn(AnyField, name+" "+value)
	}
	return p.count(q)
}

// state reads what is said of a message as a whole, nil if it is not known.
func state(name, value string) Query {
	switch name {
	case "hasattachment", "hasattachments":
		return yesNo(value, HasAttachment{})
	case "has":
		switch value {
		case "attachment", "attachments":
			return HasAttachment{}
		case "flag":
			return FollowUp(mail.FollowUpActive)
		}
	case "importance":
		switch value {
		case "high", "2":
			return Importance(message.ImportanceHigh)
		case "normal", "medium", "1":
			return Importance(message.ImportanceNormal)
		case "low", "0":
			return Importance(message.ImportanceLow)
		}
	case "is":
		return is(value)
	case "isread":
		return yesNo(value, Flags{Set: mail.FlagSeen})
	case "isflagged":
		return yesNo(value, FollowUp(mail.FollowUpActive))
	case "isdraft":
		return yesNo(value, Flags{Set: mail.FlagDraft})
	case "category", "categories", "keyword":
		if value != "" {
			return Category(value)
		}
	case "kind":
		switch value {
		case "email", "emails", "mail", "message", "messages":
			return Class(mail.ClassEmail)
		case "sms", "text", "im":
			return Class(mail.ClassSMS)
		}
	}
	return nil
}

func is(value string) Query {
	switch value {
	case "read", "seen":
		return Flags{Set: mail.FlagSeen}
	case "unread", "unseen", "new":
		return Flags{Clear: mail.FlagSeen}
	case "flagged", "starred":
		return FollowUp(mail.FollowUpActive)
	case "completed", "complete":
		return FollowUp(mail.FollowUpComplete)
	case "unflagged":
		return Not{FollowUp(mail.FollowUpActive)}
	case "answered", "replied":
		return Flags{Set: mail.FlagAnswered}
	case "forwarded":
		return Flags{Set: mail.FlagForwarded}
	case "draft":
		return Flags{Set: mail.FlagDraft}
	case "important":
		return Importance(message.ImportanceHigh)
	}
	return nil
}

func yesNo(value string, q Query) Query {
	switch value {
	case "yes", "true", "1":
		return q
	case "no", "false", "0":
		return Not{q}
	}
	return nil
}
