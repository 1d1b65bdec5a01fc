package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
)

type evalCmd struct {
	engineFlags `embed:""`
	Decoding    decodingFlags `embed:"" group:"Decoding:"`

	Lang       []string  `required:"" placeholder:"LANG" help:"Languages: go, python or both."`
	Corpus     string    `placeholder:"DIR" help:"Files to cut holes out of; default: the standard library of the installed toolchain."`
	Holes      int       `default:"100" help:"Number of holes in each language."`
	Seed       uint64    `default:"1" help:"Chooses the holes. The fills are the unseeded ones that the server makes."`
	Kinds      []cutKind `placeholder:"KIND" help:"Kinds of holes, see above. Default: all, in equal numbers."`
	Baseline   string    `placeholder:"DIR" help:"Fill the same holes with this bundle too and compare the two hole by hole."`
	Ceilings   bool      `help:"Fill every hole again with the true length told, and 8 times for the best of 8. Takes about six times as long."`
	Types      bool      `default:"true" negatable:"" help:"Check the types of Go fills with go/types."`
	Neighbours bool      `default:"true" negatable:"" help:"Tell the model what the files beside declare, if it was trained with that."`
	Precedents bool      `default:"true" negatable:"" help:"Let what stands elsewhere in the file or beside it compete with what the model writes, as the server does. --no-precedents judges the model alone."`
	MaxSteps   int       `placeholder:"N" help:"Most denoising steps a hole; 0 takes the default."`
	Records    string    `placeholder:"FILE" help:"Write a JSON line for every hole to this file."`
	Plot       string    `placeholder:"FILE" help:"Draw the reliability diagram and precision against coverage as SVG into this file."`
	JSON       bool      `name:"json" help:"Print JSON instead of tables."`

	checker *typeChecker // of Go fills; nil if types are not checked
}

// decodingFlags override infill.Options, to find better ones.
type decodingFlags struct {
	Threshold   float64 `placeholder:"P" help:"Settle slots at this probability; 0 takes the default."`
	Entropy     float64 `placeholder:"NATS" help:"Settle more slots in a step: the surest whose entropies, without the largest, add up to no more; 0 is off."`
	Floor       float64 `placeholder:"Q" help:"Mask settled slots again below this quality; 0 takes the default, negative never."`
	Line        []int   `placeholder:"N" help:"Canvas sizes tried for holes of one line."`
	Block       []int   `placeholder:"N" help:"Canvas sizes tried for holes of several lines."`
	Blocks      int     `placeholder:"N" help:"Most blocks of an answer of several lines that the largest canvas does not hold; 0 takes the default, 1 is no more than a canvas."`
	Constraints string  `placeholder:"WHERE" enum:"end,steps,nowhere," default:"" help:"Where brackets and indentation that the text around a hole rules out are kept from a fill: end (the default) mends candidates that break the syntax where there are no others, steps settles no such token either, nowhere leaves it to the parse."`
	Decoder     string  `placeholder:"WAY" enum:"denoising,autoregressive,both," default:"" help:"Where candidates come from: denoising (the default), autoregressive (token by token on the left stream), both."`
	Judge       string  `placeholder:"WHO" enum:"canvas,left," default:"" help:"Who chooses among candidates: canvas, by their own probabilities, or left, by the likelihood of candidate and suffix under the left stream."`
}

func (d decodingFlags) options() infill.Options {
	return infill.Options{
		Threshold: d.Threshold, Entropy: d.Entropy, Floor: d.Floor, Line: d.Line, Block: d.Block, Blocks: d.Blocks,
		Decoder: infill.Decoder(d.Decoder), Judge: infill.Judge(d.Judge), Constraints: infill.Constraining(d.Constraints),
	}
}

func (d decodingFlags) check() error {
	if d.Threshold < 0 || d.Threshold > 1 {
		return usageErrorf("--threshold %v: must lie between 0 and 1", d.Threshold)
	}
	if d.Entropy < 0 {
		return usageErrorf("--entropy %v: must not be negative", d.Entropy)
	}
	if d.Blocks < 0 {
		return usageErrorf("--blocks %d: must not be negative", d.Blocks)
	}
	if d.Floor > 1 {
		return usageErrorf("--floor %v: must be at most 1", d.Floor)
	}
	return nil
}

