package grammars

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	sitter "github.com/smacker/go-tree-sitter"
)

func TestParseRefuses(t *testing.T) {
	lang, _ := ByID("go")
	tests := []struct {
		name string
		src  []byte
		want error
	}{
		{"too large", bytes.Repeat([]byte("\n"), MaxSource+1), ErrTooLarge},
		{"not UTF-8", []byte("package p // \xff"), ErrNotUTF8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse(lang, tt.src); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestParseTimesOut(t *testing.T) {
	lang, _ := ByID("go")
	src := bytes.Repeat([]byte("def f(): pass\n"), 20_000)
	if _, err := parse(lang, nil, src, time.Millisecond); !errors.Is(err, ErrTimeout) {
		t.Errorf("error %v, want %v", err, ErrTimeout)
	}
}

func TestUpdateRefuses(t *testing.T) {
	tree := mustParse(t, "go", "package p\n")
	tests := []struct {
		name  string
		src   string
		edits []Edit
		want  string
	}{
		{"past the end", "package p\n", []Edit{{5, 11, 11}}, "outside"},
		{"before the start", "package p\n", []Edit{{-1, 0, 0}}, "outside"},
		{"backwards", "package p\n", []Edit{{5, 4, 5}}, "outside"},
		{"other length", "package pq\n", []Edit{{8, 9, 9}}, "not of 11"},
		{"second past the end of the first", "package", []Edit{{0, 3, 0}, {0, 8, 8}}, "edit 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tree.Update([]byte(tt.src), tt.edits...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
	if _, err := tree.Splice(3, 99, ""); err == nil {
		t.Error("Splice past the end is no error")
	}
}

func TestSpliceLeavesTheTreeAlone(t *testing.T) {
	tree := mustParse(t, "go", "package p\n\nfunc f() {}\n")
	before := dump(tree)
	after, err := tree.Splice(22, 22, "\n\nfunc g( {")
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if got := dump(tree); got != before {
		t.Errorf("Splice changed the tree it came from:\n%s", cmp.Diff(before, got))
	}
	if want := "package p\n\nfunc f() {}\n\nfunc g( {\n"; string(after.Source()) != want {
		t.Errorf("source %q, want %q", after.Source(), want)
	}
	if after.Language() != tree.Language() {
		t.Error("Splice lost the language")
	}
}

func TestCopyOutlivesTheOriginal(t *testing.T) {
	lang, _ := ByID("python")
	tree, err := Parse(lang, []byte("def f():\n    pass\n"))
	if err != nil {
		t.Fatal(err)
	}
	c := tree.Copy()
	tree.Close()
	tree.Close()
	done := make(chan []Hole)
	go func() { done <- c.Holes() }()
	if holes := <-done; len(holes) != 1 {
		t.Errorf("%d holes, want 1", len(holes))
	}
	c.Close()
}

// dump writes every node with its bytes. The points go into the comparison
// too: a wrong one would mean that a subtree was reused that should not be.
func dump(t *Tree) string {
	var out strings.Builder
	cursor := sitter.NewTreeCursor(t.tree.RootNode())
	defer cursor.Close()
	for more := true; more; more = cursor.GoToFirstChild() || nextInOrder(cursor) {
		n := cursor.CurrentNode()
		p := n.StartPoint()
		out.WriteString(strings.Join([]string{n.Type(), position(t.source, int(n.StartByte())), position(t.source, int(n.EndByte()))}, " "))
		if n.IsMissing() {
			out.WriteString(" missing")
		}
		if want := t.lineAt(int(n.StartByte())); int(p.Column) != int(n.StartByte())-want.Start {
			out.WriteString(" column off")
		}
		out.WriteString("\n")
	}
	return out.String()
}

// snippets are what random edits insert.
var snippets = []string{"", "\n", "x", "(", ")", "{", "}", "\"", "`", "'", "\"\"\"", "#", "//", "/*", "*/", ":", ":=", "    ", "\t", "\\", "def g():\n    pass\n", "func g() {}\n", "é", "\x00", "\r\n", "f\"{", "if x", "return"}

// randomEdit replaces a small part of src, on rune boundaries.
func randomEdit(rng *rand.Rand, src []byte) ([]byte, Edit) {
	start := rng.IntN(len(src) + 1)
	end := min(len(src), start+rng.IntN(12))
	for start > 0 && start < len(src) && !utf8.RuneStart(src[start]) {
		start--
	}
	for end < len(src) && !utf8.RuneStart(src[end]) {
		end++
	}
	text := snippets[rng.IntN(len(snippets))]
	return slices.Concat(src[:start], []byte(text), src[end:]), Edit{start, end, start + len(text)}
}

var sampleSources = map[string]string{
	"go":     "package p\n\nimport \"fmt\"\n\n// F does.\nfunc F(a int) error {\n\tif a > 1 {\n\t\treturn fmt.Errorf(\"a %d\", a)\n\t}\n\tfor i := range a {\n\t\tgo func() { println(i) }()\n\t}\n\treturn nil\n}\n\ntype T struct{ a, b int }\n\nvar s = `raw\n\ttext`\n",
	"python": "import os\n\n\nclass A(B):\n    \"\"\"Doc.\n\n    More.\"\"\"\n\n    def f(self, x=1):\n        if x:\n            return [y for y in x]\n        # note\n        return f\"a{x}b\"\n\n    @prop\n    def g(self):\n        with open(x) as f:\n            pass\n\n\nprint(A())\n",
}

// randomUpdate is a tree after a few random edits at once.
func randomUpdate(t *testing.T, rng *rand.Rand, tree *Tree) (*Tree, []Edit) {
	t.Helper()
	src := tree.Source()
	var edits []Edit
	for range 1 + rng.IntN(3) {
		var e Edit
		src, e = randomEdit(rng, src)
		edits = append(edits, e)
	}
	updated, err := tree.Update(src, edits...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(updated.Close)
	return updated, edits
}

// TestUpdateEqualsParse holds that an incremental reparse, also after several
// edits at once, gives the tree that a parse from scratch gives.
func TestUpdateEqualsParse(t *testing.T) {
	for id, sample := range sampleSources {
		t.Run(id, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			for range 60 {
				tree := mustParse(t, id, sample)
				for range 5 {
					updated, edits := randomUpdate(t, rng, tree)
					fresh := mustParse(t, id, string(updated.Source()))
					if diff := cmp.Diff(dump(fresh), dump(updated)); diff != "" {
						t.Fatalf("after %+v the tree of %q differs (-fresh +updated):\n%s", edits, updated.Source(), diff)
					}
					tree = updated
				}
			}
		})
	}
}

// TestPathological has inputs that are not source code. What counts is that
// every call comes back and keeps within bounds.
func TestPathological(t *testing.T) {
	inputs := map[string]string{
		"empty":            "",
		"only NUL":         strings.Repeat("\x00", 1000),
		"NUL inside":       "package p\nfunc f() { x := \x00 }\n",
		"endless line":     strings.Repeat("x = f(y); ", 5_000),
		"deep parentheses": "x = " + strings.Repeat("(", 100_000) + strings.Repeat(")", 100_000),
		"open parentheses": "x = " + strings.Repeat("(", 100_000),
		"open braces":      strings.Repeat("{\n", 50_000),
		"many stubs":       strings.Repeat("func f() {}\n", 1000),
		"many defs":        strings.Repeat("def f(): pass\n", 1000),
		"stubs on a line":  "package p; " + strings.Repeat("func f() {}; ", 1000),
		"many errors":      strings.Repeat("def @ ) } x :=\n", 1000),
		"quotes":           strings.Repeat("\"'`", 5_000),
		"blank lines":      strings.Repeat("\n", 100_000),
		"deep indentation": func() string {
			var s strings.Builder
			for i := range 300 {
				s.WriteString(strings.Repeat(" ", i) + "if x:\n")
			}
			return s.String()
		}(),
	}
	for name, src := range inputs {
		for _, lang := range All() {
			t.Run(lang.ID()+" "+name, func(t *testing.T) {
				tree, err := Parse(lang, []byte(src))
				if err != nil {
					t.Fatal(err)
				}
				defer tree.Close()
				checkTree(t, tree)
			})
		}
	}
}

// checkTree asks a tree everything and checks that the answers are in bounds
// and in order.
func checkTree(t *testing.T, tree *Tree) {
	t.Helper()
	size := len(tree.Source())
	inBounds := func(what string, s Span) {
		if s.Start < 0 || s.End < s.Start || s.End > size {
			t.Errorf("%s %+v is outside the %d bytes of source", what, s, size)
		}
	}
	last := 0
	for _, h := range tree.Holes() {
		inBounds("hole", h.Span)
		inBounds("scope", h.Scope)
		if h.Start < last {
			t.Errorf("hole %+v overlaps the one before", h)
		}
		if h.Kind == KindGap && h.Start != h.End {
			t.Errorf("gap %+v eats text", h)
		}
		last = h.End
	}
	for _, f := range tree.Faults() {
		inBounds("fault", f)
	}
	for _, n := range tree.NodeSpans() {
		inBounds("span", n.Span)
	}
	for _, offset := range []int{0, size / 3, size / 2, size} {
		tree.InComment(offset)
		tree.InString(offset)
		inBounds("hole at", tree.HoleAt(offset).Span)
		inBounds("cursor", tree.Cursor(offset).Span)
	}
}

func FuzzTree(f *testing.F) {
	for id, src := range sampleSources {
		f.Add(id == "go", src, uint64(1))
	}
	f.Add(false, "def f(x):\n  # HOLE\n", uint64(2))
	f.Add(true, "func f() {\r\n\tx := ", uint64(3))
	f.Fuzz(func(t *testing.T, isGo bool, src string, seed uint64) {
		lang, _ := ByID("python")
		if isGo {
			lang, _ = ByID("go")
		}
		tree, err := Parse(lang, []byte(src))
		if err != nil {
			return
		}
		defer tree.Close()
		checkTree(t, tree)
		next, e := randomEdit(rand.New(rand.NewPCG(seed, 0)), tree.Source())
		updated, err := tree.Update(next, e)
		if errors.Is(err, ErrTimeout) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer updated.Close()
		checkTree(t, updated)
		checkHoles(t, updated)
		NewFaults(tree, updated, e)
	})
}

// benchSource is about 35 KB of Go from the toolchain.
func benchSource(b *testing.B) []byte {
	b.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	src, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src", "bufio", "bufio.go"))
	if err != nil {
		b.Fatal(err)
	}
	for len(src) < 35<<10 {
		src = append(src, src...)
	}
	return src[:35<<10]
}

func BenchmarkTree(b *testing.B) {
	src := benchSource(b)
	lang, _ := ByID("go")
	tree, err := Parse(lang, src)
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close()
	at := bytes.Index(src, []byte("return")) + len("return")
	broken, err := tree.Splice(at, at, " x +")
	if err != nil {
		b.Fatal(err)
	}
	defer broken.Close()

	fresh := func(b *testing.B, t *Tree, use func(*Tree)) {
		for b.Loop() {
			c := t.Copy()
			c.holes, c.faults, c.sections = nil, nil, nil
			use(c)
			c.Close()
		}
	}
	b.Run("parse", func(b *testing.B) {
		for b.Loop() {
			t, err := Parse(lang, src)
			if err != nil {
				b.Fatal(err)
			}
			t.Close()
		}
	})
	b.Run("splice", func(b *testing.B) {
		for b.Loop() {
			t, err := tree.Splice(at, at, " x")
			if err != nil {
				b.Fatal(err)
			}
			t.Close()
		}
	})
	b.Run("holes", func(b *testing.B) { fresh(b, tree, func(t *Tree) { t.Holes() }) })
	b.Run("holes of broken", func(b *testing.B) { fresh(b, broken, func(t *Tree) { t.Holes() }) })
	b.Run("faults", func(b *testing.B) { fresh(b, broken, func(t *Tree) { t.Faults() }) })
	b.Run("cursor", func(b *testing.B) { fresh(b, tree, func(t *Tree) { t.Cursor(at) }) })
	b.Run("node spans", func(b *testing.B) { fresh(b, tree, func(t *Tree) { t.NodeSpans() }) })
}
