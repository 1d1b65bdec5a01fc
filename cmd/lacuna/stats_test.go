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
