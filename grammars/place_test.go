package grammars

import (
	"strings"
	"testing"
)

// TestPlaces asks about the offset of "|".
func TestPlaces(t *testing.T) {
	tests := []struct {
		id, src           string
		comment, inString bool
	}{
		{id: "go", src: "package p|\n"},
		{id: "go", src: "|package p\n"},
		{id: "go", src: "package p // no|te\n", comment: true},
		{id: "go", src: "package p // note|\n", comment: true},
		{id: "go", src: "package p // note|", comment: true},
		{id: "go", src: "package p |// note\n"},
		{id: "go", src: "package p // note\n|"},
		{id: "go", src: "package p /* no|te */\n", comment: true},
		{id: "go", src: "package p /* note */|\n"},
		{id: "go", src: "package p\nvar x = \"a|b\"\n", inString: true},
		{id: "go", src: "package p\nvar x = \"a\\|n\"\n", inString: true},
		{id: "go", src: "package p\nvar x = \"ab|\"\n", inString: true},
		{id: "go", src: "package p\nvar x = |\"ab\"\n"},
		{id: "go", src: "package p\nvar x = \"ab\"|\n"},
		{id: "go", src: "package p\nvar x = `a\n|b`\n", inString: true},
		{id: "go", src: "package p\nvar x = 'a|'\n", inString: true},
		{id: "go", src: "package p\nvar x = \"// a|\"\n", inString: true},
		{id: "go", src: "package p\nvar x = \"ab|\n", inString: true},
		{id: "go", src: "package p\nvar x = \"ab\" + |\n"},
		{id: "go", src: "package p\nvar x = // isn't|\n", comment: true},
		{id: "python", src: "x = 1  # no|te\n", comment: true},
		{id: "python", src: "x = 'a|b'\n", inString: true},
		{id: "python", src: "\"\"\"Doc|\n\nmore\"\"\"\n", inString: true},
		{id: "python", src: "x = f\"a|{b}c\"\n", inString: true},
		{id: "python", src: "x = f\"a{b|}c\"\n"},
		{id: "python", src: "x = f\"a{b['k|']}c\"\n", inString: true},
		{id: "python", src: "x = \"ab|\ny = 2\n", inString: true},
		{id: "python", src: "x = f(\"a\", |\n"},
	}
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			left, right, _ := strings.Cut(tt.src, "|")
			tree := mustParse(t, tt.id, left+right)
			if got := tree.InComment(len(left)); got != tt.comment {
				t.Errorf("InComment = %v, want %v", got, tt.comment)
			}
			if got := tree.InString(len(left)); got != tt.inString {
				t.Errorf("InString = %v, want %v", got, tt.inString)
			}
		})
	}
}

// TestHoleAt asks for the hole at the offset of "|".
func TestHoleAt(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"in an empty body", "package p\n\nfunc f() {|}\n", `3:11 body "" => "\n\t" + lines + "\n" in "func f() {}"`},
		{"in a spread empty body", "package p\n\nfunc f() {\n\t|\n}\n", `3:11 body "\n\t\n" => "\n\t" + lines + "\n" in "func f() {"`},
		{"in a stub", "package p\n\nfunc f() {\n\tpanic(|\"TODO\")\n}\n", `4:2 stub "panic(\"TODO\")" => lines in "func f() {"`},
		{"at a gap", "package p\n\nfunc f() {\n\tx := |\n}\n", `4:7 gap "" => line in "func f() {"`},
		{"in a line", "package p\n\nfunc f() {\n\tx := g(|)\n}\n", `4:9 cursor "" => line in "func f() {"`},
		{"before a gap", "package p\n\nfunc f() {\n\tx| := \n}\n", `4:3 cursor "" => line in "func f() {"`},
		{"beside a body", "package p\n\nfunc f() |{}\n", `3:10 cursor "" => line in "func f() {}"`},
		{"outside", "package p\n\n|\n\nfunc f() {}\n", `3:1 cursor "" => line in the file`},
		{"in a closure", "package p\n\nfunc f() {\n\tgo func() { g(|) }()\n}\n", `4:16 cursor "" => line in "func() { g() }"`},
		{"in a type", "package p\n\ntype T struct {\n\t|\n}\n", `4:2 cursor "" => line in "type T struct {"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			left, right, _ := strings.Cut(tt.src, "|")
			tree := mustParse(t, "go", left+right)
			if got := describe(tree.Source(), tree.HoleAt(len(left))); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if got := tree.Cursor(len(left)); got.Kind != KindCursor || got.Start != len(left) || got.End != len(left) {
				t.Errorf("Cursor = %+v", got)
			}
		})
	}
}
