package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
)

// lengthRow is what holes of one length cost, the caches warm: denoised, token by
// token on the left stream of the same weights, and by another model.
type lengthRow struct {
	Tokens    int      `json:"tokens"`
	Denoising decoded  `json:"denoising"`
	ByToken   decoded  `json:"autoregressive"`
	Faster    float64  `json:"times_faster"` // p50 of the second by p50 of the first
	Baseline  *decoded `json:"baseline,omitempty"`
	// FasterThan is the baseline's p50 by that of denoising.
	FasterThan float64 `json:"times_faster_than_baseline,omitempty"`
	// Floor is what denoising needs at least on this machine; Over is how many
	// times that it took.
	Floor *floor  `json:"floor,omitempty"`
	Over  float64 `json:"times_the_floor,omitempty"`
}

type decoded struct {
	timing
	Forwards         float64 `json:"forwards"` // a fill
	TokensPerForward float64 `json:"tokens_per_forward"`
}

func (d decoded) cells() []string {
	return []string{fmt.Sprintf("%.1f", d.P50), fmt.Sprintf("%.1f", d.P95), fmt.Sprintf("%.1f", d.Forwards)}
}

// byToken is the engine that reads on from the left stream of the same weights.
func (c *benchCmd) byToken(a *app) (*engine, error) {
	flags := c.engineFlags
	flags.decoding.Decoder = infill.Autoregressive
	flags.Fused = "off" // a fused graph does not read on
	return a.engine(flags)
}

