package sched

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lacuna-dev/lacuna/infill"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeGraph computes keys and values that depend on every token before, and
// predictions that depend on everything, so that a wrong cache shows.
type fakeGraph struct {
	mu       sync.Mutex
	calls    []Call
	computed map[Role]int                             // stream tokens computed
	before   func(ctx context.Context, run int) error // called with the number of the run
	running  bool
}

const (
	fakeVocab = 100
	fakePad   = 0
	fakeTopK  = 3
)

func (g *fakeGraph) Model() Model {
	return Model{
		Name: "fake", Vocab: fakeVocab, Layers: 1, KVHeads: 1, HeadDim: 1, TopK: fakeTopK,
		LeftWindow: 64, RightWindow: 32, Canvases: []int{8}, Snippets: true,
	}
}

func (g *fakeGraph) Run(ctx context.Context, call *Call, result *Result) error {
	g.mu.Lock()
	if g.running {
		g.mu.Unlock()
		return fmt.Errorf("two runs at once")
	}
	g.running = true
	g.calls = append(g.calls, *call)
	run, before := len(g.calls), g.before
	g.mu.Unlock()
	defer func() { g.mu.Lock(); g.running = false; g.mu.Unlock() }()
	if before != nil {
		if err := before(ctx, run); err != nil {
			return err
		}
	}
	if call.Role == RoleCanvas {
		g.predict(call, result)
		return nil
	}
	g.mu.Lock()
	if g.computed == nil {
		g.computed = map[Role]int{}
	}
	g.computed[call.Role] += len(call.Tokens)
	g.mu.Unlock()
	past := append([]float32(nil), call.PastA...)
	for i, token := range call.Tokens {
		entry := []float32{digest(past, int64(call.Role), token, call.PosA[i]), float32(token)}
		copy(result.KV[2*i:], entry)
		past = append(past, entry...)
	}
	return nil
}

// predict makes up predictions from the caches and the row that a slot is in.
func (g *fakeGraph) predict(call *Call, result *Result) {
	n := len(call.Tokens) / call.Rows
	for _, head := range call.Head {
		row := int(head) / n
		var numbers []int64
		for at := row * n; at < (row+1)*n; at++ {
			if call.Tokens[at] != fakePad {
				numbers = append(numbers, call.Tokens[at], call.PosA[at], call.PosB[at])
			}
		}
		x := digest(append(append([]float32(nil), call.PastA...), call.PastB...), append(numbers, head%int64(n))...)
		for k := range fakeTopK {
			result.TopIDs = append(result.TopIDs, int64(x*1000)+int64(k))
			result.TopLogP = append(result.TopLogP, -x-float32(k))
		}
		result.TargetLogP = append(result.TargetLogP, -x)
		result.Quality = append(result.Quality, x)
	}
}

// digest is a number in 0..1.
func digest(floats []float32, ints ...int64) float32 {
	h := fnv.New32a()
	fmt.Fprint(h, floats, ints)
	return float32(h.Sum32()%1000) / 1000
}

func newScheduler(t *testing.T, g Graph, config Config) *Scheduler {
	t.Helper()
	s := New(g, config)
	t.Cleanup(s.Close)
	return s
}

func prefill(t *testing.T, s *Scheduler, document, left, right string) infill.Context {
	t.Helper()
	c, err := s.Prefill(t.Context(), document, tokens(left), tokens(right))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tokens makes one token of each letter.
func tokens(text string) []infill.Token {
	var out []infill.Token
	for _, r := range text {
		out = append(out, infill.Token(r-'a'+1))
	}
	return out
}

func denoise(t *testing.T, c infill.Context, canvases ...string) []infill.Prediction {
	t.Helper()
	var in [][]infill.Token
	for _, canvas := range canvases {
		in = append(in, tokens(canvas))
	}
	out, err := c.Denoise(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkCold compares the context with one that shares nothing with the past.
func checkCold(t *testing.T, c infill.Context, left, right string) {
	t.Helper()
	cold := prefill(t, newScheduler(t, &fakeGraph{}, Config{}), "cold", left, right)
	defer cold.Release()
	if diff := cmp.Diff(denoise(t, cold, "xyz", "xy"), denoise(t, c, "xyz", "xy")); diff != "" {
		t.Errorf("left %q right %q differs from a cold run (-cold +cached):\n%s", left, right, diff)
	}
}

// edit changes text at random, most often near its end, as typing does.
func edit(rng *rand.Rand, text string, longest int) string {
	keep := len(text)
	if rng.IntN(3) == 0 {
		keep = rng.IntN(len(text) + 1)
	}
	out := []byte(text[:keep])
	for range rng.IntN(6) {
		out = append(out, byte('a'+rng.IntN(3)))
	}
	return string(out[:min(len(out), longest)])
}
