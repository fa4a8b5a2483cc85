// Package tomlfile reads TOML files strictly: an unknown key or a value of the
// wrong kind is refused with file, line and key, and whoever checks values
// afterwards finds the line of each key, so that its own errors say the same.
// It must never guess what a file could have meant.
package tomlfile

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// MaxBytes bounds a file. A directory of 10,000 people takes about 4 MB, and
// photos may lie within.
const MaxBytes = 256 << 20

// Error is one thing wrong in a file.
type Error struct {
	File string
	Line int    // 0: unknown
	Key  string // dotted; may be empty
	Text string
	Err  error // what Text tells, for errors.Is; may be nil
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Error is "file:line: key: text", or "key: text" of what was read from no file.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			b.WriteByte(':')
			b.WriteString(strconv.Itoa(e.Line))
		}
		b.WriteString(": ")
	}
	if e.Key != "" {
		b.WriteString(e.Key)
		b.WriteString(": ")
	}
	b.WriteString(e.Text)
	return b.String()
}

// Lines knows the line of each key of a file.
type Lines struct {
	file string
	at   map[string]int
}

// File is the name of the file, as given to Decode. A nil *Lines is that of
// something that was not read from a file: it has no name and no lines.
func (l *Lines) File() string {
	if l == nil {
		return ""
	}
	return l.file
}

// Of is the line of a key, or of the nearest table around it, or 0. The path
// is the key's parts as strings; a position in an array of tables is an int:
// Of("user", 2, "title").
func (l *Lines) Of(path ...any) int {
	if l == nil {
		return 0
	}
	for n := len(path); n > 0; n-- {
		if line, ok := l.at[pathKey(path[:n])]; ok {
			return line
		}
	}
	return 0
}

// Errorf is an Error at a key. The key shown leaves positions out.
func (l *Lines) Errorf(path []any, format string, args ...any) *Error {
	var shown []string
	for _, p := range path {
		if s, ok := p.(string); ok {
			shown = append(shown, s)
		}
	}
	err := fmt.Errorf(format, args...)
	return &Error{File: l.File(), Line: l.Of(path...), Key: strings.Join(shown, "."), Text: err.Error(), Err: err}
}

// Decode reads data into the struct that into points to. All unknown keys are
// reported at once; the error joins an *Error for each.
func Decode(name string, data []byte, into any) (*Lines, error) {
	if len(data) > MaxBytes {
		return nil, &Error{File: name, Text: fmt.Sprintf("the file is larger than %d MiB", MaxBytes>>20)}
	}
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(into)
	if err != nil {
		return nil, positioned(name, err)
	}
	return index(name, data)
}

func positioned(name string, err error) error {
	var missing *toml.StrictMissingError
	if errors.As(err, &missing) {
		var all []error
		for i := range missing.Errors {
			e := &missing.Errors[i]
			line, _ := e.Position()
			all = append(all, &Error{File: name, Line: line, Key: strings.Join(e.Key(), "."), Text: "unknown key"})
		}
		return errors.Join(all...)
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, _ := bad.Position()
		return &Error{File: name, Line: line, Key: strings.Join(bad.Key(), "."), Text: plain(bad.Error())}
	}
	return &Error{File: name, Text: plain(err.Error())}
}

// plain takes the decoder's name and Go's words for types out of its message.
func plain(text string) string {
	text = strings.TrimPrefix(text, "toml: ")
	if kind, ok := strings.CutPrefix(text, "cannot decode TOML "); ok {
		kind, _, _ = strings.Cut(kind, " into ")
		return "a value of another kind is wanted here, not: " + kind
	}
	return text
}

// index finds the line of every key. The parser is the decoder's own.
func index(name string, data []byte) (*Lines, error) {
	l := &Lines{file: name, at: map[string]int{}}
	counts := map[string]int{}
	var p unstable.Parser
	p.Reset(data)
	var table []any
	cursor := lineCursor{data: data, line: 1}
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			var parts []string
			table, parts = nil, keyParts(e.Key())
			for i, part := range parts {
				table = append(table, part)
				name := pathKey(table)
				if i == len(parts)-1 && e.Kind == unstable.ArrayTable {
					counts[name]++
				}
				// A table below an array of tables belongs to its last element.
				if n := counts[name]; n > 0 {
					table = append(table, n-1)
				}
			}
			l.at[pathKey(table)] = cursor.at(keyOffset(e.Key()))
		case unstable.KeyValue:
			l.add(table, e, &cursor)
		}
	}
	if err := p.Error(); err != nil {
		return nil, &Error{File: name, Text: plain(err.Error())}
	}
	return l, nil
}

// add notes a key and the keys of inline tables below it.
func (l *Lines) add(table []any, kv *unstable.Node, c *lineCursor) {
	path := append([]any(nil), table...)
	for _, part := range keyParts(kv.Key()) {
		path = append(path, part)
	}
	l.at[pathKey(path)] = c.at(keyOffset(kv.Key()))
	l.addValue(path, kv.Value(), c)
}

func (l *Lines) addValue(path []any, v *unstable.Node, c *lineCursor) {
	switch v.Kind {
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				l.add(path, it.Node(), c)
			}
		}
	case unstable.Array:
		i := 0
		for it := v.Children(); it.Next(); {
			n := it.Node()
			if n.Kind == unstable.Comment {
				continue
			}
			at := append(append([]any(nil), path...), i)
			if n.Kind == unstable.String {
				l.at[pathKey(at)] = c.at(int(n.Raw.Offset))
			}
			l.addValue(at, n, c)
			i++
		}
	}
}

func keyParts(it unstable.Iterator) []string {
	var parts []string
	for it.Next() {
		// The decoder matches keys without regard to case.
		parts = append(parts, strings.ToLower(string(it.Node().Data)))
	}
	return parts
}

func keyOffset(it unstable.Iterator) int {
	if it.Next() {
		return int(it.Node().Raw.Offset)
	}
	return 0
}

func pathKey(path []any) string {
	var b strings.Builder
	for _, p := range path {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case int:
			b.WriteString(strconv.Itoa(p))
		}
		b.WriteByte(0)
	}
	return b.String()
}

// lineCursor turns ascending offsets into line numbers in one pass.
type lineCursor struct {
	data []byte
	pos  int
	line int
}

func (c *lineCursor) at(offset int) int {
	if offset < c.pos {
		c.pos, c.line = 0, 1
	}
	c.line += bytes.Count(c.data[c.pos:offset], []byte{'\n'})
	c.pos = offset
	return c.line
}
