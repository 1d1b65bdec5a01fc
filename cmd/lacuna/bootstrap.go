package main

import (
	"math/rand/v2"
	"slices"
)

const resamples = 2000

// bootstrap is the 95 % percentile interval of a statistic of n cases (B. Efron
// 1979, doi:10.1214/aos/1176344552): that of its values over samples of n cases
// with replacement. The same cases always give the same interval.
func bootstrap(n int, statistic func(cases []int) float64) (low, high float64) {
	if n == 0 {
		return 0, 0
	}
	rng := rand.New(rand.NewPCG(uint64(n), 0x626f6f74))
	values := make([]float64, resamples)
	cases := make([]int, n)
	for i := range values {
		for j := range cases {
			cases[j] = rng.IntN(n)
		}
		values[i] = statistic(cases)
	}
	slices.Sort(values)
	return round(values[resamples*25/1000], 4), round(values[resamples*975/1000-1], 4)
}

// bootstrapMean is a mean with the interval of a bootstrap.
func bootstrapMean(values []float64) mean {
	average := func(cases []int) float64 {
		sum := 0.0
		for _, i := range cases {
			sum += values[i]
		}
		return sum / float64(len(cases))
	}
	m := mean{Mean: newMean(values).Mean, Of: len(values)}
	m.Low, m.High = bootstrap(len(values), average)
	return m
}
