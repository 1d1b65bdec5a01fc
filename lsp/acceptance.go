package lsp

import (
	"context"
	"encoding/json"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// commandAccepted takes the number of an item. Every item carries it, so that an
// editor runs it once it has inserted the item (LSP 3.18, InlineCompletionItem).
const commandAccepted = "lacuna.accepted"

func (r *record) acceptedCommand() protocol.Command {
	c := command(commandAccepted, r.number)
	c.Title = "Accepted"
	return c
}

// Notifications of GitHub's copilot-language-server that editors may send to any
// server: that an item is on the screen, and that a part of it was taken.
const (
	methodDidShow         = "textDocument/didShowCompletion"
	methodDidPartlyAccept = "textDocument/didPartiallyAcceptCompletion"
)

// aboutItem is the parameters of both: the item as the server sent it.
type aboutItem struct {
	Item struct {
		Command *struct {
			Command   string            `json:"command"`
			Arguments []json.RawMessage `json:"arguments"`
		} `json:"command"`
	} `json:"item"`
	AcceptedLength int `json:"acceptedLength"` // UTF-16 units
}

// number finds the item; one that is not ours has none.
func (a *aboutItem) number() (n int, ours bool) {
	c := a.Item.Command
	if c == nil || c.Command != commandAccepted || len(c.Arguments) != 1 {
		return 0, false
	}
	return n, json.Unmarshal(c.Arguments[0], &n) == nil
}

func (s *Server) didShow(params jsonrpc2.RawMessage) error {
	return s.hear(params, func(*aboutItem) func(*Explanation, *Counts) { return drawn })
}

func (s *Server) didPartlyAccept(params jsonrpc2.RawMessage) error {
	return s.hear(params, func(a *aboutItem) func(*Explanation, *Counts) { return partly(a.AcceptedLength) })
}

// hear enters into the journal what a notification says of an item.
func (s *Server) hear(params jsonrpc2.RawMessage, what func(*aboutItem) func(*Explanation, *Counts)) error {
	var about aboutItem
	if err := decode(params, &about); err != nil {
		return err
	}
	if n, ours := about.number(); ours {
		s.journal.tell(n, what(&about))
	}
	return nil
}

// accept answers the command that an editor runs once it has inserted an item.
func (s *Server) accept(raw []protocol.LSPAny) (task, error) {
	var n int
	if err := arguments(raw, 1, &n); err != nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s: %v", commandAccepted, err)
	}
	s.journal.tell(n, accepted)
	s.prepareNext(n)
	return func(context.Context) (any, error) { return nil, nil }, nil
}
