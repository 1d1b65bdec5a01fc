package main

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/lacuna-dev/lacuna/infill"
)

// A model that knows the answer only when told its length, and in the second
// sample of the larger canvas.
func TestEvalCeilings(t *testing.T) {
	type attempt struct {
		oracle infill.Oracle
		seed   uint64
	}
	asked := map[attempt]int{}
	a := newTestApp(t, scripted(func(_ context.Context, r infill.Request) (infill.Result, error) {
		truth := truthOf("", string(r.Tree.Source()), r.Hole.Start)
		told := r.Oracle
		if told.Length > 0 {
			if want := len(trimEnd(truth)); told.Length != want {
				t.Errorf("told %d tokens, want %d", told.Length, want)
			}
			told.Length = 1
		}
		asked[attempt{told, r.Seed}]++
		if r.Oracle.Length > 0 || r.Oracle.Canvas == 16 && r.Seed == 1 {
			return fillsWith(r, truth), nil
		}
		return fillsWith(r, "zzz"), nil
	}))
	a.run(t, 0, "eval", "--lang", "go", "--no-types", "--corpus", corpusDir(t), "--kinds", "line", "--holes", "4", "--ceilings", "--json")
	var report evalReport
	if err := json.Unmarshal(a.out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	for _, ceilings := range []*ceilingScores{report.Result.Ceilings, report.Result.KindCeilings[cutLine], report.Result.ByLanguage["go"].Ceilings} {
		if ceilings == nil {
			t.Fatalf("ceilings are missing:\n%s", a.out)
		}
		if ceilings.AsIs.Exact.Hits != 0 || ceilings.Length.Exact.Hits != 4 || ceilings.Best.Exact.Hits != 4 {
			t.Errorf("exact as it is, with the length, best: %+v", ceilings)
		}
		// Two forward passes a fill: see fillsWith.
		if ceilings.Length.Extra.Mean != 0 || ceilings.Best.Extra.Mean != 14 {
			t.Errorf("extra forwards %v and %v, want 0 and 14", ceilings.Length.Extra.Mean, ceilings.Best.Extra.Mean)
		}
	}
	want := []attempt{{}, {oracle: infill.Oracle{Length: 1}}}
	for seed := range uint64(4) {
		want = append(want, attempt{infill.Oracle{Canvas: 8}, seed}, attempt{infill.Oracle{Canvas: 16}, seed})
	}
	for _, w := range want {
		if asked[w] != 4 {
			t.Errorf("%+v asked %d times, want 4", w, asked[w])
		}
	}
	if len(asked) != len(want) {
		t.Errorf("%d kinds of requests, want %d: %v", len(asked), len(want), asked)
	}
}

func TestBestSample(t *testing.T) {
	nothing := sampleFill{}
	blank := sampleFill{Shown: true}
	half := sampleFill{Shown: true, Similarity: 0.5}
	nearly := sampleFill{Shown: true, Similarity: 0.9}
	exact := sampleFill{Shown: true, Similarity: 1, Exact: true}
	ascending := []sampleFill{nothing, blank, half, nearly, exact}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := a.compare(b); (got > 0) != (i > j) || (got < 0) != (i < j) {
				t.Errorf("%+v against %+v: %d", a, b, got)
			}
		}
	}
}

func TestNoCeilings(t *testing.T) {
	if got := sumUpCeilings([]evalRecord{{Exact: true}}); got != nil {
		t.Errorf("ceilings of records without: %+v", got)
	}
}
