package grammars

import (
	"bytes"
	"slices"
	"strings"

	sitter "github.com/smacker/go-tree-sitter"
)

// Faults returns the syntax errors in document order: what the parser could
// not read, what it had to make up (an empty span), and what faults.scm adds.
func (t *Tree) Faults() []Span { return slices.Clone(t.allFaults()) }

func (t *Tree) allFaults() []Span {
	if t.faults != nil {
		return t.faults
	}
	faults := []Span{}
	cursor := sitter.NewTreeCursor(t.tree.RootNode())
	defer cursor.Close()
	for more := true; more; {
		n := cursor.CurrentNode()
		fault := n.IsError() || n.IsMissing()
		if fault {
			faults = append(faults, spanOf(n))
		}
		more = !fault && n.HasError() && cursor.GoToFirstChild() || nextInOrder(cursor)
	}
	t.each(t.language.compiled().faults, func(m match) bool {
		if s, ok := m.span("fault.empty"); ok && s.Start == s.End {
			faults = append(faults, s)
		}
		return true
	})
	faults = append(faults, t.forbiddenBreaks()...)
	slices.SortFunc(faults, compareSpans)
	t.faults = slices.Compact(faults)
	return t.faults
}

// forbiddenBreaks are the places, as empty spans, where a line ends too early.
func (t *Tree) forbiddenBreaks() []Span {
	queries := t.language.compiled()
	if queries.breaks == nil || !t.language.gaps.breaking.Match(t.source) {
		return nil
	}
	var found []Span
	t.each(queries.breaks, func(m match) bool {
		before, _ := m.span("break.before")
		after, ok := m.span("break.after")
		if ok && before.End < after.Start && t.breaksLine(Span{before.End, after.Start}) && !t.inBrackets(Span{before.End, after.Start}) {
			found = append(found, Span{before.End, before.End})
		}
		return true
	})
	return found
}

// breaksLine says whether a line ends within s without a backslash.
func (t *Tree) breaksLine(s Span) bool {
	line, _, broken := bytes.Cut(t.source[s.Start:s.End], []byte("\n"))
	return broken && !bytes.HasSuffix(bytes.TrimSuffix(line, []byte("\r")), []byte("\\"))
}

// inBrackets says whether a node that begins and ends with brackets encloses s.
func (t *Tree) inBrackets(s Span) bool {
	return slices.ContainsFunc(t.pathAt(s.Start), func(n *sitter.Node) bool {
		around := spanOf(n)
		return around.End > s.End && strings.IndexByte("([{", t.source[around.Start]) >= 0 &&
			strings.IndexByte(")]}", t.source[around.End-1]) >= 0
	})
}

// nextInOrder moves to the next node that is not below the current one.
func nextInOrder(cursor *sitter.TreeCursor) bool {
	for !cursor.GoToNextSibling() {
		if !cursor.GoToParent() {
			return false
		}
	}
	return true
}

// compareSpans orders by start, the wider first.
func compareSpans(a, b Span) int {
	if a.Start != b.Start {
		return a.Start - b.Start
	}
	return b.End - a.End
}

// NewFaults returns the faults of after that before did not have; after is
// before with e applied. None means that the edit does not break the parse.
//
// A keyword of the edit that was read as a name is always new. Otherwise, an
// edit that leaves fewer faults than there were has none; and a fault
// is old if it touches a fault of before, mapped over the edit: an error grows
// and shrinks with its surroundings. But two things are new: what lies within
// the inserted text, unless an old error encloses all of it, and what an edit
// that was to repair a fault right where it begins or ends leaves of it.
func NewFaults(before, after *Tree, e Edit) []Span {
	if words := after.misread(Span{e.Start, e.NewEnd}); len(words) > 0 {
		return words
	}
	old, now := before.allFaults(), after.allFaults()
	if len(now) < len(old) {
		return nil
	}
	replaced := Span{e.Start, e.OldEnd}
	lines := Span{before.lineAt(e.Start).Start, before.lineAt(e.OldEnd).End}
	var around []Span // old faults as they lie in after
	for _, f := range old {
		// A fault that stands on the line with the edit and touches it, as in
		// "x :=", awaits what is inserted.
		awaits := f.Start >= lines.Start && f.End <= lines.End && before.touch(f, replaced) &&
			(f.End <= e.OldEnd || f.Start >= e.Start)
		if !awaits {
			around = append(around, f.shift(e))
		}
	}
	var fresh []Span
	next := 0
	reach := -1 // the furthest end of the old faults that begin at or before f's end
	for _, f := range now {
		for next < len(around) && around[next].Start <= f.End {
			reach = max(reach, around[next].End)
			next++
		}
		if reach < f.Start || insideEdit(f, e) && !enclosed(old, e) {
			fresh = append(fresh, f)
		}
	}
	return fresh
}

// shift maps a span over an edit; the part that was replaced becomes all of
// the replacement.
func (s Span) shift(e Edit) Span {
	if s.Start > e.OldEnd {
		s.Start += e.NewEnd - e.OldEnd
	} else {
		s.Start = min(s.Start, e.Start)
	}
	switch {
	case s.End >= e.OldEnd:
		s.End += e.NewEnd - e.OldEnd
	case s.End > e.Start:
		s.End = e.NewEnd
	}
	return s
}

// insideEdit says whether f lies within the inserted text, off its right end:
// a fault there may as well belong to what follows.
func insideEdit(f Span, e Edit) bool { return f.Start >= e.Start && f.End < e.NewEnd }

// enclosed says whether a fault reached beyond both ends of what was replaced.
func enclosed(faults []Span, e Edit) bool {
	return slices.ContainsFunc(faults, func(f Span) bool { return f.Start < e.Start && f.End > e.OldEnd })
}
