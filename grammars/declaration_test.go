package grammars

import (
	"strings"
	"testing"
)

// TestDocAt asks for the missing description at the offset of "|".
func TestDocAt(t *testing.T) {
	tests := []struct{ name, id, src, want string }{
		{"a function", "go", "package p\n\nfunc f|(a int) int {\n\treturn a\n}\n", `3:1 doc "" => "// f " + line + "\n" in "func f(a int) int {"`},
		{"its first column", "go", "package p\n\n|func f() {}\n", `3:1 doc "" => "// f " + line + "\n" in "func f() {}"`},
		{"a head of several lines", "go", "package p\n\nfunc f(\n\ta| int,\n) {\n}\n", `3:1 doc "" => "// f " + line + "\n" in "func f("`},
		{"a method", "go", "package p\n\nfunc (t T) M|() {}\n", `3:1 doc "" => "// M " + line + "\n" in "func (t T) M() {}"`},
		{"a type", "go", "package p\n\ntype T| struct{}\n", `3:1 doc "" => "// T " + line + "\n" in "type T struct{}"`},
		{"a type, at its keyword", "go", "package p\n\n|type T struct{}\n", `3:1 doc "" => "// T " + line + "\n" in "type T struct{}"`},
		{"a constant of a group", "go", "package p\n\nconst (\n\tA| = 1\n\tB = 2\n)\n", `4:2 doc "" => "// A " + line + "\n\t" in the file`},
		{"a group", "go", "package p\n\n|const (\n\tA = 1\n)\n", ""},
		{"documented", "go", "package p\n\n// f does.\nfunc f|() {}\n", ""},
		{"documented in a block", "go", "package p\n\n/*\nf does.\n*/\nfunc f|() {}\n", ""},
		{"a comment further above", "go", "package p\n\n// note\n\nfunc f|() {}\n", `5:1 doc "" => "// f " + line + "\n" in "func f() {}"`},
		{"in a body", "go", "package p\n\nfunc f() {\n\tg(|)\n}\n", ""},
		{"a local variable", "go", "package p\n\nfunc f() {\n\tvar x| int\n}\n", ""},
		{"carriage returns", "go", "package p\r\n\r\nfunc f|() {}\r\n", `3:1 doc "" => "// f " + line + "\r\n" in "func f() {}"`},
		{"def", "python", "def f|(x):\n    return x\n", `2:5 doc "" => "\"\"\"" + line + "\"\"\"\n    " in "def f(x):"`},
		{"def of several lines", "python", "def f(\n    x|,\n):\n    return x\n", `4:5 doc "" => "\"\"\"" + line + "\"\"\"\n    " in "def f("`},
		{"a decorated method", "python", "class C:\n    @property\n    def f|(self):\n        return 1\n", `4:9 doc "" => "\"\"\"" + line + "\"\"\"\n        " in "def f(self):"`},
		{"a class", "python", "class C|:\n    x = 1\n", `2:5 doc "" => "\"\"\"" + line + "\"\"\"\n    " in "class C:"`},
		{"a docstring", "python", "def f|(x):\n    'Does.'\n    return x\n", ""},
		{"on one line", "python", "def f|(x): return x\n", ""},
		{"without a body", "python", "def f|(x):\n", ""},
		{"in a body", "python", "def f(x):\n    return x|\n", ""},
		{"nothing", "python", "|", ""},
	}
	for _, tt := range tests {
		t.Run(tt.id+" "+tt.name, func(t *testing.T) {
			left, right, _ := strings.Cut(tt.src, "|")
			tree := mustParse(t, tt.id, left+right)
			got := ""
			if hole, ok := tree.DocAt(len(left)); ok {
				got = describe(tree.Source(), hole)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestFunctionAt(t *testing.T) {
	for src, want := range map[string]string{
		"package p\n\nfunc f() { g(|) }\n":                "func f() { g() }",
		"package p\n\n|func f() {}\n":                     "func f() {}",
		"package p\n\nfunc f() {}|\n":                     "func f() {}",
		"package p\n\nfunc f() { go func() { | }() }\n":   "func f() { go func() {  }() }",
		"package p\n\nvar x = |1\n\nfunc f() {}\n":        "",
		"package p\n\nfunc f() {}\n\n|func g() { f() }\n": "func g() { f() }",
	} {
		left, right, _ := strings.Cut(src, "|")
		tree := mustParse(t, "go", left+right)
		got := ""
		if s, ok := tree.FunctionAt(len(left)); ok {
			got = string(tree.Source()[s.Start:s.End])
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", src, got, want)
		}
	}
}

// TestSelection takes what is between "«" and "»".
func TestSelection(t *testing.T) {
	for marked, want := range map[string]string{
		"package p\n\nvar x = « 1 + 2 »\n":             `3:10 selection "1 + 2" => line in the file`,
		"package p\n\nfunc f() {\n«\tg()\n\th()\n»}\n": `4:2 selection "g()\n\th()" => lines in "func f() {"`,
		"package p\n\nfunc f() {\n«\tg()»\n}\n":        `4:2 selection "g()" => lines in "func f() {"`,
		"package p\n\nfunc f() { g(«1,\n2») }\n":       `3:14 selection "1,\n2" => lines in "func f() { g(1,"`,
		"package p\n« \n »":                            "",
	} {
		start, end := strings.Index(marked, "«"), strings.Index(marked, "»")-len("«")
		tree := mustParse(t, "go", strings.NewReplacer("«", "", "»", "").Replace(marked))
		got := ""
		if h, ok := tree.Selection(start, end); ok {
			got = describe(tree.Source(), h)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", marked, got, want)
		}
	}
}

// TestFaultAt asks for the syntax error at the offset of "|".
func TestFaultAt(t *testing.T) {
	for src, want := range map[string]string{
		"package p\n\nfunc f() {\n\tg(1, 2|\n}\n":  `4:8 fault "" => line in "func f() {"`,
		"package p\n\nfunc f() {\n\tg(|1 2)\n}\n":  `4:4 fault "1" => line in "func f() {"`,
		"package p\n\nfunc f() {|\n\tg(1 2)\n}\n":  "",
		"package p\n\nfunc f() {\n\t|g(1 2)\n}\n":  `4:4 fault "1" => line in "func f() {"`,
		"package p\n\nfunc f() {\n\tg(1, 2|)\n}\n": "",
	} {
		left, right, _ := strings.Cut(src, "|")
		tree := mustParse(t, "go", left+right)
		got := ""
		if h, ok := tree.FaultAt(len(left), len(left)); ok {
			got = describe(tree.Source(), h)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", src, got, want)
		}
	}
}
