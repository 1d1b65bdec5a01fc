package sched

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lacuna-dev/lacuna/infill"
)

// Defaults of Config.
const (
	// DefaultMemory keeps some ten documents of 600 tokens with the keys and
	// values of the small model (7 KiB a token).
	DefaultMemory = 64 << 20
	// DefaultChunk is long enough that its fixed costs do not show and short
	// enough that a cancelled cold prefill has something to keep.
	DefaultChunk = 256
)

// ErrClosed is returned by calls on a closed Scheduler.
var ErrClosed = errors.New("the scheduler is closed")

// Config sets up a Scheduler.
type Config struct {
	// Vocab names the special tokens, as the tokenizer of the bundle has them.
	Vocab infill.Vocabulary
	// Memory bounds the bytes of keys and values of all slots together; 0
	// takes DefaultMemory. Slots in use are never evicted, so many requests at
	// once can exceed it until they are released.
	Memory int64
	// Chunk is the most tokens of a stream computed in one run, 0 takes
	// DefaultChunk.
	Chunk int
}

// Scheduler implements infill.Denoiser over a Graph. It starts no goroutines
// and does not own the graph.
type Scheduler struct {
	graph  Graph
	model  Model
	info   infill.ModelInfo
	memory int64
	chunk  int

	// turn holds one element while the model runs. Those who wait for it are
	// served in order.
	turn chan struct{}

	mu     sync.Mutex // guards what follows, and the fields of every slot
	slots  []*slot
	clock  int64 // counts uses, for eviction
	closed bool
}

var _ infill.Denoiser = (*Scheduler)(nil)

// New returns a Scheduler that runs graph.
func New(graph Graph, config Config) *Scheduler {
	model := graph.Model()
	s := &Scheduler{
		graph:  graph,
		model:  model,
		info:   model.Info(config.Vocab),
		memory: config.Memory,
		chunk:  config.Chunk,
		turn:   make(chan struct{}, 1),
	}
	if s.memory <= 0 {
		s.memory = DefaultMemory
	}
	if s.chunk <= 0 {
		s.chunk = DefaultChunk
	}
	return s
}

// Info implements infill.Denoiser.
func (s *Scheduler) Info() infill.ModelInfo { return s.info }

// Close waits for the run in progress and refuses all that follow with
// ErrClosed. The graph may be closed after it.
func (s *Scheduler) Close() {
	s.mu.Lock()
	s.closed = true
	s.slots = nil
	s.mu.Unlock()
	s.turn <- struct{}{}
	<-s.turn
}

func (s *Scheduler) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// run executes one call when its turn comes.
func (s *Scheduler) run(ctx context.Context, call *Call, result *Result) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.isClosed() {
		return ErrClosed
	}
	return s.graph.Run(ctx, call, result)
}

// checkTokens refuses tokens that the graph would read out of bounds.
func (s *Scheduler) checkTokens(what string, tokens []infill.Token) error {
	for i, t := range tokens {
		if t < 0 || int(t) >= s.model.Vocab {
			return fmt.Errorf("%s: token %d at %d is outside the vocabulary of %d", what, t, i, s.model.Vocab)
		}
	}
	return nil
}
