package sched

import (
	"context"
	"testing"

	"github.com/lacuna-dev/lacuna/infill"
)

// stepGraph is a graph of the small model's dimensions that computes nothing, so that
// only what is around a run is measured.
type stepGraph struct{}

func (stepGraph) Model() Model {
	return Model{Name: "step", Vocab: 4096, Layers: 7, KVHeads: 2, HeadDim: 64, TopK: 8, LeftWindow: 352, RightWindow: 224, Canvases: []int{8, 16}}
}

func (stepGraph) Run(_ context.Context, call *Call, result *Result) error {
	result.Size(len(call.Head), 8)
	return nil
}

// BenchmarkDenoise is a step of two canvases, of 8 and 16 slots.
func BenchmarkDenoise(b *testing.B) {
	s := New(stepGraph{}, Config{})
	defer s.Close()
	held, err := s.Prefill(b.Context(), "a", make([]infill.Token, 300), make([]infill.Token, 200))
	if err != nil {
		b.Fatal(err)
	}
	defer held.Release()
	canvases := [][]infill.Token{make([]infill.Token, 8), make([]infill.Token, 16)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := held.Denoise(b.Context(), canvases); err != nil {
			b.Fatal(err)
		}
	}
}
