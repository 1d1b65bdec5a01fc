package lsp

import (
	"encoding/json"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/lsp/document"
)

func (s *Server) didOpen(params jsonrpc2.RawMessage) error {
	var p protocol.DidOpenTextDocumentParams
	if err := decode(params, &p); err != nil {
		return err
	}
	id := p.TextDocument.URI
	if old := s.documents[id]; old != nil {
		s.log.Warn("a document was opened twice; the new text counts", "uri", id)
		s.closeDocument(id, old)
	}
	doc := document.Open(p.TextDocument, wireURI(params, id))
	s.documents[id] = doc
	s.hint(doc)
	if err := doc.Head().Fillable(); err != nil && doc.Head().Language != nil {
		s.log.Warn("a document is not filled", "uri", id, "because", err)
	}
	return nil
}

// wireURI is the document's URI in the client's own spelling, which decoding
// has made canonical. What we send back uses the client's.
func wireURI(params jsonrpc2.RawMessage, canonical uri.URI) uri.URI {
	var p struct {
		TextDocument struct {
			URI string `json:"uri"`
		} `json:"textDocument"`
	}
	if json.Unmarshal(params, &p) != nil || p.TextDocument.URI == "" {
		return canonical
	}
	return uri.URI(p.TextDocument.URI)
}
