package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
)

// evaluate fills the cuts with one bundle. On an error it returns what it has.
func (c *evalCmd) evaluate(a *app, cuts []cut, flags engineFlags, log *recordLog) ([]evalRecord, error) {
	status := a.status()
	defer status.clear()
	status.show("loading the model")
	engine, err := a.engine(flags)
	if err != nil {
		return nil, err
	}
	defer engine.Close()

	var records []evalRecord
	exact := 0
	for i := range cuts {
		status.show("%s %s %d/%d, %d exact", engine.Name, bar(i, len(cuts), 20), i, len(cuts), exact)
		record, err := c.fillCut(a.ctx, engine, &cuts[i])
		if err != nil {
			return records, err
		}
		if cuts[i].Tokens == 0 {
			cuts[i].Tokens = record.TruthTokens
		}
		record.length = cuts[i].Tokens
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
func (c *evalCmd) fillCut(ctx context.Context, engine *engine, cut *cut) (evalRecord, error) {
	tree, err := grammars.Parse(cut.Lang, cut.holed())
	if err != nil {
		return evalRecord{}, fmt.Errorf("%s: %w", cut.File, err)
	}
	defer tree.Close()
	hole := tree.HoleAt(cut.Start)
	if hole.Start != cut.Start || hole.End != cut.Start {
		hole = tree.Cursor(cut.Start)
	}
	hole.Multiline = hole.Multiline || cut.Kind.multiline()
	record, result, err := c.attempt(ctx, engine, cut, tree, hole, nil)
	if err != nil {
		return record, err
	}
	if c.checker != nil && record.Shown && cut.Lang.ID() == "go" {
		filled := slices.Concat(tree.Source()[:result.Start], []byte(result.Text), tree.Source()[result.End:])
		if ok, checked := c.checker.accepts(cut.Path, cut.Source, filled); checked {
			record.Types = &ok
		}
	}
	if c.Ceilings {
		record.Ceilings, err = c.ceilingsOf(ctx, engine, cut, tree, hole, record)
	}
	return record, err
}

// attempt fills a hole of a tree; change, if not nil, may change the request.
func (c *evalCmd) attempt(ctx context.Context, engine *engine, cut *cut, tree *grammars.Tree, hole grammars.Hole, change func(*infill.Request)) (evalRecord, infill.Result, error) {
	request := infill.Request{
		Document: cut.File, Path: cut.File, Neighbours: cut.Neighbours, Tree: tree, Hole: hole, MaxSteps: c.MaxSteps,
		Precedents: c.Precedents,
	}
	if change != nil {
		change(&request)
	}
	started := time.Now()
	result, err := engine.Filler.Fill(ctx, request)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return evalRecord{}, result, fmt.Errorf("%s: %w", cut.File, err)
	}
	return score(cut, tree.Source(), result, engine.Tokens, time.Since(started)), result, nil
}
