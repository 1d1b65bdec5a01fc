package fused

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
)

// request is one round that waits for a call.
type request struct {
	left, right []infill.Token
	round       *infill.Round
	vocab       infill.Vocabulary

	ctx   context.Context
	since time.Time
	done  chan answer // has room for one
}

type answer struct {
	outcome outcome
	err     error
}

// batcher gathers requests into calls. One goroutine owns the graph: while a call
// runs, requests queue up, and the next call takes all that fit together. It waits
// for more only as long as there are open contexts that have not asked yet, and at
// most Config.Wait; so a single user waits for nobody.
type batcher struct {
	graph  Graph
	config Config
	stop   context.CancelFunc
	ended  chan struct{}
	wake   chan struct{} // has room for one: something changed

	mu       sync.Mutex // guards what follows
	queue    []*request // in order of arrival
	expected int        // contexts that are open
	closed   bool
}

func newBatcher(graph Graph, config Config) *batcher {
	ctx, stop := context.WithCancel(context.Background())
	b := &batcher{graph: graph, config: config, stop: stop, ended: make(chan struct{}), wake: make(chan struct{}, 1)}
	go b.serve(ctx)
	return b
}

func (b *batcher) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.stop()
	<-b.ended
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.queue {
		r.done <- answer{err: ErrClosed}
	}
	b.queue = nil
}

// expect counts contexts that were opened or released.
func (b *batcher) expect(n int) {
	b.mu.Lock()
	b.expected += n
	b.mu.Unlock()
	b.poke()
}

func (b *batcher) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// run has a request taken along by a call and applies the outcome to its round.
func (b *batcher) run(ctx context.Context, r *request) error {
	r.ctx, r.since, r.done = ctx, time.Now(), make(chan answer, 1)
	b.mu.Lock()
	switch {
	case b.closed:
		b.mu.Unlock()
		return ErrClosed
	case len(b.queue) >= b.config.Queue:
		b.mu.Unlock()
		return ErrBusy
	}
	b.queue = append(b.queue, r)
	b.mu.Unlock()
	b.poke()
	select {
	case a := <-r.done:
		if a.err != nil {
			return a.err
		}
		a.outcome.apply(r.round)
		return nil
	case <-ctx.Done():
		// The call goes on for the others; nothing of the round is touched.
		b.poke()
		return ctx.Err()
	}
}

// serve is the goroutine that owns the graph.
func (b *batcher) serve(ctx context.Context) {
	defer close(b.ended)
	for {
		batch, wait := b.next()
		if len(batch) > 0 {
			b.execute(ctx, batch)
			continue
		}
		if !b.sleep(ctx, wait) {
			return
		}
	}
}

// sleep waits until something changes, at most so long if wait is above zero.
func (b *batcher) sleep(ctx context.Context, wait time.Duration) bool {
	var late <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-b.wake:
	case <-late:
	}
	return true
}

// next takes the oldest request and all that fit with it out of the queue, or
// says how long to wait for more; 0 is until something changes.
func (b *batcher) next() ([]*request, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = slices.DeleteFunc(b.queue, func(r *request) bool { return r.ctx.Err() != nil })
	if len(b.queue) == 0 || b.closed {
		return nil, 0
	}
	want := b.queue[0].bucket()
	var batch, rest []*request
	for _, r := range b.queue {
		if len(batch) < b.config.Batch && r.bucket() == want {
			batch = append(batch, r)
		} else {
			rest = append(rest, r)
		}
	}
	left := b.config.Wait - time.Since(b.queue[0].since)
	if len(batch) < b.config.Batch && len(b.queue) < b.expected && left > 0 {
		return nil, left
	}
	b.queue = rest
	return batch, 0
}

// execute runs a batch. When nobody waits for it any more it is ended.
func (b *batcher) execute(ctx context.Context, batch []*request) {
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	waiting := len(batch)
	for _, r := range batch {
		stop := context.AfterFunc(r.ctx, func() {
			mu.Lock()
			defer mu.Unlock()
			if waiting--; waiting == 0 {
				cancel()
			}
		})
		defer stop()
	}
	call := assemble(batch, b.graph.Model().TopK)
	var result Result
	err := b.graph.Run(run, call, &result)
	if err != nil && ctx.Err() != nil {
		err = ErrClosed
	}
	for i, r := range batch {
		a := answer{err: err}
		if err == nil {
			a.outcome = outcomeOf(call, &result, i)
		}
		r.done <- a
	}
}
