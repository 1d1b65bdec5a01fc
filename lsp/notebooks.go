package lsp

import "go.lsp.dev/jsonrpc2"

// Notebooks are refused: a cell alone is no program, and what stands in the others
// it would be filled without.
const noNotebooks = "cells of a notebook are not filled: each would be taken for a program of its own"

// notebookScheme is how VS Code names cells that it sends as documents.
const notebookScheme = "vscode-notebook-cell"

// didNotebook is for all notifications about notebooks. A server that does not
// offer them is not sent any, by the specification.
func (s *Server) didNotebook(jsonrpc2.RawMessage) error {
	s.refuseNotebooks()
	return nil
}

// refuseNotebooks says so, once.
func (s *Server) refuseNotebooks() {
	s.notebooks.Do(func() { s.log.Warn(noNotebooks) })
}
