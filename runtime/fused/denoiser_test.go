package fused

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeGraph settles every mask with a token that tells the request: the first of
// its left stream.
type fakeGraph struct {
	mu    sync.Mutex
	calls []Call
	enter chan int              // if not nil, gets the size of each batch
	leave chan error            // if not nil, is waited for
	ended func(context.Context) // if not nil, is called with the context of a run that was ended
}

const fakeTopK = 2

func (g *fakeGraph) Model() sched.Model {
	return sched.Model{
		Name: "fake", Vocab: 100, Layers: 1, KVHeads: 1, HeadDim: 1, TopK: fakeTopK,
		LeftWindow: 64, RightWindow: 64, Canvases: []int{4, 8},
	}
}

func (g *fakeGraph) Run(ctx context.Context, call *Call, result *Result) error {
	g.mu.Lock()
	g.calls = append(g.calls, *call)
	g.mu.Unlock()
	if g.enter != nil {
		g.enter <- call.B
	}
	if g.leave != nil {
		select {
		case err := <-g.leave:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			if g.ended != nil {
				g.ended(ctx)
			}
			return ctx.Err()
		}
	}
	*result = Result{
		Slots: append([]int64(nil), call.Slots...), Settled: append([]float32(nil), call.Settled...),
		Remasked: append([]int64(nil), call.Remasked...), Steps: make([]int64, call.B*call.N), Forwards: make([]int64, call.B),
	}
	for i, t := range result.Slots {
		b := i / (call.N * call.C)
		if t == 1 {
			result.Slots[i], result.Settled[i] = call.Left[b*call.P], -0.5
			result.Steps[i/call.C], result.Forwards[b] = 2, 3
		}
	}
	return nil
}

var vocabulary = infill.Vocabulary{Size: 100, Pad: 0, Mask: 1, Delete: 2}

func newDenoiser(t *testing.T, g *fakeGraph, config Config) *Denoiser {
	t.Helper()
	config.Vocab = vocabulary
	if config.Stepwise == nil {
		config.Stepwise = func() (infill.Denoiser, error) { return nil, errors.New("no stepwise engine here") }
	}
	d := New(g, config)
	t.Cleanup(d.Close)
	return d
}

