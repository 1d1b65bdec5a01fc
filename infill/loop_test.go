package infill

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lacuna-dev/lacuna/grammars"
)

// looping is a scripted denoiser that takes rounds in one call, by writing its
// answer down.
type looping struct {
	scripted
	rounds []Round
	err    error
}

func (l *looping) Prefill(context.Context, string, []Token, []Token) (Context, error) { return l, nil }

func (l *looping) Loop(_ context.Context, r *Round) error {
	seen := *r
	seen.Canvases = nil
	for _, c := range r.Canvases {
		c.Slots = slices.Clone(c.Slots)
		seen.Canvases = append(seen.Canvases, c)
	}
	l.rounds = append(l.rounds, seen)
	if l.err != nil {
		return l.err
	}
	for i := range r.Canvases {
		c := &r.Canvases[i]
		for j := range c.Slots {
			c.Slots[j], c.Settled[j] = at(l.answer, j), -0.1
		}
		c.Steps = 3
	}
	r.Forwards = 3
	return nil
}

func loopAt(t *testing.T, l *looping, seed uint64) (Result, []Step, error) {
	t.Helper()
	go_, ok := grammars.ByID("go")
	if !ok {
		t.Fatal("no Go")
	}
	const source = "package a\n\nfunc f(a, b int) int {\n\treturn \n}\n"
	tree, err := grammars.Parse(go_, []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	var steps []Step
	result, err := New(l, letters{}, Options{Threshold: 0.7, Floor: 0.1, MaxSteps: 5, Line: []int{8, 16}}).Fill(t.Context(), Request{
		Path: "a.go", Tree: tree, Hole: tree.Cursor(len(source) - 3), Seed: seed, OnStep: func(s Step) { steps = append(steps, s) },
	})
	return result, steps, err
}

func TestRoundInOneCall(t *testing.T) {
	l := &looping{scripted: scripted{answer: "a + b"}}
	result, steps, err := loopAt(t, l, 0)
	if err != nil || result.Fill != "a + b" || result.Steps != 3 || result.Forwards != 3 || l.steps != 0 {
		t.Errorf("got %+v, %v after %d single steps", result, err, l.steps)
	}
	if diff := cmp.Diff([]Step{{Number: 3, Settled: 8, Slots: 8, Draft: []Run{{Text: "a + b"}}}}, steps); diff != "" {
		t.Error(diff)
	}
	r := l.rounds[0]
	if len(r.Canvases) != 2 || len(r.Canvases[1].Slots) != 16 || r.Canvases[0].Slots[0] != testVocab.Mask ||
		r.Threshold != 0.7 || r.Floor != 0.1 || r.Limit != 5 || r.Multiline || r.Draw != nil {
		t.Errorf("got the round %+v", r)
	}
}

// TestSeededRound: a seed brings noise, the same for the same seed.
func TestSeededRound(t *testing.T) {
	draws := func(seed uint64) (out [3]float64) {
		l := &looping{scripted: scripted{answer: "a + b"}}
		if _, _, err := loopAt(t, l, seed); err != nil {
			t.Fatal(err)
		}
		for i := range out {
			out[i] = l.rounds[0].Draw()
		}
		return out
	}
	if one, again, other := draws(1), draws(1), draws(2); one != again || one == other || one == [3]float64{} {
		t.Errorf("seed 1 draws %v and %v, seed 2 %v", one, again, other)
	}
}

func TestRoundFallsBack(t *testing.T) {
	l := &looping{scripted: scripted{answer: "a + b"}, err: ErrStepwise}
	if result, _, err := loopAt(t, l, 0); err != nil || result.Fill != "a + b" || l.steps == 0 {
		t.Errorf("got %+v, %v after %d single steps", result, err, l.steps)
	}
	l.err = errors.New("gone")
	if _, _, err := loopAt(t, l, 0); !errors.Is(err, l.err) {
		t.Errorf("got %v, want %v", err, l.err)
	}
}

// TestRepairInOneCall: the second round forbids what broke the parse.
func TestRepairInOneCall(t *testing.T) {
	l := &looping{scripted: scripted{answer: "a + )"}}
	if result, _, err := loopAt(t, l, 0); err != nil || result.Reason != ReasonBreaks {
		t.Errorf("got %+v, %v", result, err)
	}
	if len(l.rounds) != 2 {
		t.Fatalf("%d rounds", len(l.rounds))
	}
	banned := false
	for _, c := range l.rounds[1].Canvases {
		banned = banned || len(c.Banned) > 0
	}
	if !banned {
		t.Error("nothing is forbidden in the second round")
	}
}
