package lsptest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
)

// Filler does what a script says in place of a model.
type Filler struct {
	mu       sync.Mutex // guards what follows
	answer   func(infill.Request) (infill.Result, error)
	gate     chan struct{} // Fill waits for it to be closed; nil lets pass
	requests []infill.Request
	entered  chan infill.Request
}

// NewFiller makes a filler that has nothing to say.
func NewFiller() *Filler {
	f := &Filler{entered: make(chan infill.Request, 1000)}
	f.Answer(func(infill.Request) (infill.Result, error) {
		return infill.Result{Reason: "the script says nothing"}, nil
	})
	return f
}

// Answer sets what Fill returns from now on.
func (f *Filler) Answer(answer func(infill.Request) (infill.Result, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// Says answers with a text for the hole.
func (f *Filler) Says(text string) {
	f.Answer(func(r infill.Request) (infill.Result, error) {
		return infill.Result{Start: r.Hole.Start, End: r.Hole.End, Text: r.Hole.Lead + text + r.Hole.Trail, Fill: text, Confidence: 1, Parses: true, Steps: 1}, nil
	})
}

// Murmurs answers with a text it is sure of to the given degree, if that is
// enough for who asks.
func (f *Filler) Murmurs(confidence float64, text string) {
	f.Answer(func(r infill.Request) (infill.Result, error) {
		if confidence < r.MinConfidence {
			return infill.Result{Reason: infill.ReasonUnsure}, nil
		}
		return infill.Result{Start: r.Hole.Start, End: r.Hole.End, Text: text, Fill: text, Confidence: confidence}, nil
	})
}

// Replaces answers with a text that goes before bytes in front of the hole and
// after bytes behind it.
func (f *Filler) Replaces(before, after int, text string) {
	f.Answer(func(r infill.Request) (infill.Result, error) {
		return infill.Result{Start: r.Hole.Start - before, End: r.Hole.End + after, Text: text, Fill: text, Confidence: 1}, nil
	})
}

// Opinions answers with a text for each seed, from 0; the last one is for all
// that follow.
func (f *Filler) Opinions(texts []string) {
	f.Answer(func(r infill.Request) (infill.Result, error) {
		text := texts[min(int(r.Seed), len(texts)-1)]
		return infill.Result{Start: r.Hole.Start, End: r.Hole.End, Text: r.Hole.Lead + text + r.Hole.Trail, Fill: text, Confidence: 1, Steps: 1, Forwards: 1}, nil
	})
}

// Weighs answers with the first of its texts that was not rejected.
func (f *Filler) Weighs(texts []string) {
	f.Answer(func(r infill.Request) (infill.Result, error) {
		for _, text := range texts {
			if r.Rejected == nil || !r.Rejected(r.Hole.Start, r.Hole.End, text) {
				return infill.Result{Start: r.Hole.Start, End: r.Hole.End, Text: text, Fill: text, Confidence: 1}, nil
			}
		}
		return infill.Result{Reason: infill.ReasonRejected}, nil
	})
}

// Fails answers with an error.
func (f *Filler) Fails(message string) {
	f.Answer(func(infill.Request) (infill.Result, error) { return infill.Result{}, errors.New(message) })
}

// Block makes Fill wait until Release or until its context ends.
func (f *Filler) Block() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gate = make(chan struct{})
}

// Release lets pass who waits, and everyone after.
func (f *Filler) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gate != nil {
		close(f.gate)
		f.gate = nil
	}
}

// Wait waits until Fill is entered, once for each time.
func (f *Filler) Wait(t testing.TB) infill.Request {
	t.Helper()
	select {
	case r := <-f.entered:
		return r
	case <-time.After(patience):
		t.Fatal("the model was not asked")
		return infill.Request{}
	}
}

// Last is the latest request, the zero one before any.
func (f *Filler) Last() infill.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.requests) == 0 {
		return infill.Request{}
	}
	return f.requests[len(f.requests)-1]
}

// Fill implements infill.Filler.
func (f *Filler) Fill(ctx context.Context, r infill.Request) (infill.Result, error) {
	f.mu.Lock()
	answer, gate := f.answer, f.gate
	f.requests = append(f.requests, r)
	f.mu.Unlock()
	f.entered <- r
	if r.OnStep != nil {
		r.OnStep(infill.Step{Number: 1, Settled: 1, Slots: 2, Draft: []infill.Run{{Text: "x"}, {Masked: 1}}})
	}
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return infill.Result{}, ctx.Err()
		}
	}
	return answer(r)
}
