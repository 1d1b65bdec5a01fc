package lsp

import (
	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/lsp/document"
)

func (s *Server) didClose(params jsonrpc2.RawMessage) error {
	var p protocol.DidCloseTextDocumentParams
	if err := decode(params, &p); err != nil {
		return err
	}
	id := p.TextDocument.URI
	doc := s.documents[id]
	if doc == nil {
		s.log.Warn("a document was closed that was not open", "uri", id)
		return nil
	}
	s.closeDocument(id, doc)
	return nil
}

func (s *Server) closeDocument(id uri.URI, doc *document.Document) {
	s.interrupt(id, errModified)
	s.unhint(id)
	doc.Close()
	s.offers.forget(id)
	delete(s.documents, id)
}
