package main

import (
	"bytes"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
)

// cutKind says how eval chose what to cut out.
type cutKind string

const (
	// cutRest is the rest of a line from a random column that stands before a
	// word character: at the start of a word or inside it.
	cutRest cutKind = "rest"
	// cutLine is all of a line but its indentation.
	cutLine cutKind = "line"
	// cutExpression is a syntax node within a line.
	cutExpression cutKind = "expression"
	// cutArguments is what stands between the brackets of a call or of a
	// declaration, within a line.
	cutArguments cutKind = "arguments"
	// cutStatements is a run of one to four whole statements.
	cutStatements cutKind = "statements"
	// cutBlock is the whole body of a function, a loop or a branch.
	cutBlock cutKind = "block"
	// cutSpan is a few bytes anywhere in the code, without regard to syntax.
	cutSpan cutKind = "span"
)

var cutKinds = []cutKind{cutRest, cutLine, cutExpression, cutArguments, cutStatements, cutBlock, cutSpan}

// multiline says whether a fill of the kind may have line breaks. Nobody who
// wants statements is content with a line: that is the editor's "fill this
// hole", not its ghost text. Of a span no one knows whether it crosses lines.
func (k cutKind) multiline() bool {
	return k == cutStatements || k == cutBlock || k == cutSpan
}

const (
	maxCutsPerFile   = 4
	cutAttempts      = 100
	maxCutStatements = 4
	maxBlockLines    = 8  // of statements and of blocks
	maxExpression    = 80 // bytes, of arguments too
	minSpan, maxSpan = 2, 60
)

// cut is a hole made in a real file.
type cut struct {
	Lang       *grammars.Language
	Path       string // on the disk
	File       string // in the corpus
	Kind       cutKind
	Source     []byte // the whole file
	Start, End int    // what is cut out of Source
	Neighbours []layout.Neighbour
	Tokens     int // what is cut out, in tokens of the first model that saw it; 0 before
}

func (c *cut) truth() string { return string(c.Source[c.Start:c.End]) }

// holed is the file without what was cut out.
func (c *cut) holed() []byte {
	return slices.Concat(c.Source[:c.Start], c.Source[c.End:])
}

// cutter draws holes out of one file. What it draws depends on the seed, the
// file and what has been asked for before, nothing else.
type cutter struct {
	file  string
	tree  *grammars.Tree
	rng   *rand.Rand
	taken []grammars.Span
	nodes map[cutKind][]grammars.Span // of the kinds that are cut at syntax
}

// newCutter parses a file. It refuses, with false, one with syntax errors:
// what would parse there cannot be told. The caller closes the cutter.
func newCutter(lang *grammars.Language, seed uint64, file string, src []byte) (*cutter, bool) {
	tree, err := grammars.Parse(lang, src)
	if err != nil {
		return nil, false
	}
	if len(tree.Faults()) > 0 {
		tree.Close()
		return nil, false
	}
	name := fnv.New64a()
	name.Write([]byte(file))
	c := &cutter{
		file: file, tree: tree, rng: rand.New(rand.NewPCG(seed, name.Sum64())),
		nodes: map[cutKind][]grammars.Span{},
	}
	var statements []grammars.Span
	for _, node := range tree.NodeSpans() {
		switch size := node.End - node.Start; node.Kind {
		case "expression", "arguments":
			enclosed := node.Kind != "arguments" || src[node.Start-1] == '(' && src[node.End] == ')'
			if cutLines(src, node.Span) == 1 && size >= 2 && size <= maxExpression && enclosed {
				c.nodes[cutKind(node.Kind)] = append(c.nodes[cutKind(node.Kind)], node.Span)
			}
		case "statement":
			if !tree.InComment(node.Start+1) && !c.isString(node.Span) {
				statements = append(statements, node.Span)
			}
		case "block":
			c.nodes[cutBlock] = append(c.nodes[cutBlock], node.Span)
		}
	}
	c.nodes[cutStatements] = statementRuns(src, statements)
	for _, kind := range []cutKind{cutStatements, cutBlock} {
		c.nodes[kind] = slices.DeleteFunc(c.nodes[kind], func(s grammars.Span) bool { return !c.wholeLines(s) })
	}
	return c, true
}

// wholeLines: at most maxBlockLines, nothing else on them, and not mere prose.
func (c *cutter) wholeLines(s grammars.Span) bool {
	src := c.tree.Source()
	whole := lineAround(src, s.Start).Start == s.Start && lineAround(src, s.End).End == s.End
	prose := c.tree.InComment(s.Start+1) && c.tree.InComment(s.End) || c.isString(s)
	return cutLines(src, s) <= maxBlockLines && whole && !prose
}

