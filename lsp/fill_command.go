package lsp

import (
	"bytes"
	"context"
	"fmt"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp/document"
)

// Commands that fill. Each takes a document's URI, where in it (a position or a
// range), and the document's version, which may be null or missing: the current
// one. docs/protocol.md has them.
const (
	commandFillHole     = "lacuna.fillHole"
	commandFillFunction = "lacuna.fillFunction"
	commandFillAll      = "lacuna.fillAll" // takes no place
	commandRewrite      = "lacuna.rewrite" // takes a range
	commandRepair       = "lacuna.repair"
	commandDocument     = "lacuna.document"
)

// maxRewritten is how many bytes may be replaced by a fill, about twice what the
// largest canvas holds: of more, some would be lost.
const maxRewritten = 512

// fillCommand is a kind of command that fills.
type fillCommand struct {
	title string // of the progress bar
	place placeKind
	// holes are what is to be filled, given the place; of none, why says what is
	// missing.
	holes func(tree *grammars.Tree, start, end int) (holes []grammars.Hole, why string)
	// judge says why a fill is not taken, beside the engine's reasons. May be nil.
	judge func(before, after *grammars.Tree, result infill.Result) (why string)
}

type placeKind uint8

const (
	placeNone placeKind = iota
	placePosition
	placeRange
)

var fillCommands = map[string]fillCommand{
	commandFillHole: {title: "Filling", place: placePosition, holes: func(tree *grammars.Tree, at, _ int) ([]grammars.Hole, string) {
		return []grammars.Hole{tree.HoleAt(at)}, ""
	}},
	commandFillFunction: {title: "Filling the function", place: placePosition, holes: holesInFunction},
	commandFillAll: {title: "Filling", place: placeNone, holes: func(tree *grammars.Tree, _, _ int) ([]grammars.Hole, string) {
		return tree.Holes(), "no holes were found"
	}},
	commandRewrite:  {title: "Rewriting", place: placeRange, holes: selected, judge: sameText},
	commandRepair:   {title: "Repairing", place: placePosition, holes: faulty, judge: stillFaulty},
	commandDocument: {title: "Documenting", place: placePosition, holes: undocumented},
}

// orderPlace is what a command's arguments say.
type orderPlace struct {
	uri     uri.URI
	place   protocol.Range
	version *int32
}

// read decodes a command's arguments.
func (f *fillCommand) read(raw []protocol.LSPAny) (where orderPlace, err error) {
	var id uri.URI
	switch f.place {
	case placeNone:
		err = arguments(raw, 1, &id, &where.version)
	case placePosition:
		err = arguments(raw, 2, &id, &where.place.Start, &where.version)
		where.place.End = where.place.Start
	case placeRange:
		err = arguments(raw, 2, &id, &where.place, &where.version)
	}
	if err != nil {
		return orderPlace{}, err
	}
	where.uri, err = uri.Parse(string(id))
	return where, err
}

// fillOrder is a command, taken off the wire.
type fillOrder struct {
	fillCommand
	id         jsonrpc2.ID
	snapshot   *document.Snapshot
	scope      scope
	start, end int // bytes
	path       string
	around     surroundings
	token      protocol.ProgressToken // the client's, or nil

	// filling ends when the document changes, the call's own context does not:
	// the edit that we ask for is a change too.
	filling context.Context
	stop    context.CancelCauseFunc
}

func (f *fillCommand) refuses(before, after *grammars.Tree, result infill.Result) string {
	if f.judge == nil {
		return ""
	}
	return f.judge(before, after, result)
}

// fillCommandAt is a command on a snapshot, to be offered.
func (s *Server) fillCommandAt(name string, snapshot *document.Snapshot, start, end int) protocol.Command {
	switch encoding := s.client.encoding; fillCommands[name].place {
	case placePosition:
		return command(name, snapshot.Wire(), snapshot.Text.Position(start, encoding), snapshot.Version)
	case placeRange:
		return command(name, snapshot.Wire(), snapshot.Text.Range(start, end, encoding), snapshot.Version)
	}
	return command(name, snapshot.Wire(), snapshot.Version)
}

func holesInFunction(tree *grammars.Tree, at, _ int) ([]grammars.Hole, string) {
	function, ok := tree.FunctionAt(at)
	if !ok {
		return nil, "the cursor is in no function"
	}
	return holesWithin(tree.Holes(), function), "no holes were found in the function"
}

func holesWithin(holes []grammars.Hole, span grammars.Span) (within []grammars.Hole) {
	for _, h := range holes {
		if span.Start <= h.Start && h.End <= span.End {
			within = append(within, h)
		}
	}
	return within
}

func selected(tree *grammars.Tree, start, end int) ([]grammars.Hole, string) {
	hole, ok := tree.Selection(start, end)
	switch size := hole.End - hole.Start; {
	case !ok:
		return nil, "nothing is selected"
	case size > maxRewritten:
		return nil, fmt.Sprintf("%d bytes are selected, more than the %d that can be rewritten at once; select less", size, maxRewritten)
	}
	return []grammars.Hole{hole}, ""
}

// sameText refuses what stands there already.
func sameText(before, _ *grammars.Tree, result infill.Result) string {
	if bytes.Equal(before.Source()[result.Start:result.End], []byte(result.Text)) {
		return "the model would write the same"
	}
	return ""
}

func faulty(tree *grammars.Tree, at, end int) ([]grammars.Hole, string) {
	if hole, ok := tree.FaultAt(at, end); ok && hole.End-hole.Start <= maxRewritten {
		return []grammars.Hole{hole}, ""
	}
	return nil, "there is no syntax error, or a large one"
}

// stillFaulty refuses what leaves as many syntax errors as there were.
func stillFaulty(before, after *grammars.Tree, _ infill.Result) string {
	if len(after.Faults()) >= len(before.Faults()) {
		return "what the model writes does not repair it"
	}
	return ""
}

func undocumented(tree *grammars.Tree, at, _ int) ([]grammars.Hole, string) {
	if hole, ok := tree.DocAt(at); ok {
		return []grammars.Hole{hole}, ""
	}
	return nil, "there is no declaration without a description"
}
