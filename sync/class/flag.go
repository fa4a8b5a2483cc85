package class

import (
	"time"

	"martlet/mail"
	"martlet/protocol/eas"
)

// flagType is the usual type of a flag (MS-ASEMAIL 2.2.2.35).
const flagType = "Flag for follow up"

// renderFlag writes a follow-up flag; none is the empty element (MS-ASEMAIL
// 2.2.2.34).
func renderFlag(f *mail.FollowUp, v *values) *eas.Flag {
	out := &v.flag
	if f.Status == mail.FollowUpNone {
		return out
	}
	v.flagStatus, v.reminder = uint8(f.Status), f.ReminderSet
	*out = eas.Flag{
		Subject: f.Subject, Status: &v.flagStatus, FlagType: f.Type,
		DateCompleted: f.DateComplete, CompleteTime: f.Completed,
		StartDate: f.Start, DueDate: f.Due, UtcStartDate: f.UTCStart, UtcDueDate: f.UTCDue,
		ReminderSet: &v.reminder, ReminderTime: f.ReminderTime, OrdinalDate: f.Ordinal, SubOrdinalDate: f.SubOrdinal,
	}
	if out.FlagType == "" {
		out.FlagType = flagType
	}
	fillDates(out)
	return out
}

// fillDates completes the dates of a flag that has some of them: clients want
// all four or none (MS-ASEMAIL 2.2.2.72).
func fillDates(f *eas.Flag) {
	first := func(dates ...time.Time) time.Time {
		for _, d := range dates {
			if !d.IsZero() {
				return d
			}
		}
		return time.Time{}
	}
	start, due := first(f.UtcStartDate, f.StartDate), first(f.UtcDueDate, f.DueDate)
	if start.IsZero() && due.IsZero() {
		return
	}
	start, due = first(start, due), first(due, start)
	f.UtcStartDate, f.UtcDueDate = start, due
	f.StartDate, f.DueDate = first(f.StartDate, start), first(f.DueDate, due)
}

// editFlag checks a client's flag and returns what it does (MS-ASEMAIL
// 3.2.5.4.2).
func editFlag(f *eas.Flag) (func(*mail.FollowUp) error, error) {
	if *f == (eas.Flag{}) {
		return clearFlag, nil
	}
	if f.Status == nil { // only metadata of a flag that is there
		if err := checkFlag(f); err != nil {
			return nil, err
		}
		return func(old *mail.FollowUp) error {
			if old.Status == mail.FollowUpNone {
				return ErrBadFlag
			}
			overlayFlag(old, f)
			return nil
		}, nil
	}
	switch *f.Status {
	case eas.FlagCleared:
		return clearFlag, nil
	case eas.FlagActive:
		if err := checkFlag(f); err != nil {
			return nil, err
		}
		return func(old *mail.FollowUp) error {
			if old.Status != mail.FollowUpActive {
				*old = mail.FollowUp{Status: mail.FollowUpActive, Type: flagType}
			}
			overlayFlag(old, f)
			return nil
		}, nil
	case eas.FlagComplete:
		if f.CompleteTime.IsZero() || f.DateCompleted.IsZero() {
			return nil, ErrBadFlag // MS-ASEMAIL_R86, R92
		}
		return func(old *mail.FollowUp) error {
			overlayFlag(old, f)
			old.Status, old.ReminderSet = mail.FollowUpComplete, false
			return nil
		}, nil
	}
	return nil, ErrBadFlag // MS-ASEMAIL_R757
}

func clearFlag(f *mail.FollowUp) error {
	*f = mail.FollowUp{}
	return nil
}

// checkFlag holds an active flag to its rules.
func checkFlag(f *eas.Flag) error {
	dates := 0
	for _, d := range []time.Time{f.StartDate, f.DueDate, f.UtcStartDate, f.UtcDueDate} {
		if !d.IsZero() {
			dates++
		}
	}
	switch {
	case dates != 0 && dates != 4:
		return ErrBadFlag // MS-ASEMAIL_R740
	case f.StartDate.After(f.DueDate), f.UtcStartDate.After(f.UtcDueDate):
		return ErrBadFlag // MS-ASEMAIL_R739
	case f.ReminderSet != nil && *f.ReminderSet && f.ReminderTime.IsZero():
		return ErrBadFlag // MS-ASEMAIL_R702
	}
	return nil
}

// overlayFlag takes over what the client named.
func overlayFlag(old *mail.FollowUp, f *eas.Flag) {
	set := func(to *time.Time, from time.Time) {
		if !from.IsZero() {
			*to = from.UTC()
		}
	}
	if f.Subject != "" {
		old.Subject = f.Subject
	}
	if f.FlagType != "" {
		old.Type = f.FlagType
	}
	if f.ReminderSet != nil {
		old.ReminderSet = *f.ReminderSet
	}
	if f.SubOrdinalDate != "" {
		old.SubOrdinal = f.SubOrdinalDate
	}
	set(&old.Start, f.StartDate)
	set(&old.Due, f.DueDate)
	set(&old.UTCStart, f.UtcStartDate)
	set(&old.UTCDue, f.UtcDueDate)
	set(&old.ReminderTime, f.ReminderTime)
	set(&old.Ordinal, f.OrdinalDate)
	set(&old.Completed, f.CompleteTime)
	set(&old.DateComplete, f.DateCompleted)
}
