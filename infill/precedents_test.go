package infill

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
)

// precedentsAt are the precedents of the hole that ‸ marks.
func precedentsAt(marked string, multiline bool) []Precedent {
	at := strings.Index(marked, "‸")
	source := []byte(strings.Replace(marked, "‸", "", 1))
	return Precedents(source, grammars.Hole{Span: grammars.Span{Start: at, End: at}, Multiline: multiline}, nil)
}

const errors2 = `func a() (*T, error) {
	x, err := open(name)
	if err != nil {
		return nil, err
	}
	return use(x, name), nil
}

func b() (*T, error) {
	y, err := open(path)
	if err != nil {
		return ‸
	}
	return use(y, path), nil
}
`

func TestPrecedents(t *testing.T) {
	tests := []struct {
		name      string
		source    string
		multiline bool
		want      string // the likeliest; empty for none
	}{
		{"the rest of a line", errors2, false, "nil, err"},
		{"an argument, up to what follows", "f(\"a\", limit, true)\ng(1)\nf(\"a\", ‸, true)\n", false, "limit"},
		{"the rest of a word", "use(buffered)\nuse(buff‸)\n", false, "ered"},
		{"nothing follows as it does here", "var buffered bytes.Buffer\nuse(buff‸)\n", false, ""},
		{"it stands behind the hole", "log.Print‸\nx := 1\nlog.Printf(\"%d\", x)\n", false, "f(\"%d\", x)"},
		{"white space is white space", "if  ok {\n\treturn done\n}\n\tif ok {\n\t\treturn ‸\n\t}\n", false, "done"},
		{"a line break is not a space", "for x y\nfor\n\nx ‸\n", false, ""},
		{"nothing like it", "package a\n\nfunc f() {\n\tg‸\n}\n", false, ""},
		{"the hole is no precedent of itself", "abcdef ‸ ghi\n", false, ""},
		{"a file that only begins", "ab‸", false, ""},
		{"a file of one line without an end", strings.Repeat("x=f(y)+", 100_000) + "‸", false, ""},
		{"much white space", strings.Repeat("abc\n", 1000) + "abc" + strings.Repeat("\n", 1_000_000) + "‸", false, ""},
		{
			"several lines, indented anew",
			"def a():\n    for x in xs:\n        use(x)\n        drop(x)\n    return 1\n\nclass C:\n    def b():\n        for x in xs:\n            ‸\n        return 1\n",
			true, "use(x)\n            drop(x)",
		},
		{"several lines end where nothing follows alike: none", "def a():\n    use(x)\n    drop(x)\n\ndef a():\n    ‸\n    else_(1)\n", true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			found := precedentsAt(tt.source, tt.multiline)
			if len(found) > 0 {
				got = found[0].Text
			}
			if got != tt.want {
				t.Errorf("got %q, want %q, of %+v", got, tt.want, found)
			}
		})
	}
}

// models/train/tests/test_precedents.py has the same figures.
func TestPrecedentEvidence(t *testing.T) {
	p := Precedent{Text: "nil, é", Before: 30, After: 8, Count: 2, Rival: 20, Distance: 500}
	want := []float64{1, 3.433987, 2.197225, 1.098612, 0, 2.944439, 2.079442, 6.216606, 1}
	got := p.evidence(true)
	for i, w := range want {
		if math.Abs(got[i]-w) > 1e-6 {
			t.Errorf("evidence %d is %.6f, want %.6f", i, got[i], w)
		}
	}
	if p.Rival = 50; math.Abs(p.evidence(false)[4]-2.564949) > 1e-6 || p.evidence(false)[5] != 0 || p.evidence(false)[8] != 0 {
		t.Errorf("behind a rival, in one line: %v", p.evidence(false))
	}
}

func TestPrecedentsBeside(t *testing.T) {
	marked := "func a() {\n\tdefer stop(\"a\")\n\treturn \n}\n\nfunc b() {\n\tdefer close(‸\n}\n"
	at := strings.Index(marked, "‸")
	hole := grammars.Hole{Span: grammars.Span{Start: at, End: at}}
	source := []byte(strings.Replace(marked, "‸", "", 1))
	beside := []layout.Neighbour{{Name: "empty.go"}, {Name: "c.go", Text: "func c() {\n\tdefer close(\"c\")\n}\n"}}
	if got := Precedents(source, hole, nil); len(got) != 0 {
		t.Errorf("alone: %+v", got)
	}
	if got := Precedents(source, hole, beside); len(got) != 1 || got[0].Text != `"c")` {
		t.Errorf("with a neighbour: %+v", got)
	}
}

