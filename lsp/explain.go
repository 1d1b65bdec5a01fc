package lsp

import (
	"context"
	"fmt"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

const (
	// commandExplain takes how many requests to explain, at most; without it 10.
	commandExplain = "lacuna.explain"
	// commandStatus takes nothing.
	commandStatus = "lacuna.status"
)

// explained is how many requests are explained to who does not say how many.
const explained = 10

// Status is the answer to the command lacuna.status.
type Status struct {
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	Model     string   `json:"model"` // "not started", "loading", "ready" or "failed"
	Error     string   `json:"error,omitempty"`
	Documents int      `json:"documents"` // open
	Settings  Settings `json:"settings"`
	Requests  Counts   `json:"requests"` // inline completions of this session
}

// explain answers with what became of the latest inline completion requests,
// newest first, and shows the newest: some editors drop a command's answer.
func (s *Server) explain(raw []protocol.LSPAny) (task, error) {
	n := explained
	if len(raw) > 0 {
		if err := arguments(raw, 1, &n); err != nil {
			return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s: %v", commandExplain, err)
		}
	}
	return func(context.Context) (any, error) {
		latest := s.journal.latest(n)
		if len(latest) == 0 {
			s.showMessage(protocol.MessageTypeInfo, "no inline completion was asked for yet")
		} else {
			s.showMessage(protocol.MessageTypeInfo, latest[0].String())
		}
		return latest, nil
	}, nil
}

// Status is how the server is. Any goroutine may ask.
func (s *Server) Status() Status {
	status := Status{
		Name: s.options.Name, Version: s.options.Version,
		Documents: s.hints.count(), Settings: *s.settings.Load(), Requests: s.journal.count(),
	}
	status.Model, status.Error = s.loader.state()
	return status
}

// status answers with the state of the server, and shows it in a sentence.
func (s *Server) status() task {
	return func(context.Context) (any, error) {
		status := s.Status()
		s.showMessage(protocol.MessageTypeInfo, status.String())
		return status, nil
	}
}

// String is the status in a sentence, for people.
func (status Status) String() string {
	model := status.Model
	if status.Error != "" {
		model += " (" + status.Error + "; run \"lacuna doctor\")"
	}
	r := status.Requests
	return fmt.Sprintf("%s %s: the model is %s; %d documents; of %d requests %d with a suggestion (%d accepted, %d in part), %d without, %d ended early, %d failed",
		status.Name, status.Version, model, status.Documents, r.Asked, r.Shown, r.Accepted, r.Partly, r.Nothing, r.Ended, r.Failed)
}
