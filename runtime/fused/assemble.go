package fused

import (
	"math"
	"math/bits"

	"github.com/lacuna-dev/lacuna/infill"
)

// alignment of the padded streams: attention kernels want rows of keys in
// multiples of eight, and fewer shapes are fewer plans.
const alignment = 32

// bucket tells requests apart that would cost each other too much padding in one
// call: by canvas, and by the power of two of their streams.
type bucket struct{ slots, streams int }

func (r *request) bucket() bucket {
	longest := 0
	for _, c := range r.round.Canvases {
		longest = max(longest, len(c.Slots))
	}
	return bucket{slots: longest, streams: bits.Len(uint(len(r.left) + len(r.right) - 1))}
}

func align(n int) int { return (n + alignment - 1) / alignment * alignment }

// assemble lays a batch out as one call, copying everything: who gives up on a
// request may do what it likes with its round.
func assemble(batch []*request, topK int) *Call {
	c := &Call{B: len(batch), X: 1, S: 1}
	for _, r := range batch {
		c.P, c.Q = max(c.P, align(len(r.left))), max(c.Q, align(len(r.right)))
		c.N = max(c.N, len(r.round.Canvases))
		if r.round.Draw != nil {
			c.S = max(c.S, r.round.Limit)
		}
		for _, canvas := range r.round.Canvases {
			c.C = max(c.C, len(canvas.Slots))
			for _, tokens := range canvas.Banned {
				c.X = max(c.X, len(tokens))
			}
		}
	}
	rows, slots := c.B*c.N, c.B*c.N*c.C
	c.Left, c.Right = make([]int64, c.B*c.P), make([]int64, c.B*c.Q)
	c.Slots, c.Settled, c.Remasked = make([]int64, slots), make([]float32, slots), make([]int64, slots)
	c.Banned = make([]int64, slots*c.X)
	for i := range c.Banned {
		c.Banned[i] = -1
	}
	c.Told, c.Multiline, c.Limit = make([]int64, rows), make([]int64, c.B), make([]int64, c.B)
	c.Threshold, c.Floor = make([]float32, c.B), make([]float32, c.B)
	c.Noise = make([]float32, c.S*slots*(topK+1))
	for b, r := range batch {
		c.place(b, r, topK)
	}
	return c
}

// place writes request b of the call.
func (c *Call) place(b int, r *request, topK int) {
	widen(c.Left[b*c.P:], r.left)
	widen(c.Right[b*c.Q:], r.right)
	round := r.round
	if round.Multiline {
		c.Multiline[b] = 1
	}
	c.Threshold[b], c.Floor[b] = float32(math.Log(round.Threshold)), float32(round.Floor)
	c.Limit[b] = int64(round.Limit)
	for n, canvas := range round.Canvases {
		row := b*c.N + n
		c.Told[row] = int64(canvas.Length)
		at := row * c.C
		widen(c.Slots[at:], canvas.Slots)
		copy(c.Settled[at:], canvas.Settled)
		for i, times := range canvas.Remasked {
			c.Remasked[at+i] = int64(times)
		}
		for i, tokens := range canvas.Banned {
			widen(c.Banned[(at+i)*c.X:], tokens)
		}
	}
	if round.Draw == nil {
		return
	}
	width := c.C * (topK + 1)
	for step := range min(round.Limit, c.S) {
		for n, canvas := range round.Canvases {
			noise := c.Noise[((b*c.S+step)*c.N+n)*width:]
			for i := range len(canvas.Slots) * (topK + 1) {
				noise[i] = float32(round.Draw())
			}
		}
	}
}

func widen(into []int64, tokens []infill.Token) {
	for i, t := range tokens {
		into[i] = int64(t)
	}
}

// outcome is what a call says of one request.
type outcome struct {
	call     *Call
	result   *Result
	b        int
	forwards int
}

func outcomeOf(call *Call, result *Result, b int) outcome {
	return outcome{call, result, b, int(result.Forwards[b])}
}

// apply changes the canvases of the round as the call did.
func (o outcome) apply(round *infill.Round) {
	round.Forwards = o.forwards
	for n := range round.Canvases {
		canvas := &round.Canvases[n]
		row := o.b*o.call.N + n
		at := row * o.call.C
		for i := range canvas.Slots {
			canvas.Slots[i] = infill.Token(o.result.Slots[at+i])
			canvas.Settled[i] = o.result.Settled[at+i]
			canvas.Remasked[i] = int(o.result.Remasked[at+i])
		}
		canvas.Steps = int(o.result.Steps[row])
	}
}
