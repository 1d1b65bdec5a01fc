package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp/beside"
)

type fillCmd struct {
	engineFlags `embed:""`

	Files      []string        `arg:"" name:"file" help:"Files to fill. - is standard input (needs --lang)."`
	Write      bool            `short:"w" help:"Write the files, each in one step. Standard input is filled to standard output."`
	JSON       bool            `name:"json" help:"Print an array with one record a hole instead of the diff."`
	At         *lineColumn     `placeholder:"LINE:COL" help:"Fill at this cursor, counted from 1, the column in characters. One file only."`
	Kind       []grammars.Kind `placeholder:"KIND" help:"Only holes of these kinds: marker, body, stub, gap."`
	Lang       string          `placeholder:"LANG" help:"Language of the files; else their names decide."`
	Seed       uint64          `default:"0" help:"Same input and seed, same output."`
	Precedents bool            `default:"true" negatable:"" help:"Let what stands elsewhere in the file or beside it compete with what the model writes."`
	MaxSteps   int             `placeholder:"N" help:"Most denoising steps a hole; 0 takes the default."`
	Color      string          `enum:"auto,always,never" default:"auto" help:"Colour the diff: auto, always or never. NO_COLOR is honoured by auto."`

	lang *grammars.Language
}

func (fillCmd) Help() string {
	return `Holes are: a marker (/*HOLE*/, // HOLE, # HOLE, __hole__), an empty body, a body that only says it is missing (panic("not implemented"), TODO, pass, ..., raise NotImplementedError) and the gap that a syntax error leaves. Each fill sees the fills made before it in the same file. The diff goes to standard output, everything else to standard error.

Examples:

  lacuna fill main.go                        show the diff
  lacuna fill --write main.go util.py        write both files
  lacuna fill main.go | git apply            or apply the diff yourself
  lacuna fill --at 12:5 main.go              fill at line 12, before the 5th character
  lacuna fill --kind marker,stub main.go     leave empty bodies alone
  lacuna fill --json main.go                 for programs
  lacuna fill --lang go --write - <a.go >b.go

Exit status: 0 filled, 1 nothing could be filled or a file failed, 2 bad use.`
}

func (c *fillCmd) check() error {
	if err := c.engineFlags.check(); err != nil {
		return err
	}
	for _, kind := range c.Kind {
		if !slices.Contains(foundKinds, kind) {
			return usageErrorf("--kind %s: there are: marker, body, stub, gap", kind)
		}
	}
	stdin := slices.Contains(c.Files, "-")
	switch {
	case c.At != nil && len(c.Files) > 1:
		return usageErrorf("--at names a place in one file, but there are %d", len(c.Files))
	case c.At != nil && len(c.Kind) > 0:
		return usageErrorf("--at fills at a cursor: leave out --kind")
	case c.MaxSteps < 0:
		return usageErrorf("--max-steps %d: must not be negative", c.MaxSteps)
	case stdin && c.Lang == "":
		return usageErrorf("standard input has no name: say which language it is with --lang (%s)", languageNames())
	case stdin && len(c.Files) > 1:
		return usageErrorf("- (standard input) stands alone, but there are %d files", len(c.Files))
	case stdin && c.Write && c.JSON:
		return usageErrorf("--write and --json would both write standard output: leave one out")
	}
	if c.Lang != "" {
		var err error
		if c.lang, err = languageByID(c.Lang); err != nil {
			return err
		}
	}
	return nil
}

// foundKinds are the kinds that a search of a file yields.
var foundKinds = []grammars.Kind{grammars.KindMarker, grammars.KindBody, grammars.KindStub, grammars.KindGap}

// fillRun is one run of the command over all of its files.
type fillRun struct {
	*fillCmd
	app     *app
	colour  bool
	status  *statusLine
	beside  *beside.Reader
	filler  infill.Filler
	close   func()
	records []fillRecord
	total   fillTotals
}

type fillTotals struct {
	files, failed, found, filled, steps int
}

// engineError marks what no other file can survive either.
type engineError struct{ error }

func (e engineError) Unwrap() error { return e.error }

