package infill

import (
	"slices"
)

// An answer that the largest canvas has no room for is denoised in blocks, left to
// right (M. Arriola et al. 2025, "Block Diffusion"). What is settled is text before the
// hole from then on: it is laid out with the left stream, whose window slides by its
// usual rule, and another batch of canvases is denoised behind it. Each block is a round
// of its own, so that what takes a round in one call takes a block in one.

// blocksSlot goes behind the document's name in Prefill: blocks have a KV slot of their
// own, so that what stands before the hole is still cached for the next key, also where
// the window has slid.
const blocksSlot = "#blocks"

// stand encodes what surrounds the hole, with the tokens of settled blocks before it, in
// place of what was encoded. It sets late where the deadline comes first.
func (d *denoising) stand(ctx due, before []Token) error {
	d.release() // not later: a batcher waits for those that are open
	h, slot := d.request.Hole, d.request.Document
	if len(before) > 0 {
		slot += blocksSlot
	}
	lead := h.Lead + d.engine.tokenizer.Decode(before)
	streams := d.engine.layout.Streams(d.document, h.Start, h.End, lead, h.Trail)
	held, err := d.engine.denoiser.Prefill(ctx.Context, slot, streams.Left, streams.Right)
	if ctx.passed(err) {
		d.late = true
		return nil
	}
	if err != nil {
		return err
	}
	d.held, d.before, d.right = held, before, streams.Right
	d.rules.before = before
	return nil
}

func (d *denoising) release() {
	if d.held != nil {
		d.held.Release()
	}
}

// open is the canvas behind which the answer goes on: the largest of all, if it has no
// end and neither has the best. It is nil where the answer ends: a smaller canvas that is
// full stood beside larger ones, which had the room to go on.
func (d *denoising) open(all []*canvas) *canvas {
	o := d.request.Oracle
	if len(all) == 0 || !d.rules.multiline || o.Canvas > 0 && o.Length == 0 {
		return nil
	}
	largest := slices.MaxFunc(all, func(a, b *canvas) int { return len(a.slots) - len(b.slots) })
	switch size := len(largest.slots); {
	case d.ends(all[0]), d.ends(largest), o.Length > 0 && len(d.before)+size >= o.Length:
		return nil
	}
	return largest
}

func (d *denoising) ends(c *canvas) bool { return c.end(d.rules.vocab.Delete) < len(c.slots) }

// goOn puts an answer of several blocks in the place of the candidates that have no end,
// if the best is one of them. It goes first.
func (d *denoising) goOn(ctx due, all []*canvas) ([]*canvas, error) {
	open := d.open(all)
	if open == nil || d.late || d.engine.options.Blocks < 2 {
		return all, nil
	}
	blocks := []*canvas{open}
	var settled []Token
	for open != nil && len(blocks) < d.engine.options.Blocks {
		settled = append(settled, open.slots...)
		best, next, err := d.block(ctx, slices.Clip(settled))
		if err != nil {
			return nil, err
		}
		if d.late {
			break
		}
		blocks, open = append(blocks, best), next
	}
	whole := joined(blocks)
	if open != nil && d.request.Oracle.Length == 0 {
		d.cut(whole)
	}
	all = slices.DeleteFunc(all, func(c *canvas) bool { return !d.ends(c) })
	return append([]*canvas{whole}, all...), nil
}

// block denoises what comes behind the tokens of settled blocks. open is not nil where
// the answer goes on behind it. With late set there is nothing: what a deadline settles
// is guesses, and there are lines before them that are none.
func (d *denoising) block(ctx due, before []Token) (best, open *canvas, err error) {
	if err := d.stand(ctx, before); err != nil || d.late {
		return nil, nil, err
	}
	all := d.canvases()
	if err := d.run(ctx, all); err != nil || d.late {
		return nil, nil, err
	}
	if err := d.order(ctx, all); err != nil {
		return nil, nil, err
	}
	if open = d.open(all); open != nil {
		return open, open, nil
	}
	if n := slices.IndexFunc(all, d.ends); n >= 0 {
		return all[n], nil, nil
	}
	return all[0], nil, nil // its length is told
}

// joined is one canvas of several blocks. Its score is that of all their tokens and of
// the end. It is not denoised again if it breaks the parse: its tokens were settled
// behind those of other blocks, and the candidates that it goes before are at hand.
func joined(blocks []*canvas) *canvas {
	whole := &canvas{}
	for _, b := range blocks {
		whole.slots = append(whole.slots, b.slots...)
		whole.settled = append(whole.settled, b.settled...)
		whole.steps += b.steps
	}
	return whole
}

// cut leaves the complete lines of an answer that has no end.
func (d *denoising) cut(whole *canvas) {
	n := len(whole.slots)
	for n > 0 && d.rules.glyphs[whole.slots[n-1]] != glyphBreak {
		n--
	}
	whole.slots, whole.settled = whole.slots[:max(n-1, 0)], whole.settled[:max(n-1, 0)]
	if len(whole.slots) > 0 {
		return
	}
	whole.reason = ReasonEndless
	if d.late {
		whole.reason = ReasonLate
	}
}
