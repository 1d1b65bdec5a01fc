package grammars

import (
	"bytes"
	"slices"
	"strings"
)

// NodeSpan is a piece of syntax: Kind is "expression", "statement", "block" or
// "arguments".
type NodeSpan struct {
	Span
	Kind string
}

// NodeSpans returns what an evaluation can cut out so that something of a
// kind is missing, in document order, wider first. Blocks and arguments come
// without what encloses them. Spans nest; none is empty.
func (t *Tree) NodeSpans() []NodeSpan {
	var spans []NodeSpan
	t.each(t.language.compiled().evalSpans, func(m match) bool {
		for _, c := range m.captures {
			kind, inner := strings.CutSuffix(m.query.names[c.Index], ".inner")
			s := spanOf(c.Node)
			if inner {
				s = t.inside(s)
			}
			if s.Start < s.End && !c.Node.HasError() {
				spans = append(spans, NodeSpan{s, kind})
			}
		}
		return true
	})
	slices.SortFunc(spans, func(a, b NodeSpan) int {
		if c := compareSpans(a.Span, b.Span); c != 0 {
			return c
		}
		return strings.Compare(a.Kind, b.Kind)
	})
	return slices.Compact(spans)
}

// inside is what a pair of one-byte brackets encloses, trimmed.
func (t *Tree) inside(s Span) Span {
	if s.End-s.Start < 2 {
		return Span{}
	}
	text := t.source[s.Start+1 : s.End-1]
	left := len(text) - len(bytes.TrimLeft(text, " \t\r\n"))
	s = Span{s.Start + 1 + left, s.Start + 1 + left + len(bytes.TrimSpace(text))}
	return s
}
