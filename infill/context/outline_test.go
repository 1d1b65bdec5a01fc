package context

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/lacuna-dev/lacuna/grammars"
)

// TestOutline reads the fixtures that models/train/tests/test_layout.py reads,
// too. "\r" in them is written as "␍".
func TestOutline(t *testing.T) {
	files, err := filepath.Glob("testdata/outline/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		language := strings.TrimSuffix(filepath.Base(file), ".txtar")
		seen[language] = true
		t.Run(language, func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil || len(archive.Files) != 2 {
				t.Fatalf("want two files: %v", err)
			}
			in := strings.ReplaceAll(string(archive.Files[0].Data), "␍", "\r")
			if diff := cmp.Diff(string(archive.Files[1].Data), outline([]byte(in), language)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for language := range rules {
		if !seen[language] {
			t.Errorf("no fixture for the rule of %s", language)
		}
	}
}

func TestEveryGrammarHasARule(t *testing.T) {
	for _, lang := range grammars.All() {
		if _, ok := rules[lang.ID()]; !ok {
			t.Errorf("%s has no rule for outlines: see docs/context.md", lang.ID())
		}
	}
}

func TestOutlineOfOddTexts(t *testing.T) {
	long := "func " + strings.Repeat("x", maxOutlineLine-len("func ()"))
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"a line break", "\n", ""},
		{"no line break at the end", "func f() {", "func f()\n"},
		{"not UTF-8", "func f() {\n\xff", ""},
		{"a byte order mark", "\ufefffunc f() {\nfunc g() {\n", "func g()\n"},
		{"old line breaks are none", "func f() {\rfunc g() {\r", "func f() {\rfunc g()\n"},
		{"a line as long as may be", long + "()  \t\n", long + "()\n"},
		{"a line too long", long + "(a)\nfunc f()\n", "func f()\n"},
		{"a line too long for its mark alone", long + "(){\nfunc f()\n", "func f()\n"},
		{"a huge line", "func " + strings.Repeat("(", 90_000) + "\nfunc f()\n", "func f()\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, outline([]byte(test.text), "go")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestOutlineIsCutShort: what no snippet can hold is not kept.
func TestOutlineIsCutShort(t *testing.T) {
	got := outline([]byte(strings.Repeat("func f() {\n", 500)), "go")
	if lines := strings.Count(got, "\n"); lines != maxOutlineLines {
		t.Errorf("%d lines are kept, want %d", lines, maxOutlineLines)
	}
}

func BenchmarkOutline(b *testing.B) {
	text := []byte(strings.Repeat("	x := append(list, f(a, b)...) // and so on\n", MaxNeighbour/44))
	for _, language := range []string{"go", "c"} {
		b.Run(language, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				outline(text, language)
			}
		})
	}
}