func prefill(t *testing.T, d *Denoiser, left ...infill.Token) infill.Looper {
	t.Helper()
	c, err := d.Prefill(t.Context(), "d", left, []infill.Token{8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Release)
	return c.(infill.Looper)
}

// round has one canvas of n masked slots.
func round(n int) *infill.Round {
	c := infill.RoundCanvas{Slots: make([]infill.Token, n), Settled: make([]float32, n), Remasked: make([]int, n)}
	for i := range c.Slots {
		c.Slots[i] = vocabulary.Mask
	}
	return &infill.Round{Canvases: []infill.RoundCanvas{c}, Threshold: 1, Floor: 0.25, Limit: 8}
}

func TestLoop(t *testing.T) {
	g := &fakeGraph{}
	r := round(4)
	r.Canvases[0].Slots[1] = 50
	if err := prefill(t, newDenoiser(t, g, Config{}), 30, 31).Loop(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	c := r.Canvases[0]
	if diff := cmp.Diff([]infill.Token{30, 50, 30, 30}, c.Slots); diff != "" || c.Steps != 2 || r.Forwards != 3 || c.Settled[0] != -0.5 {
		t.Errorf("got %+v after %d forwards\n%s", c, r.Forwards, diff)
	}
}

// TestAssemble shows the layout of docs/model.md: padding on every axis, bans,
// told lengths and noise only for who has a seed.
func TestAssemble(t *testing.T) {
	one, two := round(4), round(2)
	two.Canvases = append(two.Canvases, infill.RoundCanvas{
		Slots: []infill.Token{9, 1}, Settled: []float32{-3, 0}, Remasked: []int{2, 0},
		Banned: map[int][]infill.Token{1: {40, 41}}, Length: 1,
	})
	two.Multiline, two.Limit = true, 2
	draws := 0.0
	two.Draw = func() float64 { draws++; return draws }
	call := assemble([]*request{
		{left: []infill.Token{20, 21}, right: []infill.Token{8}, round: one},
		{left: []infill.Token{22}, right: []infill.Token{8, 23}, round: two},
	}, fakeTopK)
	if call.B != 2 || call.N != 2 || call.C != 4 || call.P != alignment || call.Q != alignment || call.X != 2 || call.S != 2 {
		t.Fatalf("got dimensions of %+v", call)
	}
	got := map[string]any{
		"left": [][]int64{call.Left[:3], call.Left[alignment : alignment+2]}, "right": call.Right[alignment : alignment+3],
		"slots": call.Slots, "settled": call.Settled, "remasked": call.Remasked, "told": call.Told,
		"multiline": call.Multiline, "limit": call.Limit, "floor": call.Floor, "threshold": call.Threshold,
		"banned": call.Banned[len(call.Banned)-8:], "other bans": call.Banned[0],
		"no noise": call.Noise[:2*2*4*3], "noise": call.Noise[2*2*4*3 : 2*2*4*3+7],
	}
	want := map[string]any{
		"left": [][]int64{{20, 21, 0}, {22, 0}}, "right": []int64{8, 23, 0},
		"slots":    []int64{1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 9, 1, 0, 0},
		"settled":  []float32{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -3, 0, 0, 0},
		"remasked": []int64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0},
		"told":     []int64{0, 0, 0, 1}, "multiline": []int64{0, 1}, "limit": []int64{8, 2},
		"floor": []float32{0.25, 0.25}, "threshold": []float32{0, 0},
		"banned": []int64{-1, -1, 40, 41, -1, -1, -1, -1}, "other bans": int64(-1),
		"no noise": make([]float32, 2*2*4*3), "noise": []float32{1, 2, 3, 4, 5, 6, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestBatches: what arrives while a call runs goes into the next one together, but
// for what would cost it padding; each gets its own answer.
func TestBatches(t *testing.T) {
	g := &fakeGraph{enter: make(chan int), leave: make(chan error)}
	d := newDenoiser(t, g, Config{Wait: -1})
	var group sync.WaitGroup
	ask := func(first infill.Token, slots int) {
		c := prefill(t, d, first)
		r := round(slots)
		group.Go(func() {
			if err := c.Loop(t.Context(), r); err != nil || r.Canvases[0].Slots[0] != first {
				t.Errorf("request %d got %v, %v", first, r.Canvases[0].Slots, err)
			}
		})
	}
	ask(30, 4)
	if n := <-g.enter; n != 1 {
		t.Errorf("the first call has %d requests", n)
	}
	for i := range 5 {
		ask(infill.Token(40+i), 4)
	}
	ask(50, 8)
	for { // until all wait
		d.batcher.mu.Lock()
		n := len(d.batcher.queue)
		d.batcher.mu.Unlock()
		if n == 6 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	sizes := map[int]int{}
	g.leave <- nil
	for range 2 {
		sizes[<-g.enter]++
		g.leave <- nil
	}
	group.Wait()
	if diff := cmp.Diff(map[int]int{5: 1, 1: 1}, sizes); diff != "" {
		t.Errorf("sizes of the calls:\n%s", diff)
	}
}

// TestWaits: a request waits for a context that is open and has not asked, and for
// no other.
func TestWaits(t *testing.T) {
	g := &fakeGraph{}
	d := newDenoiser(t, g, Config{Wait: time.Minute})
	alone := prefill(t, d, 30)
	if err := alone.Loop(t.Context(), round(4)); err != nil {
		t.Fatal(err)
	}
	other := prefill(t, d, 31)
	var group sync.WaitGroup
	group.Go(func() {
		if err := alone.Loop(t.Context(), round(4)); err != nil {
			t.Error(err)
		}
	})
	for d.batcher.waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := other.Loop(t.Context(), round(4)); err != nil { // fills the call
		t.Fatal(err)
	}
	group.Wait()
	if n := len(g.calls); n != 2 || g.calls[1].B != 2 {
		t.Errorf("got %d calls, want the second with both requests", n)
	}
	group.Go(func() {
		if err := alone.Loop(t.Context(), round(4)); err != nil {
			t.Error(err)
		}
	})
	for d.batcher.waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	other.Release() // nobody is left to wait for
	group.Wait()
}

func TestWaitIsBounded(t *testing.T) {
	d := newDenoiser(t, &fakeGraph{}, Config{Wait: time.Millisecond})
	prefill(t, d, 31) // never asks
	if err := prefill(t, d, 30).Loop(t.Context(), round(4)); err != nil {
		t.Fatal(err)
	}
}

func TestCancel(t *testing.T) {
	ended := make(chan struct{})
	g := &fakeGraph{enter: make(chan int), leave: make(chan error), ended: func(context.Context) { close(ended) }}
	d := newDenoiser(t, g, Config{Wait: -1})
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error)
	running, queued := prefill(t, d, 30), prefill(t, d, 31)
	go func() { errs <- running.Loop(ctx, round(4)) }()
	<-g.enter
	r := round(4)
	go func() { errs <- queued.Loop(ctx, r) }()
	for d.batcher.waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	for range 2 {
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	}
	<-ended // nobody waits for the call any more, so it was ended
	if r.Canvases[0].Slots[0] != vocabulary.Mask {
		t.Error("a cancelled round was changed")
	}
	// The next one is served, and the cancelled one not.
	next := prefill(t, d, 32)
	go func() { errs <- next.Loop(t.Context(), round(4)) }()
	if n := <-g.enter; n != 1 {
		t.Errorf("the next call has %d requests", n)
	}
	g.leave <- nil
	if err := <-errs; err != nil {
		t.Error(err)
	}
}

// TestFailure: a call that fails is not the end: from then on the steps are taken
// one by one.
func TestFailure(t *testing.T) {
	g := &fakeGraph{leave: make(chan error, 1)}
	g.leave <- errors.New("out of memory")
	var failures []error
	inner := &stepwise{}
	d := newDenoiser(t, g, Config{
		Failed:   func(err error) { failures = append(failures, err) },
		Stepwise: func() (infill.Denoiser, error) { return inner, nil },
	})
	c := prefill(t, d, 30)
	for range 2 {
		if err := c.Loop(t.Context(), round(4)); !errors.Is(err, infill.ErrStepwise) {
			t.Errorf("got %v, want ErrStepwise", err)
		}
	}
	if len(failures) != 1 || !strings.Contains(failures[0].Error(), "out of memory") || len(g.calls) != 1 {
		t.Errorf("told of %v after %d calls, want of one", failures, len(g.calls))
	}
	if _, err := c.Denoise(t.Context(), [][]infill.Token{{1}}); err != nil || inner.prefilled != 1 {
		t.Errorf("stepwise: %v, prefilled %d times", err, inner.prefilled)
	}
	c.Release()
	if inner.released != 1 {
		t.Errorf("released %d times", inner.released)
	}
}

// TestRecovers: what failed for a while is tried again, and told of again when it
// fails again.
func TestRecovers(t *testing.T) {
	g := &fakeGraph{leave: make(chan error, 1)}
	failures := 0
	d := newDenoiser(t, g, Config{Failed: func(error) { failures++ }, Recover: time.Nanosecond})
	c := prefill(t, d, 30)
	for i, test := range []struct {
		outcome  error
		failures int
	}{{errors.New("gone"), 1}, {errors.New("gone"), 1}, {nil, 1}, {errors.New("gone"), 2}} {
		g.leave <- test.outcome
		err := c.Loop(t.Context(), round(4))
		if (err == nil) != (test.outcome == nil) || failures != test.failures {
			t.Errorf("call %d: got %v and told of %d failures, want %d", i, err, failures, test.failures)
		}
	}
}

// TestReads: who wants to read on from the left stream gets the stepwise engine.
func TestReads(t *testing.T) {
	inner := &reading{}
	d := newDenoiser(t, &fakeGraph{}, Config{Stepwise: func() (infill.Denoiser, error) { return inner, nil }})
	c := prefill(t, d, 30).(infill.Reader)
	lp, err := c.LogProbs(t.Context(), [][]infill.Token{{5}})
	if err != nil || lp[0][0] != -7 {
		t.Errorf("got %v, %v", lp, err)
	}
	if p, lp, err := c.Read(t.Context(), nil, 5); err != nil || p.K != 3 || lp != -8 || inner.prefilled != 1 {
		t.Errorf("got %+v, %v, %v after %d prefills", p, lp, err, inner.prefilled)
	}
	c.Release()
	if _, err := c.LogProbs(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "released") {
		t.Errorf("got %v", err)
	}
	d = newDenoiser(t, &fakeGraph{}, Config{Stepwise: func() (infill.Denoiser, error) { return &stepwise{}, nil }})
	if _, _, err := prefill(t, d, 30).(infill.Reader).Read(t.Context(), nil, 5); err == nil || !strings.Contains(err.Error(), "cannot read on") {
		t.Errorf("got %v", err)
	}
}

// reading is a stepwise engine that reads on.
type reading struct{ stepwise }

func (r *reading) Prefill(context.Context, string, []infill.Token, []infill.Token) (infill.Context, error) {
	r.prefilled++
	return r, nil
}

func (r *reading) LogProbs(context.Context, [][]infill.Token) ([][]float32, error) {
	return [][]float32{{-7}}, nil
}

func (r *reading) Read(context.Context, []infill.Token, infill.Token) (infill.Prediction, float32, error) {
	return infill.Prediction{K: 3}, -8, nil
}

type stepwise struct {
	infill.Context
	prefilled, released int
}

func (s *stepwise) Info() infill.ModelInfo { return infill.ModelInfo{} }
func (s *stepwise) Prefill(context.Context, string, []infill.Token, []infill.Token) (infill.Context, error) {
	s.prefilled++
	return s, nil
}
func (s *stepwise) Denoise(context.Context, [][]infill.Token) ([]infill.Prediction, error) {
	return nil, nil
}
func (s *stepwise) Release() { s.released++ }

func TestRefuses(t *testing.T) {
	g := &fakeGraph{enter: make(chan int, 9), leave: make(chan error)}
	d := newDenoiser(t, g, Config{Queue: 1, Wait: -1})
	for what, left := range map[string][]infill.Token{
		"0 tokens": nil, "65 tokens": make([]infill.Token, 65), "token 100 at 0": {100}, "token -1": {-1},
	} {
		if _, err := d.Prefill(t.Context(), "d", left, []infill.Token{8}); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	errs := make(chan error, 2)
	for i := range 2 { // one runs, one waits
		c := prefill(t, d, 30)
		go func() { errs <- c.Loop(t.Context(), round(4)) }()
		if i == 0 {
			<-g.enter
		}
	}
	for d.batcher.waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	c := prefill(t, d, 31)
	if err := c.Loop(t.Context(), round(4)); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	d.Close()
	for range 2 {
		if err := <-errs; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	}
	if err := c.Loop(t.Context(), round(4)); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	c.Release()
	if err := c.Loop(t.Context(), round(4)); err == nil || !strings.Contains(err.Error(), "released") {
		t.Errorf("got %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	g := &fakeGraph{}
	d := newDenoiser(t, g, Config{Batch: 4})
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			for n := range 20 {
				first := infill.Token(10 + i)
				c, err := d.Prefill(t.Context(), fmt.Sprint(i), []infill.Token{first}, []infill.Token{8})
				if err != nil {
					t.Error(err)
					return
				}
				r := round(4 + n%2*4)
				if err := c.(infill.Looper).Loop(t.Context(), r); err != nil || r.Canvases[0].Slots[3] != first {
					t.Errorf("request %d got %v, %v", i, r.Canvases[0].Slots, err)
				}
				c.Release()
			}
		})
	}
	group.Wait()
	for _, call := range g.calls {
		if call.B > 4 {
			t.Errorf("a call of %d requests, want at most 4", call.B)
		}
	}
}

// waiting is the number of requests in the queue.
func (b *batcher) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue)
}
