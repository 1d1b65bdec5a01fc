package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

func TestTypeCheck(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/typecheck.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range archive.Files {
		texts[f.Name] = string(f.Data)
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, f.Data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	const ok, wrong, unknown = "type-checks", "does not type-check", "cannot be told"
	checker, err := newTypeChecker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, file, from, to string
		want                 string
	}{
		{"nothing changed", "price/price.go", "", "", ok},
		{"another right one", "price/price.go", "100 * base", "base + 1", ok},
		{"a function of another file", "price/price.go", "100 * base", "len(explain(base))", ok},
		{"the wrong type", "price/price.go", "100 * base", `"a lot"`, wrong},
		{"a name that nobody declares", "price/price.go", "100 * base", "cost", wrong},
		{"a function that a package does not have", "price/price.go", "HasPrefix", "BeginsWith", wrong},
		{"what tree-sitter lets pass", "price/price.go", "100 * base", "100 base", wrong},
		{"a variable that is not used", "price/price.go", "return base", "x := 1\n\treturn base", wrong},
		{"an import that is not used any more", "price/price.go", `strings.HasPrefix(thing, "gold")`, "true", wrong},
		{"a declaration that another file has", "price/price.go", "func Of(", "func explain(", wrong},
		{"a type that only bodies of other files mind", "price/base.go", "const base = 7", `var base = "7"`, ok},
		{"another package of the module", "till/till.go", "price.Of(thing)", "len(thing)*price.Of(thing)", ok},
		{"another package, misused", "till/till.go", "price.Of(thing)", "price.Of(1)", wrong},
		{"what another package keeps to itself", "till/till.go", "price.Of(thing)", "price.base", wrong},
		{"a test inside the package", "price/inside_test.go", "= base", "= 2 * base", ok},
		{"and a wrong one", "price/inside_test.go", "= base", "= bass", wrong},
		{"a test outside, of what tests inside declare", "price/outside_test.go", "price.Base", "2*price.Base", ok},
		{"and a wrong one", "price/outside_test.go", "price.Base", "price.base", wrong},
		{"for another system", "till/till_plan9.go", "/dev/till", "/dev/null", unknown},
		{"a file with errors of its own", "broken/broken.go", `"seven"`, "7", unknown},
		{"a file beside one with errors", "broken/fine.go", "return 7", "return 8", ok},
	} {
		text := texts[test.file]
		path := filepath.Join(dir, filepath.FromSlash(test.file))
		if !strings.Contains(text, test.from) {
			t.Fatalf("%s: no %q in %s", test.name, test.from, test.file)
		}
		got := wrong
		accepted, checked := checker.accepts(path, []byte(text), []byte(strings.Replace(text, test.from, test.to, 1)))
		if !checked {
			got = unknown
		} else if accepted {
			got = ok
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// The packages of the standard library import each other in ways of their own.
func TestTypeCheckStandardLibrary(t *testing.T) {
	root, err := standardLibrary(t.Context(), "go")
	if err != nil {
		t.Fatal(err)
	}
	root, err = filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	checker, err := newTypeChecker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"net/dnsclient.go", "strings/builder_test.go"} {
		path := filepath.Join(root, filepath.FromSlash(file))
		text := readText(t, path)
		if ok, checked := checker.accepts(path, []byte(text), []byte(text)); !ok || !checked {
			t.Errorf("%s as it is: type-checks %v, checked %v", file, ok, checked)
		}
		if ok, checked := checker.accepts(path, []byte(text), []byte(text+"\nvar _ int = \"\"\n")); ok || !checked {
			t.Errorf("%s with an error: type-checks %v, checked %v", file, ok, checked)
		}
	}
}
