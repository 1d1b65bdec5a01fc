package main

// gateThresholds are the values of lacuna.inline.minConfidence that an
// evaluation tries out.
var gateThresholds = []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}

// gateScore is what would be shown if fills below a confidence were held back.
type gateScore struct {
	MinConfidence float64 `json:"min_confidence"`
	Shown         rate    `json:"shown"`          // share of all holes
	Exact         rate    `json:"exact_of_shown"` // share of those
	Similarity    mean    `json:"similarity_of_shown"`
}

func gates(records []evalRecord) []gateScore {
	var out []gateScore
	for _, least := range gateThresholds {
		var shown, exact int
		var similar []float64
		for _, r := range records {
			if r.Shown && r.Confidence >= least {
				shown++
				exact += asInt(r.Exact)
				similar = append(similar, r.Similarity)
			}
		}
		out = append(out, gateScore{least, newRate(shown, len(records)), newRate(exact, shown), newMean(similar).share()})
	}
	return out
}
