package grammars

import (
	"slices"
	"strings"

	sitter "github.com/smacker/go-tree-sitter"
)

// misread returns the keywords within s that the parser took for names. The
// grammars lex by context: where only an expression can stand, "return" is one
// more identifier and "return return" is no error to them.
func (t *Tree) misread(s Span) []Span {
	var found []Span
	cursor := sitter.NewTreeCursor(t.tree.RootNode())
	defer cursor.Close()
	for more := true; more; {
		n := cursor.CurrentNode()
		at := spanOf(n)
		inside := at.Start < s.End && s.Start < at.End
		if inside && n.ChildCount() == 0 && strings.HasSuffix(n.Type(), "identifier") &&
			slices.Contains(t.language.keywords, string(t.source[at.Start:at.End])) {
			found = append(found, at)
		}
		more = inside && cursor.GoToFirstChild() || at.Start < s.End && nextInOrder(cursor)
	}
	return found
}
