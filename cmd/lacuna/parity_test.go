package main

import (
	"testing"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/ort"
)

// TestFusedFillsTheSame: the fused graph on the CPU takes the steps that the
// stepwise engine takes, under other rules and with what only evaluations tell as
// well. lacuna parity compares a thousand holes.
func TestFusedFillsTheSame(t *testing.T) {
	if _, err := ort.Find(ort.Options{}); err != nil {
		t.Fatalf("this test needs ONNX Runtime: run make deps first\n%v", err)
	}
	tests := []struct {
		name   string
		holes  int
		rules  infill.Options
		change func(*infill.Request)
	}{
		{"as served", 10, infill.Options{}, nil},
		{"sure of little, doubting much", 3, infill.Options{Threshold: 0.3, Floor: 0.6}, nil},
		{"one step", 3, infill.Options{}, func(r *infill.Request) { r.MaxSteps = 1 }},
		{"few steps", 3, infill.Options{MaxSteps: 3, Line: []int{8}}, nil},
		{"length told", 3, infill.Options{}, func(r *infill.Request) { r.Oracle.Length = 5 }},
		{"blocks", 2, infill.Options{MaxSteps: 3}, func(r *infill.Request) { r.Hole.Multiline, r.Oracle.Length = true, 80 }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := newTestApp(t, nil)
			a.open = openEngine
			open := func(fused string) *engine {
				e, err := a.engine(engineFlags{Device: "cpu", Fused: fused, decoding: test.rules})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(e.Close)
				return e
			}
			plain, fused := open("off"), open("on")
			if plain.Fused || !fused.Fused {
				t.Fatal("the engines are not what was asked for")
			}
			same := 0
			cuts := someCuts(t, a.app, test.holes)
			for i := range cuts {
				tree, err := grammars.Parse(cuts[i].Lang, cuts[i].holed())
				if err != nil {
					t.Fatal(err)
				}
				hole := tree.Cursor(cuts[i].Start)
				hole.Multiline = hole.Multiline || cuts[i].Kind.multiline()
				_, want, errWant := (&evalCmd{}).attempt(t.Context(), plain, &cuts[i], tree, hole, test.change)
				_, got, errGot := (&evalCmd{}).attempt(t.Context(), fused, &cuts[i], tree, hole, test.change)
				tree.Close()
				if errWant != nil || errGot != nil {
					t.Fatal(errWant, errGot)
				}
				if want.Text == got.Text && want.Reason == got.Reason && want.Forwards == got.Forwards {
					same++
				} else {
					t.Logf("%s, %s: stepwise %q (%s, %d forwards), fused %q (%s, %d)", cuts[i].File, cuts[i].Kind,
						want.Text, want.Reason, want.Forwards, got.Text, got.Reason, got.Forwards)
				}
			}
			// The order of near equals may differ in one hole, not in two.
			if same < len(cuts)-1 {
				t.Errorf("%d of %d holes are filled the same", same, len(cuts))
			}
			if err := fused.Failure(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFusedSeeds: same seed, same output.
func TestFusedSeeds(t *testing.T) {
	a := newTestApp(t, nil)
	a.open = openEngine
	e, err := a.engine(engineFlags{Device: "cpu", Fused: "on"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	cuts := someCuts(t, a.app, 2)
	for i := range cuts {
		tree, err := grammars.Parse(cuts[i].Lang, cuts[i].holed())
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		var texts [2]string
		for n := range texts {
			_, result, err := (&evalCmd{}).attempt(t.Context(), e, &cuts[i], tree, tree.Cursor(cuts[i].Start), func(r *infill.Request) { r.Seed = 7 })
			if err != nil {
				t.Fatal(err)
			}
			texts[n] = result.Text
		}
		if texts[0] != texts[1] {
			t.Errorf("the same seed gave %q and %q", texts[0], texts[1])
		}
	}
}

// someCuts are holes in this repository's own files.
func someCuts(t *testing.T, a *app, n int) []cut {
	t.Helper()
	eval := &evalCmd{Lang: []string{"go"}, Holes: n, Seed: 1}
	langs, err := eval.check()
	if err != nil {
		t.Fatal(err)
	}
	corpus, err := openCorpus(t.Context(), langs[0], "../../infill")
	if err != nil {
		t.Fatal(err)
	}
	cuts, err := eval.cut(a, langs[0], corpus)
	if err != nil {
		t.Fatal(err)
	}
	return cuts
}
