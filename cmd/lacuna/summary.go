package main

import "time"

// evalScore sums records up. Everything but times has its 95 % interval.
type evalScore struct {
	Holes int `json:"holes"`
	// Shown, Exact and FirstLine are shares of all holes, Parses and
	// ExactShown of those with something to show.
	Shown      rate `json:"shown"`
	Exact      rate `json:"exact"`
	FirstLine  rate `json:"first_line"`
	Parses     rate `json:"parses"`
	ExactShown rate `json:"exact_of_shown"`
	// Types is the share of the fills shown that type-check, of those in Go
	// files that type-check without the hole.
	Types rate `json:"types"`
	// Similarity is the mean over all holes; a hole with nothing shown is 0.
	Similarity mean `json:"similarity"`
	// Length is how well the fills shown are as long as what was cut out.
	Length lengthScore `json:"length"`
	// Steps and Forwards are means a hole.
	Steps            mean    `json:"steps"`
	Forwards         mean    `json:"forwards"`
	TokensPerForward mean    `json:"tokens_per_forward"`
	P50              float64 `json:"p50_ms"`
	P95              float64 `json:"p95_ms"`
}

// lengthScore is of fills that are shown.
type lengthScore struct {
	Near rate `json:"within_3_tokens"`
	// Difference is in tokens, positive where the fills are too long.
	Difference mean `json:"mean_difference"`
}

// lengthTolerance is by how many tokens a fill may miss the true length.
const lengthTolerance = 3

func sumUp(records []evalRecord) evalScore {
	var shown, exact, first, parses, near, typed, checked int
	var similar, steps, forwards, tokens, difference []float64
	var times []time.Duration
	for _, r := range records {
		exact += asInt(r.Exact)
		first += asInt(r.FirstLine)
		steps = append(steps, float64(r.Steps))
		forwards = append(forwards, float64(r.Forwards))
		tokens = append(tokens, float64(r.Tokens))
		similar = append(similar, r.Similarity)
		times = append(times, r.elapsed)
		if r.Types != nil {
			checked++
			typed += asInt(*r.Types)
		}
		if r.Shown {
			shown++
			parses += asInt(r.Parses)
			off := r.FillTokens - r.TruthTokens
			near += asInt(-lengthTolerance <= off && off <= lengthTolerance)
			difference = append(difference, float64(off))
		}
	}
	n := len(records)
	return evalScore{
		Holes: n,
		Shown: newRate(shown, n), Exact: newRate(exact, n), FirstLine: newRate(first, n),
		Parses: newRate(parses, shown), ExactShown: newRate(exact, shown),
		Types:      newRate(typed, checked),
		Similarity: newMean(similar).share(),
		Length:     lengthScore{newRate(near, shown), newMean(difference)},
		Steps:      newMean(steps), Forwards: newMean(forwards), TokensPerForward: newRatio(tokens, forwards),
		P50: milliseconds(percentile(times, 50)), P95: milliseconds(percentile(times, 95)),
	}
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// breakdown is the scores of some holes, taken together and apart.
type breakdown struct {
	Total   evalScore             `json:"total"`
	Kinds   map[cutKind]evalScore `json:"kinds"`
	Lengths []lengthBand          `json:"lengths"` // those with holes, ascending
	// Gates is precision against coverage, by the least confidence shown.
	Gates       []gateScore `json:"gates"`
	Calibration calibration `json:"calibration"`
	// Ceilings is of all, KindCeilings of every kind; nil if not measured.
	Ceilings     *ceilingScores             `json:"ceilings,omitempty"`
	KindCeilings map[cutKind]*ceilingScores `json:"ceilings_by_kind,omitempty"`
}

// lengthBand is the holes whose answers have From to To tokens.
type lengthBand struct {
	From int `json:"from"`
	To   int `json:"to,omitempty"` // 0: no end
	evalScore
}

// lengthBands follow the canvases. The largest has 64 slots: what is longer
// than 63 tokens and an end takes several blocks.
var lengthBands = []lengthBand{{From: 1, To: 4}, {From: 5, To: 8}, {From: 9, To: 16}, {From: 17, To: 32}, {From: 33, To: 63}, {From: 64}}

func breakDown(records []evalRecord) breakdown {
	b := breakdown{
		Total: sumUp(records), Kinds: map[cutKind]evalScore{}, Gates: gates(records), Calibration: calibrate(records),
		Ceilings: sumUpCeilings(records), KindCeilings: map[cutKind]*ceilingScores{},
	}
	for _, kind := range cutKinds {
		if some := only(records, func(r *evalRecord) bool { return r.Kind == kind }); len(some) > 0 {
			b.Kinds[kind] = sumUp(some)
			if c := sumUpCeilings(some); c != nil {
				b.KindCeilings[kind] = c
			}
		}
	}
	for _, band := range lengthBands {
		some := only(records, func(r *evalRecord) bool { return r.length >= band.From && (band.To == 0 || r.length <= band.To) })
		if len(some) > 0 {
			band.evalScore = sumUp(some)
			b.Lengths = append(b.Lengths, band)
		}
	}
	return b
}

func only(records []evalRecord, keep func(*evalRecord) bool) []evalRecord {
	var out []evalRecord
	for i := range records {
		if keep(&records[i]) {
			out = append(out, records[i])
		}
	}
	return out
}
