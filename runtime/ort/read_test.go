package ort

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// TestReadingOn: what LogProbs says of rows at once is what Read says of them
// token by token, and what a stream that ends there would say; and reading
// changes nothing for the canvases.
func TestReadingOn(t *testing.T) {
	graph := openDefault(t)
	s := sched.New(graph, sched.Config{})
	defer s.Close()
	rng := rand.New(rand.NewPCG(3, 4))
	left, right := randomTokens(rng, 40, graph.Model()), randomTokens(rng, 20, graph.Model())
	rows := [][]infill.Token{randomTokens(rng, 6, graph.Model()), nil, randomTokens(rng, 2, graph.Model())}
	canvas := [][]infill.Token{randomTokens(rng, 8, graph.Model())}
	open := func(document string, left []infill.Token) infill.Reader {
		t.Helper()
		c, err := s.Prefill(t.Context(), document, left, right)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Release)
		return c.(infill.Reader)
	}
	near := func(what string, a, b float32) {
		t.Helper()
		if math.Abs(float64(a-b)) > 1e-3*math.Max(1, math.Abs(float64(a))) {
			t.Errorf("%s: %v and %v", what, a, b)
		}
	}

	c := open("a", left)
	before, err := c.Denoise(t.Context(), canvas)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.LogProbs(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	for r, row := range rows {
		if len(got[r]) != len(row) {
			t.Fatalf("row %d: %d log-probabilities of %d tokens", r, len(got[r]), len(row))
		}
		step := open("b", left)
		var read []infill.Token
		for i, token := range row {
			next, lp, err := step.Read(t.Context(), read, token)
			if err != nil {
				t.Fatal(err)
			}
			near("read token by token", got[r][i], lp)
			if next.LogProbs[0] < lp {
				t.Errorf("the best candidate is less likely (%v) than another token (%v)", next.LogProbs[0], lp)
			}
			read = row[i : i+1]
			// A stream that holds what was read.
			longer := open("c", append(left[:len(left):len(left)], row[:i]...))
			alone, err := longer.LogProbs(t.Context(), [][]infill.Token{row[i : i+1]})
			if err != nil {
				t.Fatal(err)
			}
			near("a stream of its own", got[r][i], alone[0][0])
			longer.Release()
		}
		step.Release()
	}
	after, err := c.Denoise(t.Context(), canvas)
	if err != nil {
		t.Fatal(err)
	}
	if far := distance(before[0], after[0]); far > 1e-6 {
		t.Errorf("reading changed what canvases see: by %v", far)
	}
	c.Release()
	if _, err := c.LogProbs(t.Context(), rows); err == nil {
		t.Error("a released context still reads")
	}
	if _, _, err := c.Read(t.Context(), nil, 30); err == nil {
		t.Error("a released context still reads")
	}
}
