package grammars

import (
	"cmp"
	"slices"

	sitter "github.com/smacker/go-tree-sitter"
)

// A section is a top-level node, with what holes.scm finds in it. The query
// looks at every node of a file, which takes milliseconds; no pattern reaches
// beyond one section, so after an edit only those are asked that it touched.
// The rest is carried over from the tree before.
type section struct {
	Span
	symbol sitter.Symbol
	found  []finding
	meant  []Span // bodies that are empty on purpose
	whole  bool   // without syntax errors: the same text reads the same
}

// finding is a match of holes.scm: offsets, and not yet a hole, whose
// indentation depends on the rest of the file.
type finding struct {
	stub        bool // else an empty body
	span, owner Span
}

// inheritance is what an updated tree takes over: the sections of the tree it
// came from, and the extent of the edits in the new source.
type inheritance struct {
	sections   []section
	start, end int
	grown      int // bytes by which the source is longer
}

// inherit is called before anything is asked of t.
func (t *Tree) inherit(sections []section, edits []Edit) {
	if len(sections) == 0 || len(edits) == 0 {
		return
	}
	h := &inheritance{sections: sections, start: edits[0].Start, end: edits[0].Start}
	for _, e := range edits {
		h.start = min(h.start, e.Start)
		h.end = max(h.end, e.OldEnd) + e.NewEnd - e.OldEnd
		h.grown += e.NewEnd - e.OldEnd
	}
	t.inherited = h
}

// of returns the section that became s, moved to where s is. Nodes that touch
// the edits have none.
func (h *inheritance) of(s section) (section, bool) {
	by := 0
	switch {
	case h == nil || !s.whole:
		return s, false
	case s.End < h.start:
	case s.Start > h.end:
		by = h.grown
	default:
		return s, false
	}
	i, ok := slices.BinarySearchFunc(h.sections, s.Start-by, func(old section, start int) int { return cmp.Compare(old.Start, start) })
	if !ok {
		return s, false
	}
	old := h.sections[i]
	if !old.whole || old.symbol != s.symbol || old.End != s.End-by {
		return s, false
	}
	s.found, s.meant = old.found, old.meant
	if by != 0 {
		s.found, s.meant = slices.Clone(s.found), slices.Clone(s.meant)
		for i := range s.found {
			s.found[i].span, s.found[i].owner = s.found[i].span.moved(by), s.found[i].owner.moved(by)
		}
		for i := range s.meant {
			s.meant[i] = s.meant[i].moved(by)
		}
	}
	return s, true
}

func (s Span) moved(by int) Span { return Span{s.Start + by, s.End + by} }

// divided are the sections of the file, in document order.
func (t *Tree) divided() []section {
	if t.sections != nil || !t.readable() {
		return t.sections
	}
	t.sections = []section{}
	cursor := sitter.NewTreeCursor(t.tree.RootNode())
	defer cursor.Close()
	for more := cursor.GoToFirstChild(); more; more = cursor.GoToNextSibling() {
		n := cursor.CurrentNode()
		s := section{Span: spanOf(n), symbol: n.Symbol(), whole: !n.HasError()}
		if n.ChildCount() == 0 { // a comment, say: nothing to be asked about
			continue
		}
		s, ok := t.inherited.of(s)
		if !ok {
			t.search(&s, n)
		}
		t.sections = append(t.sections, s)
	}
	t.inherited = nil // all that is wanted of it is in the sections now
	return t.sections
}

// search asks holes.scm about a section.
func (t *Tree) search(s *section, n *sitter.Node) {
	t.eachIn(n, t.language.compiled().holes, func(m match) bool {
		if none, ok := m.span("hole.none"); ok {
			s.meant = append(s.meant, none)
		}
		owner, _ := m.span("function")
		if body, ok := m.span("hole.body"); ok {
			s.found = append(s.found, finding{span: body, owner: owner})
		} else if stub, ok := m.span("hole.stub"); ok {
			s.found = append(s.found, finding{stub: true, span: stub, owner: owner})
		}
		return len(s.found) < maxHoles
	})
}
