package lsp

import (
	"context"
	"fmt"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/lsp/document"
)

// applyEdits asks the client to make edits to a snapshot's document, and tells
// the user when it does not. They do not overlap.
func (s *Server) applyEdits(ctx context.Context, snapshot *document.Snapshot, edits []edit) {
	if !s.client.applyEdit {
		s.showMessage(protocol.MessageTypeError, "the editor takes no edits from a language server (workspace/applyEdit), so the fill cannot be inserted")
		return
	}
	params := &protocol.ApplyWorkspaceEditParams{Label: new("Lacuna: fill"), Edit: s.workspaceEdit(snapshot, edits)}
	var answer protocol.ApplyWorkspaceEditResult
	err := s.ask(ctx, protocol.MethodWorkspaceApplyEdit, params, &answer)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.showMessage(protocol.MessageTypeError, fmt.Sprintf("the editor could not insert the fill: %v", err))
	case !answer.Applied:
		reason := "it gave no reason"
		if answer.FailureReason != nil && *answer.FailureReason != "" {
			reason = *answer.FailureReason
		}
		s.showMessage(protocol.MessageTypeWarning, fmt.Sprintf("the editor refused the fill (%s); if the text has changed, run the command again", reason))
	}
}

// workspaceEdit names the version the edits are for, where the client can
// tell, so that it refuses them should the user have typed meanwhile.
func (s *Server) workspaceEdit(snapshot *document.Snapshot, edits []edit) protocol.WorkspaceEdit {
	if !s.client.documentChanges {
		var plain []protocol.TextEdit
		for _, e := range edits {
			plain = append(plain, s.textEdit(snapshot, e))
		}
		return protocol.WorkspaceEdit{Changes: map[uri.URI][]protocol.TextEdit{snapshot.Wire(): plain}}
	}
	versioned := &protocol.TextDocumentEdit{}
	versioned.TextDocument.URI = snapshot.Wire()
	versioned.TextDocument.Version = &snapshot.Version
	for _, e := range edits {
		versioned.Edits = append(versioned.Edits, new(s.textEdit(snapshot, e)))
	}
	return protocol.WorkspaceEdit{DocumentChanges: []protocol.DocumentChange{versioned}}
}

func (s *Server) textEdit(snapshot *document.Snapshot, e edit) protocol.TextEdit {
	return protocol.TextEdit{Range: snapshot.Text.Range(e.start, e.end, s.client.encoding), NewText: e.text}
}
