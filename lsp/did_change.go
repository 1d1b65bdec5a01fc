package lsp

import (
	"fmt"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
)

func (s *Server) didChange(params jsonrpc2.RawMessage) error {
	var p protocol.DidChangeTextDocumentParams
	if err := decode(params, &p); err != nil {
		s.loseTrack(params)
		return err
	}
	id := p.TextDocument.URI
	doc := s.documents[id]
	if doc == nil {
		return fmt.Errorf("%s is not open; the change is ignored", id)
	}
	s.interrupt(id, errModified)
	before := doc.Head()
	err := doc.Change(p.TextDocument.Version, p.ContentChanges, s.client.encoding)
	if why := doc.Head().Fillable(); why != nil && before.Fillable() == nil {
		s.log.Warn("a document is no longer filled", "uri", id, "because", why)
	}
	return err
}

// loseTrack gives up on a document after a change that could not be read:
// filling a text that is not the editor's would garble it.
func (s *Server) loseTrack(params jsonrpc2.RawMessage) {
	id, err := uri.Parse(string(wireURI(params, "")))
	if err != nil {
		return
	}
	if doc := s.documents[id]; doc != nil {
		s.interrupt(id, errModified)
		doc.Lose()
	}
}

// work is what is being done for one document.
type work struct {
	inline func(why error) // ends the inline completion, if any
	fills  []func(why error)
}

// on returns the work on a document, to be added to. Read loop only.
func (s *Server) on(id uri.URI) *work {
	w := s.working[id]
	if w == nil {
		w = &work{}
		s.working[id] = w
	}
	return w
}

// interrupt ends all work on a document. Read loop only.
func (s *Server) interrupt(id uri.URI, why error) {
	w := s.working[id]
	if w == nil {
		return
	}
	delete(s.working, id)
	if w.inline != nil {
		w.inline(why)
	}
	for _, stop := range w.fills {
		stop(why)
	}
}
