package fused

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// Defaults of Config.
const (
	// DefaultBatch is the most requests of one call.
	DefaultBatch = 32
	// DefaultWait is the longest that a request waits for others to join its
	// call: a fraction of what a call costs.
	DefaultWait = time.Millisecond
	// DefaultQueue is the most requests that wait. Beyond it ErrBusy is returned.
	DefaultQueue = 256
)

var (
	// ErrClosed is returned by calls on a closed Denoiser.
	ErrClosed = errors.New("the fused denoiser is closed")
	// ErrBusy is returned when the queue is full.
	ErrBusy = errors.New("too many requests wait for the model: try again later")
)

// Config sets up a Denoiser.
type Config struct {
	// Vocab names the special tokens, as the tokenizer of the bundle has them.
	Vocab infill.Vocabulary
	// Stepwise opens, when it is first needed, what takes single steps.
	Stepwise func() (infill.Denoiser, error)
	// Failed is told of a call that failed. From then on everything goes to
	// Stepwise, for as long as Recover says. It may be nil.
	Failed func(error)
	// Recover is how long after a failure the graph is tried again; 0 is never.
	Recover time.Duration
	// Batch, Wait and Queue: 0 takes the default. A negative Wait is none.
	Batch int
	Wait  time.Duration
	Queue int
}

// Denoiser implements infill.Denoiser over a fused Graph, which it does not own.
type Denoiser struct {
	graph    Graph
	model    sched.Model
	info     infill.ModelInfo
	config   Config
	stepwise func() (infill.Denoiser, error)
	batcher  *batcher

	mu     sync.Mutex // guards failed
	failed time.Time  // when a call failed the last time; zero for never, or recovered
}

var _ infill.Denoiser = (*Denoiser)(nil)

// New returns a Denoiser that runs graph. Close must be called.
func New(graph Graph, config Config) *Denoiser {
	model := graph.Model()
	if config.Batch <= 0 {
		config.Batch = DefaultBatch
	}
	if config.Wait == 0 {
		config.Wait = DefaultWait
	}
	if config.Queue <= 0 {
		config.Queue = DefaultQueue
	}
	d := &Denoiser{
		graph:    graph,
		model:    model,
		info:     model.Info(config.Vocab),
		config:   config,
		stepwise: sync.OnceValues(config.Stepwise),
	}
	d.batcher = newBatcher(graph, config)
	return d
}

// Info implements infill.Denoiser.
func (d *Denoiser) Info() infill.ModelInfo { return d.info }

// Close ends the call in progress and refuses all that follow. The graph may be
// closed after it; what Stepwise opened is its opener's to close.
func (d *Denoiser) Close() { d.batcher.close() }

// Prefill implements infill.Denoiser. It computes nothing: a round encodes the
// streams itself.
func (d *Denoiser) Prefill(ctx context.Context, document string, left, right []infill.Token) (infill.Context, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.check("left stream", left, d.model.LeftWindow); err != nil {
		return nil, err
	}
	if err := d.check("right stream", right, d.model.RightWindow); err != nil {
		return nil, err
	}
	d.batcher.expect(1)
	return &session{d: d, document: document, left: slices.Clone(left), right: slices.Clone(right)}, nil
}

func (d *Denoiser) check(what string, tokens []infill.Token, window int) error {
	if len(tokens) == 0 || len(tokens) > window {
		return fmt.Errorf("the %s has %d tokens, the model's window 1 to %d", what, len(tokens), window)
	}
	return d.known(what, tokens)
}

// known refuses tokens that the graph would read out of bounds.
func (d *Denoiser) known(what string, tokens []infill.Token) error {
	for i, t := range tokens {
		if t < 0 || int(t) >= d.model.Vocab {
			return fmt.Errorf("%s: token %d at %d is outside the vocabulary of %d", what, t, i, d.model.Vocab)
		}
	}
	return nil
}

// broken says whether a call has failed and the graph is not to be tried yet.
func (d *Denoiser) broken() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.failed.IsZero() && (d.config.Recover <= 0 || time.Since(d.failed) < d.config.Recover)
}

// note keeps whether a call failed, and tells of the first failure in a row.
func (d *Denoiser) note(err error) {
	d.mu.Lock()
	first := d.failed.IsZero()
	d.failed = time.Time{}
	if err != nil {
		d.failed = time.Now()
	}
	d.mu.Unlock()
	if err != nil && first && d.config.Failed != nil {
		d.config.Failed(err)
	}
}

// session is the infill.Looper of one document.
type session struct {
	d           *Denoiser
	document    string
	left, right []infill.Token
	inner       infill.Context // nil until a single step is asked for
	released    bool
}

var _ infill.Looper = (*session)(nil)

// Loop implements infill.Looper.
func (s *session) Loop(ctx context.Context, round *infill.Round) error {
	switch {
	case s.released:
		return errors.New("denoise: the context was released")
	case s.d.broken() || !s.d.able(round):
		return infill.ErrStepwise
	}
	for i := range round.Canvases {
		if err := s.d.known("canvas", round.Canvases[i].Slots); err != nil {
			return err
		}
	}
	err := s.d.batcher.run(ctx, &request{left: s.left, right: s.right, round: round, vocab: s.d.info.Vocab})
	if ctx.Err() != nil || errors.Is(err, ErrClosed) || errors.Is(err, ErrBusy) {
		return err
	}
	s.d.note(err)
	if err != nil {
		return infill.ErrStepwise
	}
	return nil
}

// able says whether the graph can take a round: its special tokens have fixed
// ids, and a canvas has at least one slot.
func (d *Denoiser) able(round *infill.Round) bool {
	v := d.info.Vocab
	if v.Pad != 0 || v.Mask != 1 || v.Delete != 2 || len(round.Canvases) == 0 {
		return false
	}
	return !slices.ContainsFunc(round.Canvases, func(c infill.RoundCanvas) bool { return len(c.Slots) == 0 })
}

// Denoise implements infill.Context, one step at a time.
func (s *session) Denoise(ctx context.Context, canvases [][]infill.Token) ([]infill.Prediction, error) {
	if s.released {
		return nil, errors.New("denoise: the context was released")
	}
	inner, err := s.stepwise(ctx)
	if err != nil {
		return nil, err
	}
	return inner.Denoise(ctx, canvases)
}

// stepwise prefills the stepwise engine when it is first needed.
func (s *session) stepwise(ctx context.Context) (infill.Context, error) {
	if s.inner == nil {
		stepwise, err := s.d.stepwise()
		if err != nil {
			return nil, err
		}
		if s.inner, err = stepwise.Prefill(ctx, s.document, s.left, s.right); err != nil {
			return nil, err
		}
	}
	return s.inner, nil
}

// Stats implements infill.Context. The fused graph reuses nothing.
func (s *session) Stats() infill.PrefillStats {
	if s.inner != nil {
		return s.inner.Stats()
	}
	return infill.PrefillStats{LeftComputed: len(s.left), RightComputed: len(s.right)}
}

// Release implements infill.Context.
func (s *session) Release() {
	if s.released {
		return
	}
	s.released = true
	s.d.batcher.expect(-1)
	if s.inner != nil {
		s.inner.Release()
	}
}
