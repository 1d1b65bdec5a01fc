package grammars

import (
	"bytes"
	"slices"
	"strings"

	sitter "github.com/smacker/go-tree-sitter"
)

// declarations say which nodes name something, and where its description goes.
type declarations struct {
	functions  []string // that have a name
	documented []string // nodes with a name that may have a description
	// wrappers begin a declaration of one documented node: its description goes
	// above them. A wrapper of several ends with a bracket.
	wrappers []string
	// top is the node that wrappers, or documented nodes without one, must stand
	// in; empty is anywhere.
	top string
	// docstring is the quotes of a description at the start of a body. Empty is a
	// line comment above, which begins with the name.
	docstring string
}

// FunctionAt returns the smallest function or method with a name around offset,
// ends included.
func (t *Tree) FunctionAt(offset int) (Span, bool) {
	for _, at := range []int{offset + 1, offset} {
		for _, n := range slices.Backward(t.pathAt(at)) {
			if slices.Contains(t.language.declares.functions, n.Type()) {
				return spanOf(n), true
			}
		}
	}
	return Span{}, false
}

// DocAt returns the hole where the description of a declaration is missing, if
// offset is in its head: the lines before its body, or its first line.
func (t *Tree) DocAt(offset int) (Hole, bool) {
	line := t.lineAt(min(max(offset, 0), len(t.source)))
	text := t.source[line.Start:line.End]
	first := line.Start + len(indentOf(text)) + 1
	path := t.pathAt(first)
	if len(path) > 0 && slices.Contains(t.language.declares.wrappers, path[len(path)-1].Type()) {
		path = nil
	}
	rules := t.language.declares
	// The first word of a line may be the wrapper's, such as "type".
	if i := slices.IndexFunc(path, func(n *sitter.Node) bool { return slices.Contains(rules.wrappers, n.Type()) }); i >= 0 {
		if spec := onlySpec(path[i], rules); spec != nil {
			path = append(path[:i+1:i+1], spec)
		}
	}
	for i, n := range slices.Backward(path) {
		if !slices.Contains(rules.documented, n.Type()) {
			continue
		}
		if !t.inHead(n, line) {
			return Hole{}, false
		}
		return t.docOf(n, path[:i])
	}
	return Hole{}, false
}

// onlySpec is what a wrapper without brackets declares.
func onlySpec(wrapper *sitter.Node, rules declarations) *sitter.Node {
	for i := range int(wrapper.NamedChildCount()) {
		if n := wrapper.NamedChild(i); slices.Contains(rules.documented, n.Type()) && !grouped(wrapper) {
			return n
		}
	}
	return nil
}

// grouped says whether a wrapper declares several things in brackets.
func grouped(wrapper *sitter.Node) bool {
	last := wrapper.Child(int(wrapper.ChildCount()) - 1)
	return last != nil && last.Type() == ")"
}

// inHead says whether a line is before the body of a declaration, or its first.
func (t *Tree) inHead(n *sitter.Node, line Span) bool {
	first := t.lineAt(int(n.StartByte()))
	body := n.ChildByFieldName("body")
	if body == nil || first == line {
		return first == line
	}
	last := t.lineAt(int(body.StartByte()))
	if line == last { // the body begins there, perhaps behind the head's end
		return len(bytes.TrimSpace(t.source[last.Start:body.StartByte()])) > 0
	}
	return first.Start < line.Start && line.Start < last.Start
}

