package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
)

// precedentsCmd measures what files know of their own holes.
type precedentsCmd struct {
	Lang    []string  `required:"" placeholder:"LANG" help:"Languages: go, python or both."`
	Corpus  string    `placeholder:"DIR" help:"Files to cut holes out of; default: the standard library of the installed toolchain."`
	Holes   int       `default:"300" help:"Number of holes in each language."`
	Seed    uint64    `default:"1" help:"Chooses the holes, as for eval."`
	Kinds   []cutKind `placeholder:"KIND" help:"Kinds of holes, as eval has them. Default: all but span."`
	Records string    `placeholder:"FILE" help:"Write the precedents of every hole as JSON lines into this file: models/train/precedents.py fits their weights."`
	JSON    bool      `name:"json" help:"Print JSON instead of a table."`
}

func (precedentsCmd) Help() string {
	return `A precedent is a text elsewhere in the file, or in a neighbour, between the like of what surrounds a hole. It costs no model and competes with what the model writes, by how likely it is to be what belongs there.

This cuts holes as eval does, takes the likeliest precedent of each and prints how often it is exactly what was cut out, above each probability. No model is loaded, and nothing is filtered by syntax.

Examples:

  lacuna precedents --lang go
  lacuna precedents --lang go,python --corpus ~/src --holes 2000 --records precedents.jsonl`
}

// precedentRecord is one precedent of one hole, a line of --records.
type precedentRecord struct {
	Lang      string  `json:"lang"`
	File      string  `json:"file"`
	Byte      int     `json:"byte"` // of the hole
	Kind      cutKind `json:"kind"`
	Multiline bool    `json:"multiline"`
	infill.Precedent
	Exact bool `json:"exact"`
}

type precedentsReport struct {
	Languages []string    `json:"langs"`
	Seed      uint64      `json:"seed"`
	Holes     int         `json:"holes"`
	Found     rate        `json:"found"` // holes with a precedent
	Among     rate        `json:"among"` // holes of which one of the precedents is right
	Gates     []gateScore `json:"gates"`
	// Microseconds are those that the search took, per hole.
	Microseconds float64 `json:"microseconds"`
}

func (c *precedentsCmd) Run(a *app) (err error) {
	if len(c.Kinds) == 0 {
		c.Kinds = slices.DeleteFunc(slices.Clone(cutKinds), func(k cutKind) bool { return k == cutSpan })
	}
	eval := evalCmd{Lang: c.Lang, Corpus: c.Corpus, Holes: c.Holes, Seed: c.Seed, Kinds: c.Kinds, Neighbours: true}
	langs, err := eval.check()
	if err != nil {
		return err
	}
	record := func(precedentRecord) error { return nil }
	if c.Records != "" {
		file, err := os.Create(c.Records)
		if err != nil {
			return fmt.Errorf("--records: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		record = func(r precedentRecord) error { return json.NewEncoder(file).Encode(r) }
	}
	cuts, _, err := eval.cutAll(a, langs)
	if err != nil {
		return err
	}
	report := precedentsReport{Languages: c.Lang, Seed: c.Seed, Holes: len(cuts)}
	var best []evalRecord
	var found, among int
	var took time.Duration
	for _, cut := range cuts {
		hole := grammars.Hole{Span: grammars.Span{Start: cut.Start, End: cut.Start}, Multiline: cut.Kind.multiline()}
		source, truth := cut.holed(), trimEnd(cut.truth())
		started := time.Now()
		precedents := infill.Precedents(source, hole, cut.Neighbours)
		took += time.Since(started)
		right := false
		for _, p := range precedents {
			exact := trimEnd(p.Text) == truth
			right = right || exact
			if err := record(precedentRecord{cut.Lang.ID(), cut.File, cut.Start, cut.Kind, hole.Multiline, p, exact}); err != nil {
				return fmt.Errorf("--records: %w", err)
			}
		}
		found, among = found+asInt(len(precedents) > 0), among+asInt(right)
		top := evalRecord{Lang: cut.Lang.ID(), Kind: cut.Kind}
		if len(precedents) > 0 {
			text := trimEnd(precedents[0].Text)
			top.Shown, top.Confidence, top.Exact, top.Similarity = true, precedents[0].Probability, text == truth, similarity(text, truth)
		}
		best = append(best, top)
	}
	report.Found, report.Among = newRate(found, len(cuts)), newRate(among, len(cuts))
	report.Gates = gates(best)
	report.Microseconds = round(float64(took.Microseconds())/float64(len(cuts)), 1)
	if c.JSON {
		return printJSON(a.stdout, report)
	}
	fmt.Fprintf(a.stdout, "%s, seed %d: %s %% have precedents, of %s %% one of four is right; %.0f microseconds a hole\n\n",
		count(report.Holes, "hole"), report.Seed, percent(report.Found), percent(report.Among), report.Microseconds)
	return printGates(a.stdout, report.Gates)
}
