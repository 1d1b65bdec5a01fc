package grammars

import (
	"slices"

	sitter "github.com/smacker/go-tree-sitter"
)

// InComment says whether text typed at offset would be part of a comment.
func (t *Tree) InComment(offset int) bool {
	for _, n := range t.pathAt(offset) {
		if !slices.Contains(t.language.commentNodes, n.Type()) {
			continue
		}
		s := spanOf(n)
		if s.Start < offset && (offset < s.End || offset == s.End && t.endsWithLine(s)) {
			return true
		}
	}
	return false
}

// endsWithLine says whether a comment is of the kind that ends with its line.
func (t *Tree) endsWithLine(comment Span) bool {
	text := t.source[comment.Start:comment.End]
	opener := t.language.lineComment
	return len(text) >= len(opener) && string(text[:len(opener)]) == opener
}

// InString says whether text typed at offset would be part of a string. A
// string that is not closed counts up to the end of its line.
func (t *Tree) InString(offset int) bool {
	path := t.pathAt(offset)
	for _, n := range slices.Backward(path) {
		s := spanOf(n)
		if offset <= s.Start || s.End <= offset {
			continue
		}
		kind := n.Type()
		if slices.Contains(t.language.codeInStringNodes, kind) {
			return false
		}
		if slices.Contains(t.language.stringNodes, kind) {
			return true
		}
	}
	line := t.lineAt(offset)
	broken := slices.ContainsFunc(t.allFaults(), func(f Span) bool { return f.Start <= line.End && f.End >= line.Start })
	return broken && !t.InComment(offset) && scanBrackets(t.source[line.Start:offset], t.language.lineComment).inString
}

// pathAt returns the nodes that hold the byte before offset, outermost first.
func (t *Tree) pathAt(offset int) []*sitter.Node {
	if offset <= 0 || offset > len(t.source) {
		return nil
	}
	cursor := sitter.NewTreeCursor(t.tree.RootNode())
	defer cursor.Close()
	var path []*sitter.Node
	for {
		n := cursor.CurrentNode()
		if int(n.StartByte()) >= offset {
			return path
		}
		path = append(path, n)
		if cursor.GoToFirstChildForByte(uint32(offset-1)) < 0 {
			return path
		}
		// The library stops at a child that ends right there.
		for int(cursor.CurrentNode().EndByte()) < offset {
			if !cursor.GoToNextSibling() {
				return path
			}
		}
	}
}

// scopeOf is the smallest function, method or class around s, or the file. It goes
// down the tree: a query would visit all of a file to say what is around one place.
func (t *Tree) scopeOf(s Span) Span {
	best := Span{0, len(t.source)}
	for _, at := range []int{s.Start, s.Start + 1} { // what ends at s, and what begins there
		for _, n := range slices.Backward(t.pathAt(at)) {
			scope := spanOf(n)
			if !slices.Contains(t.language.scopeNodes, n.Type()) || scope.Start > s.Start || scope.End < s.End {
				continue
			}
			if scope.Start > best.Start || scope.Start == best.Start && scope.End < best.End {
				best = scope
			}
			break
		}
	}
	return best
}
