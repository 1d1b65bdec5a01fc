package ort

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// TestCachedEqualsCold types at random in two documents, through one scheduler
// that reuses what it can, and compares every prediction with that of a new
// scheduler: the same model, nothing cached.
func TestCachedEqualsCold(t *testing.T) {
	graph := openDefault(t)
	warm := sched.New(graph, sched.Config{Chunk: 16})
	defer warm.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	var texts [2]struct{ left, right []infill.Token }
	reused := 0
	for step := range 30 {
		which := rng.IntN(2)
		text := &texts[which]
		text.left = edit(rng, text.left, graph.Model())
		text.right = edit(rng, text.right, graph.Model())
		canvases := [][]infill.Token{randomTokens(rng, 8, graph.Model()), randomTokens(rng, 5, graph.Model())}

		got, stats := predict(t, warm, fmt.Sprint(which), text.left, text.right, canvases)
		cold := sched.New(graph, sched.Config{})
		want, _ := predict(t, cold, "cold", text.left, text.right, canvases)
		cold.Close()

		reused += stats.LeftReused + stats.RightReused
		for row := range want {
			if far := distance(want[row], got[row]); far > 1e-3 {
				t.Errorf("step %d, canvas %d: predictions differ by %.2g from a cold run (%+v)", step, row, far, stats)
			}
		}
	}
	if reused == 0 {
		t.Error("nothing was ever reused")
	}
}

func predict(t *testing.T, s *sched.Scheduler, document string, left, right []infill.Token, canvases [][]infill.Token) ([]infill.Prediction, infill.PrefillStats) {
	t.Helper()
	c, err := s.Prefill(t.Context(), document, left, right)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	predictions, err := c.Denoise(t.Context(), canvases)
	if err != nil {
		t.Fatal(err)
	}
	return predictions, c.Stats()
}

// distance is the largest difference between two predictions, relative to the
// largest log-probability. Ids are not compared: near equals may swap.
func distance(a, b infill.Prediction) float64 {
	var scale, far float64
	for i := range a.LogProbs {
		scale = max(scale, math.Abs(float64(a.LogProbs[i])))
		far = max(far, math.Abs(float64(a.LogProbs[i]-b.LogProbs[i])))
	}
	for i := range a.Quality {
		far = max(far, math.Abs(float64(a.Quality[i]-b.Quality[i])))
	}
	return far / max(scale, 1)
}

// edit cuts text somewhere and appends a few tokens.
func edit(rng *rand.Rand, text []infill.Token, model sched.Model) []infill.Token {
	longest := min(model.LeftWindow, model.RightWindow)
	keep := min(len(text), longest-40)
	if rng.IntN(3) == 0 {
		keep = rng.IntN(keep + 1)
	}
	return append(text[:keep:keep], randomTokens(rng, rng.IntN(40), model)...)
}

// randomTokens are ordinary ones, above the special ids.
func randomTokens(rng *rand.Rand, n int, model sched.Model) []infill.Token {
	const firstText = 24
	out := make([]infill.Token, n)
	for i := range out {
		out[i] = infill.Token(firstText + rng.IntN(model.Vocab-firstText))
	}
	return out
}
