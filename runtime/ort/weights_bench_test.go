//go:build unix

package ort

import (
	"flag"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

var weightBundles = flag.String("bundles", "", "comma-separated folders of bundles that BenchmarkWeights sets side by side; default: the embedded one")

// BenchmarkWeights sets bundles side by side that hold the same weights in different
// ways (models/train/export.py --precision): a denoising step over canvases of 8 and 16
// slots behind full windows, 64 tokens of prefill, and one token. They take turns of a
// few runs, so that whatever else the machine does meets all of them and the processor's caches are as warm
// as in a fill; what is reported are the medians, of the
// time and of the processor's.
func BenchmarkWeights(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(map[int]string{1: "1 thread", 2: "2 threads"}[threads], func(b *testing.B) {
			var subjects []*weightSubject
			for _, bundle := range benchBundles(b) {
				subjects = append(subjects, newWeightSubject(b, bundle, threads))
			}
			for b.Loop() {
				for _, s := range subjects {
					s.turn(b)
				}
			}
			for _, s := range subjects {
				for part, times := range s.times {
					slices.Sort(times)
					b.ReportMetric(times[len(times)/2].Seconds()*1000, s.precision+"-"+part)
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func benchBundles(b *testing.B) []*models.Bundle {
	if *weightBundles == "" {
		bundle, err := models.Default()
		if err != nil {
			b.Fatal(err)
		}
		return []*models.Bundle{bundle}
	}
	var bundles []*models.Bundle
	for folder := range strings.SplitSeq(*weightBundles, ",") {
		bundle, err := models.Load(filepath.Clean(folder))
		if err != nil {
			b.Fatal(err)
		}
		bundles = append(bundles, bundle)
	}
	return bundles
}

// weightSubject is a bundle that is measured.
type weightSubject struct {
	precision string
	context   infill.Context
	scheduler *sched.Scheduler
	random    func(int) []infill.Token
	model     sched.Model
	streams   [2][]infill.Token // that its prefills have in common
	times     map[string][]time.Duration
}

func newWeightSubject(b *testing.B, bundle *models.Bundle, threads int) *weightSubject {
	config := defaultConfig(b)
	config.Graph, config.TokenizerSHA256, config.Threads = bundle.Graph, bundle.TokenizerSHA256(), threads
	graph, err := Open(config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = graph.Close() })
	s := &weightSubject{precision: bundle.Manifest.Precision, model: graph.Model(), times: map[string][]time.Duration{}}
	s.context, s.random = prefilled(b, graph)
	s.scheduler = sched.New(graph, sched.Config{})
	b.Cleanup(s.scheduler.Close)
	s.streams = [2][]infill.Token{s.random(s.model.LeftWindow - 64), s.random(s.model.RightWindow)}
	s.prefill(b, "", 64) // what they have in common
	return s
}

func (s *weightSubject) turn(b *testing.B) {
	const runs = 5
	for range runs {
		s.measure(b, "step", func() {
			if _, err := s.context.Denoise(b.Context(), [][]infill.Token{s.random(8), s.random(16)}); err != nil {
				b.Fatal(err)
			}
		})
	}
	for range runs {
		s.prefill(b, "prefill", 64)
	}
	for range runs {
		s.prefill(b, "token", 1)
	}
}

// prefill computes so many tokens at the end of the left stream.
func (s *weightSubject) prefill(b *testing.B, part string, tokens int) {
	left := slices.Concat(s.streams[0], s.random(tokens))
	s.measure(b, part, func() {
		c, err := s.scheduler.Prefill(b.Context(), "a", left, s.streams[1])
		if err != nil {
			b.Fatal(err)
		}
		c.Release()
	})
}

func (s *weightSubject) measure(b *testing.B, part string, run func()) {
	b.Helper()
	began, before := time.Now(), processorTime(b)
	run()
	if part != "" {
		s.times[part+"-ms"] = append(s.times[part+"-ms"], time.Since(began))
		s.times[part+"-cpu-ms"] = append(s.times[part+"-cpu-ms"], processorTime(b)-before)
	}
}