// docOf is the hole for the description of n, which stands in around.
func (t *Tree) docOf(n *sitter.Node, around []*sitter.Node) (Hole, bool) {
	rules := t.language.declares
	name := n.ChildByFieldName("name")
	if name == nil || name.StartByte() == name.EndByte() {
		return Hole{}, false
	}
	if rules.docstring != "" {
		return t.docstring(n)
	}
	anchor := n
	if len(around) > 0 && slices.Contains(rules.wrappers, around[len(around)-1].Type()) {
		wrapper := around[len(around)-1]
		around = around[:len(around)-1]
		if !grouped(wrapper) {
			anchor = wrapper
		}
	}
	if rules.top != "" && (len(around) == 0 || around[len(around)-1].Type() != rules.top) {
		return Hole{}, false
	}
	at := int(anchor.StartByte())
	line := t.lineAt(at)
	if len(bytes.TrimSpace(t.source[line.Start:at])) > 0 || t.describedAbove(line) {
		return Hole{}, false
	}
	return t.docHole(at, t.language.lineComment+" "+name.Content(t.source)+" ", t.newline()+t.indentAt(at)), true
}

// describedAbove says whether a comment ends on the line above.
func (t *Tree) describedAbove(line Span) bool {
	if line.Start == 0 {
		return false
	}
	above := t.lineAt(line.Start - 1)
	end := above.Start + len(bytes.TrimRight(t.source[above.Start:above.End], " \t\r"))
	return end > above.Start && slices.ContainsFunc(t.pathAt(end), func(n *sitter.Node) bool {
		return slices.Contains(t.language.commentNodes, n.Type())
	})
}

// docstring is the hole at the start of the body of n, if that is on lines of its
// own.
func (t *Tree) docstring(n *sitter.Node) (Hole, bool) {
	body := n.ChildByFieldName("body")
	if body == nil || body.StartByte() == body.EndByte() {
		return Hole{}, false
	}
	at := int(body.StartByte())
	line := t.lineAt(at)
	if len(bytes.TrimSpace(t.source[line.Start:at])) > 0 {
		return Hole{}, false
	}
	if first := body.NamedChild(0); first != nil && first.NamedChildCount() == 1 && slices.Contains(t.language.stringNodes, first.NamedChild(0).Type()) {
		return Hole{}, false
	}
	quotes := t.language.declares.docstring
	return t.docHole(at, quotes, quotes+t.newline()+t.indentAt(at)), true
}

func (t *Tree) docHole(at int, lead, trail string) Hole {
	s := Span{at, at}
	return Hole{Span: s, Kind: KindDoc, Lead: lead, Trail: trail, Scope: t.scopeOf(s)}
}

// Selection returns a hole for what stands in [start, end), without the white
// space around it. There is none where only white space is.
func (t *Tree) Selection(start, end int) (Hole, bool) {
	start, end = max(start, 0), min(end, len(t.source))
	if start >= end {
		return Hole{}, false
	}
	text := t.source[start:end]
	s := Span{start + len(text) - len(bytes.TrimLeft(text, " \t\r\n")), 0}
	s.End = s.Start + len(bytes.TrimSpace(text))
	if s.Start == s.End {
		return Hole{}, false
	}
	first, last := t.lineAt(s.Start), t.lineAt(s.End)
	alone := len(bytes.TrimSpace(t.source[first.Start:s.Start])) == 0 && len(bytes.TrimSpace(t.source[s.End:last.End])) == 0
	lines := strings.ContainsAny(string(t.source[s.Start:s.End]), "\r\n")
	return Hole{Span: s, Kind: KindSelection, Multiline: alone || lines, Scope: t.scopeOf(s)}, true
}

// FaultAt returns a hole for the syntax error that touches [start, end], or else
// for the first one on the line of start. One of no extent is what the parser
// misses there.
func (t *Tree) FaultAt(start, end int) (Hole, bool) {
	line := t.lineAt(min(max(start, 0), len(t.source)))
	found := Span{-1, -1}
	for _, f := range t.allFaults() {
		if f.Start <= end && start <= f.End {
			found = f
			break
		}
		if found.Start < 0 && f.Start <= line.End && line.Start <= f.End {
			found = f
		}
	}
	if found.Start < 0 {
		return Hole{}, false
	}
	if hole, ok := t.Selection(found.Start, found.End); ok {
		hole.Kind = KindFault
		return hole, true
	}
	return Hole{Span: Span{found.Start, found.Start}, Kind: KindFault, Scope: t.scopeOf(found)}, true
}
