package infill

import "math"

// Calibration turns what a model believes of a fill into how often such a fill
// is exactly right: logistic regression on the log-odds of the geometric mean
// probability and on the logarithm of the length in tokens (Platt 1999).
// models/train/calibrate.py fits it on held-out code and has the same formula.
type Calibration struct {
	Bias       float64 `json:"bias"`
	Confidence float64 `json:"confidence"` // weight of the log-odds
	Tokens     float64 `json:"tokens"`     // weight of log(tokens)
}

// of is the probability, 0..1, that a fill of so many tokens that the model
// believes in with p is right; p itself without a calibration.
func (c *Calibration) of(p float64, tokens int) float64 {
	if c == nil {
		return p
	}
	p = min(max(p, 1e-4), 1-1e-4)
	odds := c.Bias + c.Confidence*math.Log(p/(1-p)) + c.Tokens*math.Log(math.Max(float64(tokens), 1))
	return 1 / (1 + math.Exp(-odds))
}
