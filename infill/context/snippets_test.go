package context

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// marked is what tokens spell, with the marks of the layout.
func marked(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		switch id {
		case lang:
			b.WriteString("<lang>")
		case snippet:
			b.WriteString("<snippet>")
		case code:
			b.WriteString("<code>")
		case cut:
			b.WriteString("<cut>")
		case eof:
			b.WriteString("<eof>")
		default:
			b.WriteString(text([]int32{id}))
		}
	}
	return b.String()
}

func snippetLayout(left int) Layout {
	l := newLayout(left, 200)
	l.Snippets = true
	return l
}

func TestSnippetsStandBeforeTheCode(t *testing.T) {
	d := document("d/own.go", []byte("package d\n"))
	d.Neighbours = []Neighbour{{Name: "a.go", Outline: "func A()\n"}, {Name: "empty.go"}, {Name: "b.go", Outline: "func B()\ntype C\n"}}
	for _, test := range []struct {
		name    string
		trained bool
		want    string
	}{
		{"trained with them", true, "<lang>d/own.go<snippet>a.go\nfunc A()\n<snippet>b.go\nfunc B()\ntype C\n<code>package d\n"},
		{"trained without", false, "<lang>d/own.go<code>package d\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLayout(600, 200)
			l.Snippets = test.trained
			if got := marked(l.Streams(d, 10, 10, "", "").Left); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestSnippetsAreCutToWholeLines(t *testing.T) {
	line := func(n int) string { return strings.Repeat("x", n-1) + "\n" } // n tokens
	for _, test := range []struct {
		name       string
		neighbours []Neighbour
		want       string
	}{
		{"a snippet that just fits", []Neighbour{{Name: "a.go", Outline: line(40) + line(35)}}, "<snippet>a.go\n" + line(40) + line(35)},
		{"one line too many", []Neighbour{{Name: "a.go", Outline: line(40) + line(36)}}, "<snippet>a.go\n" + line(40)},
		{"what follows it does not slip in", []Neighbour{{Name: "a.go", Outline: line(40) + line(36) + line(2)}}, "<snippet>a.go\n" + line(40)},
		{"no line fits", []Neighbour{{Name: "a.go", Outline: line(76) + line(2)}, {Name: "b.go", Outline: line(2)}}, "<snippet>b.go\n" + line(2)},
		{
			"together", []Neighbour{{Name: "a.go", Outline: line(75)}, {Name: "b.go", Outline: line(75)}, {Name: "c.go", Outline: line(24) + line(2)}, {Name: "d.go", Outline: line(2)}},
			"<snippet>a.go\n" + line(75) + "<snippet>b.go\n" + line(75) + "<snippet>c.go\n" + line(24),
		},
		{
			"the last one may be small enough", []Neighbour{{Name: "a.go", Outline: line(75)}, {Name: "b.go", Outline: line(75)}, {Name: "c.go", Outline: line(60)}, {Name: "d.go", Outline: line(20)}},
			"<snippet>a.go\n" + line(75) + "<snippet>b.go\n" + line(75) + "<snippet>d.go\n" + line(20),
		},
		{
			"four at most", []Neighbour{{Name: "a.go", Outline: line(2)}, {Name: "b.go", Outline: line(2)}, {Name: "c.go", Outline: ""}, {Name: "d.go", Outline: line(2)}, {Name: "e.go", Outline: line(2)}},
			"<snippet>a.go\nx\n<snippet>b.go\nx\n<snippet>d.go\nx\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := snippetLayout(600).snippets(test.neighbours)
			if marked(got) != test.want || len(got) > maxSnippets {
				t.Errorf("%d tokens, %q\nwant %q", len(got), marked(got), test.want)
			}
		})
	}
}

// TestASnippetIsTheEncodingOfItsText: that it is counted line by line changes
// nothing, and it is as long as it may be.
func TestASnippetIsTheEncodingOfItsText(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	l := snippetLayout(600)
	for range 500 {
		var lines []string
		for range rng.IntN(12) {
			lines = append(lines, strings.Repeat(" ", 4*rng.IntN(2))+strings.Repeat("wörd ", 1+rng.IntN(4))+"x")
		}
		n := Neighbour{Name: strings.Repeat("n", 1+rng.IntN(30)) + ".go"}
		if len(lines) > 0 {
			n.Outline = strings.Join(lines, "\n") + "\n"
		}
		most := rng.IntN(maxSnippet + 1)
		var want []int32
		for kept := len(lines); kept > 0; kept-- {
			ids := l.Encoder.Encode(n.Name + "\n" + strings.Join(lines[:kept], "\n") + "\n")
			if len(ids) <= most {
				want = ids
				break
			}
		}
		if got := l.snippet(n, most); !slices.Equal(got, want) {
			t.Fatalf("at most %d tokens of %q are %q, want %q", most, n.Outline, text(got), text(want))
		}
	}
}

// TestSnippetsLeaveTheBudgetAlone: with any neighbours the left window holds the
// text next to the hole and no more than its budget, and typing changes nothing
// before the code.
func TestSnippetsLeaveTheBudgetAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		var neighbours []Neighbour
		for i := range rng.IntN(7) {
			outline := strings.Repeat("func "+strings.Repeat("f", rng.IntN(40))+"()\n", rng.IntN(9))
			neighbours = append(neighbours, Neighbour{Name: fmt.Sprintf("%d.go", i), Outline: outline})
		}
		src := strings.Repeat(strings.Repeat("some words ", rng.IntN(9))+"\n", rng.IntN(100))
		at := rng.IntN(len(src) + 1)
		l := snippetLayout(512 + rng.IntN(500))
		d := document(strings.Repeat("dir/", rng.IntN(20))+"own.go", []byte(src))
		d.Neighbours = neighbours
		left := l.Streams(d, at, at, "", "").Left
		if len(left) > l.LeftWindow {
			t.Fatalf("the left window has %d tokens, its budget is %d", len(left), l.LeftWindow)
		}
		head := slices.Index(left, code) + 1
		if !strings.HasSuffix(src[:at], text(left[head:])) {
			t.Fatalf("the window is not the text before the hole: %q", text(left[head:]))
		}
		d.Source = []byte(src[:at] + "typed" + src[at:])
		if again := l.Streams(d, at+5, at+5, "", "").Left; !slices.Equal(again[:head], left[:head]) {
			t.Fatalf("typing changed the header from %q to %q", marked(left[:head]), marked(again[:head]))
		}
	}
}
