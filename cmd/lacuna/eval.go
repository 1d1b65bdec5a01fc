package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	layout "github.com/lacuna-dev/lacuna/infill/context"
	"github.com/lacuna-dev/lacuna/lsp/beside"
)

type evalCmd struct {
	engineFlags `embed:""`
	Decoding    decodingFlags `embed:"" group:"Decoding:"`

	Lang       string    `required:"" placeholder:"LANG" help:"Language: go or python."`
	Corpus     string    `placeholder:"DIR" help:"Files to cut holes out of; default: the standard library of the installed toolchain."`
	Holes      int       `default:"100" help:"Number of holes."`
	Seed       uint64    `default:"1" help:"Chooses the holes. The fills are the unseeded ones that the server makes."`
	Kinds      []cutKind `placeholder:"KIND" help:"Kinds of holes: rest, line, expression, block. Default: all, in equal numbers."`
	Baseline   string    `placeholder:"DIR" help:"Fill the same holes with this bundle too and show both."`
	Neighbours bool      `default:"true" negatable:"" help:"Tell the model what the files beside declare, if it was trained with that."`
	MaxSteps   int       `placeholder:"N" help:"Most denoising steps a hole; 0 takes the default."`
	Records    string    `placeholder:"FILE" help:"Write a JSON line for every hole to this file."`
	JSON       bool      `name:"json" help:"Print JSON instead of tables."`
}

// decodingFlags override infill.Options, to find better ones.
type decodingFlags struct {
	Threshold float64 `placeholder:"P" help:"Settle slots at this probability; 0 takes the default."`
	Floor     float64 `placeholder:"Q" help:"Mask settled slots again below this quality; 0 takes the default, negative never."`
	Line      []int   `placeholder:"N" help:"Canvas sizes tried for holes of one line."`
	Block     []int   `placeholder:"N" help:"Canvas sizes tried for holes of several lines."`
}

func (d decodingFlags) options() infill.Options {
	return infill.Options{Threshold: d.Threshold, Floor: d.Floor, Line: d.Line, Block: d.Block}
}

