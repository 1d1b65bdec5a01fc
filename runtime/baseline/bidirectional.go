package baseline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// Bidirectional denoises canvases that stand in their place in the text, in which every
// token sees every other. So nothing of it can be kept: each step computes all of the
// text again, once a canvas.
type Bidirectional struct {
	graph sched.Graph
	model sched.Model
	info  infill.ModelInfo
	turn  chan struct{} // holds one element while the model runs
}

var _ infill.Denoiser = (*Bidirectional)(nil)

// NewBidirectional returns a Bidirectional over a graph whose model has the objective
// sched.Bidirectional, which it does not own.
func NewBidirectional(graph sched.Graph, vocab infill.Vocabulary) *Bidirectional {
	model := graph.Model()
	return &Bidirectional{graph: graph, model: model, info: model.Info(vocab), turn: make(chan struct{}, 1)}
}

// Info implements infill.Denoiser.
func (b *Bidirectional) Info() infill.ModelInfo { return b.info }

// Prefill implements infill.Denoiser. It computes nothing.
func (b *Bidirectional) Prefill(ctx context.Context, _ string, left, right []infill.Token) (infill.Context, error) {
	if len(left) > b.model.LeftWindow || len(right) > b.model.RightWindow {
		return nil, fmt.Errorf("the streams have %d and %d tokens, the model's windows %d and %d", len(left), len(right), b.model.LeftWindow, b.model.RightWindow)
	}
	after := slices.Clone(right[min(1, len(right)):]) // the end has no mark here
	slices.Reverse(after)
	return &whole{b: b, before: slices.Clone(left), after: after}, ctx.Err()
}

// whole is the text around a hole.
type whole struct {
	b             *Bidirectional
	before, after []infill.Token
}

// Stats implements infill.Context.
func (w *whole) Stats() infill.PrefillStats {
	return infill.PrefillStats{LeftComputed: len(w.before), RightComputed: len(w.after)}
}

// Release implements infill.Context.
func (w *whole) Release() { w.b = nil }

// Denoise implements infill.Context.
func (w *whole) Denoise(ctx context.Context, canvases [][]infill.Token) ([]infill.Prediction, error) {
	if w.b == nil {
		return nil, errors.New("denoise: the context was released")
	}
	select {
	case w.b.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-w.b.turn }()
	out := make([]infill.Prediction, 0, len(canvases))
	for _, canvas := range canvases {
		p, err := w.step(ctx, canvas)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// step runs the text with one canvas in it.
func (w *whole) step(ctx context.Context, canvas []infill.Token) (infill.Prediction, error) {
	text := slices.Concat(w.before, canvas, w.after)
	call := &sched.Call{Role: sched.RoleCanvas, Rows: 1, PosB: make([]int64, len(text))}
	for i, token := range text {
		if token < 0 || int(token) >= w.b.model.Vocab {
			return infill.Prediction{}, fmt.Errorf("token %d at %d is outside the vocabulary of %d", token, i, w.b.model.Vocab)
		}
		call.Tokens, call.PosA = append(call.Tokens, int64(token)), append(call.PosA, int64(i))
	}
	for j, token := range canvas {
		call.Head, call.Targets = append(call.Head, int64(len(w.before)+j)), append(call.Targets, int64(token))
	}
	var result sched.Result
	if len(canvas) > 0 {
		if err := w.b.graph.Run(ctx, call, &result); err != nil {
			return infill.Prediction{}, err
		}
	}
	p := infill.Prediction{K: w.b.model.TopK, LogProbs: result.TopLogP, Quality: result.Quality}
	for _, id := range result.TopIDs {
		p.IDs = append(p.IDs, infill.Token(id))
	}
	return p, nil
}
