package main

import (
	"math"
	"testing"
)

func TestBootstrap(t *testing.T) {
	average := func(values []float64) func([]int) float64 {
		return func(cases []int) float64 {
			sum := 0.0
			for _, i := range cases {
				sum += values[i]
			}
			return sum / float64(len(cases))
		}
	}
	if low, high := bootstrap(5, average([]float64{3, 3, 3, 3, 3})); low != 3 || high != 3 {
		t.Errorf("of equal values: %v..%v, want 3..3", low, high)
	}
	if low, high := bootstrap(0, nil); low != 0 || high != 0 {
		t.Errorf("of nothing: %v..%v", low, high)
	}
	// Of many values the interval of a mean is that of the normal approximation.
	var values []float64
	for i := range 400 {
		values = append(values, float64(i%7))
	}
	want := newMean(values)
	low, high := bootstrap(len(values), average(values))
	if math.Abs(low-want.Low) > 0.03 || math.Abs(high-want.High) > 0.03 {
		t.Errorf("%v..%v, want nearly %v..%v", low, high, want.Low, want.High)
	}
	if again, _ := bootstrap(len(values), average(values)); again != low {
		t.Errorf("the same cases give %v, then %v", low, again)
	}
}
