package infill

import (
	"cmp"
	"math"
	"slices"
)

// endings is how many ends of one text read on are offered as candidates.
const endings = 3

// ending is a place where a text read on might stop.
type ending struct {
	tokens int
	score  float64 // log-probability of the text up to there and of what follows the hole
	end    float32 // of what follows alone
}

// readOn writes on at the end of the left stream, token by token, for at most
// limit tokens, and returns the likeliest places to stop as candidates: what an
// autoregressive model of the same weights would say. It knows what follows the
// hole only by asking, after each token, whether that could come now.
func (d *denoising) readOn(ctx due, reader Reader, limit int) ([]*canvas, error) {
	suffix := d.suffix()
	target := d.rules.vocab.EOF
	if len(suffix) > 0 {
		target = suffix[0]
	}
	w, err := d.write(ctx, reader, target, limit)
	if err != nil {
		return nil, err
	}
	var ends []ending
	sum := 0.0
	for n := 1; n < len(w.next); n++ {
		sum += float64(w.sure[n-1])
		ends = append(ends, ending{n, sum + float64(w.next[n]), w.next[n]})
	}
	slices.SortStableFunc(ends, func(a, b ending) int { return cmp.Compare(b.score, a.score) })
	var out []*canvas
	for _, e := range ends[:min(endings, len(ends))] {
		c := newCanvas(max(e.tokens+1, d.engine.fitting(e.tokens+1)), d.rules.vocab.Delete)
		copy(c.slots, w.text[:e.tokens])
		copy(c.settled, w.sure[:e.tokens])
		c.settled[e.tokens] = e.end
		c.steps = e.tokens
		out = append(out, c)
	}
	return out, nil
}

// written is a text that was read on, token by token.
type written struct {
	text []Token
	sure []float32 // log-probability of each token
	next []float32 // log-probability of the target behind so many tokens, as far as it was read
	stop choice    // what ended it; the zero choice if that was the limit or the deadline
}

// write reads on for at most limit tokens, until a line that ends the answer or the model
// does, and asks after each token whether target could come now.
func (d *denoising) write(ctx due, reader Reader, target Token, limit int) (w written, err error) {
	var last []Token
	for {
		p, lp, err := reader.Read(ctx, last, target)
		if ctx.passed(err) {
			d.late = true
			return w, nil
		}
		if err != nil {
			return w, err
		}
		d.forwards++
		w.next = append(w.next, lp)
		if len(w.text) == limit {
			return w, nil
		}
		best := d.next(p, w.text)
		if best.token == d.rules.vocab.Mask || best.token == d.rules.vocab.Delete {
			w.stop = best
			return w, nil
		}
		w.text, w.sure = append(w.text, best.token), append(w.sure, best.logProb)
		last = w.text[len(w.text)-1:]
	}
}

// next is the token to write behind text: Delete where a line break would end the
// answer, or, if the model ends answers itself, where it does; Mask where nothing is
// admissible.
func (d *denoising) next(p Prediction, text []Token) choice {
	ends := d.engine.info.Autoregressive && len(text) >= d.request.Oracle.Length
	here := d.rules.placeOf(text, len(text))
	best := choice{token: d.rules.vocab.Mask, rank: math.Inf(-1)}
	for k, id := range p.IDs {
		if d.rules.glyphs[id] == glyphControl && !(ends && id == d.rules.vocab.Delete) || here.forbids(id) {
			continue
		}
		rank := noisy(p.LogProbs[k], d.rules.heat, d.rng)
		if rank <= best.rank {
			continue
		}
		best = choice{token: id, logProb: p.LogProbs[k], rank: rank}
		if !d.rules.multiline && d.rules.glyphs[id] == glyphBreak || here.leaves(id) {
			best.token = d.rules.vocab.Delete
		}
	}
	return best
}
