package main

import (
	"testing"
	"time"
)

// The intervals are those of statsmodels' proportion_confint(method="wilson").
func TestRate(t *testing.T) {
	for _, test := range []struct {
		hits, of int
		want     rate
	}{
		{0, 0, rate{High: 1}},
		{0, 10, rate{Of: 10, High: 0.2775}},
		{10, 10, rate{Hits: 10, Of: 10, Rate: 1, Low: 0.7225, High: 1}},
		{1, 2, rate{Hits: 1, Of: 2, Rate: 0.5, Low: 0.0945, High: 0.9055}},
		{81, 263, rate{Hits: 81, Of: 263, Rate: 0.308, Low: 0.2553, High: 0.3662}},
	} {
		if got := newRate(test.hits, test.of); got != test.want {
			t.Errorf("%d of %d: %+v, want %+v", test.hits, test.of, got, test.want)
		}
	}
}

// The intervals are those of R: mean(x) ± qnorm(.975) * sd(x) / sqrt(length(x)).
func TestMean(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   mean
	}{
		{nil, mean{}},
		{[]float64{3}, mean{Mean: 3, Low: 3, High: 3, Of: 1}},
		{[]float64{2, 2, 2}, mean{Mean: 2, Low: 2, High: 2, Of: 3}},
		{[]float64{1, 2, 3, 4}, mean{Mean: 2.5, Low: 1.2348, High: 3.7652, Of: 4}},
		{[]float64{0, 0, 9}, mean{Mean: 3, Low: 0, High: 8.8799, Of: 3}}, // of lengths: not below nothing
		{[]float64{-1, 1}, mean{Mean: 0, Low: -1.96, High: 1.96, Of: 2}},
	} {
		if got := newMean(test.values); got != test.want {
			t.Errorf("%v: %+v, want %+v", test.values, got, test.want)
		}
	}
}

func TestRatio(t *testing.T) {
	for _, test := range []struct {
		a, b []float64
		want mean
	}{
		{nil, nil, mean{}},
		{[]float64{1, 2}, []float64{0, 0}, mean{Of: 2}},
		// Where a is always twice b there is nothing to be unsure of.
		{[]float64{2, 4, 8}, []float64{1, 2, 4}, mean{Mean: 2, Low: 2, High: 2, Of: 3}},
		// r = 6/4; residuals of (1,1) and (5,3): ±0.5; half = z * sqrt(0.5/2) / 2.
		{[]float64{1, 5}, []float64{1, 3}, mean{Mean: 1.5, Low: 1.01, High: 1.99, Of: 2}},
	} {
		if got := newRatio(test.a, test.b); got != test.want {
			t.Errorf("%v over %v: %+v, want %+v", test.a, test.b, got, test.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	ms := func(values ...int) (out []time.Duration) {
		for _, v := range values {
			out = append(out, time.Duration(v)*time.Millisecond)
		}
		return out
	}
	for _, test := range []struct {
		in   []time.Duration
		p    float64
		want int
	}{
		{nil, 50, 0},
		{ms(7), 50, 7},
		{ms(7), 95, 7},
		{ms(3, 1, 2), 50, 2},
		{ms(4, 3, 2, 1), 50, 2},
		{ms(10, 9, 8, 7, 6, 5, 4, 3, 2, 1), 95, 10},
		{ms(10, 9, 8, 7, 6, 5, 4, 3, 2, 1), 90, 9},
		{ms(1, 2, 3), 0, 1},
	} {
		if got := percentile(test.in, test.p); got != time.Duration(test.want)*time.Millisecond {
			t.Errorf("%v of %v: %v, want %d ms", test.p, test.in, got, test.want)
		}
	}
}
