package baseline

import (
	"context"
	"errors"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// FIM fills in the middle as autoregressive models do: prefix, suffix and answer are one
// causal stream (M. Bavarian et al. 2022, "Efficient Training of Language Models to Fill
// in the Middle"; prefix before suffix). Its keys and values are kept between requests as
// those of the denoiser are, but an edit before the hole costs the whole suffix too.
type FIM struct {
	*sched.Scheduler
	info infill.ModelInfo
}

var _ infill.Denoiser = (*FIM)(nil)

// NewFIM returns a FIM over a graph whose model has the objective sched.FIM. Close must
// be called.
func NewFIM(graph sched.Graph, config sched.Config) *FIM {
	model := graph.Model()
	info := model.Info(config.Vocab)
	info.Autoregressive = true
	model.LeftWindow += model.RightWindow + 2 // the two marks
	return &FIM{Scheduler: sched.New(oneStream{graph, model}, config), info: info}
}

// oneStream is a graph that says it has room for both streams in one.
type oneStream struct {
	sched.Graph
	model sched.Model
}

func (g oneStream) Model() sched.Model { return g.model }

// Info implements infill.Denoiser.
func (f *FIM) Info() infill.ModelInfo { return f.info }

// Prefill implements infill.Denoiser. The Context reads and does not denoise.
func (f *FIM) Prefill(ctx context.Context, document string, left, right []infill.Token) (infill.Context, error) {
	held, err := f.Scheduler.Prefill(ctx, document, fimStream(f.info.Vocab, left, right), nil)
	if err != nil {
		return nil, err
	}
	return reading{held.(infill.Reader)}, nil
}

// fimStream is left <hole> what follows, its end mark last, <mask>: behind it comes the
// answer. right is in reversed order. models/train/baselines.py is its other
// implementation.
func fimStream(v infill.Vocabulary, left, right []infill.Token) []infill.Token {
	out := make([]infill.Token, 0, len(left)+len(right)+2)
	out = append(append(out, left...), v.Hole)
	for i := len(right) - 1; i >= 0; i-- {
		out = append(out, right[i])
	}
	return append(out, v.Mask)
}

// reading is a Context without canvases.
type reading struct{ infill.Reader }

// Denoise implements infill.Context.
func (reading) Denoise(context.Context, [][]infill.Token) ([]infill.Prediction, error) {
	return nil, errors.New("an autoregressive model has no canvases: decode token by token")
}
