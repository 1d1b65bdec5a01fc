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
	const z = 1.959963984540054
	n, p := float64(of), float64(hits)/float64(of)
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	r.Rate = round(p, 4)
	r.Low = round(max(0, centre-half), 4)
	r.High = round(min(1, centre+half), 4)
	return r
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
