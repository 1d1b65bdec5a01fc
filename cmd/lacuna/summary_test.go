package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSumUp(t *testing.T) {
	got := sumUp([]evalRecord{
		{Shown: true, Exact: true, FirstLine: true, Similarity: 1, Parses: true, Steps: 2, Forwards: 3, Tokens: 6, elapsed: time.Millisecond},
		{Shown: true, Similarity: 0.5, Parses: false, Steps: 4, Forwards: 5, Tokens: 10, elapsed: 5 * time.Millisecond},
		{Steps: 6, Forwards: 8, elapsed: 3 * time.Millisecond},
	})
	want := evalScore{
		Holes: 3,
		Shown: newRate(2, 3), Exact: newRate(1, 3), FirstLine: newRate(1, 3),
		Parses: newRate(1, 2), ExactShown: newRate(1, 2),
		Types:      newRate(0, 0),
		Similarity: newMean([]float64{1, 0.5, 0}).share(),
		Length:     lengthScore{Near: newRate(2, 2), Difference: newMean([]float64{0, 0})},
		Steps:      newMean([]float64{2, 4, 6}), Forwards: newMean([]float64{3, 5, 8}),
		TokensPerForward: newRatio([]float64{6, 10, 0}, []float64{3, 5, 8}),
		P50:              3, P95: 5,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if empty := sumUp(nil); empty.Holes != 0 || empty.Similarity != (mean{}) {
		t.Errorf("no records: %+v", empty)
	}
}

func TestLengthAccuracy(t *testing.T) {
	fill := func(tokens, of int) evalRecord {
		return evalRecord{Shown: true, FillTokens: tokens, TruthTokens: of}
	}
	for _, test := range []struct {
		name       string
		records    []evalRecord
		near, of   int
		difference float64
	}{
		{"right", []evalRecord{fill(5, 5)}, 1, 1, 0},
		{"three off is near", []evalRecord{fill(8, 5), fill(2, 5)}, 2, 2, 0},
		{"four off is not", []evalRecord{fill(9, 5), fill(1, 5)}, 0, 2, 0},
		{"too short on average", []evalRecord{fill(5, 5), fill(1, 11)}, 1, 2, -5},
		{"what is not shown has no length", []evalRecord{fill(5, 5), {TruthTokens: 40}}, 1, 1, 0},
	} {
		got := sumUp(test.records).Length
		if got.Near.Hits != test.near || got.Near.Of != test.of || got.Difference.Mean != test.difference {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestBreakDown(t *testing.T) {
	b := breakDown([]evalRecord{
		{Kind: cutRest, length: 1},
		{Kind: cutRest, length: 4},
		{Kind: cutBlock, length: 5},
		{Kind: cutBlock, length: 63},
		{Kind: cutBlock, length: 64},
		{Kind: cutBlock, length: 900},
	})
	holes := map[string]int{}
	for _, rows := range [][]scoreRow{b.kindRows(), b.lengthRows()} {
		for _, row := range rows {
			holes[row.name] = row.Holes
		}
	}
	want := map[string]int{"rest": 2, "block": 4, "total": 6, "1-4": 2, "5-8": 1, "33-63": 1, "64 and more": 2}
	if diff := cmp.Diff(want, holes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
