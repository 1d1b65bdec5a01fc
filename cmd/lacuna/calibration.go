package main

import (
	"cmp"
	"math"
	"slices"
)

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

// calibration compares confidence with how often it is right, for fills shown.
type calibration struct {
	// Bins are tenths of the confidence, those without fills included.
	Bins []calibrationBin `json:"bins"`
	// Error is the expected calibration error (Naeini et al. 2015): the mean
	// over fills of how far the share of exact fills in their bin lies from the
	// mean confidence there. Its interval is a bootstrap's.
	Error mean `json:"expected_calibration_error"`
}

type calibrationBin struct {
	From       float64 `json:"from"`
	To         float64 `json:"to"` // the last bin includes it
	Confidence float64 `json:"mean_confidence"`
	Exact      rate    `json:"exact"`
}

const calibrationBins = 10

func calibrate(records []evalRecord) calibration {
	shown := only(records, func(r *evalRecord) bool { return r.Shown })
	every := make([]int, len(shown))
	for i := range every {
		every[i] = i
	}
	sums := binSums(shown, every)
	c := calibration{Error: mean{Mean: round(sums.err(), 4), Of: len(shown)}}
	c.Error.Low, c.Error.High = bootstrap(len(shown), func(cases []int) float64 { return binSums(shown, cases).err() })
	for i, s := range sums {
		c.Bins = append(c.Bins, calibrationBin{
			From: float64(i) / calibrationBins, To: float64(i+1) / calibrationBins,
			Confidence: round(s.confidence/float64(max(s.of, 1)), 4),
			Exact:      newRate(s.exact, s.of),
		})
	}
	return c
}

// binned is the fills of each bin, summed up.
type binned [calibrationBins]struct {
	of, exact  int
	confidence float64
}

func binSums(records []evalRecord, cases []int) (b binned) {
	for _, i := range cases {
		r := &records[i]
		bin := &b[min(int(r.Confidence*calibrationBins), calibrationBins-1)]
		bin.of++
		bin.exact += asInt(r.Exact)
		bin.confidence += r.Confidence
	}
	return b
}

func (b binned) err() float64 {
	sum, of := 0.0, 0
	for _, bin := range b {
		sum += math.Abs(float64(bin.exact) - bin.confidence)
		of += bin.of
	}
	return sum / float64(max(of, 1))
}

// coveragePoint is what is shown, and how much of it is exact, when the fills
// of least confidence are held back.
type coveragePoint struct{ Shown, Exact rate }

// coverage is precision against coverage, one point for each confidence that
// occurs, the highest first.
func coverage(records []evalRecord) []coveragePoint {
	shown := only(records, func(r *evalRecord) bool { return r.Shown })
	slices.SortStableFunc(shown, func(a, b evalRecord) int { return cmp.Compare(b.Confidence, a.Confidence) })
	var out []coveragePoint
	exact := 0
	for i, r := range shown {
		exact += asInt(r.Exact)
		if i+1 == len(shown) || shown[i+1].Confidence < r.Confidence {
			out = append(out, coveragePoint{newRate(i+1, len(records)), newRate(exact, i+1)})
		}
	}
	return out
}
