package grammars

import (
	"strings"
	"testing"
)

// TestEnclosure reads around the hole between « and ».
func TestEnclosure(t *testing.T) {
	tests := []struct {
		name, id, src string
		open, close   string // what the declaration has open before, and what is closed behind
		doubt         bool   // about what is closed behind
		notCode       bool
	}{
		{name: "in a call", id: "go", src: "package p\n\nfunc f() {\n\tg(«a»)\n}\n", open: ")}", close: ")}"},
		{name: "a call that is not closed", id: "go", src: "package p\n\nfunc f() {\n\tg(«a)»\n}\n", open: ")}", close: "}"},
		{name: "a bracket that was cut out", id: "go", src: "package p\n\nfunc f() {\n\tg«(»a)\n}\n", open: "}", close: ")}"},
		{name: "kinds", id: "go", src: "package p\n\nvar x = []int{a[(«b»)]}\n", open: ")]}", close: ")]}"},
		{name: "strings and comments hold no brackets", id: "go", src: "package p\n\nfunc f() {\n\tg(\"(\", '(', `\n(`) // (\n\t/* ( */ g(«a», \")\", '}', `\n]`) // )\n}\n", open: ")}", close: ")}"},
		{name: "escapes", id: "go", src: "package p\n\nvar x = f(\"\\\"(\", '\\'', «a»)\n", open: ")", close: ")"},
		{name: "another declaration is another matter", id: "go", src: "package p\n\nfunc f() {\n\tif x {\n\nfunc g() {\n\th(«a»)\n}\n\nfunc i() {\n\t(((\n", open: ")}", close: ")}"},
		{name: "what it opens it closes", id: "go", src: "package p\n\nfunc f() {\n\t«a»\n\tfor {\n\t\tg(h[i])\n\t}\n}\n", open: "}", close: "}"},
		{name: "brackets behind that do not match", id: "go", src: "package p\n\nfunc f() {\n\tg(«a», (]\n}\n", open: ")}", doubt: true},
		{name: "a bracket behind that is left open", id: "go", src: "package p\n\nfunc f() {\n\tg(«a»\n\t{\n", open: ")}", doubt: true},
		{name: "a string that is not closed", id: "go", src: "package p\n\nfunc f() {\n\tg(«a», \"b)\n}\n", open: ")}", close: ",", doubt: true},
		{name: "the rest of a string", id: "go", src: "package p\n\nfunc f() {\n\tg(«\"a»b\")\n}\n", open: ")}", doubt: true},
		{name: "in a string", id: "go", src: "package p\n\nvar x = f(\"«a»\")\n", open: ")", notCode: true, doubt: true},
		{name: "in a raw string", id: "go", src: "package p\n\nvar x = `\nfunc f() {«a»\n`\n", notCode: true, doubt: true},
		{name: "in a comment", id: "go", src: "package p\n\n// a «b» c\n", notCode: true},
		{name: "behind a comment", id: "go", src: "package p\n\n// a\n«b»\n"},
		{name: "in a body to be broken into lines", id: "go", src: "package p\n\nfunc f() {«»}\n", open: "}", close: "}"},
		{name: "in a call", id: "python", src: "def f():\n    return g(«a»)\n", open: ")", close: ")"},
		{name: "a statement closes all", id: "python", src: "x = g(a,\ndef f():\n    y = [«a»]\n    return (\n", open: "]", close: "]"},
		{name: "lines within brackets", id: "python", src: "x = g(\n    a, {«»\n    b: c},\n)\n", open: "})", close: "})"},
		{name: "three quotes", id: "python", src: "def f():\n    \"\"\"It's (.\"\"\"\n    g(«a», '''\n)''')\n", open: ")", close: ")"},
		{name: "in three quotes", id: "python", src: "def f():\n    \"\"\"It's («a»).\"\"\"\n", notCode: true, doubt: true},
		{name: "an apostrophe in a comment", id: "python", src: "# isn't (\nx = g(«a»)  # isn't )\n", open: ")", close: ")"},
		{name: "a keyword that goes on", id: "python", src: "x = g(\n    class_=(«a»),\n    returns=b,\n)\n", open: "))", close: "))"},
	}
	for _, tt := range tests {
		t.Run(tt.id+" "+tt.name, func(t *testing.T) {
			tree, hole := markedHole(t, tt.id, tt.src)
			e := tree.Enclosure(hole)
			if e.Code == tt.notCode || e.OpenSure != true || e.Open != tt.open {
				t.Errorf("%+v; want %q open, in code %v", e, tt.open, !tt.notCode)
			}
			if e.CloseSure == tt.doubt || e.CloseSure && e.Close != tt.close {
				t.Errorf("%+v; want %q closed, in doubt %v", e, tt.close, tt.doubt)
			}
		})
	}
}

// TestEnclosureLines: what the lines of a hole look like.
func TestEnclosureLines(t *testing.T) {
	tests := []struct {
		name, id, src string
		indent        string
		lines         bool
		quoteless     bool
		tabs, spaces  bool
	}{
		{"a line of its own", "go", "package p\n\nfunc f() {\n\t\t«a»\n}\n", "\t\t", true, true, true, false},
		{"something before", "go", "package p\n\nfunc f() {\n\tx = «a»\n}\n", "\tx = ", false, true, true, false},
		{"something behind", "go", "package p\n\nfunc f() {\n\t«a» + \"b\"\n}\n", "\t", false, false, true, false},
		{"comments do not tell of indentation", "go", "package p\n\n/*\n    a\n*/\nfunc f() {\n\t«a»\n}\n", "\t", true, true, true, false},
		{"spaces", "python", "def f():\n    «a»\n", "    ", true, true, false, true},
		{"both", "python", "def f():\n    x\ndef g():\n\t«a»\n", "\t", true, true, true, true},
		{"neither", "python", "x = «a»\n", "x = ", false, true, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree, hole := markedHole(t, tt.id, tt.src)
			e := tree.Enclosure(hole)
			if e.Indent != tt.indent || e.Lines != tt.lines || e.Quoteless != tt.quoteless || e.Tabs != tt.tabs || e.Spaces != tt.spaces {
				t.Errorf("%+v", e)
			}
		})
	}
	body := mustParse(t, "go", "package p\n\nfunc f() {}\n")
	if e := body.Enclosure(body.Holes()[0]); e.Indent != "\t" || !e.Lines {
		t.Errorf("of an empty body: %+v", e)
	}
}

// markedHole is the source without what stands between « and », and the cursor there.
func markedHole(t *testing.T, id, marked string) (*Tree, Hole) {
	t.Helper()
	left, rest, _ := strings.Cut(marked, "«")
	_, right, ok := strings.Cut(rest, "»")
	if !ok {
		t.Fatalf("no hole in %q", marked)
	}
	tree := mustParse(t, id, left+right)
	return tree, tree.Cursor(len(left))
}