func (d decodingFlags) check() error {
	if d.Threshold < 0 || d.Threshold > 1 {
		return usageErrorf("--threshold %v: must lie between 0 and 1", d.Threshold)
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
  block       whole statements on two to six lines

Exact match, first line and similarity count what is shown against what was cut out, trailing white space aside; a hole for which nothing is shown is a miss. The last table says what a least confidence (lacuna.inline.minConfidence) would hold back. Rates carry 95 % Wilson intervals.

Examples:

  lacuna eval --lang go --holes 300
  lacuna eval --lang python --kinds rest,line --json
  lacuna eval --lang go --corpus ~/src/project --records holes.jsonl
  lacuna eval --lang go --holes 300 --baseline out/untrained
  lacuna eval --lang go --holes 300 --no-neighbours
  lacuna eval --lang go --threshold 0.6 --line 8,16,32`
}

// evalReport is the output of eval --json.
type evalReport struct {
	Lang   string `json:"lang"`
	Corpus string `json:"corpus"`
	Seed   uint64 `json:"seed"`
	// Holes is the number cut, which is below what was asked for when the
	// corpus has no more or the run was interrupted.
	Holes    int         `json:"holes"`
	Result   evalOutcome `json:"result"`
	Baseline *evalPair   `json:"baseline,omitempty"`
}

type evalOutcome struct {
	Model  string                `json:"model"`
	Bundle string                `json:"bundle"`
	Total  evalScore             `json:"total"`
	Kinds  map[cutKind]evalScore `json:"kinds"`
	// Gates is precision against coverage, by the least confidence shown.
	Gates []gateScore `json:"gates"`
}

// evalPair is the second model on the same holes.
type evalPair struct {
	evalOutcome
	// Of the holes: which of the two filled them exactly.
	Both         int `json:"exact_both"`
	OnlyResult   int `json:"exact_only_result"`
	OnlyBaseline int `json:"exact_only_baseline"`
}

func (c *evalCmd) check() (*grammars.Language, error) {
	if err := c.engineFlags.check(); err != nil {
		return nil, err
	}
	if err := c.Decoding.check(); err != nil {
		return nil, err
	}
	for _, kind := range c.Kinds {
		if !slices.Contains(cutKinds, kind) {
			return nil, usageErrorf("--kinds %s: there are: rest, line, expression, block", kind)
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
	return languageByID(c.Lang)
}

func (c *evalCmd) Run(a *app) error {
	lang, err := c.check()
	if err != nil {
		return err
	}
	c.decoding = c.Decoding.options()
	corpus, err := openCorpus(a.ctx, lang, c.Corpus)
	if err != nil {
		return err
	}
	cuts, err := c.cut(a, lang, corpus)
	if err != nil {
		return err
	}
	log, err := openRecords(c.Records)
	if err != nil {
		return err
	}
	report := evalReport{Lang: lang.ID(), Corpus: corpus.root, Seed: c.Seed, Holes: len(cuts)}
	records, failed := c.evaluate(a, lang, cuts, c.engineFlags, log)
	report.Result = c.outcome(records, c.Bundle)
	if failed == nil && c.Baseline != "" {
		flags := c.engineFlags
		flags.Bundle = c.Baseline
		var other []evalRecord
		other, failed = c.evaluate(a, lang, cuts, flags, log)
		report.Baseline = compare(records, other)
		report.Baseline.evalOutcome = c.outcome(other, c.Baseline)
	}
	if err := log.Close(); err != nil {
		return fmt.Errorf("--records: %w", err)
	}
	if failed != nil && !errors.Is(failed, context.Canceled) {
		return failed
	}
	if failed != nil {
		// What an interrupted run has learned is worth showing.
		fmt.Fprintf(a.stderr, "interrupted after %d of %s\n", len(records), count(len(cuts), "hole"))
		report.Holes = len(records)
	}
	if c.JSON {
		err = printJSON(a.stdout, report)
	} else {
		err = printEval(a.stdout, report)
	}
	return errors.Join(err, failed)
}

// cut chooses the holes: files in an order that the seed shuffles, at most a
// few holes a file, the kinds in turn.
func (c *evalCmd) cut(a *app, lang *grammars.Language, corpus *corpus) ([]cut, error) {
	status := a.status()
	defer status.clear()
	files := slices.Clone(corpus.files)
	rng := rand.New(rand.NewPCG(c.Seed, 0))
	rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })

	reader := beside.New(nil)
	var cuts []cut
	for _, file := range files {
		if len(cuts) >= c.Holes {
			break
		}
		if err := a.ctx.Err(); err != nil {
			return nil, err
		}
		status.show("cutting holes %s %d of %d", bar(len(cuts), c.Holes, 20), len(cuts), c.Holes)
		src, ok := corpus.read(file)
		if !ok {
			continue
		}
		cutter, ok := newCutter(lang, c.Seed, file, src)
		if !ok {
			continue
		}
		var neighbours []layout.Neighbour
		if c.Neighbours {
			neighbours = reader.Neighbours(a.ctx, filepath.Join(corpus.root, filepath.FromSlash(file)), lang, nil)
		}
		for range min(maxCutsPerFile, c.Holes-len(cuts)) {
			made, ok := cutter.draw(c.Kinds[len(cuts)%len(c.Kinds)])
			if !ok {
				break
			}
			made.Neighbours = neighbours
			cuts = append(cuts, made)
		}
		cutter.close()
	}
	if len(cuts) == 0 {
		return nil, fmt.Errorf("no holes could be cut out of the %d files below %s; name another folder with --corpus", len(files), corpus.root)
	}
	if len(cuts) < c.Holes {
		status.clear()
		fmt.Fprintf(a.stderr, "the corpus has only %d such holes at %d a file\n", len(cuts), maxCutsPerFile)
	}
	return cuts, nil
}

// evaluate fills the cuts with one bundle. On an error it returns what it has.
func (c *evalCmd) evaluate(a *app, lang *grammars.Language, cuts []cut, flags engineFlags, log *recordLog) ([]evalRecord, error) {
	status := a.status()
	defer status.clear()
	status.show("loading the model")
	engine, err := a.open(flags)
	if err != nil {
		return nil, err
	}
	defer engine.Close()

	var records []evalRecord
	exact := 0
	for i := range cuts {
		status.show("%s %s %d/%d, %d exact", engine.Name, bar(i, len(cuts), 20), i, len(cuts), exact)
		record, err := fillCut(a.ctx, engine.Filler, lang, &cuts[i], c.MaxSteps)
		if err != nil {
			return records, err
		}
		record.Model = engine.Name
		exact += asInt(record.Exact)
		records = append(records, record)
		if err := log.Write(record); err != nil {
			return records, err
		}
	}
	return records, nil
}

// fillCut does what the server does with a cursor at the hole.
func fillCut(ctx context.Context, filler infill.Filler, lang *grammars.Language, c *cut, maxSteps int) (evalRecord, error) {
	holed := c.holed()
	tree, err := grammars.Parse(lang, holed)
	if err != nil {
		return evalRecord{}, fmt.Errorf("%s: %w", c.File, err)
	}
	defer tree.Close()
	hole := tree.HoleAt(c.Start)
	if hole.Start != c.Start || hole.End != c.Start {
		hole = tree.Cursor(c.Start)
	}
	// Nobody who wants a block is content with a line: that is the editor's
	// "fill this hole", not its ghost text.
	hole.Multiline = hole.Multiline || c.Kind == cutBlock
	started := time.Now()
	result, err := filler.Fill(ctx, infill.Request{
		Document: c.File, Path: c.File, Neighbours: c.Neighbours, Tree: tree, Hole: hole, MaxSteps: maxSteps,
	})
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return evalRecord{}, fmt.Errorf("%s: %w", c.File, err)
	}
	return score(c, holed, result, time.Since(started)), nil
}

func (c *evalCmd) outcome(records []evalRecord, bundle string) evalOutcome {
	o := evalOutcome{Bundle: bundle, Total: sumUp(records), Kinds: map[cutKind]evalScore{}, Gates: gates(records)}
	if bundle == "" {
		o.Bundle = "embedded"
	}
	for _, kind := range c.Kinds {
		var some []evalRecord
		for _, r := range records {
			if r.Kind == kind {
				some = append(some, r)
			}
		}
		o.Kinds[kind] = sumUp(some)
	}
	if len(records) > 0 {
		o.Model = records[0].Model
	}
	return o
}

// compare pairs the records of two models on the same holes.
func compare(records, other []evalRecord) *evalPair {
	var p evalPair
	for i := range min(len(records), len(other)) {
		switch a, b := records[i].Exact, other[i].Exact; {
		case a && b:
			p.Both++
		case a:
			p.OnlyResult++
		case b:
			p.OnlyBaseline++
		}
	}
	return &p
}

// recordLog writes JSON lines; a nil one writes nothing.
type recordLog struct {
	file *os.File
	buf  *bufio.Writer
}

func openRecords(name string) (*recordLog, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("--records: %w", err)
	}
	return &recordLog{file: file, buf: bufio.NewWriter(file)}, nil
}

func (l *recordLog) Write(r evalRecord) error {
	if l == nil {
		return nil
	}
	return json.NewEncoder(l.buf).Encode(r)
}

func (l *recordLog) Close() error {
	if l == nil {
		return nil
	}
	return errors.Join(l.buf.Flush(), l.file.Close())
}
