package infill

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// slow is a scripted denoiser whose calls take time.
type slow struct {
	scripted
	prefill, step time.Duration
}

func (s *slow) Prefill(ctx context.Context, _ string, _, _ []Token) (Context, error) {
	return s, pause(ctx, s.prefill)
}

func (s *slow) Denoise(ctx context.Context, canvases [][]Token) ([]Prediction, error) {
	if err := pause(ctx, s.step); err != nil {
		return nil, err
	}
	return s.scripted.Denoise(ctx, canvases)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestDeadline(t *testing.T) {
	const ms = time.Millisecond
	unsure := func(_, slot int) float64 { return 0.5 - float64(slot)/100 }
	for _, test := range []struct {
		name          string
		prefill, step time.Duration
		within        time.Duration // 0: no deadline
		sure          func(step, slot int) float64
		want          Result
		took          time.Duration
	}{
		{"in time", 10 * ms, 10 * ms, 100 * ms, nil, Result{Fill: "a + b", Steps: 1, Forwards: 1}, 20 * ms},
		{"none", 500 * ms, 500 * ms, 0, unsure, Result{Fill: "a + b", Steps: 6, Forwards: 6}, 3500 * ms},
		{"another step would come too late", 10 * ms, 10 * ms, 35 * ms, unsure, Result{Fill: "a + b", Steps: 2, Forwards: 2, Late: true}, 30 * ms},
		{"during the prefill", 500 * ms, 10 * ms, 100 * ms, nil, Result{Reason: ReasonLate, Late: true}, 100 * ms},
		{"during the first step", 10 * ms, 500 * ms, 100 * ms, nil, Result{Reason: ReasonLate, Late: true}, 100 * ms},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				model := &slow{scripted{answer: "a + b", second: "(((((", sure: test.sure}, test.prefill, test.step}
				began := time.Now()
				got, err := fillAt(t, model, function, Options{Line: []int{8}, MaxSteps: 8}, func(r *Request) {
					if test.within > 0 {
						r.Deadline = began.Add(test.within)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if got.Fill != test.want.Fill || got.Reason != test.want.Reason || got.Late != test.want.Late || got.Steps != test.want.Steps || got.Forwards != test.want.Forwards {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
				if took := time.Since(began); took != test.took {
					t.Errorf("it took %v, want %v", took, test.took)
				}
			})
		})
	}
}

// TestDeadlineInAStep: a step that takes longer than those before is given up, and
// what they predicted is returned.
func TestDeadlineInAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &slow{scripted{answer: "a + b", second: "(((((", sure: func(_, _ int) float64 { return 0.5 }}, 0, time.Millisecond}
		model.onStep = func(step int) { model.step *= 100 }
		began := time.Now()
		got, err := fillAt(t, model, function, Options{Line: []int{8}}, func(r *Request) { r.Deadline = began.Add(50 * time.Millisecond) })
		if err != nil || got.Fill != "a + b" || !got.Late || got.Forwards != 1 || time.Since(began) != 50*time.Millisecond {
			t.Errorf("got %+v, %v after %v", got, err, time.Since(began))
		}
	})
}

// TestDeadlineOfWhoAsks: the end of the caller's own context is an error, whatever
// its reason.
func TestDeadlineOfWhoAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		request := requestAt(t, function)
		request.Deadline = time.Now().Add(time.Second)
		_, err := New(&slow{scripted{answer: "a"}, 0, time.Hour}, letters{}, Options{}).Fill(ctx, request)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
}
