package main

import (
	"math"
	"slices"
	"time"
)

// rate is a share of n trials with its 95 % Wilson score interval
// (E. B. Wilson 1927, doi:10.2307/2276774). All shares are 0..1.
type rate struct {
	Hits int     `json:"hits"`
	Of   int     `json:"of"`
	Rate float64 `json:"rate"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func newRate(hits, of int) rate {
	r := rate{Hits: hits, Of: of}
	if of == 0 {
		r.High = 1
		return r
	}
	n, p := float64(of), float64(hits)/float64(of)
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	r.Rate = round(p, 4)
	r.Low = round(max(0, centre-half), 4)
	r.High = round(min(1, centre+half), 4)
	return r
}

// z is the 97.5th percentile of the normal distribution.
const z = 1.959963984540054

// mean is an average of n values with its 95 % interval in the normal
// approximation, which holds from some thirty values on. Of one value there is
// no interval: Low and High are the value.
type mean struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	Of   int     `json:"of"`
}

// share keeps the interval of a mean of shares within 0..1.
func (m mean) share() mean {
	m.Low, m.High = max(0, m.Low), min(1, m.High)
	return m
}

func newMean(values []float64) mean {
	ones := make([]float64, len(values))
	for i := range ones {
		ones[i] = 1
	}
	return newRatio(values, ones)
}

// newRatio is the sum of a over the sum of b with the interval of the ratio
// estimator (W. G. Cochran 1977, Sampling Techniques, 2.11), which knows that a
// and b of one hole go together. No b, no ratio: 0.
func newRatio(a, b []float64) mean {
	n := float64(len(a))
	var sumA, sumB float64
	for i := range a {
		sumA += a[i]
		sumB += b[i]
	}
	if sumB == 0 {
		return mean{Of: len(a)}
	}
	r := sumA / sumB
	half := 0.0
	if n > 1 {
		var squares float64
		for i := range a {
			squares += (a[i] - r*b[i]) * (a[i] - r*b[i])
		}
		half = z * math.Sqrt(squares/(n*(n-1))) / (sumB / n)
	}
	low := r - half
	if slices.Min(a) >= 0 { // nor can the mean be less
		low = max(0, low)
	}
	return mean{Mean: round(r, 4), Low: round(low, 4), High: round(r+half, 4), Of: len(a)}
}

// percentile is the nearest-rank percentile of durations, p in 0..100; 0 when
// there are none.
func percentile(durations []time.Duration, p float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

func milliseconds(d time.Duration) float64 {
	return round(float64(d)/float64(time.Millisecond), 2)
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return round(float64(a)/float64(b), 3)
}
