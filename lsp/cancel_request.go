package lsp

import (
	"encoding/json"
	"fmt"

	"go.lsp.dev/jsonrpc2"
)

// cancelRequest is $/cancelRequest. The request answers for itself; one that
// is answered already is left alone.
func (s *Server) cancelRequest(params jsonrpc2.RawMessage) error {
	// The library's CancelParams holds 32-bit ids, JSON-RPC sets no limit.
	var p struct {
		ID json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return fmt.Errorf("params: %w", err)
	}
	var number int64
	if json.Unmarshal(p.ID, &number) == nil {
		s.calls.cancel(jsonrpc2.NewNumberID(number), errCancelled)
		return nil
	}
	var text string
	if err := json.Unmarshal(p.ID, &text); err != nil {
		return fmt.Errorf("id %s is neither a number nor a string", p.ID)
	}
	s.calls.cancel(jsonrpc2.NewStringID(text), errCancelled)
	return nil
}
