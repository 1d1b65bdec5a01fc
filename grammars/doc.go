// Package grammars knows programming languages: it parses source with
// tree-sitter, follows edits, and finds the holes of a file, the scopes around
// them and the syntax errors in it. Positions are byte offsets.
//
// A language is one definition in its own file (golang.go, python.go) and the
// queries under queries/<id>:
//
//	holes.scm      empty bodies and stubs
//	markers.scm    explicit markers
//	evalspans.scm  what an evaluation may cut out
//	faults.scm     what the grammar lets pass but the language does not;
//	breaks.scm     likewise, line breaks. Both are optional.
//
// It must never know LSP, nor how a hole is filled. It is the only importer of
// go-tree-sitter.
package grammars
