package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/ort"
)

// peerFlags name what is set beside the engine.
type peerFlags struct {
	Server  string   `name:"llama-server" placeholder:"PATH" help:"Set llama.cpp beside it: the llama-server to run; tools/llamacpp.sh installs one and prints where it is."`
	Models  []string `name:"llama-model" placeholder:"GGUF" help:"Models that it runs; models/train/llamacpp.py writes one of the same size."`
	Threads []int    `name:"llama-threads" placeholder:"N" help:"Threads that it uses, each number in turn; default: 1 and as many as the engine."`
}

// peerTokens is how long a completion is.
const peerTokens = 16

// peerContext is what a llama-server gets for prompt and answer.
const peerContext = 4096

// peerReport sets completions side by side that follow a typed character, the caches
// warm from before it.
type peerReport struct {
	Server string    `json:"server"` // the version of llama.cpp
	Tokens int       `json:"tokens"` // of a completion
	Left   float64   `json:"left"`   // mean number of tokens before the hole, and behind it
	Right  float64   `json:"right"`
	Rows   []peerRow `json:"rows"`
}

type peerRow struct {
	Who     string `json:"who"`
	Prompt  string `json:"prompt"`
	Threads int    `json:"threads"`
	timing
	Times float64 `json:"times_denoising"` // p50, by that of the first row
}

func (f peerFlags) check() error {
	switch {
	case f.Server == "" && (len(f.Models) > 0 || len(f.Threads) > 0):
		return usageErrorf("--llama-model and --llama-threads go with --llama-server: tools/llamacpp.sh installs one and prints where it is")
	case f.Server != "" && len(f.Models) == 0:
		return usageErrorf("--llama-server needs --llama-model, which models/train/llamacpp.py writes; make bench-peer does all of it")
	}
	for _, model := range f.Models {
		if info, err := os.Stat(model); err != nil || !info.Mode().IsRegular() {
			return usageErrorf("--llama-model %s: there is no such file; models/train/llamacpp.py writes one", model)
		}
	}
	for _, n := range f.Threads {
		if n < 1 {
			return usageErrorf("--llama-threads %d: must be at least 1", n)
		}
	}
	return nil
}

// threads are the numbers that llama.cpp is measured with.
func (f peerFlags) threads(own int) []int {
	if len(f.Threads) > 0 {
		return f.Threads
	}
	return slices.Compact([]int{1, own})
}

// report is an empty one: who is measured.
func (f peerFlags) report(ctx context.Context) (*peerReport, error) {
	version, err := llamaVersion(ctx, f.Server)
	return &peerReport{Server: "llama.cpp " + version, Tokens: peerTokens}, err
}

// edit is a character typed, in the tokens of what stands before and behind it.
type edit struct {
	before, after, right []int32
}

// promptOrders are the ways to give a language model both sides of a hole. The
// tokens between the parts are the first three special ones: for time it does not matter
// what they say.
var promptOrders = []struct {
	name string
	make func(left, right []int32) []int32
}{
	{"what stands before", func(left, _ []int32) []int32 { return left }},
	{"suffix, prefix", func(left, right []int32) []int32 {
		return slices.Concat([]int32{1}, right, []int32{2}, left, []int32{3})
	}},
	{"prefix, suffix", func(left, right []int32) []int32 {
		return slices.Concat([]int32{1}, left, []int32{2}, right, []int32{3})
	}},
}

// peerRun is one row while it is measured.
type peerRun struct {
	peerRow
	samples samples
	// take completes before and after the edit and returns how long the second
	// took and how many tokens that were not cached it computed.
	take func(*edit) (time.Duration, int, error)
}

