package sched

import (
	"context"
	"errors"
	"slices"

	"github.com/lacuna-dev/lacuna/infill"
)

// session is an infill.Context: a pinned slot. left and right are its caches.
type session struct {
	s           *Scheduler
	slot        *slot // nil once released
	left, right []float32
	leftTokens  []infill.Token
	reading     stream // a copy of left, and what Read appended to it
	stats       infill.PrefillStats
	steps       [2]step // in turn
	taken       int
}

var _ infill.Reader = (*session)(nil)

// Stats implements infill.Context.
func (c *session) Stats() infill.PrefillStats { return c.stats }

// Release implements infill.Context.
func (c *session) Release() {
	if c.slot == nil {
		return
	}
	c.s.release(c.slot)
	c.slot, c.left, c.right, c.leftTokens, c.reading = nil, nil, nil, nil, stream{}
}

// step is the memory of a denoising step, kept for the one after the next.
type step struct {
	call   Call
	result Result
	ids    []infill.Token
	out    []infill.Prediction
}

// Denoise implements infill.Context: all canvases are rows of one run.
func (c *session) Denoise(ctx context.Context, canvases [][]infill.Token) ([]infill.Prediction, error) {
	if c.slot == nil {
		return nil, errors.New("denoise: the context was released")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, canvas := range canvases {
		if err := c.s.checkTokens("canvas", canvas); err != nil {
			return nil, err
		}
	}
	// What the step before has predicted stays, also where this one fails.
	st := &c.steps[c.taken%2]
	c.layOut(st, canvases)
	st.result.trim()
	if len(st.call.Head) > 0 {
		if err := c.s.run(ctx, &st.call, &st.result); err != nil {
			return nil, err
		}
	}
	c.taken++
	return st.predictions(canvases, c.s.model.TopK), nil
}

// layOut makes canvases rows of one length and asks for the predictions of every
// slot.
func (c *session) layOut(st *step, canvases [][]infill.Token) {
	longest, slots := 0, 0
	for _, canvas := range canvases {
		longest = max(longest, len(canvas))
		slots += len(canvas)
	}
	perToken := c.s.model.TokenFloats()
	leftLen, rightLen := len(c.left)/perToken, len(c.right)/perToken
	call, cells := &st.call, len(canvases)*longest
	call.Role, call.Rows = RoleCanvas, len(canvases)
	call.PastA, call.PastB = c.left, c.right
	call.Tokens, call.PosA, call.PosB = cleared(call.Tokens, cells), cleared(call.PosA, cells), cleared(call.PosB, cells)
	call.Head, call.Targets = slices.Grow(call.Head[:0], slots), slices.Grow(call.Targets[:0], slots)
	for row, canvas := range canvases {
		for j := range longest {
			at := row*longest + j
			if j >= len(canvas) {
				call.Tokens[at] = int64(c.s.info.Vocab.Pad)
				continue
			}
			call.Tokens[at] = int64(canvas[j])
			call.PosA[at] = int64(leftLen + j)
			call.PosB[at] = int64(rightLen + len(canvas) - 1 - j)
			call.Head = append(call.Head, int64(at))
			call.Targets = append(call.Targets, int64(canvas[j]))
		}
	}
}

// cleared is n zeros, in the memory of numbers if it is enough.
func cleared(numbers []int64, n int) []int64 {
	numbers = slices.Grow(numbers[:0], n)[:n]
	clear(numbers)
	return numbers
}

// predictions deals the rows of the head out to the canvases.
func (st *step) predictions(canvases [][]infill.Token, k int) []infill.Prediction {
	st.ids = st.ids[:0]
	for _, id := range st.result.TopIDs {
		st.ids = append(st.ids, infill.Token(id))
	}
	st.out = st.out[:0]
	first := 0
	for _, canvas := range canvases {
		end := first + len(canvas)
		st.out = append(st.out, infill.Prediction{
			K:        k,
			IDs:      st.ids[first*k : end*k : end*k],
			LogProbs: st.result.TopLogP[first*k : end*k : end*k],
			Quality:  st.result.Quality[first:end:end],
		})
		first = end
	}
	return st.out
}
