package grammars

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/smacker/go-tree-sitter/golang"
)

func TestLanguages(t *testing.T) {
	for _, l := range All() {
		l.compiled() // panics on a faulty query
		if got, ok := ByID(l.ID()); !ok || got != l {
			t.Errorf("ByID(%q) = %v", l.ID(), got)
		}
		for _, ext := range l.Extensions() {
			if got, ok := ByPath("dir.d/file" + ext); !ok || got != l {
				t.Errorf("ByPath of a %s file = %v", ext, got)
			}
		}
		if l.Name() == "" || l.LineComment() == "" || l.IndentUnit() == "" {
			t.Errorf("%s lacks a name, a comment or an indentation", l.ID())
		}
	}
}

func TestByPath(t *testing.T) {
	for path, want := range map[string]string{
		"a.go": "go", "/x/a.GO": "go", `C:\x\a.py`: "python", "a.pyi": "", "go": "", "a.go.txt": "", "": "", "dir.go/x": "", `dir.go\x`: "",
	} {
		got := ""
		if l, ok := ByPath(path); ok {
			got = l.ID()
		}
		if got != want {
			t.Errorf("ByPath(%q) = %q, want %q", path, got, want)
		}
	}
	if _, ok := ByID("cobol"); ok {
		t.Error("ByID knows COBOL")
	}
}

// TestQueriesAreChecked has what the library would pass over in silence.
func TestQueriesAreChecked(t *testing.T) {
	for _, src := range []string{
		`((identifier) @a (#any-of? @a "x" "y"))`,
		`((identifier) @a (#match? @a "("))`,
		`((identifier) @a (#eq? @a @a))`,
		`(no_such_node) @a`,
	} {
		if _, err := compileQuery([]byte(src), golang.GetLanguage()); err == nil {
			t.Errorf("%s is not refused", src)
		}
	}
}

func TestNodeSpans(t *testing.T) {
	tests := []struct{ id, src, want string }{
		{"go", "package p\n\nfunc f(a int) {\n\tif a > 1 {\n\t\tg(a, b.c)\n\t}\n}\n", `
arguments a int
block if a > 1 {
		g(a, b.c)
	}
statement if a > 1 {
		g(a, b.c)
	}
expression a > 1
expression a
expression 1
block g(a, b.c)
expression g(a, b.c)
statement g(a, b.c)
arguments a, b.c
expression a
expression b.c
`},
		{"python", "def f(a):\n    for x in g(a):\n        self.y = x + 1\n    return a\n", `
arguments a
block for x in g(a):
        self.y = x + 1
    return a
statement for x in g(a):
        self.y = x + 1
expression g(a)
arguments a
expression a
block self.y = x + 1
expression self.y = x + 1
statement self.y = x + 1
expression self.y
expression x + 1
expression 1
statement return a
expression a
`},
	}
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			tree := mustParse(t, tt.id, tt.src)
			got := "\n"
			for _, s := range tree.NodeSpans() {
				got += s.Kind + " " + tt.src[s.Start:s.End] + "\n"
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("spans differ (-want +got):\n%s", diff)
			}
		})
	}
	broken := mustParse(t, "go", "package p\n\nfunc f() {\n\tg(a b)\n\th(c)\n}\n")
	if slices.ContainsFunc(broken.NodeSpans(), func(s NodeSpan) bool { return s.Start <= 27 && s.End > 27 }) {
		t.Error("a span with a syntax error in it is offered")
	}
}
