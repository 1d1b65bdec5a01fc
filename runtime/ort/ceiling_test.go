package ort

import (
	"testing"
	"time"
)

func TestMeasureCeiling(t *testing.T) {
	c, err := MeasureCeiling(defaultConfig(t), 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if c.Float <= 0 || c.Integer <= 0 {
		t.Errorf("a processor that does nothing: %+v", c)
	}
	t.Logf("%.1f and %.1f billions a second", c.Float/1e9, c.Integer/1e9)
}
