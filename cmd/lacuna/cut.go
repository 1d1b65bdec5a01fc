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
	// cutBlock is a run of whole statements on two to six lines.
	cutBlock cutKind = "block"
)

var cutKinds = []cutKind{cutRest, cutLine, cutExpression, cutBlock}

const (
	maxCutsPerFile = 4
	cutAttempts    = 20
	maxBlockLines  = 6
	maxExpression  = 80 // bytes
)

// cut is a hole made in a real file.
type cut struct {
	File       string // in the corpus
	Kind       cutKind
	Source     []byte // the whole file
	Start, End int    // what is cut out of Source
	Neighbours []layout.Neighbour
}

func (c *cut) truth() string { return string(c.Source[c.Start:c.End]) }

// holed is the file without what was cut out.
func (c *cut) holed() []byte {
	return slices.Concat(c.Source[:c.Start], c.Source[c.End:])
}

// cutter draws holes out of one file. What it draws depends on the seed, the
// file and what has been asked for before, nothing else.
type cutter struct {
	file        string
	tree        *grammars.Tree
	rng         *rand.Rand
	taken       []grammars.Span
	expressions []grammars.Span
	blocks      []grammars.Span
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
	c := &cutter{file: file, tree: tree, rng: rand.New(rand.NewPCG(seed, name.Sum64()))}
	var statements []grammars.Span
	for _, node := range tree.NodeSpans() {
		switch node.Kind {
		case "expression", "arguments":
			if size := node.End - node.Start; cutLines(src, node.Span) == 1 && size >= 2 && size <= maxExpression {
				c.expressions = append(c.expressions, node.Span)
			}
		case "statement":
			statements = append(statements, node.Span)
		case "block":
			c.blocks = append(c.blocks, node.Span)
		}
	}
	c.blocks = append(c.blocks, runs(src, statements)...)
	c.blocks = slices.DeleteFunc(c.blocks, func(s grammars.Span) bool { return !c.isBlock(s) })
	return c, true
}

// isBlock: two to maxBlockLines whole lines, and not mere prose.
func (c *cutter) isBlock(s grammars.Span) bool {
	src := c.tree.Source()
	lines := cutLines(src, s)
	whole := lineAround(src, s.Start).Start == s.Start && lineAround(src, s.End).End == s.End
	prose := c.tree.InComment(s.Start+1) && c.tree.InComment(s.End) ||
		c.tree.InString(s.Start+1) && c.tree.InString(s.End-1)
	return lines >= 2 && lines <= maxBlockLines && whole && !prose
}

func cutLines(src []byte, s grammars.Span) int {
	return 1 + bytes.Count(src[s.Start:s.End], []byte{'\n'})
}

func (c *cutter) close() { c.tree.Close() }

// runs joins statements that follow each other, as long as they stay within
// maxBlockLines lines. statements ascend, wider first.
func runs(src []byte, statements []grammars.Span) []grammars.Span {
	var out []grammars.Span
	for i, first := range statements {
		run := first
		for _, next := range statements[i:] {
			if next.Start >= run.End {
				if len(bytes.TrimSpace(src[run.End:next.Start])) > 0 {
					break
				}
				run.End = next.End
			}
			if cutLines(src, run) > maxBlockLines {
				break
			}
			if len(out) == 0 || out[len(out)-1] != run {
				out = append(out, run)
			}
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
			return cut{File: c.file, Kind: kind, Source: c.tree.Source(), Start: span.Start, End: span.End}, true
		}
	}
	return cut{}, false
}

func (c *cutter) span(kind cutKind) (grammars.Span, bool) {
	switch kind {
	case cutExpression:
		return pick(c.rng, c.expressions)
	case cutBlock:
		return pick(c.rng, c.blocks)
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
