//go:build unix

package ort

import (
	"fmt"
	"slices"
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
	c, random := prefilled(b, graph)
	canvases := [][]infill.Token{random(8), random(16)}
	reportCPU(b, func() {
		if _, err := c.Denoise(b.Context(), canvases); err != nil {
			b.Fatal(err)
		}
	})
}

func benchPrefill(b *testing.B, graph *Session) {
	random := tokensFor(graph)
	s := sched.New(graph, sched.Config{})
	defer s.Close()
	left, right := random(graph.Model().LeftWindow-64), random(graph.Model().RightWindow)
	reportCPU(b, func() {
		c, err := s.Prefill(b.Context(), "a", slices.Concat(left, random(64)), right)
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
