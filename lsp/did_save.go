package lsp

import (
	"bytes"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/lacuna-dev/lacuna/lsp/document"
)

// didSave has nothing to do: the text is known. But a client that sends it again
// lets us see whether it is the same.
func (s *Server) didSave(params jsonrpc2.RawMessage) error {
	var p protocol.DidSaveTextDocumentParams
	if err := decode(params, &p); err != nil {
		return err
	}
	doc := s.documents[p.TextDocument.URI]
	if doc == nil || p.Text == nil {
		return nil
	}
	head := doc.Head()
	if head.Fillable() == nil && bytes.Equal(head.Text.Bytes(), []byte(*p.Text)) {
		return nil
	}
	if head.Fillable() == nil {
		s.log.Warn("a document was saved with another text than the server has; the saved one counts", "uri", p.TextDocument.URI)
	}
	s.interrupt(p.TextDocument.URI, errModified)
	defer s.hint(doc)
	// The version stays what it was, which Change would complain about.
	_ = doc.Change(head.Version, []document.Edit{{Text: *p.Text}}, s.client.encoding)
	return nil
}

// didChangeFolders follows the folders of the workspace: they say what a document's
// path is within, and where its settings' patterns begin.
func (s *Server) didChangeFolders(params jsonrpc2.RawMessage) error {
	var p protocol.DidChangeWorkspaceFoldersParams
	if err := decode(params, &p); err != nil {
		return err
	}
	s.client.changeRoots(p.Event)
	s.rescope()
	return nil
}

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
