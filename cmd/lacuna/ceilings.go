package main

import (
	"cmp"
	"context"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
)

// holeCeilings are fills of one hole with help that no user gives. What is lost
// between them and the fill as it is, is lost by decoding and not by the model.
type holeCeilings struct {
	// Length is the fill with the true number of tokens told.
	Length sampleFill `json:"true_length"`
	// Best is the best of the fill as it is and of bestOf samples: by exact
	// match, then by similarity.
	Best sampleFill `json:"best_of_8"`
}

// sampleFill is an evalRecord without what is known of the hole.
type sampleFill struct {
	Fill       string  `json:"fill"`
	Shown      bool    `json:"shown"`
	Exact      bool    `json:"exact"`
	Similarity float64 `json:"similarity"`
	Forwards   int     `json:"forwards"` // of all samples together
}

const bestOf = 8

func sampleOf(r evalRecord) sampleFill {
	return sampleFill{r.Fill, r.Shown, r.Exact, r.Similarity, r.Forwards}
}

func (s sampleFill) compare(o sampleFill) int {
	return cmp.Or(cmp.Compare(asInt(s.Exact), asInt(o.Exact)), cmp.Compare(s.Similarity, o.Similarity), cmp.Compare(asInt(s.Shown), asInt(o.Shown)))
}

// ceilingsOf fills a hole with help, where plain is the fill as it is.
func (c *evalCmd) ceilingsOf(ctx context.Context, engine *engine, cut *cut, tree *grammars.Tree, hole grammars.Hole, plain evalRecord) (*holeCeilings, error) {
	told, _, err := c.attempt(ctx, engine, cut, tree, hole, func(r *infill.Request) { r.Oracle.Length = plain.TruthTokens })
	if err != nil {
		return nil, err
	}
	best, forwards := sampleOf(plain), 0
	for n := range bestOf {
		// Every canvas alone, first without a seed, then with one after another.
		sizes := engine.Sizes(hole.Multiline)
		r, _, err := c.attempt(ctx, engine, cut, tree, hole, func(r *infill.Request) {
			r.Oracle.Canvas, r.Seed = sizes[n%len(sizes)], uint64(n/len(sizes))
		})
		if err != nil {
			return nil, err
		}
		forwards += r.Forwards
		if sample := sampleOf(r); sample.compare(best) > 0 {
			best = sample
		}
	}
	best.Forwards = forwards
	return &holeCeilings{Length: sampleOf(told), Best: best}, nil
}

// ceilingScores compare the fills as they are with those that had help, on the
// same holes.
type ceilingScores struct {
	AsIs   ceilingScore `json:"as_is"`
	Length ceilingScore `json:"true_length"`
	Best   ceilingScore `json:"best_of_8"`
}

type ceilingScore struct {
	Shown      rate `json:"shown"`
	Exact      rate `json:"exact"`
	Similarity mean `json:"similarity"`
	// Extra is the mean of forward passes a hole more than the fill as it is.
	Extra mean `json:"extra_forwards"`
}

// sumUpCeilings is nil if none were measured.
func sumUpCeilings(records []evalRecord) *ceilingScores {
	var asIs, told, best []sampleFill
	for _, r := range records {
		if r.Ceilings != nil {
			asIs = append(asIs, sampleOf(r))
			told = append(told, r.Ceilings.Length)
			best = append(best, r.Ceilings.Best)
		}
	}
	if len(asIs) == 0 {
		return nil
	}
	return &ceilingScores{
		AsIs: sumUpSamples(asIs, asIs), Length: sumUpSamples(told, asIs), Best: sumUpSamples(best, asIs),
	}
}

func sumUpSamples(samples, asIs []sampleFill) ceilingScore {
	var shown, exact int
	var similar, extra []float64
	for i, s := range samples {
		shown += asInt(s.Shown)
		exact += asInt(s.Exact)
		similar = append(similar, s.Similarity)
		extra = append(extra, float64(s.Forwards-asIs[i].Forwards))
	}
	n := len(samples)
	return ceilingScore{newRate(shown, n), newRate(exact, n), newMean(similar).share(), newMean(extra)}
}