func (c *fillCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	started := time.Now()
	r := &fillRun{
		fillCmd: c, app: a,
		colour:  useColour(c.Color, a.stdoutTTY),
		status:  a.status(),
		beside:  beside.New(nil),
		close:   func() {},
		records: []fillRecord{},
	}
	defer func() { r.close() }()

	var fatal error
	for _, name := range c.Files {
		if fatal = r.one(name); fatal != nil {
			break
		}
	}
	r.status.clear()
	if c.JSON {
		if err := printJSON(a.stdout, r.records); err != nil {
			return err
		}
	}
	if fatal != nil {
		return fatal
	}
	if r.total.files > 0 {
		fmt.Fprintf(a.stderr, "filled %d of %s in %s, %.1f s, %s\n",
			r.total.filled, count(r.total.found, "hole"), count(r.total.files, "file"),
			time.Since(started).Seconds(), count(r.total.steps, "denoising step"))
	}
	if r.total.failed > 0 || r.total.filled == 0 {
		return errSaid
	}
	return nil
}

// one fills one file. It returns only errors that end the whole run; a fault of
// the file is reported and counted.
func (r *fillRun) one(name string) error {
	err := r.file(name)
	r.status.clear()
	if err == nil {
		return nil
	}
	var fatal engineError
	var usage *statusError
	if errors.Is(err, context.Canceled) || errors.As(err, &fatal) || errors.As(err, &usage) {
		return err
	}
	r.total.failed++
	r.records = append(r.records, fillRecord{File: name, Reason: err.Error()})
	fmt.Fprintf(r.app.stderr, "lacuna: %v\n", err)
	return nil
}

func (r *fillRun) file(name string) error {
	src, err := r.read(name)
	if err != nil {
		return err
	}
	if r.Write && src.file {
		// Before the work, not after it.
		if err := checkWritable(name); err != nil {
			return err
		}
	}
	tree, err := src.parse()
	if err != nil {
		return err
	}
	holes, err := r.holes(tree, src)
	if err == nil {
		err = r.app.ctx.Err() // parsing cannot be interrupted
	}
	if err != nil {
		tree.Close()
		return err
	}
	r.total.files++
	r.total.found += len(holes)
	if len(holes) == 0 {
		tree.Close()
		fmt.Fprintf(r.app.stderr, "%s: no holes found; mark one with %s HOLE or name a place with --at LINE:COL\n", src.Name, src.Lang.LineComment())
		return r.deliver(src, &filling{text: src.Text})
	}
	done, err := r.fillAll(src, tree, holes)
	if err != nil {
		return err
	}
	return r.deliver(src, done)
}

func (r *fillRun) read(name string) (*source, error) {
	if name == "-" {
		return readStdin(r.app.stdin, r.lang)
	}
	return readFile(name, r.lang)
}

func (r *fillRun) holes(tree *grammars.Tree, src *source) ([]grammars.Hole, error) {
	if r.At != nil {
		offset, err := r.At.offset(src.Text)
		if err != nil {
			return nil, err
		}
		return []grammars.Hole{tree.HoleAt(offset)}, nil
	}
	holes := tree.Holes()
	if len(r.Kind) == 0 {
		return holes, nil
	}
	return slices.DeleteFunc(holes, func(h grammars.Hole) bool { return !slices.Contains(r.Kind, h.Kind) }), nil
}

// deliver shows what was done to a file and writes it if asked.
func (r *fillRun) deliver(src *source, done *filling) error {
	if r.Write && src.file && len(done.edits) > 0 {
		if err := writeBack(src.Name, src.Text, done.text); err != nil {
			return err
		}
	}
	r.records = append(r.records, done.records...)
	for _, record := range done.records {
		r.total.steps += record.Steps
		if record.Reason == "" {
			r.total.filled++
			continue
		}
		r.status.clear()
		fmt.Fprintf(r.app.stderr, "%s:%d:%d: %s not filled: %s\n",
			record.File, record.Range.Start.Line, record.Range.Start.Column, record.Kind, record.Reason)
	}
	r.status.clear()
	switch {
	case r.JSON:
		return nil
	case r.Write && !src.file:
		_, err := r.app.stdout.Write(done.text)
		return err
	}
	diff := unifiedDiff(src.Name, string(src.Text), string(done.text))
	if r.colour {
		diff = colourDiff(diff)
	}
	_, err := fmt.Fprint(r.app.stdout, diff)
	return err
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// printJSON prints one indented value.
func printJSON(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}
