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
