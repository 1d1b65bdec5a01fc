package main

import (
	"math"
	"testing"
)

func TestGates(t *testing.T) {
	records := []evalRecord{
		{Shown: true, Exact: true, Confidence: 0.95, Similarity: 1},
		{Shown: true, Confidence: 0.45, Similarity: 0.5},
		{Shown: true, Confidence: 0.05},
		{Confidence: 0.9}, // held back for another reason
	}
	for _, g := range gates(records) {
		want := map[float64][2]float64{0: {0.75, 1. / 3}, 0.1: {0.5, 0.5}, 0.4: {0.5, 0.5}, 0.5: {0.25, 1}, 0.9: {0.25, 1}}
		if w, ok := want[g.MinConfidence]; ok && (math.Abs(g.Shown.Rate-w[0]) > 1e-3 || math.Abs(g.Exact.Rate-w[1]) > 1e-3) {
			t.Errorf("at %v: shown %v, exact of shown %v, want %v", g.MinConfidence, g.Shown.Rate, g.Exact.Rate, w)
		}
	}
}

func TestCalibrate(t *testing.T) {
	fills := func(n int, confidence float64, exact int) (out []evalRecord) {
		for i := range n {
			out = append(out, evalRecord{Shown: true, Confidence: confidence, Exact: i < exact})
		}
		return out
	}
	join := func(parts ...[]evalRecord) (out []evalRecord) {
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	for _, test := range []struct {
		name    string
		records []evalRecord
		want    float64 // expected calibration error
		bins    map[int][2]int
	}{
		{"nothing", nil, 0, nil},
		{"nothing shown", []evalRecord{{Confidence: 0.9}}, 0, nil},
		{"as sure as right", fills(10, 0.3, 3), 0, map[int][2]int{3: {3, 10}}},
		{"too sure", fills(10, 0.95, 2), 0.75, map[int][2]int{9: {2, 10}}},
		{"certain and right", fills(4, 1, 4), 0, map[int][2]int{9: {4, 4}}},
		// (5 * |0.4-0.2| + 15 * |0.6-0.75|) / 20
		{"two bins", join(fills(5, 0.2, 2), fills(15, 0.75, 9)), 0.1625, map[int][2]int{2: {2, 5}, 7: {9, 15}}},
		// Within a bin, too sure here makes up for not sure enough there.
		{"one bin", join(fills(1, 0.5, 0), fills(1, 0.5, 1)), 0, map[int][2]int{5: {1, 2}}},
	} {
		got := calibrate(test.records)
		if math.Abs(got.Error.Mean-test.want) > 1e-4 {
			t.Errorf("%s: error %v, want %v", test.name, got.Error.Mean, test.want)
		}
		if len(test.records) > 1 && (got.Error.Low > got.Error.Mean+0.1 || got.Error.High < got.Error.Mean) {
			t.Errorf("%s: interval %+v", test.name, got.Error)
		}
		for i, bin := range got.Bins {
			if want := test.bins[i]; bin.Exact.Hits != want[0] || bin.Exact.Of != want[1] {
				t.Errorf("%s: bin %d has %d of %d exact, want %v", test.name, i, bin.Exact.Hits, bin.Exact.Of, want)
			}
		}
	}
}

func TestCoverage(t *testing.T) {
	points := coverage([]evalRecord{
		{Shown: true, Confidence: 0.5},
		{Shown: true, Confidence: 0.9, Exact: true},
		{Shown: true, Confidence: 0.5, Exact: true},
		{Confidence: 1},
	})
	want := [][4]int{{1, 4, 1, 1}, {3, 4, 2, 3}} // the two of equal confidence together
	if len(points) != len(want) {
		t.Fatalf("%d points, want %d: %+v", len(points), len(want), points)
	}
	for i, p := range points {
		if got := [4]int{p.Shown.Hits, p.Shown.Of, p.Exact.Hits, p.Exact.Of}; got != want[i] {
			t.Errorf("point %d: %v, want %v", i, got, want[i])
		}
	}
}
