package lsp

import (
	"context"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/lsp/document"
)

// actionQuestion is a code action request, taken off the wire.
type actionQuestion struct {
	snapshot   *document.Snapshot
	scope      scope
	start, end int // byte offsets of the selection; equal for a cursor
	only       []protocol.CodeActionKind
	automatic  bool // asked by the editor itself, for its lightbulb
}

func (s *Server) codeAction(_ *call, params jsonrpc2.RawMessage) (task, error) {
	var p protocol.CodeActionParams
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	doc := s.documents[p.TextDocument.URI]
	if doc == nil {
		return noActions, nil
	}
	q := actionQuestion{
		snapshot:  doc.Head(),
		scope:     s.scope(doc.Head()),
		only:      p.Context.Only,
		automatic: p.Context.TriggerKind == protocol.CodeActionTriggerKindAutomatic,
	}
	settings := s.settings.Load()
	if !settings.Enable || q.snapshot.Fillable() != nil || !settings.language(q.snapshot.Language.ID()) {
		return noActions, nil
	}
	q.start, q.end = q.snapshot.Text.Span(p.Range, s.client.encoding)
	// In normal mode Helix sends the character under its block cursor.
	if isOneCharacter(q.snapshot.Text.Bytes()[q.start:q.end]) {
		q.end = q.start
	}
	return func(ctx context.Context) (any, error) { return s.offer(ctx, q) }, nil
}

func noActions(context.Context) (any, error) { return []protocol.CommandOrCodeAction{}, nil }

// offer answers from the syntax tree alone: editors ask unprompted, and Helix
// shows no menu until every server has answered.
func (s *Server) offer(ctx context.Context, q actionQuestion) (any, error) {
	if s.switchedOff(ctx, q.scope) != "" {
		return []protocol.CommandOrCodeAction{}, nil
	}
	tree, err := q.snapshot.Tree()
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	holes := tree.Holes()
	offers := []protocol.CommandOrCodeAction{}
	add := func(title string, kind protocol.CodeActionKind, name string, start, end int) {
		offers = s.appendAction(offers, q, title, kind, s.fillCommandAt(name, q.snapshot, start, end))
	}
	hole, atHole := holeNear(holes, q)
	if atHole {
		add("Fill this hole", protocol.CodeActionKindQuickFix, commandFillHole, hole.Start, hole.Start)
	} else if fault, ok := tree.FaultAt(q.start, q.end); ok && fault.End-fault.Start <= maxRewritten {
		add("Repair this syntax error", protocol.CodeActionKindQuickFix, commandRepair, fault.Start, fault.Start)
	}
	if q.start == q.end && !q.automatic && !atHole {
		add("Fill at the cursor", protocol.CodeActionKindRefactorRewrite, commandFillHole, q.start, q.start)
	}
	if selection, ok := tree.Selection(q.start, q.end); ok {
		add("Rewrite selection", protocol.CodeActionKindRefactorRewrite, commandRewrite, selection.Start, selection.End)
	}
	if _, ok := tree.DocAt(q.start); ok && q.start == q.end && !q.automatic { // no lightbulb at every function
		add("Write the doc comment", protocol.CodeActionKindRefactorRewrite, commandDocument, q.start, q.start)
	}
	inFunction := 0
	if function, ok := tree.FunctionAt(q.start); ok {
		inFunction = len(holesWithin(holes, function))
	}
	if inFunction > 1 {
		add("Fill all holes in this function", protocol.CodeActionKindRefactorRewrite, commandFillFunction, q.start, q.start)
	}
	if len(holes) > max(1, inFunction) {
		add("Fill all holes in this file", protocol.CodeActionKindRefactorRewrite, commandFillAll, 0, 0)
	}
	return offers, nil
}

// holeNear finds the hole that is meant: one that the selection touches, or
// else one on the cursor's line.
func holeNear(holes []grammars.Hole, q actionQuestion) (grammars.Hole, bool) {
	for _, hole := range holes {
		if hole.Start <= q.end && q.start <= hole.End {
			return hole, true
		}
	}
	start, end := q.snapshot.Text.Line(q.snapshot.Text.LineAt(q.start))
	for _, hole := range holes {
		if q.start == q.end && hole.Start <= end && start <= hole.End {
			return hole, true
		}
	}
	return grammars.Hole{}, false
}

// appendAction adds an offer, as far as the client wants its kind. It carries
// a command only: the model is asked when the user has chosen.
func (s *Server) appendAction(offers []protocol.CommandOrCodeAction, q actionQuestion, title string, kind protocol.CodeActionKind, command protocol.Command) []protocol.CommandOrCodeAction {
	if !wanted(q.only, kind) {
		return offers
	}
	command.Title = title
	if !s.client.literals {
		return append(offers, &command)
	}
	action := &protocol.CodeAction{Title: title, Kind: &kind, Command: command}
	if s.client.llmTag {
		action.Tags = []protocol.CodeActionTag{protocol.CodeActionTagLLMGenerated}
	}
	return append(offers, action)
}

// wanted tells whether a kind is among those asked for: itself or one that it
// is a part of, as refactor.rewrite is of refactor. Asking for none asks for
// all.
func wanted(only []protocol.CodeActionKind, kind protocol.CodeActionKind) bool {
	for _, want := range only {
		if want == "" || kind == want || strings.HasPrefix(string(kind), string(want)+".") {
			return true
		}
	}
	return len(only) == 0
}
