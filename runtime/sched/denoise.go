package sched

import (
	"context"
	"errors"

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
	call := c.canvasCall(canvases)
	var result Result
	if len(call.Head) > 0 {
		if err := c.s.run(ctx, call, &result); err != nil {
			return nil, err
		}
	}
	return predictions(canvases, &result, c.s.model.TopK), nil
}

// canvasCall lays canvases out as rows of one length and asks for the
// predictions of every slot.
func (c *session) canvasCall(canvases [][]infill.Token) *Call {
	longest, slots := 0, 0
	for _, canvas := range canvases {
		longest = max(longest, len(canvas))
		slots += len(canvas)
	}
	perToken := c.s.model.TokenFloats()
	leftLen, rightLen := len(c.left)/perToken, len(c.right)/perToken
	call := &Call{
		Role:    RoleCanvas,
		Rows:    len(canvases),
		Tokens:  make([]int64, len(canvases)*longest),
		PosA:    make([]int64, len(canvases)*longest),
		PosB:    make([]int64, len(canvases)*longest),
		PastA:   c.left,
		PastB:   c.right,
		Head:    make([]int64, 0, slots),
		Targets: make([]int64, 0, slots),
	}
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
	return call
}

// predictions deals the rows of the head out to the canvases.
func predictions(canvases [][]infill.Token, result *Result, k int) []infill.Prediction {
	ids := make([]infill.Token, len(result.TopIDs))
	for i, id := range result.TopIDs {
		ids[i] = infill.Token(id)
	}
	out := make([]infill.Prediction, len(canvases))
	first := 0
	for i, canvas := range canvases {
		end := first + len(canvas)
		out[i] = infill.Prediction{
			K:        k,
			IDs:      ids[first*k : end*k : end*k],
			LogProbs: result.TopLogP[first*k : end*k : end*k],
			Quality:  result.Quality[first:end:end],
		}
		first = end
	}
	return out
}
