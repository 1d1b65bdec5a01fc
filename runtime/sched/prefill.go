package sched

import (
	"context"
	"fmt"

	"github.com/lacuna-dev/lacuna/infill"
)

// Prefill implements infill.Denoiser. What was computed before a cancellation
// stays in the slot for the next request.
func (s *Scheduler) Prefill(ctx context.Context, document string, left, right []infill.Token) (infill.Context, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.checkStreams(left, right); err != nil {
		return nil, err
	}
	sl, fill := s.take(document, left, right)
	stats := infill.PrefillStats{LeftReused: len(left), RightReused: len(right)}
	if fill {
		stats.LeftReused, stats.RightReused = len(sl.left.tokens), len(sl.right.tokens)
		stats.LeftComputed = len(left) - stats.LeftReused
		stats.RightComputed = len(right) - stats.RightReused
		if err := s.fill(ctx, sl, left, right); err != nil {
			s.release(sl)
			return nil, err
		}
	}
	return &session{s: s, slot: sl, left: sl.left.kv, right: sl.right.kv, leftTokens: sl.left.tokens, stats: stats}, nil
}

func (s *Scheduler) checkStreams(left, right []infill.Token) error {
	if s.isClosed() {
		return ErrClosed
	}
	if len(left) > s.model.LeftWindow {
		return fmt.Errorf("the left stream has %d tokens, the model's window %d", len(left), s.model.LeftWindow)
	}
	if len(right) > s.model.RightWindow {
		return fmt.Errorf("the right stream has %d tokens, the model's window %d", len(right), s.model.RightWindow)
	}
	if err := s.checkTokens("left stream", left); err != nil {
		return err
	}
	return s.checkTokens("right stream", right)
}

// fill computes what the slot lacks of left and right.
func (s *Scheduler) fill(ctx context.Context, sl *slot, left, right []infill.Token) error {
	defer func() {
		s.mu.Lock()
		sl.filling = false
		s.mu.Unlock()
	}()
	if err := s.extend(ctx, RoleLeft, &sl.left, left); err != nil {
		return err
	}
	return s.extend(ctx, RoleRight, &sl.right, right)
}

// extend appends to st the tokens that it lacks, a chunk a run. The graph
// writes behind the end of the stream; the end moves, under the lock, when the
// run has succeeded, so that others may copy from the stream at any time.
func (s *Scheduler) extend(ctx context.Context, role Role, st *stream, tokens []infill.Token) error {
	perToken := s.model.TokenFloats()
	s.mu.Lock()
	st.reserve(len(tokens), perToken)
	s.mu.Unlock()
	for len(st.tokens) < len(tokens) {
		begin := len(st.tokens)
		end := min(begin+s.chunk, len(tokens))
		call := streamCall(role, st.kv, tokens[begin:end], begin)
		result := Result{KV: st.kv[begin*perToken : end*perToken]}
		if err := s.run(ctx, call, &result); err != nil {
			return err
		}
		s.mu.Lock()
		st.tokens = append(st.tokens, tokens[begin:end]...)
		st.kv = st.kv[:end*perToken]
		s.mu.Unlock()
	}
	return nil
}

// streamCall encodes tokens that follow first tokens already in past.
func streamCall(role Role, past []float32, tokens []infill.Token, first int) *Call {
	n := len(tokens)
	call := &Call{
		Role:   role,
		Rows:   1,
		Tokens: make([]int64, n),
		PosA:   make([]int64, n),
		PosB:   make([]int64, n), // streams have no second frame
		PastA:  past,
	}
	for i, t := range tokens {
		call.Tokens[i] = int64(t)
		call.PosA[i] = int64(first + i)
	}
	return call
}
