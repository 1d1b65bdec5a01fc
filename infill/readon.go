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
	var text []Token
	var sure []float32
	var ends []ending
	var next []Token
	sum := 0.0
	for {
		p, lp, err := reader.Read(ctx, next, target)
		if ctx.passed(err) {
			d.late = true
			break
		}
		if err != nil {
			return nil, err
		}
		d.forwards++
		if len(text) > 0 {
			ends = append(ends, ending{len(text), sum + float64(lp), lp})
		}
		if len(text) == limit {
			break
		}
		best := d.next(p, text, false)
		if best.token == d.rules.vocab.Mask || best.token == d.rules.vocab.Delete {
			break
		}
		text, sure = append(text, best.token), append(sure, best.logProb)
		sum += float64(best.logProb)
		next = text[len(text)-1:]
	}
	slices.SortStableFunc(ends, func(a, b ending) int { return cmp.Compare(b.score, a.score) })
	var out []*canvas
	for _, e := range ends[:min(endings, len(ends))] {
		c := newCanvas(max(e.tokens+1, d.engine.fitting(e.tokens+1)), d.rules.vocab.Delete)
		copy(c.slots, text[:e.tokens])
		copy(c.settled, sure[:e.tokens])
		c.settled[e.tokens] = e.end
		c.steps = e.tokens
		out = append(out, c)
	}
	return out, nil
}

// next is the token to write behind text: Delete where a line break would end the
// answer, or, if the model ends answers itself, where it does; Mask where nothing is
// admissible.
func (d *denoising) next(p Prediction, text []Token, ends bool) choice {
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
