package infill

import (
	"context"
	"errors"
)

// Looper is what a Context may also be: something that takes all denoising steps
// of a round in one call, where each call costs more than a step. What it decides
// is what canvas.advance decides; runtime/fused implements it.
type Looper interface {
	Context
	// Loop takes steps until nothing is masked, at most Limit, and changes the
	// canvases. It returns ErrStepwise, with nothing changed, where the steps
	// are to be taken one by one.
	Loop(ctx context.Context, round *Round) error
}

// ErrStepwise says that a Looper cannot take a round.
var ErrStepwise = errors.New("the denoising steps are to be taken one by one")

// Round is a batch of canvases to be denoised, and the rules.
type Round struct {
	Canvases  []RoundCanvas
	Multiline bool    // false: a line break ends the answer
	Threshold float64 // a slot is settled when its probability reaches this
	Floor     float64 // a settled slot whose quality falls below is masked again
	Limit     int     // most steps; the last one settles everything
	// Draw gives the seeded noise of one candidate, to be added to its
	// log-probability; nil for none.
	Draw func() float64
	// Forwards is set to the number of forward passes.
	Forwards int
}

// RoundCanvas is one canvas of n slots, before and after.
type RoundCanvas struct {
	Slots    []Token         // [n]
	Settled  []float32       // [n], log-probability each slot was settled with
	Remasked []int           // [n], how often each slot was masked again
	Banned   map[int][]Token // tokens that a slot must not take
	Length   int             // slots before it cannot be Delete; 0 for no such
	Steps    int             // is set to the number of steps it took
}

// loop takes a round in one call if the context can. It says whether it did.
func (d *denoising) loop(ctx context.Context, all []*canvas) (bool, error) {
	looper, ok := d.held.(Looper)
	if !ok || d.rules.entropy > 0 || d.rules.traits != nil { // fused graphs know thresholds only
		return false, nil
	}
	round := &Round{
		Multiline: d.rules.multiline, Threshold: d.rules.threshold, Floor: d.rules.floor, Limit: d.limit,
	}
	if heat := d.rules.heat; heat != 0 {
		round.Draw = func() float64 { return noisy(0, heat, d.rng) }
	}
	for _, c := range all {
		round.Canvases = append(round.Canvases, RoundCanvas{
			Slots: c.slots, Settled: c.settled, Remasked: c.remasked, Banned: c.banned, Length: c.length,
		})
	}
	switch err := looper.Loop(ctx, round); {
	case errors.Is(err, ErrStepwise):
		return false, nil
	case err != nil:
		return true, err
	}
	d.forwards += round.Forwards
	for i, c := range all {
		c.steps += round.Canvases[i].Steps
	}
	if d.request.OnStep != nil && round.Forwards > 0 {
		d.request.OnStep(d.step(all[0]))
	}
	return true, nil
}
