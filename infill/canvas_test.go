package infill

import (
	"math"
	"testing"
)

func TestEntropy(t *testing.T) {
	ln := func(p float64) float32 { return float32(math.Log(p)) }
	for _, test := range []struct {
		logProbs []float32
		want     float64
	}{
		{[]float32{ln(1)}, 0},
		{[]float32{ln(0.5), ln(0.5)}, math.Ln2},
		{[]float32{ln(0.25), ln(0.25)}, 2*0.25*math.Log(4) + 0.5*math.Ln2}, // the rest is one more
	} {
		if got := entropy(test.logProbs); math.Abs(got-test.want) > 1e-6 {
			t.Errorf("entropy of %v is %v, want %v", test.logProbs, got, test.want)
		}
	}
}

// TestEntropyBound: with a bound fewer steps are taken; without one an unsure model
// settles a slot a step.
func TestEntropyBound(t *testing.T) {
	unsure := func(_, slot int) float64 { return 0.9 - float64(slot)/50 }
	steps := func(bound float64) int {
		t.Helper()
		got, err := fillAt(t, &scripted{answer: "a + b", second: "(((((", sure: unsure}, function, Options{Threshold: 0.99, Entropy: bound, Line: []int{8}, MaxSteps: 20}, nil)
		if err != nil || got.Fill != "a + b" {
			t.Fatalf("%+v, %v", got, err)
		}
		return got.Steps
	}
	none, some, all := steps(0), steps(0.6), steps(100)
	if none <= some || some <= all || all > 2 {
		t.Errorf("%d steps without a bound, %d with one, %d with one that bounds nothing", none, some, all)
	}
}
