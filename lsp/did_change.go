package lsp

import (
	"encoding/json"
	"fmt"
	"math"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/lsp/document"
)

// changeParams are the parameters of didChange. The library's decoder takes a
// change whose range it cannot read for one of the whole document, which would
// wipe it, and a null range for an insertion at the start.
type changeParams struct {
	TextDocument struct {
		Version int32 `json:"version"`
	} `json:"textDocument"`
	ContentChanges []struct {
		Range *struct {
			Start, End wirePosition
		} `json:"range"`
		Text *string `json:"text"`
	} `json:"contentChanges"`
}

// wirePosition takes any whole number, so that one out of range can clamp.
type wirePosition struct{ Line, Character int64 }

func (p wirePosition) position() protocol.Position {
	clamp := func(n int64) uint32 { return uint32(max(0, min(n, math.MaxUint32))) }
	return protocol.Position{Line: clamp(p.Line), Character: clamp(p.Character)}
}

// edits are the changes as package document takes them.
func (p *changeParams) edits() ([]document.Edit, error) {
	edits := make([]document.Edit, 0, len(p.ContentChanges))
	for i, c := range p.ContentChanges {
		if c.Text == nil {
			return nil, fmt.Errorf("change %d has no text", i+1)
		}
		e := document.Edit{Text: *c.Text}
		if c.Range != nil {
			e.Range = &protocol.Range{Start: c.Range.Start.position(), End: c.Range.End.position()}
		}
		edits = append(edits, e)
	}
	return edits, nil
}

func (s *Server) didChange(params jsonrpc2.RawMessage) error {
	id, err := uri.Parse(string(wireURI(params, "")))
	if err != nil {
		return fmt.Errorf("the document's URI: %w", err)
	}
	doc := s.documents[id]
	if doc == nil {
		return fmt.Errorf("%s is not open; the change is ignored", id)
	}
	s.interrupt(id, errModified)
	defer s.hint(doc)
	var p changeParams
	err = json.Unmarshal(params, &p)
	if err == nil {
		return s.change(id, doc, &p)
	}
	doc.Lose()
	return lostTrack(err)
}

func lostTrack(err error) error {
	return fmt.Errorf("%w; the document is not filled until the editor sends all of its text again", err)
}

func (s *Server) change(id uri.URI, doc *document.Document, p *changeParams) error {
	edits, err := p.edits()
	if err != nil {
		doc.Lose()
		return lostTrack(err)
	}
	before := doc.Head().Fillable()
	err = doc.Change(p.TextDocument.Version, edits, s.client.encoding)
	if why := doc.Head().Fillable(); why != nil && before == nil {
		s.log.Warn("a document is no longer filled", "uri", id, "because", why)
	}
	return err
}

// work is what is being done for one document.
type work struct {
	inline func(why error) // ends the inline completion, if any
	popup  func(why error) // ends the completion for the popup, if any
	fills  []func(why error)
	ahead  *ahead // what is prepared before it is asked for, or nil
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
	w.endAhead()
	for _, stop := range []func(error){w.inline, w.popup} {
		if stop != nil {
			stop(why)
		}
	}
	for _, stop := range w.fills {
		stop(why)
	}
}
