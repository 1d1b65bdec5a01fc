package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
)

type benchCmd struct {
	engineFlags `embed:""`

	Repeat   int    `default:"5" help:"Times everything is measured; as many lines are typed."`
	Crowd    []int  `placeholder:"N" default:"1,4,16,64" help:"So many clients at once, each filling canvases of 32 slots."`
	Lengths  []int  `placeholder:"N" default:"8,16,32,64" help:"Tokens of the holes that are filled with both decoders; what a canvas does not hold is denoised in blocks."`
	Baseline string `placeholder:"DIR" help:"Another bundle, that of an autoregressive model for instance, to fill those holes as well."`
	Plot     string `placeholder:"FILE" help:"Draw throughput against latency of the crowds as SVG."`
	JSON     bool   `name:"json" help:"Print JSON."`

	Peer peerFlags `embed:""`
}

func (benchCmd) Help() string {
	return `Measures on a Go file of 300 lines that is part of the binary:

  load         from nothing to an engine that can fill
  cold         the first fill of an engine, parsing included
  warm         the same request again
  append       a fill after each character, typing lines of code
  mid-line     the same in the middle of lines
  typed along  an answer from what was offered before, without the model
  cursor move  a fill after the cursor went down a line
  cancel       from the cancellation of a fill to its return
  initialize   from the start of lacuna lsp --stdio to its answer
  first ghost  the first inline completion of that server, model load included

and the memory of that server after it. Then holes of several lengths, denoised and token by token with the same weights, beside the least that this machine would need for the arithmetic; and many clients at once. Run it on an otherwise idle machine.

With --llama-server and --llama-model also 16 tokens after a typed character, beside llama.cpp with a model of the same size: with what stands before the cursor as its prompt, and with both sides in either order. make bench-peer gets both and runs it.

Examples:

  lacuna bench
  lacuna bench --repeat 20 --threads 2
  lacuna bench --lengths 8,16,32,64,128
  lacuna bench --json >bench.json
  lacuna bench --plot crowd.svg
  lacuna bench --llama-server $(tools/llamacpp.sh) --llama-model out/left.gguf
  lacuna bench --device cuda --crowd 1,4,16,64`
}

//go:embed testdata/bench.go.txt
var benchSource []byte

const (
	// benchCursor is where cold and warm fills happen: the middle of the file,
	// inside a statement.
	benchCursor = "t.Date.Before(from) || "
	// benchTyped begins the function whose lines are typed and walked over.
	benchTyped = "func (l *Ledger) Statement("
)

// timing sums up durations in milliseconds.
type timing struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	// Computed is the mean number of tokens of both streams that had to be
	// computed, for fills.
	Computed float64 `json:"tokens_computed,omitempty"`
}

type benchReport struct {
	Model      string      `json:"model"`
	Library    string      `json:"library"`
	Processors int         `json:"processors"`
	Threads    int         `json:"threads"` // 0: the default
	Device     string      `json:"device"`
	Fused      bool        `json:"fused"`
	Load       timing      `json:"load"`
	Cold       timing      `json:"cold"`
	Warm       timing      `json:"warm"`
	Keystroke  timing      `json:"keystroke"` // appending
	MidLine    timing      `json:"mid_line"`
	TypedAlong timing      `json:"typed_along"`
	CursorMove timing      `json:"cursor_move"`
	Cancel     timing      `json:"cancel"`
	Initialize timing      `json:"initialize"`
	FirstGhost timing      `json:"first_ghost"`
	Lengths    []lengthRow `json:"lengths"`
	Machine    *machine    `json:"machine,omitempty"`
	Crowds     []crowd     `json:"crowds,omitempty"`
	Peers      *peerReport `json:"peers,omitempty"`
	Server     *memory     `json:"server_memory,omitempty"` // the largest of all runs
}

// samples collects what timing sums up.
type samples struct {
	times    []time.Duration
	computed int
}

func (s *samples) add(d time.Duration, stats infill.PrefillStats) {
	s.times = append(s.times, d)
	s.computed += stats.LeftComputed + stats.RightComputed
}

func (s *samples) sum() timing {
	return timing{
		N: len(s.times), P50: milliseconds(percentile(s.times, 50)), P95: milliseconds(percentile(s.times, 95)),
		Computed: ratio(s.computed, len(s.times)),
	}
}

