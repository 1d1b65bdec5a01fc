package lsp_test

import (
	"context"
	"encoding/json"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp"
	"github.com/lacuna-dev/lacuna/lsp/lsptest"
)

// BenchmarkDidChangeWhileFilling measures what the read loop spends on a key typed
// into a file of 2,000 lines while a fill keeps every processor busy: p50, p99 and
// the longest. Issue 7 asks for a p99 under a millisecond.
func BenchmarkDidChangeWhileFilling(b *testing.B) {
	// A model's threads are the system's and not Go's, so the load is other processes.
	for range runtime.GOMAXPROCS(0) {
		busy := exec.Command("sh", "-c", "while :; do :; done")
		if err := busy.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _, _ = busy.Process.Kill(), busy.Wait() })
	}
	filler := lsptest.NewFiller()
	filler.Block()
	server := lsp.New(lsp.Options{Filler: func(context.Context) (infill.Filler, error) { return filler, nil }})
	editor := lsptest.Connect(b, server, lsptest.Profile{})
	editor.Initialize()
	buffer := editor.Open("a.go", twoThousandLines())
	pending := editor.AskInline(buffer, 1, nil)
	filler.Wait(b)

	var took []time.Duration
	version := 1000
	for b.Loop() {
		version++
		params, err := json.Marshal(map[string]any{
			"textDocument":   map[string]any{"uri": buffer.URI, "version": version},
			"contentChanges": []any{map[string]any{"range": map[string]any{"start": map[string]int{"line": 1000, "character": 1}, "end": map[string]int{"line": 1000, "character": version % 2 * 2}}, "text": "x"}},
		})
		if err != nil {
			b.Fatal(err)
		}
		time.Sleep(time.Millisecond) // nobody types without pause; who never waits loses its turn
		began := time.Now()
		lsp.Notify(server, "textDocument/didChange", params)
		took = append(took, time.Since(began))
	}
	filler.Release()
	pending.Wait()
	editor.Stop()
	slices.Sort(took)
	for name, share := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99, "max-ms": 1} {
		b.ReportMetric(float64(took[min(int(share*float64(len(took))), len(took)-1)].Microseconds())/1000, name)
	}
}
