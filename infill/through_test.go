package infill

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
)

func offerOf(source, text string, start, end int) *Offer {
	return &Offer{Source: []byte(source), Start: start, End: end, Text: text, Confidence: 0.9, Tokens: 3}
}

func TestLeads(t *testing.T) {
	const source = "x = \ny = 2\n"
	for _, test := range []struct {
		name, now  string
		start, end int
		rest       string
		ok         bool
	}{
		{"nothing typed", source, 4, 4, "f(a)", true},
		{"a part typed", "x = f(\ny = 2\n", 6, 6, "a)", true},
		{"a bracket closed by the editor", "x = f()\ny = 2\n", 6, 6, "a", true},
		{"all of it typed", "x = f(a)\ny = 2\n", 8, 8, "", true},
		{"more deleted than typed", "x =\ny = 2\n", 3, 3, "", false},
		{"something else typed", "x = g\ny = 2\n", 5, 5, "", false},
		{"edited elsewhere", "x = f\ny = 3\n", 5, 5, "", false},
		{"more than all of it typed", "x = f(a))\ny = 2\n", 9, 9, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if rest, ok := offerOf(source, "f(a)", 4, 4).Leads([]byte(test.now), test.start, test.end); rest != test.rest || ok != test.ok {
				t.Errorf("got %q, %v; want %q, %v", rest, ok, test.rest, test.ok)
			}
		})
	}
}

// TestLeadsIsRight: what is left of an offer makes of the text what the offer made
// of its own, wherever it leads, and it leads there from every place on the way.
func TestLeadsIsRight(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		out := make([]byte, rng.IntN(n))
		for i := range out {
			out[i] = "ab\n"[rng.IntN(3)]
		}
		return string(out)
	}
	led := 0
	for range 20000 {
		o := offerOf(word(8)+"|"+word(8), word(6), 0, 0)
		o.Start = rng.IntN(len(o.Source) + 1)
		o.End = o.Start + rng.IntN(len(o.Source)-o.Start+1)
		made := string(o.Source[:o.Start]) + o.Text + string(o.Source[o.End:])

		start := o.Start + rng.IntN(len(o.Text)+1)
		end := start + rng.IntN(o.Start+len(o.Text)-start+1)
		on := made[:start] + made[end:]
		if rest, ok := o.Leads([]byte(on), start, start); !ok || rest != made[start:end] {
			t.Fatalf("%+v does not lead from %q at %d to %q: %q, %v", o, on, start, made, rest, ok)
		}
		now := word(16)
		at := rng.IntN(len(now) + 1)
		if rest, ok := o.Leads([]byte(now), at, at); ok {
			led++
			if now[:at]+rest+now[at:] != made {
				t.Fatalf("%+v leads from %q to %q with %q", o, now, made, rest)
			}
		}
	}
	if led == 0 {
		t.Error("no random text was ever on the way")
	}
}

func TestTypedAgainst(t *testing.T) {
	o := offerOf("x = \n", "abc", 4, 4)
	for now, want := range map[string]struct {
		agreed int
		ok     bool
	}{
		"x = \n": {0, false}, "x = ab\n": {2, false}, "x = abc\n": {3, false}, "x = abcd\n": {3, false},
		"x = q\n": {0, true}, "x = abd\n": {2, true}, "y = q\n": {0, false}, "x\n": {0, false},
	} {
		if agreed, ok := o.TypedAgainst([]byte(now)); agreed != want.agreed || ok != want.ok {
			t.Errorf("%q: %d, %v; want %d, %v", now, agreed, ok, want.agreed, want.ok)
		}
	}
}

func TestOutcome(t *testing.T) {
	const around = "1\n2\n3\n4\n5\n"
	lines, before := offerOf("0\n"+around+"x = ;\n6\n7\n8\n", "ab", 16, 16).Outcome()
	if want := "3\n4\n5\nx = ab;\n6\n7\n"; lines != want || lines[before:before+2] != "ab" {
		t.Errorf("got %q and %d, want %q", lines, before, want)
	}
	for _, source := range []string{"", "\n", "\n\n\n\n\n\n", "x", "x\n"} {
		for at := range len(source) + 1 {
			if lines, before := offerOf(source, "T", at, at).Outcome(); lines[before:before+1] != "T" {
				t.Errorf("%q at %d: %q, %d", source, at, lines, before)
			}
		}
	}
}

// TestAnswer: what an offer has left passes the filters of a new fill or is none.
func TestAnswer(t *testing.T) {
	lang, _ := grammars.ByID("go")
	const before = "package a\n\nvar x = "
	o := offerOf(before+"\n", "f(1) ", len(before), len(before))
	for _, test := range []struct {
		name, typed string
		change      func(*Offer, *Request)
		want        string
	}{
		{name: "a part typed", typed: "f", want: "(1) "},
		{name: "only white space left", typed: "f(1)"},
		{name: "not sure enough by now", typed: "f", change: func(_ *Offer, r *Request) { r.MinConfidence = 0.95 }},
		{name: "neighbours changed", typed: "f", change: func(o *Offer, _ *Request) { o.Neighbours = append(o.Neighbours, layout.Neighbour{Name: "b.go"}) }},
		{name: "it breaks the syntax", typed: "f", change: func(o *Offer, _ *Request) { o.Text = "f(((" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree, err := grammars.Parse(lang, []byte(before+test.typed+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			offer, r := *o, Request{Tree: tree, Hole: tree.Cursor(len(before) + len(test.typed))}
			if test.change != nil {
				test.change(&offer, &r)
			}
			got, ok := offer.Answer(r)
			if got.Text != test.want || ok != (test.want != "") {
				t.Errorf("got %q, %v; want %q", got.Text, ok, test.want)
			}
		})
	}
}

// FuzzLeads: no text and no hole makes an offer panic.
func FuzzLeads(f *testing.F) {
	f.Add([]byte("x = \n"), "abc", []byte("x = a\n"), uint8(4), uint8(0), uint8(5))
	f.Fuzz(func(t *testing.T, source []byte, text string, now []byte, start, length, at uint8) {
		o := Offer{Source: source, Text: text}
		o.Start = min(int(start), len(source))
		o.End = min(o.Start+int(length), len(source))
		cursor := min(int(at), len(now))
		if rest, ok := o.Leads(now, cursor, cursor); ok {
			made := slices.Concat(source[:o.Start], []byte(text), source[o.End:])
			if got := slices.Concat(now[:cursor], []byte(rest), now[cursor:]); !slices.Equal(got, made) {
				t.Errorf("%q leads to %q, not to %q", now, got, made)
			}
		}
		o.TypedAgainst(now)
		o.Outcome()
	})
}
