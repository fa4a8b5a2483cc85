// Package conformance reads the tables of requirements of the MS-AS* documents
// and the ledger under docs/conformance, which says of each measured
// requirement how it is held. It serves tests only, and must never decide
// anything at run time.
package conformance

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Documents returns the documents whose requirements are measured, in the order
// in which they are told of.
func Documents() []string {
	return []string{"MS-ASHTTP", "MS-ASCMD", "MS-ASPROV", "MS-ASEMAIL", "MS-ASAIRS", "MS-ASCAL", "MS-ASCNTC", "MS-ASTASK", "MS-ASNOTE", "MS-ASCON", "MS-ASDOC", "MS-ASWBXML", "MS-ASDTYPE"}
}

// Requirement is one row of a document's table.
type Requirement struct {
	ID      string // MS-ASCMD_R5869
	Section string // 2.2.1.13
	Text    string
}

// Requirements reads the measured rows of a document: those that are normative,
// bind a server, and can be seen on the wire. The tables of MS-ASWBXML and
// MS-ASDTYPE say nothing of whom a row binds or how it is seen; all of their
// normative rows are measured. The error is fs.ErrNotExist where the tables are
// not at hand.
func Requirements(folder, document string) ([]Requirement, error) {
	var all []Requirement
	err := lines(filepath.Join(folder, document+".tsv"), func(fields []string) error {
		if len(fields) < 7 {
			return errors.New("a requirement has seven fields")
		}
		server := fields[2] == "Server" || fields[2] == "Both" || fields[2] == ""
		visible := fields[4] == "Adapter" || fields[4] == "Test Case" || fields[2] == "" && fields[4] == ""
		if server && visible && fields[3] == "Normative" {
			all = append(all, Requirement{ID: fields[0], Section: fields[1], Text: fields[6]})
		}
		return nil
	})
	return all, err
}

// State is how a requirement is held.
type State string

// The states.
const (
	Tested State = "test"  // a test of that name shows it, or a transcript
	Shaped State = "shape" // every transcript is held to it, and one of them shows it
	Void   State = "void"  // it has no cause in this server, or is a choice that Exchange makes otherwise; Shown says why
	Left   State = "left"  // still to be built; Shown says what is missing
)

// Entry is one line of the ledger.
type Entry struct {
	ID    string
	State State
	Shown string // "gateway/activesync TestName", "gateway/activesync name.txtar", or the reason
}

// Ledger reads a document's ledger; one that is not there is empty.
func Ledger(folder, document string) ([]Entry, error) {
	var all []Entry
	err := lines(filepath.Join(folder, document+".tsv"), func(fields []string) error {
		if fields[0] == "id" {
			return nil
		}
		if len(fields) != 3 {
			return fmt.Errorf("%s: an entry has three fields", fields[0])
		}
		all = append(all, Entry{ID: fields[0], State: State(fields[1]), Shown: strings.TrimSpace(fields[2])})
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return all, err
}

// lines visits the lines of a table of tab-separated fields.
func lines(name string, visit func(fields []string) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		if s.Text() == "" {
			continue
		}
		if err := visit(strings.Split(s.Text(), "\t")); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	return s.Err()
}

// WriteLedger writes a document's ledger.
func WriteLedger(folder, document string, entries []Entry) error {
	var b strings.Builder
	b.WriteString("id\tstate\tshown by, or why\n")
	for _, e := range entries {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", e.ID, e.State, e.Shown)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, document+".tsv"), []byte(b.String()), 0o644)
}
