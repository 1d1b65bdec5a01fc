package main

import (
	"runtime"
	"sync"
	"time"

	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/runtime/ort"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// machine is what this machine does, and what the model asks of it.
type machine struct {
	ort.Ceiling
	Bandwidth   float64 `json:"bytes"`        // read and written a second by copying, all processors together
	WeightBytes int     `json:"weight_bytes"` // of the graph; it is read once a forward pass
	Quantized   bool    `json:"quantized"`    // its layers are products of bytes
	model       sched.Model
}

// floor is the least that a fill costs.
type floor struct {
	Operations   float64 `json:"operations"` // a multiplication and an addition are two
	Bytes        float64 `json:"bytes"`      // weights and caches, read once a forward pass
	Milliseconds float64 `json:"ms"`
}

// measureMachine takes about a second. The ceiling is of the library that the
// engine uses and of as many threads.
func measureMachine(e *engine, bundle *models.Bundle, threads int) (*machine, error) {
	m := &machine{WeightBytes: len(bundle.Graph), Quantized: bundle.Manifest.Precision != "fp32"}
	var err error
	if m.model, err = modelOf(bundle); err != nil {
		return nil, err
	}
	if m.Ceiling, err = ort.MeasureCeiling(ort.Config{Library: e.Library, Threads: threads}, time.Second); err != nil {
		return nil, err
	}
	m.Bandwidth = copyBandwidth()
	return m, nil
}

// copyBandwidth copies blocks that no cache holds, on all processors, and takes the best
// copy of each.
func copyBandwidth() float64 {
	const size, rounds = 64 << 20, 6
	var mu sync.Mutex
	total := 0.0
	var group sync.WaitGroup
	for range runtime.NumCPU() {
		group.Go(func() {
			from, to := make([]byte, size), make([]byte, size)
			for i := 0; i < size; i += 1024 { // pages that were never written are all the same one
				from[i], to[i] = 1, 1
			}
			best := time.Duration(0)
			for range rounds {
				started := time.Now()
				copy(to, from)
				if took := time.Since(started); best == 0 || took < best {
					best = took
				}
			}
			mu.Lock()
			total += 2 * size / best.Seconds() // read and written
			mu.Unlock()
		})
	}
	group.Wait()
	return total
}

// floor is of a canvas of so many slots behind streams of so many tokens, for a
// number of forward passes. Of blocks it is that of the mean block, without what it takes
// to encode those before it.
func (m *machine) floor(slots, streams int, forwards float64) floor {
	s := m.model
	inner, kv := s.Heads*s.HeadDim, s.KVHeads*s.HeadDim
	weights := s.Layers*s.Width*(2*inner+2*kv+3*s.FFN) + s.Vocab*s.Width // of one token
	attention := s.Layers * 2 * inner * (streams + slots)                // scores and values
	perSecond := m.Float
	if m.Quantized {
		perSecond = max(m.Float, m.Integer)
	}
	products, scores := 2*forwards*float64(slots*weights), 2*forwards*float64(slots*attention)
	bytes := forwards * float64(m.WeightBytes+streams*s.Layers*2*kv*4)
	seconds := max(products/perSecond+scores/m.Float, bytes/m.Bandwidth) // attention is never quantized
	return floor{Operations: products + scores, Bytes: bytes, Milliseconds: round(1000*seconds, 3)}
}
