package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
)

// TestEveryPrefixHasANameAndANumberOfItsOwn reads the list itself, so that a
// prefix added to it cannot be forgotten elsewhere.
func TestEveryPrefixHasANameAndANumberOfItsOwn(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "keyspace.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	numbers, names := map[uint64]string{}, map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		ident := spec.Names[0].Name
		p, err := strconv.ParseUint(spec.Values[0].(*ast.BasicLit).Value, 0, 8)
		if err != nil {
			t.Errorf("%s: %v", ident, err)
		}
		if other, ok := numbers[p]; ok {
			t.Errorf("%s and %s are both %#x", ident, other, p)
		}
		numbers[p] = ident
		name := Prefix(p).String()
		if other, ok := names[name]; name == "" || ok {
			t.Errorf("%s has no name of its own in String: %q, as %s", ident, name, other)
		}
		names[name] = ident
		return true
	})
	if len(numbers) == 0 {
		t.Error("no prefix found")
	}
}
