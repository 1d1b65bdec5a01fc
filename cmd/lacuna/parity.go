package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
)

type parityCmd struct {
	engineFlags `embed:""`

	Lang   []string `default:"go,python" placeholder:"LANG" help:"Languages: go, python or both."`
	Corpus string   `placeholder:"DIR" help:"Files to cut holes out of; default: the standard library of the installed toolchain."`
	Holes  int      `default:"500" help:"Number of holes in each language."`
	Seed   uint64   `default:"1" help:"Chooses the holes."`
	Agree  float64  `default:"0.99" help:"Share of holes that must get the same text."`
	Half   bool     `help:"Take the float16 graph, which is for CUDA, on the CPU too."`
	JSON   bool     `name:"json" help:"Print JSON."`
}

func (parityCmd) Help() string {
	return `Fills the same holes with the stepwise engine on the CPU and with the fused graph on the chosen device and compares the texts. Holes are cut as lacuna eval cuts them.

Examples:

  lacuna parity                          a thousand holes
  lacuna parity --device cuda
  lacuna parity --device cpu --lang go --holes 50
  lacuna parity --device cpu --half
  lacuna parity --remote grpc://localhost:8001

Exit status: 0 they agree on enough, 1 they do not.`
}

// parityReport says how far two engines agree.
type parityReport struct {
	Model    string      `json:"model"`
	Device   string      `json:"device"` // of the fused graph
	Holes    int         `json:"holes"`
	Same     int         `json:"same_text"`
	Shown    int         `json:"shown_by_stepwise"`
	Forwards int         `json:"same_forwards"`
	Agree    float64     `json:"agree"`
	Stepwise timing      `json:"stepwise"`
	Fused    timing      `json:"fused"`
	Differ   []different `json:"differ"`
}

// different is a hole that got two texts.
type different struct {
	File     string `json:"file"`
	Kind     string `json:"kind"`
	Stepwise string `json:"stepwise"`
	Fused    string `json:"fused"`
}

func (c *parityCmd) Run(a *app) error {
	eval := &evalCmd{engineFlags: c.engineFlags, Lang: c.Lang, Corpus: c.Corpus, Holes: c.Holes, Seed: c.Seed, Neighbours: true}
	langs, err := eval.check()
	if err != nil {
		return err
	}
	if c.Agree < 0 || c.Agree > 1 {
		return usageErrorf("--agree %v: must lie between 0 and 1", c.Agree)
	}
	cuts, _, err := eval.cutAll(a, langs)
	if err != nil {
		return err
	}
	report, err := c.compare(a, eval, cuts)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(a.stdout, report)
	} else {
		err = report.print(a)
	}
	if err == nil && report.Agree < c.Agree {
		err = fmt.Errorf("the engines agree on %d of %d holes, less than %.1f %%", report.Same, report.Holes, 100*c.Agree)
	}
	return err
}

// compare fills every cut with both engines.
func (c *parityCmd) compare(a *app, eval *evalCmd, cuts []cut) (*parityReport, error) {
	status := a.status()
	defer status.clear()
	status.show("loading the model twice")
	fusedFlags := c.engineFlags
	fusedFlags.Fused, fusedFlags.half = "on", c.Half
	fused, err := a.engine(fusedFlags)
	if err != nil {
		return nil, err
	}
	defer fused.Close()
	if !fused.Fused {
		return nil, errors.New("the fused graph was not opened")
	}
	plainFlags := c.engineFlags
	plainFlags.Fused, plainFlags.Device, plainFlags.Library = "off", "cpu", fused.Library.Path
	plainFlags.Remote = remoteFlags{}
	plain, err := a.engine(plainFlags)
	if err != nil {
		return nil, err
	}
	defer plain.Close()

	report := &parityReport{Model: fused.Name, Device: fused.Device, Differ: []different{}}
	var plainTimes, fusedTimes samples
	for i := range cuts {
		status.show("%s %d/%d, %d the same", bar(i, len(cuts), 20), i, len(cuts), report.Same)
		want, got, err := c.both(a, eval, &cuts[i], plain, fused, &plainTimes, &fusedTimes)
		if err != nil {
			return nil, err
		}
		report.Holes++
		report.Shown += asInt(want.Text != "")
		report.Forwards += asInt(want.Forwards == got.Forwards)
		if want.Text == got.Text {
			report.Same++
			continue
		}
		report.Differ = append(report.Differ, different{cuts[i].File, string(cuts[i].Kind), want.Text, got.Text})
	}
	if err := fused.Failure(); err != nil {
		return nil, err
	}
	report.Agree = ratio(report.Same, report.Holes)
	report.Stepwise, report.Fused = plainTimes.sum(), fusedTimes.sum()
	return report, nil
}

// parityFill is what parity compares of a fill.
type parityFill struct {
	Text     string
	Forwards int
}

func (c *parityCmd) both(a *app, eval *evalCmd, cut *cut, plain, fused *engine, plainTimes, fusedTimes *samples) (want, got parityFill, err error) {
	tree, err := grammars.Parse(cut.Lang, cut.holed())
	if err != nil {
		return want, got, fmt.Errorf("%s: %w", cut.File, err)
	}
	defer tree.Close()
	hole := tree.Cursor(cut.Start)
	hole.Multiline = hole.Multiline || cut.Kind.multiline()
	for _, side := range []struct {
		engine *engine
		times  *samples
		into   *parityFill
	}{{plain, plainTimes, &want}, {fused, fusedTimes, &got}} {
		started := time.Now()
		_, result, err := eval.attempt(a.ctx, side.engine, cut, tree, hole, nil)
		if err != nil {
			return want, got, err
		}
		side.times.add(time.Since(started), result.Prefill)
		*side.into = parityFill{result.Text, result.Forwards}
	}
	return want, got, nil
}

func (r *parityReport) print(a *app) error {
	fmt.Fprintf(a.stdout, "%s: %d holes, the same text for %d (%.1f %%), the same number of forward passes for %d; the stepwise engine shows %d\n\n",
		r.Model, r.Holes, r.Same, 100*r.Agree, r.Forwards, r.Shown)
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tn\tp50 ms\tp95 ms\t")
	fmt.Fprintf(t, "stepwise, cpu\t%d\t%.1f\t%.1f\t\n", r.Stepwise.N, r.Stepwise.P50, r.Stepwise.P95)
	fmt.Fprintf(t, "fused, %s\t%d\t%.1f\t%.1f\t\n", r.Device, r.Fused.N, r.Fused.P50, r.Fused.P95)
	if err := t.Flush(); err != nil {
		return err
	}
	for i, d := range r.Differ {
		if i == 5 {
			fmt.Fprintf(a.stdout, "and %d more; --json has all\n", len(r.Differ)-i)
			break
		}
		fmt.Fprintf(a.stdout, "\n%s, %s\n  stepwise  %s\n  fused     %s\n", d.File, d.Kind, oneLine(d.Stepwise), oneLine(d.Fused))
	}
	return nil
}

func oneLine(text string) string {
	if text == "" {
		return "(nothing)"
	}
	return strings.ReplaceAll(text, "\n", "⏎")
}
