package grammars

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFaults(t *testing.T) {
	tests := []struct {
		id, src string
		want    []string // "offset text"
	}{
		{"go", "package p\n\nfunc f() {}\n", nil},
		{"go", "package p\n\nfunc f() {\n\tx := \n}\n", []string{"4:6 "}},
		{"go", "package p\n\nfunc f() {\n\tfoo(\n}\n\nfunc g() { a b }\n", []string{"4:5 (", "7:14 b"}},
		{"python", "def f():\n    return 1\n", nil},
		{"python", "def f():\n\nx = 1\n", []string{"1:9 "}},
		{"python", "if x:\nelse:\n    pass\n", []string{"1:6 "}},
		{"python", "x =\nf()\n", []string{"1:4 "}},
		{"python", "x = a +  # more\ny\n", []string{"1:8 "}},
		{"python", "x = (a +\n     b) or \\\n  c\nf(a.\n  b, [c ==\n d])\n", nil},
		{"python", "self.\nx = not\ny\n", []string{"1:6 ", "2:8 "}},
		{"python", "x = (1,\n", []string{"1:1 x = (1,"}},
	}
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			tree := mustParse(t, tt.id, tt.src)
			if diff := cmp.Diff(tt.want, describeSpans(tree, tree.Faults())); diff != "" {
				t.Errorf("faults differ (-want +got):\n%s", diff)
			}
		})
	}
}

func describeSpans(tree *Tree, spans []Span) []string {
	var out []string
	for _, s := range spans {
		out = append(out, position(tree.Source(), s.Start)+" "+string(tree.Source()[s.Start:s.End]))
	}
	return out
}

// TestNewFaults writes an edit as «old» => «new».
func TestNewFaults(t *testing.T) {
	const inFunc = "package p\n\nfunc f() {\n\t"
	tests := []struct {
		name, id, src, text string
		want                []string
	}{
		{"statement", "go", inFunc + "«»\n}\n", "x := 1", nil},
		{"statement left open", "go", inFunc + "«»\n}\n", "x := ", []string{"4:6 "}},
		{"brace too many", "go", inFunc + "«»\n}\n", "return\n}", []string{"6:1 }"}},
		{"brace too few", "go", inFunc + "«x()»\n}\n", "if x {", []string{"6:1 "}},
		{"fills a gap", "go", inFunc + "x := «»\n}\n", "1", nil},
		{"fills a gap badly", "go", inFunc + "x := «»\n}\n", "foo(bar]+", []string{"4:10 (bar]+"}},
		{"leaves a gap open", "go", inFunc + "x := «»\n}\n", "// later", []string{"4:15 "}},
		{"leaves a gap open within a line", "go", inFunc + "for range «»{\n\t}\n}\n", "// later ", []string{"4:2 for range // later {\n\t}"}},
		{"leaves a marker's gap open", "go", inFunc + "return nil, «/* HOLE */»\n}\n", "// later", []string{"4:12 ,"}},
		{"fills a marker's gap", "go", inFunc + "return nil, «/* HOLE */»\n}\n", "err", nil},
		{"leaves a selector open", "go", inFunc + "s.«»\n}\n", "// x", []string{"4:3 ."}},
		{"leaves a gap open", "python", "def f():\n    x = «»\n    g()\n", "# later", []string{"2:8 "}},
		{"old error before", "go", "package p\n\nvar a b c\n\nfunc f() {\n\t«»\n}\n", "x := 1", nil},
		{"old error after", "go", inFunc + "«»\n}\n\nvar a b c\n", "x := 1", nil},
		{"old error after, a new one here", "go", inFunc + "«»\n}\n\nvar a b c\n", "x := ]", []string{"4:2 x := ]"}},
		{"removes an error", "go", inFunc + "«a b»\n}\n", "x = 1", nil},
		{"fewer than before", "go", inFunc + "«a b»\n\tc d\n}\n", "x = 1", nil},
		{"within an old error", "go", "package p\n\n)) x «» ((\n", "y", nil},
		{"body", "python", "def f(x):«»\n", "\n    return x", nil},
		{"body without a body", "python", "def f(x):\n    «pass»\n", "if x:", []string{"2:10 "}},
		{"dedent is no error", "python", "def f(x):\n    «pass»\n", "return 1\nprint(2)", nil},
		{"a keyword read as a name", "go", inFunc + "«»\n}\n", "return return", []string{"4:9 return"}},
		{"a keyword read as a field", "go", inFunc + "x.«»()\n}\n", "range", []string{"4:4 range"}},
		{"a keyword read as a name", "python", "x = «»\n", "g(return)", []string{"1:7 return"}},
		{"a keyword where it belongs", "go", inFunc + "«»\n}\n", "for range xs {\n\t}", nil},
		{"a name that begins like a keyword", "go", inFunc + "«»\n}\n", "returned := iffy", nil},
		{"unclosed", "python", "x = «1»\ny = 2\n", "(1", []string{"1:3 = (1\ny"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			left, rest, ok := strings.Cut(tt.src, "«")
			old, right, ok2 := strings.Cut(rest, "»")
			if !ok || !ok2 {
				t.Fatal("the source has no «edit»")
			}
			before := mustParse(t, tt.id, left+old+right)
			after, err := before.Splice(len(left), len(left)+len(old), tt.text)
			if err != nil {
				t.Fatal(err)
			}
			defer after.Close()
			e := Edit{len(left), len(left) + len(old), len(left) + len(tt.text)}
			if diff := cmp.Diff(tt.want, describeSpans(after, NewFaults(before, after, e))); diff != "" {
				t.Errorf("new faults differ (-want +got):\n%s\nbefore: %q\nafter: %q", diff,
					describeSpans(before, before.Faults()), describeSpans(after, after.Faults()))
			}
		})
	}
}
