package lsp

import (
	"context"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp/document"
	"github.com/lacuna-dev/lacuna/lsp/position"
)

// inlineQuestion is an inline completion request, taken off the wire.
type inlineQuestion struct {
	snapshot  *document.Snapshot
	cursor    int  // byte offset
	automatic bool // asked while typing, not by a gesture
	path      string
	around    surroundings
	encoding  position.Encoding
	least     float64                          // confidence
	selected  *protocol.SelectedCompletionInfo // the entry chosen in the editor's popup, or nil
	record    *record                          // the journal's
}

func (s *Server) inlineCompletion(c *call, params jsonrpc2.RawMessage) (task, error) {
	var p protocol.InlineCompletionParams
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	// Older clients count from 0, so that 0 is their "invoked" and 1 is
	// ambiguous. To answer too much is the better mistake.
	automatic := p.Context.TriggerKind == protocol.InlineCompletionTriggerKindAutomatic
	rec := s.journal.begin(c, &p, automatic)
	return rec.follow(s.inlineTask(c, &p, rec, automatic)), nil
}

// inlineTask is the read loop's part of an inline completion.
func (s *Server) inlineTask(c *call, p *protocol.InlineCompletionParams, rec *record, automatic bool) task {
	doc := s.documents[p.TextDocument.URI]
	if doc == nil {
		return s.noItems("the document is not open", rec)
	}
	snapshot := doc.Head()
	s.supersede(c, p.TextDocument.URI)
	q := inlineQuestion{
		snapshot:  snapshot,
		cursor:    snapshot.Text.Offset(p.Position, s.client.encoding),
		automatic: automatic,
		path:      s.client.relative(snapshot.URI),
		encoding:  s.client.encoding,
		record:    rec,
	}
	if q.automatic {
		q.least = s.settings.Load().Inline.MinConfidence
	}
	rec.about(snapshot.Version, q.least)
	if selected := p.Context.SelectedCompletionInfo; selected != (protocol.SelectedCompletionInfo{}) {
		q.selected = &selected
	}
	if why := s.unwanted(&q); why != "" {
		return s.noItems(why, rec)
	}
	q.around = s.surroundings(snapshot)
	return func(ctx context.Context) (any, error) { return s.complete(ctx, q) }
}

// supersede ends the document's older inline completion. An edit in between
// has ended it already, and said so. Read loop only.
func (s *Server) supersede(c *call, id uri.URI) {
	w := s.on(id)
	if w.inline != nil {
		w.inline(errSuperseded)
	}
	w.inline = c.cancel
}

// unwanted says why a question is not to be answered, or nothing.
func (s *Server) unwanted(q *inlineQuestion) string {
	settings := s.settings.Load()
	if err := q.snapshot.Fillable(); err != nil {
		return err.Error()
	}
	switch {
	case !settings.Enable:
		return "lacuna.enable is false"
	case q.automatic && !settings.Inline.Enable:
		return "lacuna.inline.enable is false"
	case !settings.language(q.snapshot.Language.ID()):
		return "lacuna.languages has this language off"
	}
	return ""
}

// noItems answers with nothing. Never with null: Neovim would leave its old
// ghost text standing.
func (s *Server) noItems(why string, rec *record) task {
	return func(context.Context) (any, error) {
		rec.because(why)
		s.log.Debug("no inline completion", "because", why)
		return &protocol.InlineCompletionList{Items: []protocol.InlineCompletionItem{}}, nil
	}
}

// complete answers a question, off the read loop.
func (s *Server) complete(ctx context.Context, q inlineQuestion) (any, error) {
	filler, err := s.engine(ctx)
	q.record.lap(func(t *Timeline) *float64 { return &t.Model })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return s.noItems("the model is not loaded", q.record)(ctx)
	}
	tree, err := q.snapshot.Tree()
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	if q.automatic && tree.InComment(q.cursor) {
		return s.noItems("the cursor is in a comment", q.record)(ctx)
	}
	item, why, err := s.inlineItem(ctx, filler, tree, q)
	if err != nil {
		return nil, err
	}
	if !q.snapshot.Current() {
		return nil, errModified
	}
	if item == nil {
		return s.noItems(why, q.record)(ctx)
	}
	item.Command = command(commandAccepted, q.record.number)
	item.Command.Title = "Accepted"
	return &protocol.InlineCompletionList{Items: []protocol.InlineCompletionItem{*item}}, nil
}

// inlineItem fills and converts; a nil item comes with the reason.
func (s *Server) inlineItem(ctx context.Context, filler infill.Filler, tree *grammars.Tree, q inlineQuestion) (*protocol.InlineCompletionItem, string, error) {
	if q.selected != nil {
		return s.extendSelected(ctx, filler, tree, q)
	}
	result, err := s.fillInline(ctx, filler, tree, insertion(tree, q.cursor), q)
	if err != nil || result.Text == "" {
		return nil, result.Reason, err
	}
	e, ok := editOf(result, q.snapshot.Text).atCursor(q.snapshot.Text, q.cursor)
	if !ok {
		return nil, "the fill does not continue the line at the cursor", nil
	}
	return inlineItem(q.snapshot.Text.Range(e.start, e.end, q.encoding), e.text), "", nil
}

// fillInline asks the engine.
func (s *Server) fillInline(ctx context.Context, filler infill.Filler, tree *grammars.Tree, hole grammars.Hole, q inlineQuestion) (infill.Result, error) {
	neighbours := s.neighbours(ctx, q.around)
	q.record.lap(func(t *Timeline) *float64 { return &t.Context })
	result, err := filler.Fill(ctx, infill.Request{
		Document: string(q.snapshot.URI),
		Path:     q.path,
		Tree:     tree,
		Hole:     hole,

		Neighbours:    neighbours,
		MinConfidence: q.least,
	})
	q.record.filled(result)
	return result, err
}

// extendSelected continues the entry that is selected in the editor's popup,
// as if it were in the text already. The item must keep the entry's range and
// begin with its text, or the editor drops it.
func (s *Server) extendSelected(ctx context.Context, filler infill.Filler, tree *grammars.Tree, q inlineQuestion) (*protocol.InlineCompletionItem, string, error) {
	text := q.snapshot.Text
	start, end := text.Span(q.selected.Range, q.encoding)
	if text.LineAt(start) != text.LineAt(end) || q.cursor < start || q.cursor > end {
		return nil, "the selected completion is not on the cursor's line", nil
	}
	entry := q.selected.Text
	assumed, err := tree.Splice(start, end, entry)
	if err != nil {
		return nil, "", err
	}
	defer assumed.Close()
	cursor := start + len(entry)
	result, err := s.fillInline(ctx, filler, assumed, assumed.Cursor(cursor), q)
	if err != nil || result.Text == "" {
		return nil, result.Reason, err
	}
	after := position.New(assumed.Source())
	e, ok := editOf(result, after).atCursor(after, cursor)
	if !ok || e.end != cursor {
		return nil, "the fill does not extend the selected completion", nil
	}
	return inlineItem(q.selected.Range, entry+e.text), "", nil
}

// insertion is the hole at the cursor: an empty one that the grammar found
// there (a gap, an empty body), or else the cursor itself. Holes that replace
// text are left to code actions, because ghost text cannot show that.
func insertion(tree *grammars.Tree, cursor int) grammars.Hole {
	if hole := tree.HoleAt(cursor); hole.Start == cursor && hole.End == cursor {
		return hole
	}
	return tree.Cursor(cursor)
}

func inlineItem(r protocol.Range, text string) *protocol.InlineCompletionItem {
	return &protocol.InlineCompletionItem{InsertText: protocol.String(text), Range: &r}
}
