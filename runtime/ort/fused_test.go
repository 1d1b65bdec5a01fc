package ort

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/runtime/fused"
)

func openFused(t *testing.T) *Fused {
	t.Helper()
	f, fallback, err := OpenFused(fusedConfig(t))
	if err != nil || fallback != nil {
		t.Fatal(err, fallback)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func fusedConfig(t *testing.T) FusedConfig {
	t.Helper()
	bundle, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	config := FusedConfig{Config: defaultConfig(t), Graphs: bundle.FusedGraph, OnCPU: true}
	config.Device = CPU
	return config
}

// fusedCall has b requests with random streams of different lengths and canvases
// of 8 and 16 slots.
func fusedCall(rng *rand.Rand, f *Fused, b int) *fused.Call {
	const n, c = 2, 16
	k := f.Model().TopK
	call := &fused.Call{
		B: b, N: n, C: c, P: 96, Q: 64, X: 1, S: 1,
		Left: make([]int64, b*96), Right: make([]int64, b*64),
		Slots: make([]int64, b*n*c), Settled: make([]float32, b*n*c), Remasked: make([]int64, b*n*c),
		Banned: slices.Repeat([]int64{-1}, b*n*c), Told: make([]int64, b*n), Multiline: make([]int64, b),
		Threshold: slices.Repeat([]float32{float32(math.Log(0.5))}, b), Floor: slices.Repeat([]float32{0.2}, b),
		Limit: make([]int64, b), Noise: make([]float32, b*n*c*(k+1)),
	}
	for i := range b {
		for j, t := range randomTokens(rng, 20+rng.IntN(76), f.Model()) {
			call.Left[i*96+j] = int64(t)
		}
		for j, t := range randomTokens(rng, 10+rng.IntN(54), f.Model()) {
			call.Right[i*64+j] = int64(t)
		}
		for j := range 8 {
			call.Slots[i*n*c+j] = 1
		}
		for j := range 16 {
			call.Slots[i*n*c+c+j] = 1
		}
		call.Multiline[i], call.Limit[i] = int64(i%2), int64(1+rng.IntN(8))
	}
	return call
}

// alone is request i of a call.
func alone(call *fused.Call, i, topK int) *fused.Call {
	one, n, c := *call, call.N, call.C
	one.B = 1
	cut := func(all []int64, width int) []int64 { return all[i*width : (i+1)*width] }
	one.Left, one.Right, one.Slots = cut(call.Left, call.P), cut(call.Right, call.Q), cut(call.Slots, n*c)
	one.Remasked, one.Banned, one.Told = cut(call.Remasked, n*c), cut(call.Banned, n*c), cut(call.Told, n)
	one.Multiline, one.Limit = cut(call.Multiline, 1), cut(call.Limit, 1)
	one.Settled, one.Threshold, one.Floor = call.Settled[:n*c], call.Threshold[:1], call.Floor[:1]
	one.Noise = call.Noise[:n*c*(topK+1)]
	return &one
}

// TestFusedRequestsDoNotSeeEachOther: a request gets the same answer alone and in a
// batch, whatever steps the others take.
func TestFusedRequestsDoNotSeeEachOther(t *testing.T) {
	f := openFused(t)
	call := fusedCall(rand.New(rand.NewPCG(3, 4)), f, 5)
	var together fused.Result
	if err := f.Run(t.Context(), call, &together); err != nil {
		t.Fatal(err)
	}
	width := call.N * call.C
	for i := range call.B {
		var one fused.Result
		if err := f.Run(t.Context(), alone(call, i, f.Model().TopK), &one); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(one.Slots, together.Slots[i*width:(i+1)*width]); diff != "" {
			t.Errorf("request %d settles other tokens in a batch:\n%s", i, diff)
		}
		if one.Forwards[0] != together.Forwards[i] || one.Forwards[0] > call.Limit[i] || one.Forwards[0] == 0 {
			t.Errorf("request %d takes %d steps alone, %d in a batch, %d are allowed", i, one.Forwards[0], together.Forwards[i], call.Limit[i])
		}
		for j, s := range one.Settled {
			if math.Abs(float64(s-together.Settled[i*width+j])) > 1e-3 {
				t.Errorf("request %d, slot %d: settled with %v alone, %v in a batch", i, j, s, together.Settled[i*width+j])
			}
		}
		if slices.Contains(one.Slots[:8], 1) || !slices.Equal(one.Slots[8:16], make([]int64, 8)) {
			t.Errorf("request %d leaves masks, or fills padding: %v", i, one.Slots)
		}
	}
}

// TestFusedObeys what only the host knows: banned tokens, lengths that are told,
// noise.
func TestFusedObeys(t *testing.T) {
	f := openFused(t)
	run := func(change func(*fused.Call)) fused.Result {
		call := fusedCall(rand.New(rand.NewPCG(5, 6)), f, 1)
		call.Limit[0] = 8
		if change != nil {
			change(call)
		}
		var result fused.Result
		if err := f.Run(t.Context(), call, &result); err != nil {
			t.Fatal(err)
		}
		return result
	}
	plain := run(nil)
	for slot, token := range plain.Slots[:8] {
		banned := run(func(c *fused.Call) { c.Banned[slot] = token })
		if banned.Slots[slot] == token && !slices.Contains(banned.Slots[:slot], 2) {
			t.Errorf("slot %d takes token %d, which is banned: %v", slot, token, banned.Slots[:8])
		}
	}
	told := run(func(c *fused.Call) { c.Told[0] = 5 })
	if i := slices.Index(told.Slots[:8], 2); i >= 0 && i < 5 {
		t.Errorf("an answer of at least 5 tokens ends at %d: %v", i, told.Slots[:8])
	}
	noise := func(c *fused.Call) {
		rng := rand.New(rand.NewPCG(7, 8))
		for i := range c.Noise {
			c.Noise[i] = 20 * rng.Float32()
		}
	}
	if one, again := run(noise), run(noise); !slices.Equal(one.Slots, again.Slots) || slices.Equal(one.Slots, plain.Slots) {
		t.Errorf("noise changes nothing, or is not repeatable: %v, %v, without %v", one.Slots, again.Slots, plain.Slots)
	}
	settled := run(func(c *fused.Call) { c.Slots[3], c.Settled[3] = 77, -0.25; c.Floor[0] = -1 })
	if settled.Slots[3] != 77 || settled.Settled[3] != -0.25 {
		t.Errorf("a settled slot became %d with %v", settled.Slots[3], settled.Settled[3])
	}
	doubted := run(func(c *fused.Call) { c.Slots[3] = 77; c.Floor[0] = 1.1; c.Limit[0] = 2 })
	if doubted.Remasked[3] != 1 {
		t.Errorf("a slot whose quality is below the floor was masked again %d times", doubted.Remasked[3])
	}
}

// TestFusedHalf: what is for CUDA runs on the CPU as well, where there are no
// kernels for it but conversions, and settles nearly the same.
func TestFusedHalf(t *testing.T) {
	f := openFused(t)
	config := fusedConfig(t)
	graphs := config.Graphs
	config.Graphs = func(bool) ([]byte, error) { return graphs(true) }
	half, _, err := OpenFused(config)
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	call := fusedCall(rand.New(rand.NewPCG(9, 10)), f, 4)
	var want, got fused.Result
	if err := errors.Join(f.Run(t.Context(), call, &want), half.Run(t.Context(), call, &got)); err != nil {
		t.Fatal(err)
	}
	same := 0
	for i := range want.Slots {
		if want.Slots[i] == got.Slots[i] {
			same++
		}
	}
	if same < len(want.Slots)*9/10 {
		t.Errorf("%d of %d slots are the same in float16", same, len(want.Slots))
	}
}

func TestFusedCancelled(t *testing.T) {
	f := openFused(t)
	call := fusedCall(rand.New(rand.NewPCG(1, 1)), f, 64)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx, call, &fused.Result{}) }()
	for f.mu.TryLock() { // until Run has it
		f.mu.Unlock()
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestFusedRefuses(t *testing.T) {
	config := fusedConfig(t)
	config.TokenizerSHA256 = "abc"
	if _, _, err := OpenFused(config); err == nil || !strings.Contains(err.Error(), "another tokenizer") {
		t.Errorf("got %v", err)
	}
	config = fusedConfig(t)
	config.Graphs = func(bool) ([]byte, error) { return nil, models.ErrNoFused }
	if _, _, err := OpenFused(config); !errors.Is(err, models.ErrNoFused) {
		t.Errorf("got %v", err)
	}
	stepwise := defaultConfig(t)
	config.Graphs = func(bool) ([]byte, error) { return stepwise.Graph, nil }
	if _, _, err := OpenFused(config); err == nil {
		t.Error("the stepwise graph passes for a fused one")
	}
	config = fusedConfig(t)
	config.OnCPU = false
	if f, fallback, err := OpenFused(config); f != nil || fallback != nil || err != nil {
		t.Errorf("got %v, %v, %v; want nothing on the CPU", f, fallback, err)
	}
	f := openFused(t)
	if err := f.Run(t.Context(), &fused.Call{}, &fused.Result{}); err == nil || !strings.Contains(err.Error(), "empty dimension") {
		t.Errorf("got %v", err)
	}
	call := fusedCall(rand.New(rand.NewPCG(1, 1)), f, 1)
	call.Told = nil
	if err := f.Run(t.Context(), call, &fused.Result{}); err == nil || !strings.Contains(err.Error(), "tensor told") {
		t.Errorf("got %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context(), call, &fused.Result{}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}
