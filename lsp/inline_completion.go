package lsp

import (
	"context"
	"slices"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp/document"
	"github.com/lacuna-dev/lacuna/lsp/position"
)

// inlineQuestion is an inline completion request, taken off the wire.
type inlineQuestion struct {
	id        jsonrpc2.ID // invalid if nobody waits
	snapshot  *document.Snapshot
	scope     scope
	cursor    int  // byte offset
	automatic bool // asked while typing, not by a gesture
	path      string
	around    surroundings
	encoding  position.Encoding
	least     float64                          // confidence
	within    time.Duration                    // what there is by then is offered; 0 waits
	wanted    int                              // how many different items, at most
	seed      uint64                           // of the fill: 0 is the likeliest, others are other opinions
	selected  *protocol.SelectedCompletionInfo // the entry chosen in the editor's popup, or nil
	record    *record                          // the journal's
	found     *found                           // what may be typed through once it was sent
	ahead     *ahead                           // the same is being prepared; nil if not
}

func (s *Server) inlineCompletion(c *call, params jsonrpc2.RawMessage) (task, error) {
	var p protocol.InlineCompletionParams
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	// Older clients count from 0, so that 0 is their "invoked" and 1 is
	// ambiguous. To answer too much is the better mistake.
	automatic := p.Context.TriggerKind == protocol.InlineCompletionTriggerKindAutomatic
	rec := s.journal.begin(c, &p.TextDocumentPositionParams, automatic, false)
	return rec.follow(s.inlineTask(c, &p, rec, automatic)), nil
}

// inlineTask is the read loop's part of an inline completion.
func (s *Server) inlineTask(c *call, p *protocol.InlineCompletionParams, rec *record, automatic bool) task {
	doc := s.documents[p.TextDocument.URI]
	if doc == nil {
		return s.noItems("the document is not open", rec)
	}
	w := s.on(p.TextDocument.URI)
	supersede(c, &w.inline)
	q := s.question(doc.Head(), p.Position, rec, automatic)
	q.id = c.id
	if selected := p.Context.SelectedCompletionInfo; selected != (protocol.SelectedCompletionInfo{}) {
		q.selected = &selected
	}
	if why := s.unwanted(&q); why != "" {
		return s.noItems(why, rec)
	}
	q.around = s.surroundings(q.snapshot)
	w.join(&q)
	return func(ctx context.Context) (any, error) { return s.complete(ctx, q) }
}

// question is what completions of both kinds ask. Read loop only.
func (s *Server) question(snapshot *document.Snapshot, at protocol.Position, rec *record, automatic bool) inlineQuestion {
	settings := s.settings.Load()
	q := inlineQuestion{
		snapshot:  snapshot,
		scope:     s.scope(snapshot),
		cursor:    snapshot.Text.Offset(at, s.client.encoding),
		automatic: automatic,
		path:      s.client.relative(snapshot.URI),
		encoding:  s.client.encoding,
		wanted:    settings.Inline.Alternatives,
		record:    rec,
		within:    time.Duration(settings.Inline.Deadline) * time.Millisecond,
		found:     &found{},
	}
	if automatic {
		q.least, q.wanted = settings.Inline.MinConfidence, 1
	}
	rec.about(snapshot.Version, q.least)
	return q
}

// supersede ends the older of a document's completions. An edit in between
// has ended it already, and said so. Read loop only.
func supersede(c *call, older *func(error)) {
	if *older != nil {
		(*older)(errSuperseded)
	}
	*older = c.cancel
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
	var items []protocol.InlineCompletionItem
	why, err := s.withTree(ctx, q, func(filler infill.Filler, tree *grammars.Tree) (why string, err error) {
		items, why, err = s.inlineItems(ctx, filler, tree, q)
		return why, err
	})
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return s.noItems(why, q.record)(ctx)
	}
	s.offers.show(q.snapshot.URI, q.record.number, q.automatic, q.found.offers)
	return &protocol.InlineCompletionList{Items: items}, nil
}

// withTree calls fill with what it needs, unless something is in the way: then it
// says what. The answer is for a document that has not changed meanwhile.
func (s *Server) withTree(ctx context.Context, q inlineQuestion, fill func(infill.Filler, *grammars.Tree) (why string, err error)) (string, error) {
	if why := s.switchedOff(ctx, q.scope); why != "" {
		return why, nil
	}
	filler, err := s.engine(ctx)
	q.record.lap(func(t *Timeline) *float64 { return &t.Model })
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "the model is not loaded", nil
	}
	tree, err := q.snapshot.Tree()
	if err != nil {
		return "", err
	}
	defer tree.Close()
	if q.automatic && tree.InComment(q.cursor) {
		return "the cursor is in a comment", nil
	}
	why, err := fill(filler, tree)
	if err == nil && !q.snapshot.Current() {
		return "", errModified
	}
	return why, err
}

// inlineItems are the different items, the likeliest first, as many as are
// wanted. None come with the reason.
func (s *Server) inlineItems(ctx context.Context, filler infill.Filler, tree *grammars.Tree, q inlineQuestion) (items []protocol.InlineCompletionItem, why string, err error) {
	for seed := range q.wanted {
		q.seed = uint64(seed)
		item, because, err := s.inlineItem(ctx, filler, tree, q)
		switch {
		case err != nil && (seed == 0 || ctx.Err() != nil):
			return nil, "", err
		case err != nil:
			return items, "", nil // the first is better than none
		case item == nil && seed == 0:
			why = because
		}
		if item == nil || slices.ContainsFunc(items, func(i protocol.InlineCompletionItem) bool { return i.InsertText == item.InsertText }) {
			continue
		}
		item.Command = q.record.acceptedCommand()
		items = append(items, *item)
	}
	return items, why, nil
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

// fillInline asks the engine, or remembers.
func (s *Server) fillInline(ctx context.Context, filler infill.Filler, tree *grammars.Tree, hole grammars.Hole, q inlineQuestion) (infill.Result, error) {
	neighbours := s.neighbours(ctx, q.around)
	q.record.lap(func(t *Timeline) *float64 { return &t.Context })
	var deadline time.Time
	if q.within > 0 {
		deadline = time.Now().Add(q.within)
	}
	return s.fillOrRecall(ctx, filler, q, infill.Request{
		Document: string(q.snapshot.URI),
		Path:     q.path,
		Tree:     tree,
		Hole:     hole,
		Seed:     q.seed,
		Deadline: deadline,

		Neighbours:    neighbours,
		Precedents:    s.settings.Load().Precedents,
		MinConfidence: q.least,
		OnStep:        q.onStep(s, hole.Span),
	})
}

// onStep is what the engine calls after each step, or nil.
func (q *inlineQuestion) onStep(s *Server, at grammars.Span) func(infill.Step) {
	if q.selected != nil { // the hole lies in a text that the editor does not have yet
		at = grammars.Span{Start: q.cursor, End: q.cursor}
	}
	return s.denoises(q.id, q.snapshot, at)
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
