package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/lacuna-dev/lacuna/grammars"
)

func sample() *cutter {
	lang, _ := grammars.ByID("go")
	c, _ := newCutter(lang, 1, "ledger.go", benchSource)
	return c
}

func TestCutsAreWhatTheirKindSays(t *testing.T) {
	c := sample()
	defer c.close()
	var taken []grammars.Span
	for i := range 140 {
		made, ok := c.draw(cutKinds[i%len(cutKinds)])
		if !ok {
			continue
		}
		truth, span := made.truth(), grammars.Span{Start: made.Start, End: made.End}
		before := string(made.Source[:made.Start])
		indentation := strings.TrimLeft(before[strings.LastIndexByte(before, '\n')+1:], " \t") == ""
		atEnd := made.End == lineEnd(made.Source, made.End)
		lines := 1 + strings.Count(truth, "\n")
		right := false
		switch made.Kind {
		case cutRest:
			right = atEnd && lines == 1 && strings.IndexFunc(truth, isWord) == 0
		case cutLine:
			right = atEnd && indentation && lines == 1
		case cutExpression:
			right = lines == 1 && len(truth) >= 2 && len(truth) <= maxExpression
		case cutArguments:
			right = lines == 1 && strings.HasSuffix(before, "(") && made.Source[made.End] == ')'
		case cutStatements:
			right = indentation && atEnd && lines <= maxBlockLines
		case cutBlock:
			opens := strings.HasSuffix(strings.TrimSpace(before), "{")
			closes := strings.HasPrefix(strings.TrimSpace(string(made.Source[made.End:])), "}")
			right = indentation && atEnd && opens && closes && lines <= maxBlockLines
		case cutSpan:
			right = !strings.Contains(truth, "//") && len(truth) >= minSpan && len(truth) <= maxSpan
		}
		if !right {
			t.Errorf("%s %q", made.Kind, truth)
		}
		if strings.HasPrefix(truth, "//") || made.Kind != cutSpan && truth != strings.TrimSpace(truth) {
			t.Errorf("%s %q: a comment or loose white space", made.Kind, truth)
		}
		if overlapsAny(span, taken) {
			t.Errorf("%s %q was cut already", made.Kind, truth)
		}
		taken = append(taken, span)
		if got := string(made.holed()); got != before+string(made.Source[made.End:]) {
			t.Errorf("%s: holed source is wrong", made.Kind)
		}
	}
	if len(taken) < 40 {
		t.Errorf("only %d cuts", len(taken))
	}
}

func TestStatementRuns(t *testing.T) {
	for _, test := range []struct {
		name       string
		src        string
		statements []string
		want       []string
	}{
		{"siblings and what is inside them",
			"func f() {\n\ta()\n\tb()\n\tif c {\n\t\td()\n\t}\n}\n\nfunc g() {}\n",
			[]string{"a()", "b()", "if c {\n\t\td()\n\t}", "d()"},
			[]string{"a()", "a()\n\tb()", "a()\n\tb()\n\tif c {\n\t\td()\n\t}", "b()", "b()\n\tif c {\n\t\td()\n\t}", "if c {\n\t\td()\n\t}", "d()"}},
		{"four at most",
			"a\nb\nc\nd\ne\n",
			[]string{"a", "b", "c", "d", "e"},
			[]string{"a", "a\nb", "a\nb\nc", "a\nb\nc\nd", "b", "b\nc", "b\nc\nd", "b\nc\nd\ne", "c", "c\nd", "c\nd\ne", "d", "d\ne", "e"}},
		{"a comment between them",
			"a\n// why\nb\n",
			[]string{"a", "b\n"},
			[]string{"a", "b\n"}},
		{"none", "package a\n", nil, nil},
	} {
		var spans []grammars.Span
		for _, text := range test.statements {
			at := strings.Index(test.src, text)
			spans = append(spans, grammars.Span{Start: at, End: at + len(text)})
		}
		var texts []string
		for _, s := range statementRuns([]byte(test.src), spans) {
			texts = append(texts, test.src[s.Start:s.End])
		}
		if !slices.Equal(texts, test.want) {
			t.Errorf("%s: %q, want\n%q", test.name, texts, test.want)
		}
	}
}

// What of a file can be cut at syntax nodes.
func TestNodesToCut(t *testing.T) {
	for _, test := range []struct {
		lang, src string
		kind      cutKind
		want      []string
	}{
		{"go", "package a\n\nfunc f(n int) {\n\t// say it\n\tx := n // it\n\tprint(x)\n\n\tg()\n}\n", cutStatements,
			[]string{"print(x)", "print(x)\n\n\tg()", "g()"}},
		{"go", "package a\n\nfunc f(n int) {\n\tif n > 0 { return }\n\tfor {\n\t\tg()\n\t}\n}\n", cutBlock,
			[]string{"if n > 0 { return }\n\tfor {\n\t\tg()\n\t}", "g()"}},
		{"go", "package a\n\nfunc f(n int) {\n\tg(n, 1)\n\tg(\n\t\t2,\n\t)\n\tg()\n}\n", cutArguments,
			[]string{"n int", "n, 1"}},
		{"python", "def f(n):\n    \"\"\"Says\n    it.\"\"\"\n    x = n\n    if x:\n        g(n, 1)\n", cutStatements,
			[]string{"x = n", "x = n\n    if x:\n        g(n, 1)", "if x:\n        g(n, 1)", "g(n, 1)"}},
		{"python", "def f(n):\n    if n:\n        g()\n    h()\n", cutBlock,
			[]string{"if n:\n        g()\n    h()", "g()"}},
	} {
		c, ok := newCutter(language(t, test.lang), 1, "a", []byte(test.src))
		if !ok {
			t.Fatalf("%q cannot be cut", test.src)
		}
		var texts []string
		for _, s := range c.nodes[test.kind] {
			texts = append(texts, test.src[s.Start:s.End])
		}
		c.close()
		slices.Sort(texts)
		slices.Sort(test.want)
		if !slices.Equal(texts, test.want) {
			t.Errorf("%s of %q:\n%q, want\n%q", test.kind, test.src, texts, test.want)
		}
	}
}
