package eas

import "time"

// The sensitivities that are neither normal nor private (MS-ASTASK 2.2.2.24).
const (
	SensitivityPersonal     uint8 = 1
	SensitivityConfidential uint8 = 3
)

// Task is a task as ApplicationData or Properties carry it (MS-ASTASK 2.2.2), in
// both directions. What is absent is nil. Dates without Utc in their names are
// in the user's own time, written as if UTC.
type Task struct {
	Subject        *string         `wbxml:"Tasks:Subject"`
	Importance     *uint8          `wbxml:"Tasks:Importance"`
	UtcStartDate   *time.Time      `wbxml:"Tasks:UtcStartDate"`
	StartDate      *time.Time      `wbxml:"Tasks:StartDate"`
	UtcDueDate     *time.Time      `wbxml:"Tasks:UtcDueDate"`
	DueDate        *time.Time      `wbxml:"Tasks:DueDate"`
	Categories     []string        `wbxml:"Tasks:Categories>Category"` // up to 300
	Recurrence     *TaskRecurrence `wbxml:"Tasks:Recurrence"`
	Complete       *uint8          `wbxml:"Tasks:Complete"`
	DateCompleted  *time.Time      `wbxml:"Tasks:DateCompleted"`
	Sensitivity    *uint8          `wbxml:"Tasks:Sensitivity"`
	ReminderTime   *time.Time      `wbxml:"Tasks:ReminderTime"`
	ReminderSet    *uint8          `wbxml:"Tasks:ReminderSet"`
	OrdinalDate    *time.Time      `wbxml:"Tasks:OrdinalDate"`    // 12.0 and later
	SubOrdinalDate *string         `wbxml:"Tasks:SubOrdinalDate"` // 12.0 and later

	Body *Body `wbxml:"AirSyncBase:Body"` // 12.0 and later
	LegacyTaskBody
}

// LegacyTaskBody is a task's body in version 2.5.
type LegacyTaskBody struct {
	PlainBody     *string `wbxml:"Tasks:Body"`
	BodySize      *uint32 `wbxml:"Tasks:BodySize"`
	BodyTruncated *bool   `wbxml:"Tasks:BodyTruncated"`
	RTF           *string `wbxml:"Tasks:Rtf"` // compressed RTF in base64
}

// TaskRecurrence is when a task recurs (MS-ASTASK 2.2.2.20). Start is UTC up to
// 14.1 and in the user's own time since 16.0.
type TaskRecurrence struct {
	Type           *uint8     `wbxml:"Tasks:Type"`
	Start          *time.Time `wbxml:"Tasks:Start"`
	Until          *time.Time `wbxml:"Tasks:Until"`
	Occurrences    *uint16    `wbxml:"Tasks:Occurrences"`
	Interval       *uint16    `wbxml:"Tasks:Interval"`
	DayOfWeek      *uint8     `wbxml:"Tasks:DayOfWeek"`
	DayOfMonth     *uint8     `wbxml:"Tasks:DayOfMonth"`
	WeekOfMonth    *uint8     `wbxml:"Tasks:WeekOfMonth"`
	MonthOfYear    *uint8     `wbxml:"Tasks:MonthOfYear"`
	Regenerate     *uint8     `wbxml:"Tasks:Regenerate"` // 1: the next one begins when this one is done
	DeadOccur      *uint8     `wbxml:"Tasks:DeadOccur"`  // 1: this one of a series is done with
	CalendarType   *uint8     `wbxml:"Tasks:CalendarType"`
	IsLeapMonth    *uint8     `wbxml:"Tasks:IsLeapMonth"`
	FirstDayOfWeek *uint8     `wbxml:"Tasks:FirstDayOfWeek"`
}