// byLength fills the same holes with both decoders, and with the baseline if there is
// one. The length is told, so that all write as many tokens.
func (c *benchCmd) byLength(a *app, b *bench, ceiling *machine) ([]lengthRow, error) {
	other, err := c.byToken(a)
	if err != nil {
		return nil, err
	}
	defer other.Close()
	engines := []*engine{b.engine, other}
	if c.Baseline != "" {
		flags := c.engineFlags
		flags.Bundle, flags.Fused = c.Baseline, "off"
		baseline, err := a.engine(flags)
		if err != nil {
			return nil, fmt.Errorf("--baseline: %w", err)
		}
		defer baseline.Close()
		engines = append(engines, baseline)
	}
	var rows []lengthRow
	for _, length := range c.Lengths {
		row, streams, err := b.decode(engines, length, c.Repeat)
		if err != nil {
			return nil, err
		}
		if ceiling != nil {
			largest := slices.Max(ceiling.model.Canvases)
			blocks := (length + largest - 1) / largest
			f := ceiling.floor((length+blocks-1)/blocks, streams, row.Denoising.Forwards)
			row.Floor, row.Over = &f, round(row.Denoising.P50/f.Milliseconds, 1)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// decode fills holes of one length at the ends of lines, each in turn with all
// engines, once to warm the cache and then measured. streams is the mean number of
// tokens around a hole.
func (b *bench) decode(engines []*engine, length, repeat int) (_ lengthRow, streams int, err error) {
	tree, err := grammars.Parse(b.lang, benchSource)
	if err != nil {
		return lengthRow{}, 0, err
	}
	defer tree.Close()
	times, forwards := make([]samples, len(engines)), make([]int, len(engines))
	around := 0
	lines := typedLines()
	for i := range 4 * repeat {
		hole := tree.Cursor(lines[i/2%len(lines)].End)
		hole.Multiline = true
		for which, e := range engines {
			result, err := e.Filler.Fill(b.ctx, infill.Request{
				Document: "length", Path: "ledger/ledger.go", Tree: tree, Hole: hole, Oracle: infill.Oracle{Length: length},
			})
			if err != nil {
				return lengthRow{}, 0, err
			}
			if i%2 == 0 {
				continue
			}
			times[which].add(result.Elapsed, result.Prefill)
			forwards[which] += result.Forwards
			if which == 0 {
				around += result.Prefill.LeftReused + result.Prefill.RightReused
			}
		}
	}
	sums := make([]decoded, len(engines))
	for which := range sums {
		n := len(times[which].times)
		sums[which] = decoded{timing: times[which].sum(), Forwards: ratio(forwards[which], n)}
		sums[which].TokensPerForward = round(float64(length*n)/float64(max(forwards[which], 1)), 2)
	}
	row := lengthRow{Tokens: length, Denoising: sums[0], ByToken: sums[1]}
	row.Faster = round(row.ByToken.P50/row.Denoising.P50, 2)
	if len(sums) > 2 {
		row.Baseline, row.FasterThan = &sums[2], round(sums[2].P50/row.Denoising.P50, 2)
	}
	return row, around / max(len(times[0].times), 1), nil
}

// cancels measures from the cancellation of a fill, at some moment of its life, to
// its return.
func (b *bench) cancels(repeat int) (samples, error) {
	var s samples
	tree, err := grammars.Parse(b.lang, benchSource)
	if err != nil {
		return s, err
	}
	defer tree.Close()
	lines := typedLines()
	for i := range 4 * repeat {
		hole := tree.Cursor(lines[i%len(lines)].End)
		hole.Multiline = true
		ctx, cancel := context.WithCancel(b.ctx)
		moment := make(chan time.Time, 1)
		timer := time.AfterFunc(time.Duration(1+7*i%40)*time.Millisecond, func() {
			moment <- time.Now()
			cancel()
		})
		_, err := b.engine.Filler.Fill(ctx, infill.Request{
			// A document that is never the same, so that the prefill is cancelled too.
			Document: fmt.Sprintf("cancelled-%d", i), Path: fmt.Sprintf("%d/ledger.go", i), Tree: tree, Hole: hole,
		})
		returned := time.Now()
		stopped := timer.Stop()
		cancel()
		switch {
		case b.ctx.Err() != nil:
			return s, b.ctx.Err()
		case err != nil && !errors.Is(err, context.Canceled):
			return s, err
		case err != nil && !stopped:
			s.add(returned.Sub(<-moment), infill.PrefillStats{})
		}
	}
	return s, nil
}

// typedAlong measures an answer from what was offered before, parsing included.
func (b *bench) typedAlong(repeat int) (samples, error) {
	var s samples
	for i := range repeat {
		lines := typedLines()
		line := lines[i%len(lines)]
		src := append(append([]byte(nil), benchSource[:line.Start]...), benchSource[line.End:]...)
		tree, err := grammars.Parse(b.lang, src)
		if err != nil {
			return s, err
		}
		offer := infill.Offer{Source: src, Start: line.Start, End: line.Start, Text: string(benchSource[line.Start:line.End]), Confidence: 1}
		for at := line.Start; at < line.End-1; at++ {
			started := time.Now()
			next, err := tree.Splice(at, at, string(benchSource[at]))
			tree.Close()
			if err != nil {
				return s, err
			}
			tree = next
			if _, ok := offer.Answer(infill.Request{Tree: tree, Hole: tree.Cursor(at + 1)}); ok {
				s.add(time.Since(started), infill.PrefillStats{})
			}
		}
		tree.Close()
	}
	return s, nil
}

func printLengths(a *app, rows []lengthRow, m *machine) error {
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(a.stdout, "\nholes of a length that is told, caches warm, denoised and token by token with the same weights:\n\n")
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	heads := []string{"tokens", "p50 ms", "p95 ms", "forwards", "tokens/forward", "by token: p50 ms", "p95 ms", "forwards", "times faster"}
	if rows[0].Baseline != nil {
		heads = append(heads, "baseline: p50 ms", "p95 ms", "forwards", "times faster")
	}
	fmt.Fprintln(t, strings.Join(append(heads, "floor ms", "times the floor", ""), "\t"))
	for _, r := range rows {
		cells := append([]string{fmt.Sprint(r.Tokens)}, r.Denoising.cells()...)
		cells = append(cells, fmt.Sprintf("%.1f", r.Denoising.TokensPerForward))
		cells = append(append(cells, r.ByToken.cells()...), fmt.Sprintf("%.2f", r.Faster))
		if r.Baseline != nil {
			cells = append(append(cells, r.Baseline.cells()...), fmt.Sprintf("%.2f", r.FasterThan))
		}
		least, over := "", ""
		if r.Floor != nil {
			least, over = fmt.Sprintf("%.2f", r.Floor.Milliseconds), fmt.Sprintf("%.1f", r.Over)
		}
		fmt.Fprintln(t, strings.Join(append(cells, least, over, ""), "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if m == nil {
		return nil
	}
	_, err := fmt.Fprintf(a.stdout, "\nThe floor is arithmetic at %.0f (int8) or %.0f (float32) billion operations a second, or reading\n%.1f MB of weights and the caches at %.1f GB/s, whichever takes longer: what this machine did just now.\n",
		m.Integer/1e9, m.Float/1e9, float64(m.WeightBytes)/1e6, m.Bandwidth/1e9)
	return err
}
