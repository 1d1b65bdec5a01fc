package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/aymanbagabas/go-udiff"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	layout "github.com/lacuna-dev/lacuna/infill/context"
)

// fillRecord is one hole in the output of fill --json.
type fillRecord struct {
	File string `json:"file"`
	// Range is what text replaces, in the file as it was before any fill. The
	// ranges of a file do not overlap, so all can be applied to it at once.
	// Absent when the file itself could not be worked on.
	Range *fillRange    `json:"range,omitempty"`
	Kind  grammars.Kind `json:"kind,omitempty"`
	Text  string        `json:"text"`
	// Confidence, 0..1, is how often such a fill is exactly right, if the bundle is
	// calibrated; else the geometric mean probability of the tokens.
	Confidence   float64 `json:"confidence"`
	Steps        int     `json:"steps"`
	Milliseconds float64 `json:"milliseconds"`
	// Precedent is whether the text was found elsewhere, in the file or beside it.
	Precedent bool `json:"precedent,omitzero"`
	// Parses is true when the fill brings no new syntax error.
	Parses bool `json:"parses"`
	// Reason says why nothing was filled, in words; absent when it was.
	Reason string `json:"reason,omitempty"`
}

type fillRange struct {
	Start fillPlace `json:"start"`
	End   fillPlace `json:"end"`
}

// fillPlace counts lines and columns from 1, columns in characters, and bytes
// from 0.
type fillPlace struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

func rangeOf(src []byte, start, end int) *fillRange {
	place := func(offset int) fillPlace {
		p := placeOf(src, offset)
		return fillPlace{Line: p.Line, Column: p.Column, Byte: offset}
	}
	return &fillRange{Start: place(start), End: place(end)}
}

// filling is what was made of one text.
type filling struct {
	text    []byte
	edits   edits
	records []fillRecord
}

// fillAll fills holes, which ascend, from the top. It closes tree.
func (r *fillRun) fillAll(src *source, tree *grammars.Tree, holes []grammars.Hole) (*filling, error) {
	defer func() { tree.Close() }()
	if err := r.openFiller(); err != nil {
		return nil, err
	}
	done := &filling{}
	for i, hole := range holes {
		label := fmt.Sprintf("%s: hole %d of %d", src.Name, i+1, len(holes))
		r.status.show("%s", label)
		next, err := r.fillHole(src, tree, hole, done, label)
		if err != nil {
			return nil, err
		}
		if next != nil {
			tree.Close()
			tree = next
		}
	}
	done.text = append([]byte(nil), tree.Source()...)
	return done, nil
}

func (r *fillRun) openFiller() error {
	if r.filler != nil {
		return nil
	}
	r.status.show("loading the model")
	engine, err := r.app.engine(r.engineFlags)
	if err != nil {
		return engineError{err}
	}
	r.filler, r.close = engine.Filler, engine.Close
	return nil
}

// fillHole fills one hole, given in the offsets of the old text, and records
// the outcome. It returns the tree with the fill in it, nil if nothing changed.
func (r *fillRun) fillHole(src *source, tree *grammars.Tree, hole grammars.Hole, done *filling, label string) (*grammars.Tree, error) {
	record := fillRecord{File: src.Name, Kind: hole.Kind, Range: rangeOf(src.Text, hole.Start, hole.End)}
	if len(done.edits) > 0 && hole.Start < done.edits.end() {
		record.Reason = "it lies in a hole that has been filled already"
		done.records = append(done.records, record)
		return nil, nil
	}
	started := time.Now()
	result, err := r.filler.Fill(r.app.ctx, infill.Request{
		Document:   src.Name,
		Path:       modelPath(src.Name),
		Neighbours: r.neighbours(src),
		Tree:       tree,
		Hole:       moveHole(hole, done.edits),
		Seed:       r.Seed,
		Precedents: r.Precedents,
		MaxSteps:   r.MaxSteps,
		OnStep: func(s infill.Step) {
			r.status.show("%s, step %d, %d of %d tokens settled", label, s.Number, s.Settled, s.Slots)
		},
	})
	if err != nil {
		if r.app.ctx.Err() != nil {
			return nil, context.Canceled
		}
		return nil, fmt.Errorf("%s: %w", src.Name, err)
	}
	record.Confidence = round(result.Confidence, 4)
	record.Steps = result.Steps
	record.Precedent = result.Precedent
	record.Milliseconds = round(float64(time.Since(started).Microseconds())/1000, 1)
	record.Parses = result.Parses

	edit, reason := editOf(result, tree.Source(), done.edits)
	if reason != "" {
		record.Reason = reason
		done.records = append(done.records, record)
		return nil, nil
	}
	next, err := tree.Splice(result.Start, result.End, result.Text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", src.Name, err)
	}
	record.Text = result.Text
	record.Range = rangeOf(src.Text, edit.Start, edit.End)
	done.edits = append(done.edits, edit)
	done.records = append(done.records, record)
	return next, nil
}

// neighbours are what stands beside a file; standard input stands nowhere.
func (r *fillRun) neighbours(src *source) []layout.Neighbour {
	if !src.file {
		return nil
	}
	return r.beside.Neighbours(r.app.ctx, src.Name, src.Lang, nil)
}

// editOf turns a result into an edit of the old text, or says why it is not
// one.
func editOf(result infill.Result, current []byte, before edits) (udiff.Edit, string) {
	edit := udiff.Edit{Start: result.Start - before.growth(), End: result.End - before.growth(), New: result.Text}
	switch {
	case result.Reason != "":
		return edit, result.Reason
	case result.Text == "":
		return edit, "the model has nothing to show"
	case !result.Parses:
		return edit, "the fill would break the syntax"
	case edit.Start < before.end():
		return edit, "the fill would change the one before it"
	case string(current[result.Start:result.End]) == result.Text:
		return edit, "the model would leave it as it is"
	}
	return edit, ""
}

// moveHole carries a hole of the old text over to the text after the edits.
func moveHole(hole grammars.Hole, e edits) grammars.Hole {
	hole.Span = grammars.Span{Start: e.moved(hole.Start), End: e.moved(hole.End)}
	hole.Scope = grammars.Span{Start: e.moved(hole.Scope.Start), End: e.moved(hole.Scope.End)}
	return hole
}

// modelPath is what the model is told about where a file lives: its path below
// the working directory, else the last two parts of its name.
func modelPath(name string) string {
	abs, err := filepath.Abs(name)
	if err != nil {
		return filepath.ToSlash(name)
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, abs); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return filepath.ToSlash(filepath.Join(filepath.Base(filepath.Dir(abs)), filepath.Base(abs)))
}

func round(x float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(x*p) / p
}