// isString: Python's documentation strings are statements to its grammar.
func (c *cutter) isString(s grammars.Span) bool {
	return c.tree.InString(s.Start+1) && c.tree.InString(s.End-1)
}

func cutLines(src []byte, s grammars.Span) int {
	return 1 + bytes.Count(src[s.Start:s.End], []byte{'\n'})
}

func (c *cutter) close() { c.tree.Close() }

// statementRuns are all runs of one to maxCutStatements statements that follow
// each other with nothing between them. statements ascend, wider first.
func statementRuns(src []byte, statements []grammars.Span) []grammars.Span {
	var out []grammars.Span
	for i, first := range statements {
		run, length := first, 1
		out = append(out, run)
		for _, next := range statements[i+1:] {
			if next.Start < run.End { // inside the run
				continue
			}
			if length == maxCutStatements || len(bytes.TrimSpace(src[run.End:next.Start])) > 0 {
				break
			}
			run.End = next.End
			length++
			out = append(out, run)
		}
	}
	return out
}

// draw cuts a hole of a kind, clear of those cut before; false if it finds
// none.
func (c *cutter) draw(kind cutKind) (cut, bool) {
	for range cutAttempts {
		span, ok := c.span(kind)
		if ok && !overlapsAny(span, c.taken) {
			c.taken = append(c.taken, span)
			return cut{Lang: c.tree.Language(), File: c.file, Kind: kind, Source: c.tree.Source(), Start: span.Start, End: span.End}, true
		}
	}
	return cut{}, false
}

func (c *cutter) span(kind cutKind) (grammars.Span, bool) {
	switch kind {
	case cutExpression, cutArguments, cutStatements, cutBlock:
		return pick(c.rng, c.nodes[kind])
	case cutSpan:
		return c.anywhere()
	}
	src := c.tree.Source()
	at := c.rng.IntN(len(src))
	line := lineAround(src, at)
	if !worthFilling(src[line.Start:line.End]) || c.prose(line, at) {
		return grammars.Span{}, false
	}
	if kind == cutLine {
		return line, true
	}
	r, _ := utf8.DecodeRune(src[at:])
	if at < line.Start || !utf8.RuneStart(src[at]) || !isWord(r) {
		return grammars.Span{}, false
	}
	return grammars.Span{Start: at, End: line.End}, true
}

// anywhere is minSpan to maxSpan bytes at a random place, clear of comments and
// of strings that run over lines.
func (c *cutter) anywhere() (grammars.Span, bool) {
	src := c.tree.Source()
	start := c.rng.IntN(len(src))
	s := grammars.Span{Start: start, End: start + minSpan + c.rng.IntN(maxSpan-minSpan+1)}
	if s.End >= len(src) || !utf8.RuneStart(src[s.Start]) || !utf8.RuneStart(src[s.End]) || !worthFilling(src[s.Start:s.End]) {
		return grammars.Span{}, false
	}
	if c.prose(lineAround(src, s.Start), s.Start) || c.prose(lineAround(src, s.End), s.End) {
		return grammars.Span{}, false
	}
	for at := s.Start; at <= s.End; at++ {
		if c.tree.InComment(at) {
			return grammars.Span{}, false
		}
	}
	return s, true
}

// prose is comments and strings that run over lines: no answer there is more
// right than another.
func (c *cutter) prose(line grammars.Span, at int) bool {
	return c.tree.InComment(line.Start+1) || c.tree.InComment(at+1) ||
		c.tree.InString(line.Start) || c.tree.InString(line.End)
}

func pick(rng *rand.Rand, spans []grammars.Span) (grammars.Span, bool) {
	if len(spans) == 0 {
		return grammars.Span{}, false
	}
	return spans[rng.IntN(len(spans))], true
}

// lineAround is the line of at without indentation and trailing white space.
func lineAround(src []byte, at int) grammars.Span {
	start := bytes.LastIndexAny(src[:at], "\r\n") + 1
	end := lineEnd(src, at)
	text := src[start:end]
	start += len(text) - len(bytes.TrimLeft(text, " \t"))
	return grammars.Span{Start: start, End: max(start, start+len(bytes.TrimSpace(text)))}
}

// worthFilling leaves out lines that are nothing but brackets.
func worthFilling(line []byte) bool {
	return bytes.IndexFunc(line, isWord) >= 0
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func overlapsAny(span grammars.Span, others []grammars.Span) bool {
	return slices.ContainsFunc(others, func(o grammars.Span) bool {
		return span.Start < o.End && o.Start < span.End
	})
}
