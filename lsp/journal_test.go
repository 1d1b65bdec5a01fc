package lsp

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/lacuna-dev/lacuna/infill"
)

// ask enters a request at a line, and returns its record and what ends its context.
func (j *journal) ask(t *testing.T, line uint32) (*record, context.CancelCauseFunc) {
	t.Helper()
	c := &call{}
	c.ctx, c.cancel = context.WithCancelCause(t.Context())
	p := &protocol.TextDocumentPositionParams{}
	p.Position.Line = line
	return j.begin(c, p, true, false), c.cancel
}

func TestJournalForgetsTheOldest(t *testing.T) {
	var j journal
	for line := range uint32(3 * journalSize / 2) {
		r, _ := j.ask(t, line)
		r.end(outcomeNothing, fmt.Sprint(line))
	}
	latest := j.latest(1000)
	if len(latest) != journalSize {
		t.Fatalf("%d are remembered, want %d", len(latest), journalSize)
	}
	for i, e := range latest {
		if want := uint32(3*journalSize/2 - 1 - i); e.Line != want || e.Reason != fmt.Sprint(want) {
			t.Fatalf("the %d. newest is line %d, %q; want line %d", i, e.Line, e.Reason, want)
		}
	}
	if got := j.latest(2); len(got) != 2 || got[0].Line != latest[0].Line {
		t.Errorf("the latest two are %+v", got)
	}
	if got := j.count(); got.Asked != 3*journalSize/2 || got.Nothing != got.Asked {
		t.Errorf("counts %+v", got)
	}
}

// A request may be over before its task begins: the reason is that of its context.
func TestJournalOfRequestThatNeverRan(t *testing.T) {
	var j journal
	_, cancel := j.ask(t, 7)
	cancel(errSuperseded)
	for j.latest(1)[0].Outcome == outcomePending {
		runtime.Gosched() // the context tells from a goroutine of its own
	}
	if e := j.latest(1)[0]; e.Outcome != outcomeEnded || e.Reason != errSuperseded.Error() {
		t.Errorf("it says %s, %q", e.Outcome, e.Reason)
	}
}

// Of several fills the first is what is shown first, also if it cost the model nothing.
func TestJournalOfSeveralFills(t *testing.T) {
	var j journal
	r, _ := j.ask(t, 7)
	r.filled(infill.Result{Precedent: true, Confidence: 0.8, Tokens: 3})
	r.filled(infill.Result{Confidence: 0.1, Tokens: 9, Steps: 4, Forwards: 6})
	if e := j.latest(1)[0]; !e.Precedent || e.Confidence != 0.8 || e.Tokens != 3 || e.Steps != 0 || e.Forwards != 6 {
		t.Errorf("it says %+v", e)
	}
}

func TestJournalOfTask(t *testing.T) {
	item := &protocol.InlineCompletionList{Items: []protocol.InlineCompletionItem{{}}}
	tests := []struct {
		name    string
		run     task
		outcome string
		reason  string
	}{
		{"an item", func(context.Context) (any, error) { return item, nil }, outcomeShown, ""},
		{"no item", func(context.Context) (any, error) { return &protocol.InlineCompletionList{}, nil }, outcomeNothing, ""},
		{"a changed document", func(context.Context) (any, error) { return nil, errModified }, outcomeEnded, errModified.Error()},
		{"an error", func(context.Context) (any, error) { return nil, errors.New("no room") }, outcomeFailed, "no room"},
		{"a panic", func(context.Context) (any, error) { panic("oh") }, outcomeFailed, "the server panicked; its log says more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var j journal
			r, cancel := j.ask(t, 0)
			func() {
				defer func() { _ = recover() }()
				_, _ = r.follow(tt.run)(t.Context())
			}()
			cancel(errCancelled) // too late to change anything
			e := j.latest(1)[0]
			if e.Outcome != tt.outcome || e.Reason != tt.reason {
				t.Errorf("it says %s, %q; want %s, %q", e.Outcome, e.Reason, tt.outcome, tt.reason)
			}
		})
	}
}
