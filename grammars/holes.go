package grammars

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

const (
	// maxHoles is how many holes, and how many markers, of a file are
	// reported. More of them are the work of a program, not of someone who
	// waits for them to be filled.
	maxHoles = 2000
	// markerName is the identifier that marks a missing expression.
	markerName = "__hole__"
)

// Holes returns the holes of the file in document order, the first
// thousands of them. None overlap; of nested ones the outermost is taken.
func (t *Tree) Holes() []Hole { return slices.Clone(t.allHoles()) }

func (t *Tree) allHoles() []Hole {
	if t.holes != nil {
		return t.holes
	}
	found := t.explicitHoles()
	for _, gap := range t.gaps() {
		if !slices.ContainsFunc(found, func(h Hole) bool { return t.touch(gap.Span, h.Span) }) {
			found = append(found, gap)
		}
	}
	t.holes = outermost(found)
	for i := range t.holes {
		t.holes[i].Scope = t.scopeOf(t.holes[i].Span)
	}
	return t.holes
}

// explicitHoles are those that holes.scm and markers.scm find.
func (t *Tree) explicitHoles() []Hole {
	var found []Hole
	var meant []Span // bodies that are empty on purpose
	for _, section := range t.divided() {
		for _, f := range section.found {
			if h, ok := t.holeOf(f); ok && len(found) < maxHoles {
				found = append(found, h)
			}
		}
		meant = append(meant, section.meant...)
	}
	found = slices.DeleteFunc(found, func(h Hole) bool {
		return slices.ContainsFunc(meant, func(s Span) bool { return s.Start <= h.Start && h.End <= s.End })
	})
	// Every identifier is a match to be looked at: not without need.
	if bytes.Contains(t.source, []byte("HOLE")) || bytes.Contains(t.source, []byte(markerName)) {
		t.each(t.language.compiled().markers, func(m match) bool {
			if s, ok := m.span("hole.marker"); ok {
				found = append(found, t.marker(s))
			}
			return len(found) < 2*maxHoles
		})
	}
	return outermost(found)
}

// outermost sorts holes and drops those that overlap an earlier or wider one.
func outermost(holes []Hole) []Hole {
	slices.SortStableFunc(holes, func(a, b Hole) int { return compareSpans(a.Span, b.Span) })
	kept := make([]Hole, 0, len(holes))
	for _, h := range holes {
		if len(kept) > 0 {
			last := kept[len(kept)-1].Span
			if h.Start < last.End || h.Span == last {
				continue
			}
		}
		kept = append(kept, h)
	}
	return kept
}

// touch says whether nothing but white space separates two spans.
func (t *Tree) touch(a, b Span) bool {
	if a.Start > b.Start {
		a, b = b, a
	}
	return a.End >= b.Start || len(bytes.TrimSpace(t.source[a.End:b.Start])) == 0
}

// HoleAt returns the hole of Holes that contains offset, ends included, and
// the cursor hole at offset if there is none.
func (t *Tree) HoleAt(offset int) Hole {
	for _, h := range t.allHoles() {
		if h.Start <= offset && offset <= h.End {
			return h
		}
	}
	return t.Cursor(offset)
}

// Cursor returns the insertion point at offset, which is brought into the
// file's bounds.
func (t *Tree) Cursor(offset int) Hole {
	at := Span{offset, offset}
	at.Start = min(max(at.Start, 0), len(t.source))
	at.End = at.Start
	return Hole{Span: at, Kind: KindCursor, Scope: t.scopeOf(at)}
}

// holeOf makes a hole of a match of holes.scm.
func (t *Tree) holeOf(f finding) (Hole, bool) {
	if f.stub {
		return t.stub(f.span, f.owner), true
	}
	return t.emptyBody(f.span, f.owner)
}

// marker takes many lines if it has its line to itself. The identifier never
// does: it stands for an expression.
func (t *Tree) marker(s Span) Hole {
	first, last := t.lineAt(s.Start), t.lineAt(s.End)
	alone := len(bytes.TrimSpace(t.source[first.Start:s.Start])) == 0 && len(bytes.TrimSpace(t.source[s.End:last.End])) == 0
	return Hole{Span: s, Kind: KindMarker, Multiline: alone && !bytes.Equal(t.source[s.Start:s.End], []byte(markerName))}
}

// emptyBody is a hole between two braces with white space between them.
func (t *Tree) emptyBody(block, owner Span) (Hole, bool) {
	text := t.source[block.Start:block.End]
	if len(text) < 2 || len(bytes.TrimSpace(text[1:len(text)-1])) > 0 {
		return Hole{}, false
	}
	indent := t.newline() + t.indentAt(owner.Start)
	return Hole{
		Span:      Span{block.Start + 1, block.End - 1},
		Kind:      KindBody,
		Lead:      indent + t.indentUnit(),
		Trail:     indent,
		Multiline: true,
	}, true
}

// stub replaces the statements of s. If they share a line with what opens or
// closes the body, the body is broken into lines.
func (t *Tree) stub(s, owner Span) Hole {
	h := Hole{Span: t.withTodo(s), Kind: KindStub, Multiline: true}
	indent := t.newline() + t.indentAt(owner.Start)
	line := t.lineAt(h.Start)
	if before := bytes.TrimRight(t.source[line.Start:h.Start], " \t"); len(bytes.TrimSpace(before)) > 0 {
		h.Start = line.Start + len(before)
		h.Lead = indent + t.indentUnit()
	}
	line = t.lineAt(h.End)
	after := t.source[h.End:line.End]
	if closer := t.language.gaps.closer; closer != "" && strings.HasPrefix(strings.TrimSpace(string(after)), closer) {
		h.End += len(after) - len(bytes.TrimLeft(after, " \t"))
		h.Trail = indent
	}
	return h
}

var todo = regexp.MustCompile(`^\s*(TODO|FIXME)\b`)

// withTodo extends a stub over the comment lines right above it, from the
// topmost that begins with TODO or FIXME: they tell that the body is missing
// and would be wrong once it is there.
func (t *Tree) withTodo(s Span) Span {
	start := s.Start
	line := t.lineAt(start)
	if len(bytes.TrimSpace(t.source[line.Start:start])) > 0 {
		return s
	}
	for line.Start > 0 {
		line = t.lineAt(line.Start - 1)
		text := bytes.TrimLeft(t.source[line.Start:line.End], " \t")
		comment, ok := bytes.CutPrefix(text, []byte(t.language.lineComment))
		if !ok {
			break
		}
		if todo.Match(comment) {
			start = line.End - len(text)
		}
	}
	return Span{start, s.End}
}
