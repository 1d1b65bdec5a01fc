package infill

import "slices"

// Oracle tells a request what no editor knows. Evaluations use it to tell what
// a model does not know from what decoding does not find. The zero value tells
// nothing.
type Oracle struct {
	// Length is the number of tokens of the answer: only the smallest canvas
	// that holds as many is tried, and slots behind them start out empty. What the
	// largest does not hold is written in blocks if the hole may have several lines. 0
	// if it is not told; more than all blocks have counts as all they have.
	Length int
	// Canvas is the only canvas size to try, in slots, and no other block follows; 0
	// leaves the choice to the engine, as does a size that the model does not know.
	// Length goes first.
	Canvas int
}

// Sizes are the canvas sizes tried for a hole of one line or of several, in
// slots.
func (e *Engine) Sizes(multiline bool) []int { return e.sizes(multiline) }

// canvases are the candidates of a fill, or of a block of it, nothing settled.
func (d *denoising) canvases() []*canvas {
	sizes, length := d.engine.sizes(d.rules.multiline), 0
	if o := d.request.Oracle; o.Length > 0 {
		left := o.Length - len(d.before)
		size := d.engine.fitting(left)
		sizes, length = []int{size}, min(left, size)
	} else if slices.Contains(d.engine.info.Canvases, o.Canvas) {
		sizes = []int{o.Canvas}
	}
	var out []*canvas
	for _, size := range sizes {
		c := newCanvas(size, d.rules.vocab.Mask)
		if length > 0 {
			c.tell(length, d.rules.vocab.Delete)
		}
		out = append(out, c)
	}
	return out
}

// fitting is the smallest canvas of n slots or more, else the largest.
func (e *Engine) fitting(n int) int {
	size := 0
	for _, size = range e.info.Canvases {
		if size >= n {
			break
		}
	}
	return size
}

// tell fixes the length of the answer.
func (c *canvas) tell(length int, del Token) {
	c.length = length
	for i := length; i < len(c.slots); i++ {
		c.slots[i] = del
	}
}