// More that agrees, and more places, make a precedent likelier.
func TestPrecedentProbability(t *testing.T) {
	once := precedentsAt(errors2, false)[0]
	function, _, _ := strings.Cut(errors2, "\n\n")
	again := precedentsAt(function+"\n\n"+errors2, false)[0]
	vague := precedentsAt("return other\nreturn ‸\n", false)[0]
	if !(again.Probability > once.Probability && once.Probability > vague.Probability) {
		t.Errorf("twice %.2f, once %.2f, hardly %.2f", again.Probability, once.Probability, vague.Probability)
	}
	if again.Count != 2 || once.Count != 1 {
		t.Errorf("it stands in %d and %d places", again.Count, once.Count)
	}
}

func FuzzPrecedents(f *testing.F) {
	f.Add(errors2, 40, true)
	f.Add("a b a b a b", 5, false)
	f.Add("\r\n\t \xff\xff\xff", 3, true)
	f.Fuzz(func(t *testing.T, source string, at int, multiline bool) {
		if at < 0 || at > len(source) {
			return
		}
		hole := grammars.Hole{Span: grammars.Span{Start: at, End: at}, Multiline: multiline}
		found := Precedents([]byte(source), hole, nil)
		for _, p := range found {
			if strings.TrimSpace(p.Text) == "" || !multiline && strings.Contains(p.Text, "\n") || strings.Count(p.Text, "\n") > maxCopied {
				t.Errorf("%q is no precedent", p.Text)
			}
			if p.Probability < 0 || p.Probability > 1 || p.Count < 1 || p.Count > p.Places {
				t.Errorf("%+v", p)
			}
		}
		if !slices.IsSortedFunc(found, func(a, b Precedent) int {
			if a.Probability < b.Probability {
				return 1
			}
			return -1
		}) {
			t.Errorf("not in order: %+v", found)
		}
		if diff := cmp.Diff(found, Precedents([]byte(source), hole, nil)); diff != "" {
			t.Errorf("not the same again:\n%s", diff)
		}
	})
}

func TestPrecedentsCompete(t *testing.T) {
	between := "package a\n\nvar b = 1\n\nfunc f() (int, error) {\n\treturn b\n\tpanic(1)\n}\n\nfunc g(a, b int) int {\n\tx := 1\n\treturn «»\n}\n"
	sure := "package a\n\nfunc f(a, b int) int {\n\tx := one(a)\n\treturn b\n}\n\nfunc g(a, b int) int {\n\tx := one(a)\n\treturn b\n}\n\nfunc h(a, b int) int {\n\tx := one(a)\n\treturn «»\n}\n"
	hardly := Options{Line: []int{8}, Calibration: &Calibration{Bias: -5}} // a model that is hardly ever right
	plain := Options{Line: []int{8}}
	tests := []struct {
		name    string
		options Options
		source  string
		change  func(*Request)
		want    Result // Fill, Precedent and Forwards are compared
	}{
		{"a sure one answers at once", plain, sure, nil, Result{Fill: "b", Precedent: true}},
		{"unless it is not wanted", plain, sure, func(r *Request) { r.Precedents = false }, Result{Fill: "a", Forwards: 1}},
		{"who asks again gets something else", plain, sure, func(r *Request) { r.Seed = 1 }, Result{Fill: "a", Forwards: 1}},
		{"a sure model goes before a vague one", plain, between, nil, Result{Fill: "a", Forwards: 1}},
		{"a vague one before a model that is hardly ever right", hardly, between, nil, Result{Fill: "b", Precedent: true, Forwards: 1}},
		{"less than is wanted is held back", hardly, between, func(r *Request) { r.MinConfidence = 0.9 }, Result{Forwards: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := fillAt(t, &scripted{answer: "a"}, tt.source, tt.options, func(r *Request) {
				r.Precedents = true
				if tt.change != nil {
					tt.change(r)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.Fill != tt.want.Fill || got.Precedent != tt.want.Precedent || got.Forwards != tt.want.Forwards {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// BenchmarkPrecedents is a hole at the end of a file of 60 KB in which every line
// looks like the one before.
func BenchmarkPrecedents(b *testing.B) {
	source := []byte(strings.Repeat("\tif err != nil {\n\t\treturn nil, err\n\t}\n", 1500) + "\tif err != nil {\n\t\treturn ")
	hole := grammars.Hole{Span: grammars.Span{Start: len(source), End: len(source)}}
	for b.Loop() {
		Precedents(source, hole, nil)
	}
}
