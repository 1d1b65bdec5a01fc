package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
)

// stepsCmd fills the same holes in ways that take more and fewer steps.
type stepsCmd struct {
	engineFlags `embed:""`

	Lang       []string  `required:"" placeholder:"LANG" help:"Languages: go, python or both."`
	Corpus     string    `placeholder:"DIR" help:"Files to cut holes out of; default: the standard library of the installed toolchain."`
	Holes      int       `default:"100" help:"Number of holes in each language."`
	Seed       uint64    `default:"1" help:"Chooses the holes."`
	Kinds      []cutKind `placeholder:"KIND" help:"Kinds of holes, as eval has them. Default: all, in equal numbers."`
	Thresholds []float64 `placeholder:"P" default:"0.2,0.4,0.6,0.8,0.9,0.97" help:"Probabilities at which a slot is settled."`
	Limits     []int     `placeholder:"N" default:"1,2,3,4,6,8" help:"Most steps of a round: the last one settles all that is left."`
	Plot       string    `placeholder:"FILE" help:"Draw quality against tokens a forward pass as SVG into this file."`
	JSON       bool      `name:"json" help:"Print JSON instead of a table."`
}

func (stepsCmd) Help() string {
	return `A denoising step is one forward pass, whatever it settles: with a lower threshold more slots are settled at once, on less, and so they are with fewer steps. This fills the same holes with each threshold, with each limit to the steps, and token by token on the left stream with the same weights (autoregressive), and prints what each way costs and what it is worth.

Tokens a forward are tokens of text over forward passes; for denoising only canvases count, and the candidates of one batch are one pass.

Examples:

  lacuna steps --lang go --holes 200
  lacuna steps --lang go,python --kinds rest,line --plot steps.svg
  lacuna steps --lang python --thresholds 0.5,0.9 --limits 2,4 --json`
}

// decodingWay is a row of the table.
type decodingWay struct {
	Name    string         `json:"name"`
	Options infill.Options `json:"-"`
	Limit   int            `json:"max_steps,omitempty"`
	Result  evalScore      `json:"result"`
}

func (c *stepsCmd) ways() []decodingWay {
	ways := []decodingWay{
		{Name: "token by token", Options: infill.Options{Decoder: infill.Autoregressive}},
	}
	for _, n := range c.Limits {
		ways = append(ways, decodingWay{Name: "at most " + count(n, "step"), Limit: n})
	}
	for _, p := range c.Thresholds {
		ways = append(ways, decodingWay{Name: fmt.Sprintf("threshold %g", p), Options: infill.Options{Threshold: p}})
	}
	return ways
}

type stepsReport struct {
	Languages []string      `json:"langs"`
	Seed      uint64        `json:"seed"`
	Holes     int           `json:"holes"`
	Model     string        `json:"model"`
	Ways      []decodingWay `json:"ways"`
	Seconds   float64       `json:"seconds"`
}

func (c *stepsCmd) Run(a *app) error {
	started := time.Now()
	for _, n := range c.Limits {
		if n < 1 {
			return usageErrorf("--limits %d: must be at least 1", n)
		}
	}
	for _, p := range c.Thresholds {
		if p <= 0 || p > 1 {
			return usageErrorf("--thresholds %g: must be above 0 and at most 1", p)
		}
	}
	eval := evalCmd{
		engineFlags: c.engineFlags, Lang: c.Lang, Corpus: c.Corpus, Holes: c.Holes, Seed: c.Seed, Kinds: c.Kinds, Neighbours: true,
	}
	langs, err := eval.check()
	if err != nil {
		return err
	}
	cuts, _, err := eval.cutAll(a, langs)
	if err != nil {
		return err
	}
	report := stepsReport{Seed: c.Seed, Languages: c.Lang}
	report.Holes = len(cuts)
	var plot *os.File // made now, so that a bad name is found out at once
	if c.Plot != "" {
		if plot, err = os.Create(c.Plot); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
		defer plot.Close()
	}
	for _, way := range c.ways() {
		eval.MaxSteps = way.Limit
		flags := c.engineFlags
		flags.decoding = way.Options
		records, err := eval.evaluate(a, cuts, flags, nil)
		if err != nil {
			return err
		}
		if len(records) > 0 {
			report.Model = records[0].Model
		}
		way.Result = breakDown(records).Total
		report.Ways = append(report.Ways, way)
	}
	report.Seconds = round(time.Since(started).Seconds(), 1)
	if plot != nil {
		if err := errors.Join(report.chart().write(plot), plot.Close()); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	if c.JSON {
		return printJSON(a.stdout, report)
	}
	return c.print(a, report)
}

func (c *stepsCmd) print(a *app, report stepsReport) error {
	fmt.Fprintf(a.stdout, "%s, %s, seed %d\n", report.Model, count(report.Holes, "hole"), report.Seed)
	table := [][]string{{"way", "exact %", "similar", "shown %", "steps", "forwards", "tokens/forward", "p50 ms", "p95 ms"}}
	for _, way := range report.Ways {
		s := way.Result
		table = append(table, []string{
			way.Name, percent(s.Exact), average(s.Similarity, 3, 2), percent(s.Shown), average(s.Steps, 1, 1), average(s.Forwards, 1, 1),
			average(s.TokensPerForward, 2, 2), fmt.Sprintf("%.0f", s.P50), fmt.Sprintf("%.0f", s.P95),
		})
	}
	if err := printTable(a.stdout, table); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "\nIt took %.0f s.\n", report.Seconds)
	return err
}

// chart draws exact match and similarity against tokens a forward pass.
func (r stepsReport) chart() chart {
	most := 0.0
	for _, way := range r.Ways {
		most = max(most, way.Result.TokensPerForward.Mean)
	}
	most = max(math.Ceil(most*1.05*10)/10, 0.1)
	exact, similar := panel{Title: "Exact match", X: "tokens a forward pass", Y: "exact, % of all holes", XMax: most}, panel{Title: "Similarity", X: "tokens a forward pass", Y: "similarity, %", XMax: most}
	line := func(name string, ways []decodingWay, p *panel, y func(evalScore) (float64, float64, float64)) {
		s := series{Name: name}
		for _, way := range ways {
			mid, low, high := y(way.Result)
			s.Points = append(s.Points, chartPoint{way.Result.TokensPerForward.Mean / most, mid, low, high})
		}
		p.Series = append(p.Series, s)
	}
	for _, p := range []struct {
		panel *panel
		y     func(evalScore) (float64, float64, float64)
	}{
		{&exact, func(s evalScore) (float64, float64, float64) { return s.Exact.Rate, s.Exact.Low, s.Exact.High }},
		{&similar, func(s evalScore) (float64, float64, float64) {
			return s.Similarity.Mean, s.Similarity.Low, s.Similarity.High
		}},
	} {
		line("token by token", r.Ways[:1], p.panel, p.y)
		limited := 1
		for limited < len(r.Ways) && r.Ways[limited].Limit > 0 {
			limited++
		}
		line("denoising, more and more steps", r.Ways[1:limited], p.panel, p.y)
		line("denoising, rising thresholds", r.Ways[limited:], p.panel, p.y)
	}
	return chart{Title: fmt.Sprintf("%s, %s", r.Model, count(r.Holes, "hole")), Panels: []panel{exact, similar}}
}
