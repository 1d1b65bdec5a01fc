package fused

import (
	"context"

	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// Call is one run of the fused graph over B requests of N canvases of C slots.
// The names are those of docs/model.md.
type Call struct {
	B, N, C int
	P, Q    int // tokens of the streams, padded
	X       int // banned tokens of a slot, padded
	S       int // steps that Noise tells apart

	Left, Right []int64   // [B*P], [B*Q]
	Slots       []int64   // [B*N*C]
	Settled     []float32 // [B*N*C]
	Remasked    []int64   // [B*N*C]
	Banned      []int64   // [B*N*C*X], -1 for none
	Told        []int64   // [B*N]
	Multiline   []int64   // [B], 0 or 1
	Threshold   []float32 // [B], log-probability
	Floor       []float32 // [B]
	Limit       []int64   // [B]
	Noise       []float32 // [B*S*N*C*(K+1)], the last of each K+1 being the end's
}

// Result receives the outputs of a Call. Run replaces the slices.
type Result struct {
	Slots    []int64   // [B*N*C]
	Settled  []float32 // [B*N*C]
	Remasked []int64   // [B*N*C]
	Steps    []int64   // [B*N]
	Forwards []int64   // [B]
}

// Graph runs the fused graph. runtime/ort has the real one.
type Graph interface {
	// Model describes the network; it never changes.
	Model() sched.Model
	// Run executes one call. It returns ctx.Err() when ctx ends first. Nothing
	// of call or result is kept after Run returns.
	Run(ctx context.Context, call *Call, result *Result) error
}
