package policy

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

func TestEveryPackageHasOneComment(t *testing.T) {
	comments := map[string][]string{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		if _, seen := comments[f.pkg]; !seen {
			comments[f.pkg] = nil
		}
		if f.file.Doc != nil {
			comments[f.pkg] = append(comments[f.pkg], f.path)
		}
	}
	for pkg, files := range comments {
		if len(files) != 1 {
			t.Errorf("package %s has %d package comments %v, want one", pkg, len(files), files)
		}
	}
}

func TestNoInitFunctions(t *testing.T) {
	for _, f := range sources(t) {
		for _, d := range f.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: has an init function; use a New and a Config", f.path)
			}
		}
	}
}

// A package variable may be a table, a sentinel error, a compiled expression or
// a pool: things set once. A variable that code assigns to is state.
func TestNoPackageVariableIsAssigned(t *testing.T) {
	type name struct{ pkg, name string }
	vars := map[name]bool{}
	all := sources(t)
	for _, f := range all {
		for _, d := range f.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR || f.test {
				continue
			}
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					vars[name{f.pkg, n.Name}] = true
				}
			}
		}
	}
	for _, f := range all {
		if f.test {
			continue
		}
		ast.Inspect(f.file, func(n ast.Node) bool {
			a, ok := n.(*ast.AssignStmt)
			if !ok || a.Tok == token.DEFINE {
				return true
			}
			for _, l := range a.Lhs {
				// An identifier the parser resolved to nothing local is the package's.
				if id, ok := l.(*ast.Ident); ok && id.Name != "_" && vars[name{f.pkg, id.Name}] && (id.Obj == nil || id.Obj.Decl == nil || isPackageLevel(f.file, id)) {
					t.Errorf("%s: assigns to the package variable %s", f.path, id.Name)
				}
			}
			return true
		})
	}
}

func isPackageLevel(file *ast.File, id *ast.Ident) bool {
	return file.Scope != nil && file.Scope.Lookup(id.Name) == id.Obj
}

func TestRoomsAreNamedForAConcept(t *testing.T) {
	banned := []string{"util", "utils", "common", "helper", "helpers", "types", "core", "misc", "base", "shared", "lib"}
	for _, f := range sources(t) {
		for _, part := range strings.Split(f.pkg, "/") {
			if slices.Contains(banned, part) {
				t.Errorf("%s: a folder named %s says nothing", f.path, part)
			}
		}
	}
}

func TestNoGoFilesInSync(t *testing.T) {
	for _, f := range sources(t) {
		if f.pkg == "sync" {
			t.Errorf("%s: a package at sync would collide with the standard library's", f.path)
		}
	}
}

func TestTestsDoNotSleep(t *testing.T) {
	for _, f := range sources(t) {
		if !f.test {
			continue
		}
		ast.Inspect(f.file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Sleep" && !slices.Contains(f.imports, "testing/synctest") {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s: time.Sleep in a test; wait for a condition or use testing/synctest", f.path)
				}
			}
			return true
		})
	}
}
