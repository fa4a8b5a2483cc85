package wbxml

import (
	"errors"
	"fmt"
	"reflect"
)

// The kinds of errors that Unmarshal returns, to be asked for with errors.Is;
// the types below are found with errors.As.
var (
	ErrMalformed = errors.New("wbxml: malformed document")
	ErrTooDeep   = errors.New("wbxml: elements nested too deeply")
	ErrTooLarge  = errors.New("wbxml: document too large")
)

// SyntaxError tells what is malformed and where. It is an ErrMalformed.
type SyntaxError struct {
	Offset int
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("wbxml: offset %d: %s", e.Offset, e.Reason)
}

// Unwrap makes the error an ErrMalformed.
func (e *SyntaxError) Unwrap() error { return ErrMalformed }

// UnknownTagError is a token that the code pages do not have.
type UnknownTagError struct {
	Page, Token byte
	Offset      int
}

func (e *UnknownTagError) Error() string {
	return fmt.Sprintf("wbxml: offset %d: unknown tag 0x%02X in code page %d", e.Offset, e.Token, e.Page)
}

// RootError is a document of another kind than the one wanted.
type RootError struct{ Got, Want Tag }

func (e *RootError) Error() string {
	return fmt.Sprintf("wbxml: the document is a %s, not a %s", e.Got, e.Want)
}

// MissingError is a required element that is absent.
type MissingError struct{ Tag Tag }

func (e *MissingError) Error() string { return fmt.Sprintf("wbxml: %s is missing", e.Tag) }

// DuplicateError is an element that stands twice where once is allowed; only an
// Exact or Strict Decoder minds.
type DuplicateError struct{ Tag Tag }

func (e *DuplicateError) Error() string { return fmt.Sprintf("wbxml: %s stands twice", e.Tag) }

// OrderError is an element that comes after one that it should stand before;
// only an Exact or Strict Decoder minds.
type OrderError struct{ Tag Tag }

func (e *OrderError) Error() string { return fmt.Sprintf("wbxml: %s stands too late", e.Tag) }

// UnexpectedError is a known element in a place where there is none, such as
// inside a number.
type UnexpectedError struct{ Tag, Parent Tag }

func (e *UnexpectedError) Error() string {
	return fmt.Sprintf("wbxml: %s has no place in %s", e.Tag, e.Parent)
}

// ValueError is a text that is not of the element's type.
type ValueError struct {
	Tag  Tag
	Type string // what it should be, such as "number"
}

func (e *ValueError) Error() string { return fmt.Sprintf("wbxml: %s is not a %s", e.Tag, e.Type) }

// A typeError is a programmer's mistake in a struct.
func typeError(t reflect.Type, format string, args ...any) error {
	return fmt.Errorf("wbxml: type %v: %s", t, fmt.Sprintf(format, args...))
}
