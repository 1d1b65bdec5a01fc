package lsp

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/lsp/document"
)

// Hints say where holes are, to who wants that said: as diagnostics of the lowest
// severity, or as code lenses that fill. Both are off by default.

// hintDelay is how long a document stands still before its holes are looked for.
const hintDelay = 300 * time.Millisecond

// hintBook are the open documents, as far as diagnostics go.
type hintBook struct {
	mu        sync.Mutex // guards what follows, and every hinted
	documents map[uri.URI]*hinted
}

// hinted is a document that diagnostics are for.
type hinted struct {
	doc   *document.Document
	scope scope // its snapshot is the first
	timer *time.Timer
	drawn bool // the editor shows some
}

// hint has a document's diagnostics made once it stands still. Read loop only.
func (s *Server) hint(doc *document.Document) {
	head := doc.Head()
	b := &s.hints
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.documents[head.URI]
	if h == nil || h.doc != doc {
		h = &hinted{doc: doc, scope: s.scope(head)}
		h.timer = time.AfterFunc(hintDelay, func() { s.diagnose(h) })
		if b.documents == nil {
			b.documents = map[uri.URI]*hinted{}
		}
		b.documents[head.URI] = h
		return
	}
	h.timer.Reset(hintDelay)
}

// unhint takes a document's diagnostics away.
func (s *Server) unhint(id uri.URI) {
	b := &s.hints
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.documents[id]
	if h == nil {
		return
	}
	h.timer.Stop()
	delete(b.documents, id)
	if h.drawn {
		s.publish(h.doc.Head(), nil)
	}
}

// count is how many documents are open.
func (b *hintBook) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.documents)
}

// rescope notes where documents lie, once that has changed. Read loop only.
func (s *Server) rescope() {
	s.hints.mu.Lock()
	defer s.hints.mu.Unlock()
	for _, h := range s.hints.documents {
		h.scope = s.scope(h.doc.Head())
		h.timer.Reset(hintDelay)
	}
}

// hintAll looks at every document again.
func (s *Server) hintAll() {
	s.hints.mu.Lock()
	defer s.hints.mu.Unlock()
	for _, h := range s.hints.documents {
		h.timer.Reset(0)
	}
}

// diagnose tells the editor where a document's holes are, unless the document has
// changed or was closed meanwhile. In the timer's goroutine.
func (s *Server) diagnose(h *hinted) {
	var err error
	defer func() {
		if err != nil {
			s.log.Debug("no diagnostics", "because", err)
		}
	}()
	defer s.recovered("looking for holes", &err)
	if s.ctx.Err() != nil {
		return
	}
	snapshot := h.doc.Head()
	s.hints.mu.Lock()
	at := h.scope.of(snapshot)
	s.hints.mu.Unlock()
	var diagnostics []protocol.Diagnostic
	if s.settings.Load().Hints.Diagnostics {
		err = s.eachHole(s.ctx, at, func(hole grammars.Hole) {
			diagnostics = append(diagnostics, protocol.Diagnostic{
				Range:    snapshot.Text.Range(hole.Start, hole.End, s.client.encoding),
				Severity: protocol.DiagnosticSeverityHint,
				Code:     protocol.String(hole.Kind),
				Source:   protocol.NewOptional("lacuna"),
				Message:  protocol.String(holeNames[hole.Kind]),
			})
		})
	}
	s.hints.mu.Lock()
	defer s.hints.mu.Unlock()
	if s.hints.documents[snapshot.URI] != h || !snapshot.Current() || len(diagnostics) == 0 && !h.drawn {
		return
	}
	h.drawn = len(diagnostics) > 0
	s.publish(snapshot, diagnostics)
}

// holeNames are what is said of a hole.
var holeNames = map[grammars.Kind]string{
	grammars.KindMarker: "a hole",
	grammars.KindBody:   "an empty body",
	grammars.KindStub:   "a body that is missing",
	grammars.KindGap:    "something is missing here",
}

func (s *Server) publish(snapshot *document.Snapshot, diagnostics []protocol.Diagnostic) {
	if diagnostics == nil {
		diagnostics = []protocol.Diagnostic{}
	}
	s.post(outgoing{method: protocol.MethodTextDocumentPublishDiagnostics, params: &protocol.PublishDiagnosticsParams{
		URI: snapshot.Wire(), Version: protocol.NewOptional(snapshot.Version), Diagnostics: diagnostics,
	}})
}

// of is the same place with another snapshot of its document.
func (at scope) of(snapshot *document.Snapshot) scope {
	at.snapshot = snapshot
	return at
}

// eachHole calls yield with every hole of a document that the server is on for.
// Never on the read loop.
func (s *Server) eachHole(ctx context.Context, at scope, yield func(grammars.Hole)) error {
	settings := s.settings.Load()
	if err := at.snapshot.Fillable(); err != nil {
		return err
	}
	if !settings.Enable || !settings.language(at.snapshot.Language.ID()) || s.switchedOff(ctx, at) != "" {
		return nil
	}
	tree, err := at.snapshot.Tree()
	if err != nil {
		return err
	}
	defer tree.Close()
	for _, hole := range tree.Holes() {
		yield(hole)
	}
	return nil
}

func (s *Server) codeLens(_ *call, params jsonrpc2.RawMessage) (task, error) {
	var p protocol.CodeLensParams
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	doc := s.documents[p.TextDocument.URI]
	if doc == nil || !s.settings.Load().Hints.CodeLens || doc.Head().Fillable() != nil {
		return func(context.Context) (any, error) { return []protocol.CodeLens{}, nil }, nil
	}
	at := s.scope(doc.Head())
	return func(ctx context.Context) (any, error) {
		lenses := []protocol.CodeLens{}
		err := s.eachHole(ctx, at, func(hole grammars.Hole) {
			command := s.fillCommandAt(commandFillHole, at.snapshot, hole.Start, hole.Start)
			command.Title = "Fill this hole"
			lenses = append(lenses, protocol.CodeLens{
				Range:   at.snapshot.Text.Range(hole.Start, hole.Start, s.client.encoding),
				Command: command,
			})
		})
		return lenses, err
	}, nil
}

// rehint follows a change of the settings. Never on the read loop: it asks the
// client.
func (s *Server) rehint(before, now HintSettings) {
	s.hintAll()
	if before.CodeLens == now.CodeLens {
		return
	}
	var err error
	switch {
	case now.CodeLens && s.client.lensLater && s.lenses.CompareAndSwap(false, true):
		// The options of text documents: without a selector all of them.
		err = s.ask(s.ctx, protocol.MethodClientRegisterCapability, &protocol.RegistrationParams{Registrations: []protocol.Registration{{
			ID: "lacuna-lenses", Method: protocol.MethodTextDocumentCodeLens, RegisterOptions: protocol.LSPAny(lensSelector()),
		}}}, nil)
	case s.client.lensRefresh:
		err = s.ask(s.ctx, protocol.MethodWorkspaceCodeLensRefresh, nil, nil)
	}
	if err != nil {
		s.log.Debug("the client did not take note of code lenses", "error", err)
	}
}

// lensSelector names the languages that there are grammars for.
func lensSelector() string {
	var ids []string
	for _, lang := range grammars.All() {
		ids = append(ids, fmt.Sprintf(`{"language":%q}`, lang.ID()))
	}
	return `{"documentSelector":[` + strings.Join(ids, ",") + `],"resolveProvider":false}`
}
