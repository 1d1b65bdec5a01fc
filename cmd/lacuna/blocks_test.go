package main

import (
	"path/filepath"
	"testing"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
)

// TestBlocks: the embedded model writes more than its largest canvas holds, the same
// again and through an engine of another process, and what surrounds the hole stays
// cached meanwhile.
func TestBlocks(t *testing.T) {
	socket := filepath.Join(shortDir(t), "engine")
	serving(t, "--socket", socket)
	own, err := openEngine(engineFlags{Device: "cpu", Fused: "off"})
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	tree, err := grammars.Parse(language(t, "go"), benchSource)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	hole := tree.Cursor(typedLines()[0].End)
	hole.Multiline = true
	fill := func(e *engine, oracle infill.Oracle) (infill.Result, string) {
		t.Helper()
		written := ""
		result, err := e.Filler.Fill(t.Context(), infill.Request{
			Document: "a", Path: "ledger/ledger.go", Tree: tree, Hole: hole, Oracle: oracle, MaxSteps: 2,
			OnStep: func(s infill.Step) {
				written = ""
				for _, run := range s.Draft {
					written += run.Text
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return result, written
	}
	told := infill.Oracle{Length: 100}
	first, written := fill(own, told)
	if n := len(own.Tokens.Encode(written)); first.Tokens != 100 || first.Steps != 4 || n <= 64 { // encoded at once it may be fewer than 100
		t.Errorf("got %d tokens in %d steps, and a text of %d", first.Tokens, first.Steps, n)
	}
	if next, _ := fill(own, infill.Oracle{}); next.Prefill.LeftComputed > 0 || next.Prefill.RightComputed > 0 {
		t.Errorf("the blocks have taken the cache of what surrounds the hole: %+v", next.Prefill)
	}
	for _, e := range []*engine{own, openShared(t, socket)} {
		if again, text := fill(e, told); text != written || again.Tokens != 100 || again.Text != first.Text {
			t.Errorf("first %q, then %q", written, text)
		}
	}
}
