//go:build unix

package ort

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// BenchmarkThreads measures what a fill of one line needs, by the number of threads and
// by how they wait: a denoising step over canvases of 8 and 16 slots behind full windows, and
// 64 tokens of prefill. Beside the time it reports the processor's.
func BenchmarkThreads(b *testing.B) {
	for _, threads := range []int{1, 2, 4} {
		for _, spin := range []bool{false, true} {
			config := defaultConfig(b)
			config.Threads, config.Spin = threads, spin
			graph, err := Open(config)
			if err != nil {
				b.Fatal(err)
			}
			name := fmt.Sprintf("%d threads that %s", threads, map[bool]string{false: "sleep", true: "spin"}[spin])
			b.Run(name+"/step", func(b *testing.B) { benchStep(b, graph) })
			b.Run(name+"/prefill", func(b *testing.B) { benchPrefill(b, graph) })
			if err := graph.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func benchStep(b *testing.B, graph *Session) {
	s := sched.New(graph, sched.Config{})
	defer s.Close()
	rng := rand.New(rand.NewPCG(5, 6))
	model := graph.Model()
	c, err := s.Prefill(b.Context(), "a", randomTokens(rng, model.LeftWindow, model), randomTokens(rng, model.RightWindow, model))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Release()
	canvases := [][]infill.Token{randomTokens(rng, 8, model), randomTokens(rng, 16, model)}
	reportCPU(b, func() {
		if _, err := c.Denoise(b.Context(), canvases); err != nil {
			b.Fatal(err)
		}
	})
}

func benchPrefill(b *testing.B, graph *Session) {
	s := sched.New(graph, sched.Config{})
	defer s.Close()
	rng := rand.New(rand.NewPCG(7, 8))
	model := graph.Model()
	left, right := randomTokens(rng, model.LeftWindow-64, model), randomTokens(rng, model.RightWindow, model)
	reportCPU(b, func() {
		more := append(left[:len(left):len(left)], randomTokens(rng, 64, model)...)
		c, err := s.Prefill(b.Context(), "a", more, right)
		if err != nil {
			b.Fatal(err)
		}
		c.Release()
	})
}

// reportCPU runs what is measured and reports the time and the processor's time.
func reportCPU(b *testing.B, run func()) {
	run() // once unmeasured: what is allocated at first, and the common part of a prefill
	before := processorTime(b)
	for b.Loop() {
		run()
	}
	n := float64(b.N)
	b.ReportMetric(b.Elapsed().Seconds()*1000/n, "ms")
	b.ReportMetric((processorTime(b)-before).Seconds()*1000/n, "cpu-ms")
	b.ReportMetric(0, "ns/op")
}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
