package main

import "math"

// pairedScore compares two models hole by hole. Differences are the first less
// the baseline.
type pairedScore struct {
	Holes int `json:"holes"`
	// Wins are holes where the first is better: exact where the baseline is
	// not, else more similar. Losses are the reverse.
	Wins   int `json:"wins"`
	Losses int `json:"losses"`
	Ties   int `json:"ties"`
	// Of the holes: which of the two filled them exactly.
	Both         int `json:"exact_both"`
	OnlyResult   int `json:"exact_only_result"`
	OnlyBaseline int `json:"exact_only_baseline"`
	// Exact is the difference of the shares, Similarity that of the means; the
	// intervals are those of a bootstrap over holes.
	Exact      mean `json:"exact_difference"`
	Similarity mean `json:"similarity_difference"`
	// P is McNemar's: how likely exact matches would fall to one side at least
	// as unevenly if both models were equally good.
	P float64 `json:"mcnemar_p"`
}

// pair compares records of the same holes in the same order; what one of the
// models has not come to is left out.
func pair(records, other []evalRecord) pairedScore {
	n := min(len(records), len(other))
	p := pairedScore{Holes: n}
	exact, similar := make([]float64, n), make([]float64, n)
	for i := range n {
		a, b := sampleOf(records[i]), sampleOf(other[i])
		exact[i], similar[i] = float64(asInt(a.Exact)-asInt(b.Exact)), a.Similarity-b.Similarity
		p.Both += asInt(a.Exact && b.Exact)
		p.OnlyResult += asInt(a.Exact && !b.Exact)
		p.OnlyBaseline += asInt(b.Exact && !a.Exact)
		switch order := a.compare(b); {
		case order > 0:
			p.Wins++
		case order < 0:
			p.Losses++
		default:
			p.Ties++
		}
	}
	p.Exact, p.Similarity = bootstrapMean(exact), bootstrapMean(similar)
	p.P = round(mcNemar(p.OnlyResult, p.OnlyBaseline), 6)
	return p
}

// mcNemar is the exact two-sided p-value for b cases on one side against c on
// the other (Q. McNemar 1947, doi:10.1007/BF02295996): the probability that a
// fair coin falls at least as unevenly in b + c throws.
func mcNemar(b, c int) float64 {
	n, least := b+c, min(b, c)
	logFactorial := func(k int) float64 {
		v, _ := math.Lgamma(float64(k) + 1)
		return v
	}
	tail := 0.0
	for k := range least + 1 {
		tail += math.Exp(logFactorial(n) - logFactorial(k) - logFactorial(n-k) - float64(n)*math.Ln2)
	}
	return min(1, 2*tail)
}
