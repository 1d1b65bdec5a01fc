package ort

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// tokensFor makes random tokens for a model, the same ones every time.
func tokensFor(graph *Session) func(n int) []infill.Token {
	rng := rand.New(rand.NewPCG(5, 6))
	return func(n int) []infill.Token { return randomTokens(rng, n, graph.Model()) }
}

// prefilled is a document that fills both windows of a model, and more such tokens.
func prefilled(b *testing.B, graph *Session) (infill.Context, func(n int) []infill.Token) {
	b.Helper()
	s, random := sched.New(graph, sched.Config{}), tokensFor(graph)
	b.Cleanup(s.Close)
	c, err := s.Prefill(b.Context(), "a", random(graph.Model().LeftWindow), random(graph.Model().RightWindow))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Release)
	return c, random
}

// BenchmarkRows measures a denoising step over one canvas of 32 slots and over more
// at once, behind full windows: what batches of several requests could gain.
func BenchmarkRows(b *testing.B) {
	c, random := prefilled(b, openDefault(b))
	for _, rows := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			canvases := make([][]infill.Token, rows)
			for i := range canvases {
				canvases[i] = random(32)
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