func (c *benchCmd) Run(a *app) error {
	if c.Repeat < 1 {
		return usageErrorf("--repeat %d: must be at least 1", c.Repeat)
	}
	for _, clients := range c.Crowd {
		if clients < 1 {
			return usageErrorf("--crowd %d: must be at least 1", clients)
		}
	}
	for _, length := range c.Lengths {
		if length < 1 {
			return usageErrorf("--lengths %d: must be at least 1", length)
		}
	}
	if err := errors.Join(c.engineFlags.check(), c.Peer.check()); err != nil {
		return err
	}
	lang, ok := grammars.ByID("go")
	if !ok {
		return fmt.Errorf("this binary knows no Go: build it again")
	}
	var plot *os.File // made now, so that a bad name is found out at once
	if c.Plot != "" {
		var err error
		if plot, err = os.Create(c.Plot); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
		defer plot.Close()
	}
	report := benchReport{Processors: runtime.NumCPU(), Threads: c.Threads}
	if c.Peer.Server != "" { // found out at once as well
		var err error
		if report.Peers, err = c.Peer.report(a.ctx); err != nil {
			return err
		}
	}
	status := a.status()
	defer status.clear()

	// The servers first, while this process is small and idle.
	var initialize, ghost samples
	for i := range c.Repeat {
		status.show("starting the server %d of %d", i+1, c.Repeat)
		p, err := probeServer(a.ctx, c.engineFlags, benchSource, bytes.Index(benchSource, []byte(benchCursor))+len(benchCursor))
		if a.ctx.Err() != nil {
			return a.ctx.Err()
		}
		if err != nil {
			return err
		}
		initialize.add(p.initialize, infill.PrefillStats{})
		ghost.add(p.ghost, infill.PrefillStats{})
		report.Server = report.Server.largest(p.memory)
	}
	report.Initialize, report.FirstGhost = initialize.sum(), ghost.sum()

	status.show("loading the model")
	b, load, cold, err := c.loads(a, lang)
	if err != nil {
		return err
	}
	defer b.engine.Close()
	report.Load, report.Cold = load.sum(), cold.sum()
	report.Model, report.Library = b.engine.Name, b.engine.Version
	report.Device, report.Fused = b.engine.Device, b.engine.Fused
	for _, part := range []struct {
		name    string
		measure func(int) (samples, error)
		into    *timing
	}{
		{"warm fills", b.warm, &report.Warm},
		{"keystrokes", func(n int) (samples, error) { return b.keystrokes(n, wholeLine) }, &report.Keystroke},
		{"keystrokes in lines", func(n int) (samples, error) { return b.keystrokes(n, middleOf) }, &report.MidLine},
		{"typing along", b.typedAlong, &report.TypedAlong},
		{"cursor moves", b.moves, &report.CursorMove},
		{"cancellations", b.cancels, &report.Cancel},
	} {
		status.show("%s", part.name)
		s, err := part.measure(c.Repeat)
		if err != nil {
			return err
		}
		*part.into = s.sum()
	}
	status.show("fills by length, denoised and token by token")
	if err := c.compare(a, b, &report); err != nil {
		return err
	}
	for _, clients := range c.Crowd {
		status.show("%d clients at once", clients)
		some, err := b.crowded(clients, c.Repeat)
		if err != nil {
			return err
		}
		report.Crowds = append(report.Crowds, some)
	}
	if report.Peers != nil {
		status.show("llama.cpp beside it")
		if err := c.peers(a, b, report.Peers); err != nil {
			return err
		}
	}
	status.clear()
	if err := b.engine.Failure(); err != nil {
		return err
	}
	if plot != nil {
		if err := errors.Join(crowdChart(report.Model, report.Crowds).write(plot), plot.Close()); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	if c.JSON {
		return printJSON(a.stdout, report)
	}
	return report.print(a)
}

// compare sets both decoders side by side. A model on a server has no ceiling here.
func (c *benchCmd) compare(a *app, b *bench, report *benchReport) error {
	if report.Device == "cpu" {
		bundle, err := c.loadBundle()
		if err != nil {
			return err
		}
		if report.Machine, err = measureMachine(b.engine, bundle, c.Threads); err != nil {
			return err
		}
	}
	var err error
	report.Lengths, err = c.byLength(a, b, report.Machine)
	return err
}

// loads opens the engine again and again and keeps the last. The first fill of
// each is the cold one: in an engine that has seen anything, even another file,
// something may be reused.
func (c *benchCmd) loads(a *app, lang *grammars.Language) (b *bench, load, cold samples, err error) {
	b = &bench{ctx: a.ctx, lang: lang}
	for range c.Repeat {
		if b.engine != nil {
			b.engine.Close()
		}
		started := time.Now()
		if b.engine, err = a.engine(c.engineFlags); err != nil {
			return nil, load, cold, err
		}
		load.add(time.Since(started), infill.PrefillStats{})
		if err := b.cold(&cold); err != nil {
			b.engine.Close()
			return nil, load, cold, err
		}
	}
	return b, load, cold, nil
}

// bench measures fills of one engine. Every duration holds what the server has
// to do for it: parsing or reparsing, and the fill.
type bench struct {
	ctx    context.Context
	engine *engine
	lang   *grammars.Language
}

func (b *bench) fill(tree *grammars.Tree, offset int, document string) (infill.PrefillStats, error) {
	result, err := b.engine.Filler.Fill(b.ctx, infill.Request{
		Document: document, Path: "ledger/ledger.go", Tree: tree, Hole: tree.Cursor(offset),
	})
	if err != nil && b.ctx.Err() != nil {
		err = b.ctx.Err()
	}
	return result.Prefill, err
}

// cold fills the file for the first time, parsing included.
func (b *bench) cold(s *samples) error {
	started := time.Now()
	tree, err := grammars.Parse(b.lang, benchSource)
	if err != nil {
		return err
	}
	defer tree.Close()
	stats, err := b.fill(tree, bytes.Index(benchSource, []byte(benchCursor))+len(benchCursor), "cold")
	if err != nil {
		return err
	}
	s.add(time.Since(started), stats)
	return nil
}

func (b *bench) warm(repeat int) (samples, error) {
	var s samples
	tree, err := grammars.Parse(b.lang, benchSource)
	if err != nil {
		return s, err
	}
	defer tree.Close()
	offset := bytes.Index(benchSource, []byte(benchCursor)) + len(benchCursor)
	for i := range 1 + 4*repeat {
		started := time.Now()
		stats, err := b.fill(tree, offset, "warm")
		if err != nil {
			return s, err
		}
		if i > 0 { // the first one is cold
			s.add(time.Since(started), stats)
		}
	}
	return s, nil
}

// wholeLine and middleOf are what of a line is typed.
func wholeLine(line grammars.Span) grammars.Span { return line }

func middleOf(line grammars.Span) grammars.Span {
	third := (line.End - line.Start) / 3
	return grammars.Span{Start: line.Start + third, End: line.End - third}
}

// keystrokes takes a line, or a part of it, out of the file and types it, with a
// fill after each character.
func (b *bench) keystrokes(repeat int, part func(grammars.Span) grammars.Span) (samples, error) {
	var s samples
	lines := typedLines()
	for i := range repeat {
		line := part(lines[i%len(lines)])
		src := append(bytes.Clone(benchSource[:line.Start]), benchSource[line.End:]...)
		tree, err := grammars.Parse(b.lang, src)
		if err != nil {
			return s, err
		}
		if err := b.typeLine(&s, tree, line); err != nil {
			return s, err
		}
	}
	return s, nil
}

// typeLine closes tree.
func (b *bench) typeLine(s *samples, tree *grammars.Tree, line grammars.Span) error {
	defer func() { tree.Close() }()
	if _, err := b.fill(tree, line.Start, "typed"); err != nil {
		return err
	}
	for at := line.Start; at < line.End; at++ {
		started := time.Now()
		next, err := tree.Splice(at, at, string(benchSource[at]))
		if err != nil {
			return err
		}
		tree.Close()
		tree = next
		stats, err := b.fill(tree, at+1, "typed")
		if err != nil {
			return err
		}
		s.add(time.Since(started), stats)
	}
	return nil
}

// moves walks the cursor down the ends of lines.
func (b *bench) moves(repeat int) (samples, error) {
	var s samples
	tree, err := grammars.Parse(b.lang, benchSource)
	if err != nil {
		return s, err
	}
	defer tree.Close()
	lines := typedLines()
	for i := range 1 + 4*repeat {
		started := time.Now()
		stats, err := b.fill(tree, lines[i%len(lines)].End, "moved")
		if err != nil {
			return s, err
		}
		if i > 0 {
			s.add(time.Since(started), stats)
		}
	}
	return s, nil
}

// typedLines are the code lines of a function of the benchmark's file.
func typedLines() []grammars.Span {
	var lines []grammars.Span
	at := bytes.Index(benchSource, []byte(benchTyped))
	for text := range strings.Lines(string(benchSource[at:])) {
		if strings.HasPrefix(text, "}") {
			break
		}
		if line := lineAround(benchSource, at); line.End-line.Start > 10 {
			lines = append(lines, line)
		}
		at += len(text)
	}
	return lines
}

func (r benchReport) print(a *app) error {
	how := ""
	if r.Fused {
		how = ", fused"
	}
	fmt.Fprintf(a.stdout, "%s, ONNX Runtime %s, %s, on %s%s\n\n", r.Model, r.Library, count(r.Processors, "processor"), r.Device, how)
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tn\tp50 ms\tp95 ms\ttokens computed\t")
	for _, row := range []struct {
		name string
		t    timing
	}{
		{"load", r.Load}, {"cold fill", r.Cold}, {"warm fill", r.Warm}, {"append", r.Keystroke},
		{"mid-line", r.MidLine}, {"typed along", r.TypedAlong}, {"cursor move", r.CursorMove}, {"cancel", r.Cancel}, {"initialize", r.Initialize}, {"first ghost", r.FirstGhost},
	} {
		fmt.Fprintf(t, "%s\t%d\t%.1f\t%.1f\t%.1f\t\n", row.name, row.t.N, row.t.P50, row.t.P95, row.t.Computed)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := printLengths(a, r.Lengths, r.Machine); err != nil {
		return err
	}
	if err := printCrowds(a, r.Crowds); err != nil {
		return err
	}
	if err := printPeers(a, r.Peers); err != nil {
		return err
	}
	if r.Server == nil {
		return nil
	}
	_, err := fmt.Fprintf(a.stdout, "\nserver memory: %.0f MB resident, %.0f MB at most\n", r.Server.Resident, r.Server.Peak)
	return err
}
