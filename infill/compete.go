package infill

const (
	// surePrecedent is the probability from which on a precedent answers at once: the
	// model's own fills are hardly ever as sure, and it need not be asked.
	surePrecedent = 0.5
	// leastPrecedent is that below which none is offered, whatever is asked for.
	leastPrecedent = 0.1
)

// precedent is the likeliest precedent that may be shown, as a result; the zero Result
// if there is none. What was rejected gives way to the next. A Seed of n leaves out the n
// likeliest: whoever asks again wants something else.
func (d *denoising) precedent() (Result, error) {
	r := d.request
	if !r.Precedents {
		return Result{}, nil
	}
	for n, p := range Precedents(r.Tree.Source(), r.Hole, r.Neighbours) {
		if uint64(n) < r.Seed || p.Probability < leastPrecedent {
			continue
		}
		tokens := d.engine.tokenizer.Encode(p.Text)
		result, _, err := d.filter(Result{
			Start: r.Hole.Start, End: r.Hole.End,
			Precedent: true, Confidence: p.Probability, Tokens: len(tokens),
		}, p.Text, tokens)
		if err != nil {
			return Result{}, err
		}
		if result.Reason == "" {
			return result, nil
		}
	}
	return Result{}, nil
}

// or is the better of what the model made and a precedent. What the model's work cost
// stays true.
func (r Result) or(found Result) Result {
	if found.Text == "" || r.Text != "" && r.Confidence >= found.Confidence {
		return r
	}
	r.Text, r.Fill, r.Parses, r.Reason = found.Text, found.Fill, found.Parses, ""
	r.Precedent, r.Confidence, r.Tokens, r.Steps = true, found.Confidence, found.Tokens, 0
	return r
}
