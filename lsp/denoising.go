package lsp

import (
	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp/document"
)

// methodDenoising is a notification of our own: how far a fill has come, after each
// denoising step, to editors that have asked for it with lacuna.denoising. It is for
// drawing; what is inserted is what the request is answered with.
const methodDenoising = "lacuna/denoising"

// Denoising is the parameters of lacuna/denoising.
type Denoising struct {
	Request any            `json:"request"` // the id of the client's request
	URI     string         `json:"uri"`     // as the client spells it
	Version int32          `json:"version"`
	Range   protocol.Range `json:"range"`   // what the fill will replace
	Step    int            `json:"step"`    // from 1
	Settled int            `json:"settled"` // slots of the canvas that leads, and of blocks before it
	Slots   int            `json:"slots"`   // all of them
	Draft   []infill.Run   `json:"draft"`   // that canvas: text, and masked slots
}

// denoises returns what to call after each step of a fill, or nil if nobody wants
// to know.
func (s *Server) denoises(id jsonrpc2.ID, snapshot *document.Snapshot, at grammars.Span) func(infill.Step) {
	if !id.IsValid() || !s.settings.Load().Denoising {
		return nil
	}
	state := Denoising{
		Request: wireID(id), URI: string(snapshot.Wire()), Version: snapshot.Version,
		Range: snapshot.Text.Range(at.Start, at.End, s.client.encoding),
	}
	return func(step infill.Step) {
		state := state
		state.Step, state.Settled, state.Slots, state.Draft = step.Number, step.Settled, step.Slots, step.Draft
		if state.Draft == nil {
			state.Draft = []infill.Run{}
		}
		s.post(outgoing{method: methodDenoising, params: &state})
	}
}

// wireID is an id as it goes over the wire.
func wireID(id jsonrpc2.ID) any {
	if n, ok := id.Number(); ok {
		return n
	}
	text, _ := id.StringValue()
	return text
}
