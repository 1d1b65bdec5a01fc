package infill

import (
	"math"
	"testing"
)

func TestCalibration(t *testing.T) {
	var none *Calibration
	if got := none.of(0.42, 7); got != 0.42 {
		t.Errorf("without a calibration 0.42 becomes %v", got)
	}
	// models/train/tests/test_calibrate.py has the same figures.
	c := &Calibration{Bias: -1, Confidence: 1.5, Tokens: -0.8}
	for _, tt := range []struct {
		p      float64
		tokens int
		want   float64
	}{{0.5, 1, 0.268941}, {0.9, 8, 0.653007}, {1, 2, 0.999995}, {0, 0, 0}} {
		if got := c.of(tt.p, tt.tokens); math.Abs(got-tt.want) > 1e-5 {
			t.Errorf("of(%v, %d) = %v, want %v", tt.p, tt.tokens, got, tt.want)
		}
	}
}
