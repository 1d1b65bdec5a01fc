package main

import (
	"math"
	"testing"
)

// The values are those of the exact binomial test, summed up in whole numbers.
func TestMcNemar(t *testing.T) {
	for _, test := range []struct {
		b, c int
		want float64
	}{
		{0, 0, 1},
		{1, 0, 1},
		{3, 3, 1},
		{5, 0, 0.0625},
		{0, 5, 0.0625},
		{10, 2, 0.03857422},
		{15, 30, 0.03569780},
		{10, 0, 0.001953125},
		{600, 500, 0.00281954},
	} {
		if got := mcNemar(test.b, test.c); math.Abs(got-test.want) > 1e-6 {
			t.Errorf("%d against %d: %v, want %v", test.b, test.c, got, test.want)
		}
	}
}

func TestPair(t *testing.T) {
	exact := evalRecord{Shown: true, Exact: true, Similarity: 1}
	good := evalRecord{Shown: true, Similarity: 0.75}
	bad := evalRecord{Shown: true, Similarity: 0.25}
	nothing := evalRecord{}
	repeat := func(n int, r ...evalRecord) (out []evalRecord) {
		for range n {
			out = append(out, r...)
		}
		return out
	}
	for _, test := range []struct {
		name          string
		first, second []evalRecord
		want          pairedScore // without intervals
		sure          bool        // the interval of the similarity leaves out zero
	}{
		{"nothing", nil, nil, pairedScore{P: 1}, false},
		{"each kind of outcome",
			[]evalRecord{exact, exact, bad, good, nothing, good},
			[]evalRecord{exact, good, exact, bad, bad, good},
			pairedScore{Holes: 6, Wins: 2, Losses: 2, Ties: 2, Both: 1, OnlyResult: 1, OnlyBaseline: 1, Similarity: mean{Mean: -0.0417}, P: 1}, false},
		{"always better",
			repeat(10, exact), repeat(10, good),
			pairedScore{Holes: 10, Wins: 10, OnlyResult: 10, Exact: mean{Mean: 1}, Similarity: mean{Mean: 0.25}, P: 0.001953}, true},
		{"better as often as worse",
			repeat(8, good, bad), repeat(8, bad, good),
			pairedScore{Holes: 16, Wins: 8, Losses: 8, P: 1}, false},
		{"as far as both have come",
			[]evalRecord{good, good, good}, []evalRecord{good},
			pairedScore{Holes: 1, Ties: 1, P: 1}, false},
	} {
		got := pair(test.first, test.second)
		if low, high := got.Similarity.Low, got.Similarity.High; (low > 0 || high < 0) != test.sure || low > got.Similarity.Mean || high < got.Similarity.Mean {
			t.Errorf("%s: interval of the similarity %+v", test.name, got.Similarity)
		}
		got.Exact, got.Similarity = mean{Mean: got.Exact.Mean}, mean{Mean: got.Similarity.Mean}
		if got != test.want {
			t.Errorf("%s: %+v, want\n%+v", test.name, got, test.want)
		}
	}
}

// What two models have in common takes no part: pairing is much surer than two
// intervals side by side.
func TestPairedBootstrap(t *testing.T) {
	var first, second []evalRecord
	for i := range 100 {
		easy := float64(i) / 100
		first = append(first, evalRecord{Shown: true, Similarity: 0.02 + 0.9*easy})
		second = append(second, evalRecord{Shown: true, Similarity: 0.9 * easy})
	}
	got := pair(first, second).Similarity
	if got.Low < 0.019 || got.High > 0.021 {
		t.Errorf("difference %+v, want 0.02 without doubt", got)
	}
	if a, b := sumUp(first).Similarity, sumUp(second).Similarity; a.Low > b.High {
		t.Errorf("the means alone tell the models apart, which shows nothing: %+v and %+v", a, b)
	}
}
