package grammars

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// TestHoles reads testdata/holes: each file NAME of an archive is followed by
// a file "NAME holes" that lists its holes.
func TestHoles(t *testing.T) {
	archives, err := filepath.Glob("testdata/holes/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no fixtures in testdata/holes", err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(archive.Files); i += 2 {
			source, want := archive.Files[i], archive.Files[i+1]
			if want.Name != source.Name+" holes" {
				t.Fatalf("%s: %q does not follow %q", name, want.Name, source.Name)
			}
			t.Run(source.Name, func(t *testing.T) {
				lang, ok := ByPath(source.Name)
				if !ok {
					t.Fatal("no language")
				}
				tree := mustParse(t, lang.ID(), string(source.Data))
				got := describeAll(tree.Source(), tree.Holes())
				if diff := cmp.Diff(string(want.Data), got); diff != "" {
					t.Errorf("holes differ (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestGaps marks the gap that must be found with "|" and names its kind of
// fill; no "|" means that there must be none.
func TestGaps(t *testing.T) {
	type gap struct {
		src         string
		lead, trail string
		lines       bool
	}
	tests := map[string][]gap{
		"go": {
			{src: "package p\n\nfunc f() {\n\tx := |\n}\n"},
			{src: "package p\n\nfunc f() {\n\tx :=|\n}\n", lead: " "},
			{src: "package p\n\nfunc f() {\n\tx := |\n\ty := 2\n}\n"},
			{src: "package p\n\nfunc f() {\n\tif x >| {\n\t\treturn\n\t}\n}\n", lead: " "},
			{src: "package p\n\nfunc f() {\n\tfor _, x := range| {\n\t}\n}\n", lead: " "},
			{src: "package p\n\nfunc f() {\n\tfoo(a, |\n\tbar()\n}\n"},
			{src: "package p\n\nfunc f() {\n\tfoo(|\n}\n"},
			{src: "package p\n\nfunc f() {\n\tx := foo(a|\n\tbar()\n}\n"},
			{src: "package p\n\nfunc f() {\n\ts.|\n}\n"},
			{src: "package p\n\nfunc f() int {\n\treturn a + |\n}\n\nfunc g() { h() }\n"},
			{src: "package p\n\nfunc f() {\n\ty = (a +| )\n}\n", lead: " "},
			{src: "package p\n\nvar x = |\n\nfunc f() { g() }\n"},
			{src: "package p\n\nfunc f() {|\n", lead: "\n\t", trail: "\n}", lines: true},
			{src: "package p\r\n\r\nfunc f() {\r\n\tx := |\r\n}\r\n"},
			{src: "package p\n\nfunc f() {\n\tx := 1\n}\n"},
			{src: "package p\n\nfunc f() {\n\tx := \"abc\n}\n"},
			{src: "package p\n\nfunc f() { @@@ }\n"},
			{src: "package p\n\n)))\n"},
		},
		"python": {
			{src: "def f(x):|\n", lead: "\n    ", lines: true},
			{src: "def f(x):|", lead: "\n    ", lines: true},
			{src: "def f(x):|\n\ndef g():\n    return 1\n", lead: "\n    ", lines: true},
			{src: "class A:\n  def f(self,\n        x):|\n\n  def g(self):\n    return 1\n", lead: "\n    ", lines: true},
			{src: "def f(x):\n    # TODO: hi|\n\ndef g():\n    return 1\n", lead: "\n    ", lines: true},
			{src: "def f(x):\n    if x:|\n    return 2\n", lead: "\n        ", lines: true},
			{src: "def f(x):  # note|\n\ndef g():\n    return 1\n", lead: "\n    ", lines: true},
			{src: "def f():\n    x = |\n    return x\n"},
			{src: "def f():\n    x =|\n    return x\n", lead: " "},
			{src: "def f():\n    y = foo(a, |\n    return y\n"},
			{src: "def f():\n    if x >| :\n        return y\n", lead: " "},
			{src: "def f():\n    for x in|", lead: " ", lines: true},
			{src: "def f(self):\n    self.|\n    return 1\n"},
			{src: "def f():\n    x = |\n    g(x)\n"},
			{src: "def f():\n    x = |\n    y = 2\n"},
			{src: "def f():\n    self.|\n    y = 2\n"},
			{src: "def f(x):\n    return x\n"},
			{src: "def f(x):\r\n    y = |\r\n    return y\r\n"},
			{src: "def f(x):\r\n    # one\r\n    # two|\n\ndef g():\r\n    return 1\n", lead: "\r\n    ", lines: true},
		},
	}
	for id, list := range tests {
		for _, tt := range list {
			t.Run(id+" "+tt.src, func(t *testing.T) {
				before, after, expected := strings.Cut(tt.src, "|")
				tree := mustParse(t, id, before+after)
				var gaps []Hole
				for _, h := range tree.Holes() {
					if h.Kind == KindGap {
						gaps = append(gaps, h)
					}
				}
				if !expected {
					if len(gaps) != 0 {
						t.Fatalf("gaps where there are none:\n%s", describeAll(tree.Source(), gaps))
					}
					return
				}
				want := Hole{Span: Span{len(before), len(before)}, Kind: KindGap, Lead: tt.lead, Trail: tt.trail, Multiline: tt.lines}
				if len(gaps) != 1 {
					t.Fatalf("%d gaps:\n%s", len(gaps), describeAll(tree.Source(), gaps))
				}
				want.Scope = gaps[0].Scope
				if gaps[0] != want {
					t.Errorf("got  %s\nwant %s", describe(tree.Source(), gaps[0]), describe(tree.Source(), want))
				}
			})
		}
	}
}

// TestExamples keeps the holes of examples/ in view: the demo fills them.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../examples/*.*")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, name := range files {
		lang, ok := ByPath(name)
		if !ok {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tree := mustParse(t, lang.ID(), string(src))
		found[filepath.Base(name)] = describeAll(src, tree.Holes())
	}
	if diff := cmp.Diff(exampleHoles, found); diff != "" {
		t.Errorf("holes of examples/ differ (-want +got):\n%s", diff)
	}
}

var exampleHoles = map[string]string{
	"inventory.go": `35:28 body "\n" => "\n\t" + lines + "\n" in "func (s *Store) Len() int {"
42:15 marker "/* HOLE */" => line in "func (s *Store) Get(name string) (*Item, error) {"
60:2 stub "panic(\"not implemented\")" => lines in "func (s *Store) Names() []string {"
67:3 marker "// HOLE" => lines in "func (s *Store) Total() int {"
92:22 gap "" => " " + line in "func main() {"
`,
	"inventory.py": `15:22 marker "__hole__" => line in "def __init__(self, name, count=0):"
29:9 stub "pass" => lines in "def __len__(self):"
33:9 stub "raise NotImplementedError" => lines in "def get(self, name):"
51:13 marker "# HOLE" => lines in "def total(self):"
65:15 gap "" => " " + line in "def main():"
`,
}
