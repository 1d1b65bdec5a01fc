package infill

import (
	"strings"
	"testing"

	"github.com/lacuna-dev/lacuna/grammars"
)

// limitsAt are the constraints of the hole that « » marks, and the hole's tree.
func limitsAt(t *testing.T, id, marked string, multiline bool) constraints {
	t.Helper()
	left, right, ok := strings.Cut(marked, "«»")
	lang, known := grammars.ByID(id)
	if !ok || !known {
		t.Fatalf("no hole in %q, or no language %s", marked, id)
	}
	tree, err := grammars.Parse(lang, []byte(left+right))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	hole := tree.Cursor(len(left))
	hole.Multiline = multiline
	return constraintsOf(tree, hole)
}

func TestMend(t *testing.T) {
	const goLine, goCall, goIf = "package a\n\nfunc f() {\n\t«»\n}\n", "package a\n\nfunc f() {\n\tg(«»)\n}\n", "package a\n\nfunc f() {\n\tif «»\n\t}\n}\n"
	const pyLine, pyOpen = "def f():\n    «»\n    return x\n", "def f():\n    x = g(«»\n    return x\n"
	tests := []struct {
		name, id, src, fill, want string
		changes                   int
	}{
		{"nothing to do", "go", goLine, "g(a[0], \")\")", "g(a[0], \")\")", 0},
		{"a bracket too many", "go", goLine, "g(a))", "g(a)", 1},
		{"one that nothing in the file opens", "go", goCall, "a, b)", "a, b", 1},
		{"of the wrong kind", "go", goLine, "g(a[0)]", "g(a[0])", 2},
		{"one that is missing", "go", goLine, "return h(g(a)", "return h(g(a))", 1},
		{"a comma before it", "go", goLine, "g(a, 1, ", "g(a, 1)", 1},
		{"one that is closed behind the hole", "go", goIf, "g(a) {", "g(a) {", 0},
		{"one that the surroundings wait for", "python", pyOpen, "a, b)", "a, b)", 0},
		{"and one more", "python", pyOpen, "a, h(b)", "a, h(b)", 0},
		{"a string without an end", "go", goLine, "g(\"a b", "g(\"a b\")", 2},
		{"brackets in strings", "python", pyLine, "g('(', \"[\"", "g('(', \"[\")", 1},
		{"a block without an end", "go", goLine, "if x {\n\t\ty()", "if x {\n\t\ty()\n\t}", 1},
		{"blocks within it", "go", goLine, "if x {\n\t\tfor {\n\t\t\ty(z", "if x {\n\t\tfor {\n\t\t\ty(z)\n\t\t}\n\t}", 3},
		{"lines behind the end of the block", "go", goLine, "x()\n}\n\nfunc g() {", "x()", 1},
		{"in Python too", "python", pyLine, "g()\nx = 1", "g()", 1},
		{"a blank line is none", "python", pyLine, "g()\n\n    x = 1)", "g()\n\n    x = 1", 1},
		{"a quote is no string", "go", goLine, "\"", "", 0},
		{"nor are three", "python", pyLine, "\"\"\"a b", "", 0},
		{"escapes are left alone", "python", pyLine, "g(\\", "", 0},
		{"and comments", "go", goLine, "g( // a)", "", 0},
		{"and where a string behind the hole may begin in it", "go", "package a\n\nvar x = f(«»b\")\n", "\"a", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, changes := limitsAt(t, tt.id, tt.src, true).mend(tt.fill)
			if changes != tt.changes || changes > 0 && got != tt.want {
				t.Errorf("%q becomes %q with %d changes, want %q with %d", tt.fill, got, changes, tt.want, tt.changes)
			}
		})
	}
}

// TestMended: where no candidate can be shown, not after they were denoised again
// either, one is mended, and believed less.
func TestMended(t *testing.T) {
	tests := []struct {
		name    string
		model   scripted
		options Options
		want    Result
	}{
		{"what denoising again does not help", scripted{answer: "f(a, b))", second: "(((((((("}, Options{}, Result{Fill: "f(a, b)", Forwards: 2}},
		{"what it does", scripted{answer: "f(a, b))", second: "f(a, b) "}, Options{}, Result{Fill: "f(a, b)", Forwards: 2}},
		{"left to the parse", scripted{answer: "f(a, b))", second: "(((((((("}, Options{Constraints: Nowhere}, Result{Reason: ReasonBreaks, Forwards: 2}},
		{"what brackets do not help", scripted{answer: "a =) b", second: "= = = ="}, Options{}, Result{Reason: ReasonBreaks, Forwards: 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.Line = []int{16}
			got, err := fillAt(t, &tt.model, function, tt.options, nil)
			if err != nil || got.Fill != tt.want.Fill || got.Reason != tt.want.Reason || got.Forwards != tt.want.Forwards {
				t.Errorf("%+v, %v", got, err)
			}
			if mended := tt.name == tests[0].name; got.Fill != "" && got.Confidence < 0.5 != mended {
				t.Errorf("confidence %v", got.Confidence)
			}
		})
	}
}

// TestTypedPrefix: what stands before the cursor stays, also within a word and where
// the hole has a lead, and the fill stands right behind it.
func TestTypedPrefix(t *testing.T) {
	for _, tt := range []struct{ src, lead, answer, want string }{
		{"package a\n\nvar x = val«»\n", "", "ue + 1", "package a\n\nvar x = value + 1\n"},
		{"package a\n\nvar x = val«»e\n", "", "ue + nam", "package a\n\nvar x = value + name\n"},
		{"package a\n\nvar x =«»\n", " val", "ue + 1", "package a\n\nvar x = value + 1\n"},
	} {
		change := func(r *Request) { r.Hole.Lead = tt.lead }
		got, err := fillAt(t, &scripted{answer: tt.answer}, tt.src, Options{}, change)
		if err != nil {
			t.Fatal(err)
		}
		left, right, _ := strings.Cut(tt.src, "«»")
		if filled := left + got.Text + right; filled != tt.want || got.Start != len(left) || got.End != len(left) {
			t.Errorf("%q becomes %q: %+v", tt.src, filled, got)
		}
	}
}
