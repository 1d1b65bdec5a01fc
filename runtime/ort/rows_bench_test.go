package ort

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// BenchmarkRows measures a denoising step over one canvas of 32 slots and over more
// at once, behind full windows: what batches of several requests could gain.
func BenchmarkRows(b *testing.B) {
	graph := openDefault(b)
	s := sched.New(graph, sched.Config{})
	defer s.Close()
	rng := rand.New(rand.NewPCG(5, 6))
	model := graph.Model()
	c, err := s.Prefill(b.Context(), "a", randomTokens(rng, model.LeftWindow, model), randomTokens(rng, model.RightWindow, model))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Release()
	for _, rows := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			canvases := make([][]infill.Token, rows)
			for i := range canvases {
				canvases[i] = randomTokens(rng, 32, model)
			}
			for b.Loop() {
				if _, err := c.Denoise(b.Context(), canvases); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N)/float64(rows), "ms/canvas")
		})
	}
}
