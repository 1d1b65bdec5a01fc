package infill

import (
	"cmp"
	"context"
	"slices"
)

// judgedSuffix is how many tokens behind the hole a candidate is judged by: the
// line it stands on and a bit of the next.
const judgedSuffix = 12

// suffix is the beginning of what follows the hole, in reading order.
func (d *denoising) suffix() []Token {
	right := d.right[min(1, len(d.right)):] // without the end mark
	out := slices.Clone(right[len(right)-min(judgedSuffix, len(right)):])
	slices.Reverse(out)
	return out
}

// judge orders candidates by how likely the left stream finds them and what
// follows them, read on end: unlike the canvases' own probabilities, those of
// candidates of all lengths are about the same text. A candidate that stops too
// early or says too much makes what follows unlikely (docs/model.md, experiment 1).
func (d *denoising) judge(ctx context.Context, reader Reader, all []*canvas) error {
	suffix := d.suffix()
	rows := make([][]Token, len(all))
	for i, c := range all {
		rows[i] = append(slices.Clone(c.slots[:c.end(d.rules.vocab.Delete)]), suffix...)
	}
	logProbs, err := reader.LogProbs(ctx, rows)
	if err != nil {
		return err
	}
	d.forwards++
	likely := map[*canvas]float64{}
	for i, c := range all {
		for _, lp := range logProbs[i] {
			likely[c] += float64(lp)
		}
	}
	slices.SortStableFunc(all, func(a, b *canvas) int { return cmp.Compare(likely[b], likely[a]) })
	return nil
}
