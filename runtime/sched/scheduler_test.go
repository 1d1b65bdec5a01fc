package sched

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lacuna-dev/lacuna/infill"
)

func TestInfo(t *testing.T) {
	vocab := infill.Vocabulary{Size: fakeVocab, Mask: 1, Delete: 2}
	got := newScheduler(t, &fakeGraph{}, Config{Vocab: vocab}).Info()
	want := infill.ModelInfo{Name: "fake", Vocab: vocab, LeftWindow: 64, RightWindow: 32, Canvases: []int{8}, TopK: 3, Snippets: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCanvasCall shows the layout of docs/model.md: padding, both frames of
// positions, and one row of the head for every slot.
func TestCanvasCall(t *testing.T) {
	g := &fakeGraph{}
	c := prefill(t, newScheduler(t, g, Config{}), "d", "abcde", "xyz")
	defer c.Release()
	got := denoise(t, c, "mno", "q", "")
	call := g.calls[len(g.calls)-1]
	want := Call{
		Role: RoleCanvas, Rows: 3,
		Tokens: []int64{13, 14, 15, 17, 0, 0, 0, 0, 0},
		PosA:   []int64{5, 6, 7, 5, 0, 0, 0, 0, 0},
		PosB:   []int64{5, 4, 3, 3, 0, 0, 0, 0, 0},
		PastA:  call.PastA, PastB: call.PastB,
		Head:    []int64{0, 1, 2, 3},
		Targets: []int64{13, 14, 15, 17},
	}
	if diff := cmp.Diff(want, call); diff != "" {
		t.Error(diff)
	}
	if len(call.PastA) != 2*5 || len(call.PastB) != 2*3 {
		t.Errorf("caches of %d and %d floats, want 10 and 6", len(call.PastA), len(call.PastB))
	}
	for i, slots := range []int{3, 1, 0} {
		if p := got[i]; p.K != fakeTopK || len(p.IDs) != slots*fakeTopK || len(p.LogProbs) != slots*fakeTopK || len(p.Quality) != slots {
			t.Errorf("prediction %d is %+v, want %d slots", i, p, slots)
		}
	}
}

func TestStreamsRunInChunks(t *testing.T) {
	g := &fakeGraph{}
	prefill(t, newScheduler(t, g, Config{Chunk: 4}), "d", "abcdefghij", "xyz").Release()
	var got []int
	for _, call := range g.calls {
		got = append(got, len(call.Tokens))
		if call.PosA[0] != int64(len(call.PastA)/2) {
			t.Errorf("a chunk at position %d follows %d tokens", call.PosA[0], len(call.PastA)/2)
		}
	}
	if want := []int{4, 4, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("runs of %v tokens, want %v", got, want)
	}
}

func TestCancelledPrefillKeepsWhatItComputed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	g := &fakeGraph{before: func(ctx context.Context, run int) error {
		if run == 3 {
			cancel()
		}
		return ctx.Err()
	}}
	s := newScheduler(t, g, Config{Chunk: 2})
	if _, err := s.Prefill(ctx, "d", tokens("abcdefgh"), tokens("xyz")); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	c := prefill(t, s, "d", "abcdefgh", "xyz")
	defer c.Release()
	if want := (infill.PrefillStats{LeftReused: 4, LeftComputed: 4, RightComputed: 3}); c.Stats() != want {
		t.Errorf("got %+v, want %+v", c.Stats(), want)
	}
	checkCold(t, c, "abcdefgh", "xyz")
}

func TestCancelWhileWaiting(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	g := &fakeGraph{before: func(ctx context.Context, run int) error {
		if run == 1 {
			close(entered)
			<-leave
		}
		return nil
	}}
	s := newScheduler(t, g, Config{})
	done := make(chan error)
	go func() {
		c, err := s.Prefill(context.Background(), "d", tokens("abc"), nil)
		if err == nil {
			c.Release()
		}
		done <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() {
		_, err := s.Prefill(ctx, "d", tokens("abcd"), nil)
		waiting <- err
	}()
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("the request that waits: got %v, want context.Canceled", err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Errorf("the request that runs: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	s := newScheduler(t, &fakeGraph{}, Config{})
	tests := map[string]struct {
		left, right, canvas []infill.Token
		want                string
	}{
		"left too long":      {left: make([]infill.Token, 65), want: "left stream has 65 tokens, the model's window 64"},
		"right too long":     {right: make([]infill.Token, 33), want: "right stream has 33 tokens, the model's window 32"},
		"left not a token":   {left: []infill.Token{1, 100}, want: "left stream: token 100 at 1 is outside the vocabulary of 100"},
		"right not a token":  {right: []infill.Token{-1}, want: "right stream: token -1 at 0"},
		"canvas not a token": {canvas: []infill.Token{100}, want: "canvas: token 100 at 0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := s.Prefill(t.Context(), "d", test.left, test.right)
			if err == nil {
				defer c.Release()
				_, err = c.Denoise(t.Context(), [][]infill.Token{test.canvas})
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestClosedAndReleased(t *testing.T) {
	s := New(&fakeGraph{}, Config{})
	released := prefill(t, s, "d", "abc", "x")
	released.Release()
	if _, err := released.Denoise(t.Context(), [][]infill.Token{{1}}); err == nil {
		t.Error("a released context still denoises")
	}
	open := prefill(t, s, "d", "abc", "x")
	s.Close()
	if _, err := open.Denoise(t.Context(), [][]infill.Token{{1}}); !errors.Is(err, ErrClosed) {
		t.Errorf("Denoise after Close: got %v, want ErrClosed", err)
	}
	if _, err := s.Prefill(t.Context(), "d", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Prefill after Close: got %v, want ErrClosed", err)
	}
	open.Release()
	s.Close() // allowed
}

// A failed run leaves nothing behind that a later request would take for keys.
func TestFailedRun(t *testing.T) {
	broken := errors.New("broken")
	g := &fakeGraph{before: func(_ context.Context, run int) error {
		if run == 2 {
			return broken
		}
		return nil
	}}
	s := newScheduler(t, g, Config{Chunk: 2})
	if _, err := s.Prefill(t.Context(), "d", tokens("abcd"), nil); !errors.Is(err, broken) {
		t.Fatalf("got %v, want %v", err, broken)
	}
	c := prefill(t, s, "d", "abcd", "")
	defer c.Release()
	checkCold(t, c, "abcd", "")
}