// peers measures our own engine, denoising and token by token, and each model of
// llama.cpp. They take turns edit by edit, so that whatever else the machine does
// meets all of them.
func (c *benchCmd) peers(a *app, b *bench, report *peerReport) error {
	own := c.Threads
	if own == 0 {
		own = ort.DefaultThreads()
	}
	byToken, err := c.byToken(a)
	if err != nil {
		return err
	}
	defer byToken.Close()
	var runs []*peerRun
	for _, model := range c.Peer.Models {
		for _, threads := range c.Peer.threads(own) {
			server, err := startLlama(a.ctx, c.Peer.Server, model, threads, peerContext)
			if err != nil {
				return err
			}
			defer server.stop()
			for _, order := range promptOrders {
				runs = append(runs, &peerRun{
					peerRow: peerRow{Who: "llama.cpp, " + filepath.Base(model), Prompt: order.name, Threads: threads},
					take:    func(e *edit) (time.Duration, int, error) { return b.completed(server, order.make, e) },
				})
			}
		}
	}
	denoised := &peerRun{peerRow: peerRow{Who: "lacuna, denoised", Prompt: "both sides", Threads: own}}
	read := &peerRun{peerRow: peerRow{Who: "lacuna, token by token", Prompt: promptOrders[0].name, Threads: own}}
	lines := typedLines()
	left, right, edits := 0, 0, 4*c.Repeat
	for i := range edits {
		line := lines[i%len(lines)]
		at := line.Start + 1 + i*7%(line.End-line.Start-2)
		e, stats, err := b.typed(denoised, b.engine, line, at)
		if err == nil {
			_, _, err = b.typed(read, byToken, line, at)
		}
		if err != nil {
			return err
		}
		left, right = left+stats.LeftReused+stats.LeftComputed, right+stats.RightReused+stats.RightComputed
		for _, run := range runs {
			took, computed, err := run.take(e)
			if err != nil {
				return err
			}
			run.samples.add(took, infill.PrefillStats{LeftComputed: computed})
		}
	}
	report.Left, report.Right = ratio(left, edits), ratio(right, edits)
	for _, run := range append([]*peerRun{denoised, read}, runs...) {
		run.timing = run.samples.sum()
		run.Times = round(run.P50/denoised.P50, 2)
		report.Rows = append(report.Rows, run.peerRow)
	}
	return nil
}

// typed types the character at an offset into a line of which the rest is not there
// yet, with a fill before and one behind it, which is measured: reparsing included.
func (b *bench) typed(run *peerRun, e *engine, line grammars.Span, at int) (*edit, infill.PrefillStats, error) {
	src := slices.Concat(benchSource[:at], benchSource[line.End:])
	tree, err := grammars.Parse(b.lang, src)
	if err != nil {
		return nil, infill.PrefillStats{}, err
	}
	defer func() { tree.Close() }()
	fill := func(offset int) (infill.Result, error) {
		hole := tree.Cursor(offset)
		hole.Multiline = true
		return e.Filler.Fill(b.ctx, infill.Request{
			Document: "peer", Path: "ledger/ledger.go", Tree: tree, Hole: hole, Oracle: infill.Oracle{Length: peerTokens},
		})
	}
	warm, err := fill(at)
	if err != nil {
		return nil, infill.PrefillStats{}, err
	}
	began := time.Now()
	next, err := tree.Splice(at, at, string(benchSource[at]))
	if err != nil {
		return nil, infill.PrefillStats{}, err
	}
	tree.Close()
	tree = next
	result, err := fill(at + 1)
	if err != nil {
		return nil, infill.PrefillStats{}, err
	}
	run.samples.add(time.Since(began), result.Prefill)
	return editAt(e.Tokens, line, at, warm.Prefill), result.Prefill, nil
}

// editAt has as many tokens as the streams of a fill had.
func editAt(tokens infill.Tokenizer, line grammars.Span, at int, streams infill.PrefillStats) *edit {
	before := tokens.Encode(string(benchSource[:at]))
	// The window begins at the same token after the edit, as ours does.
	begin := max(0, len(before)-streams.LeftReused-streams.LeftComputed)
	right := tokens.Encode(string(benchSource[line.End:]))
	return &edit{
		before: before[begin:],
		after:  tokens.Encode(string(benchSource[:at+1]))[begin:],
		right:  right[:min(len(right), streams.RightReused+streams.RightComputed)],
	}
}

// completed asks a llama-server for the same.
func (b *bench) completed(server *llamaServer, order func(left, right []int32) []int32, e *edit) (time.Duration, int, error) {
	if _, err := server.complete(b.ctx, order(e.before, e.right), peerTokens); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	computed, err := server.complete(b.ctx, order(e.after, e.right), peerTokens)
	return time.Since(began), computed, err
}

func printPeers(a *app, r *peerReport) error {
	if r == nil {
		return nil
	}
	fmt.Fprintf(a.stdout, "\n%d tokens after a typed character, the caches warm, %.0f tokens before the hole and %.0f behind it;\n%s:\n\n",
		r.Tokens, r.Left, r.Right, r.Server)
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tprompt\tthreads\tn\tp50 ms\tp95 ms\ttokens computed\ttimes the first")
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.2f\n", row.Who, row.Prompt, row.Threads, row.N, row.P50, row.P95, row.Computed, row.Times)
	}
	return t.Flush()
}