func (evalCmd) Help() string {
	return `Holes are cut out of real files and filled through the path that the server takes. The same seed cuts the same holes out of the same corpus, and fewer holes are the first of more.

  rest        the rest of a line, from the start or the inside of a word
  line        a line without its indentation
  expression  a syntax node within a line
  arguments   what stands between the brackets of a call or a declaration
  statements  one to four whole statements
  block       the whole body of a function, a loop or a branch
  span        2 to 60 bytes anywhere in the code

Exact match, first line and similarity count what is shown against what was cut out, trailing white space aside; a hole for which nothing is shown is a miss. The table by least confidence says what lacuna.inline.minConfidence would hold back. The types of Go fills are checked with go/types where the file type-checks without the hole.

--ceilings fills every hole again with its true length told, and with 8 samples of which the best by exact match and similarity counts: what is lost between these and the fills as they are is lost by decoding, not by the model.

--baseline pairs two bundles hole by hole: the difference of exact match and similarity with the interval of a paired bootstrap, wins, losses and ties, and McNemar's p for exact match.

What stands in brackets are 95 % intervals. docs/benchmarks.md describes every column.

Examples:

  lacuna eval --lang go --holes 300
  lacuna eval --lang go,python --holes 300 --json
  lacuna eval --lang python --kinds rest,line
  lacuna eval --lang go --holes 50 --ceilings
  lacuna eval --lang go,python --holes 500 --plot calibration.svg
  lacuna eval --lang go --corpus ~/src/project --records holes.jsonl
  lacuna eval --lang go --holes 300 --baseline out/untrained
  lacuna eval --lang go --holes 300 --no-precedents
  lacuna eval --lang go --holes 300 --no-neighbours
  lacuna eval --lang go --threshold 0.6 --line 8,16,32
  lacuna eval --lang go --no-precedents --constraints nowhere
  lacuna eval --lang go --decoder autoregressive`
}

// check returns the languages to evaluate.
func (c *evalCmd) check() ([]*grammars.Language, error) {
	if err := c.engineFlags.check(); err != nil {
		return nil, err
	}
	if err := c.Decoding.check(); err != nil {
		return nil, err
	}
	for _, kind := range c.Kinds {
		if !slices.Contains(cutKinds, kind) {
			return nil, usageErrorf("--kinds %s: there are: %s", kind, joined(cutKinds))
		}
	}
	switch {
	case c.Holes < 1:
		return nil, usageErrorf("--holes %d: must be at least 1", c.Holes)
	case c.MaxSteps < 0:
		return nil, usageErrorf("--max-steps %d: must not be negative", c.MaxSteps)
	}
	if len(c.Kinds) == 0 {
		c.Kinds = cutKinds
	}
	var langs []*grammars.Language
	for _, id := range c.Lang {
		lang, err := languageByID(id)
		if err != nil {
			return nil, err
		}
		if slices.Contains(langs, lang) {
			return nil, usageErrorf("--lang %s: named twice", id)
		}
		langs = append(langs, lang)
	}
	return langs, nil
}

// cutAll cuts the holes of all languages, and says where it found them.
func (c *evalCmd) cutAll(a *app, langs []*grammars.Language) (cuts []cut, corpora []string, err error) {
	for _, lang := range langs {
		corpus, err := openCorpus(a.ctx, lang, c.Corpus)
		if err != nil {
			return nil, nil, err
		}
		some, err := c.cut(a, lang, corpus)
		if err != nil {
			return nil, nil, err
		}
		cuts, corpora = append(cuts, some...), append(corpora, corpus.root)
	}
	return cuts, corpora, nil
}

func joined[S ~string](names []S) string {
	var out []string
	for _, name := range names {
		out = append(out, string(name))
	}
	return strings.Join(out, ", ")
}

func (c *evalCmd) Run(a *app) error {
	started := time.Now()
	langs, err := c.check()
	if err != nil {
		return err
	}
	c.decoding = c.Decoding.options()
	if c.Types && slices.Contains(c.Lang, "go") {
		if c.checker, err = newTypeChecker(a.ctx); err != nil {
			return fmt.Errorf("types of Go fills cannot be checked: %w; leave them out with --no-types", err)
		}
	}
	cuts, corpora, err := c.cutAll(a, langs)
	if err != nil {
		return err
	}
	report := evalReport{Seed: c.Seed, Languages: c.Lang, Corpora: corpora}
	report.Holes = len(cuts)
	log, err := openRecords(c.Records)
	if err != nil {
		return err
	}
	plot, err := openPlot(c.Plot)
	if err != nil {
		return err
	}
	records, failed := c.evaluate(a, cuts, c.engineFlags, log)
	report.Result = newOutcome(records, c.Bundle)
	plot.add(report.Result, records)
	if failed == nil && c.Baseline != "" {
		flags := c.engineFlags
		flags.Bundle = c.Baseline
		var other []evalRecord
		other, failed = c.evaluate(a, cuts, flags, log)
		report.Baseline = &evalPair{newOutcome(other, c.Baseline), compare(records, other)}
		plot.add(report.Baseline.evalOutcome, other)
	}
	if err := log.Close(); err != nil {
		return fmt.Errorf("--records: %w", err)
	}
	if err := plot.write(fmt.Sprintf("%s, seed %d", strings.Join(report.Languages, " and "), c.Seed)); err != nil {
		return err
	}
	if failed != nil && !errors.Is(failed, context.Canceled) {
		return failed
	}
	if failed != nil {
		// What an interrupted run has learned is worth showing.
		fmt.Fprintf(a.stderr, "interrupted after %d of %s\n", len(records), count(len(cuts), "hole"))
		report.Holes = len(records)
	}
	report.Seconds = round(time.Since(started).Seconds(), 1)
	if c.JSON {
		err = printJSON(a.stdout, report)
	} else {
		err = printEval(a.stdout, report)
	}
	return errors.Join(err, failed)
}
