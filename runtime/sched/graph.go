package sched

import (
	"context"
	"slices"

	"github.com/lacuna-dev/lacuna/infill"
)

// Role is the part the tokens of a call play; see docs/model.md.
type Role int64

// The roles of the ONNX contract, format 1.
const (
	RoleLeft   Role = 0
	RoleRight  Role = 1
	RoleCanvas Role = 2
)

// Objective is what a model was trained to do.
type Objective string

// The objectives of docs/model.md. Scheduler serves TwoStreams, package
// runtime/baseline the others.
const (
	TwoStreams    Objective = "" // canvases between two streams
	FIM           Objective = "fim"
	Bidirectional Objective = "bidirectional"
)

// Model is what a graph says of itself.
type Model struct {
	Name        string
	Vocab       int // entries of the vocabulary, special tokens included
	Width       int // of the features
	Layers      int
	Heads       int // of queries, of a layer
	KVHeads     int // key-value heads of a layer
	HeadDim     int
	FFN         int   // width inside a layer's feed-forward part
	TopK        int   // candidates returned for each row of the head
	LeftWindow  int   // most tokens of the left stream
	RightWindow int   // most tokens of the right stream
	Canvases    []int // canvas lengths the model was trained on, ascending
	Snippets    bool  // it was trained with snippets of neighbouring files
	Objective   Objective
}

// Info is the model as package infill sees it, with the special tokens of its
// tokenizer.
func (m Model) Info(vocab infill.Vocabulary) infill.ModelInfo {
	return infill.ModelInfo{
		Name:        m.Name,
		Vocab:       vocab,
		LeftWindow:  m.LeftWindow,
		RightWindow: m.RightWindow,
		Canvases:    m.Canvases,
		TopK:        m.TopK,
		Snippets:    m.Snippets,
	}
}

// TokenFloats is the number of float32 that the keys and values of one token
// take.
func (m Model) TokenFloats() int { return m.Layers * 2 * m.KVHeads * m.HeadDim }

// Call is one run of the graph. The names are those of the ONNX contract,
// except that Head and Targets have the rows of the head.
type Call struct {
	Role Role
	// Rows is B. Tokens, PosA and PosB hold B*n numbers, row after row; a
	// shorter row is filled up with the pad token.
	Rows               int
	Tokens, PosA, PosB []int64
	// PastA and PastB are caches of whole tokens; both may be empty.
	PastA, PastB []float32
	// Head lists the indices into Tokens whose predictions are wanted, Targets
	// for each the token whose log-probability is wanted. Both may be empty.
	Head, Targets []int64
}

// Result receives the outputs of a Call with m entries in Head.
type Result struct {
	// KV receives the keys and values of the call's tokens when it is not nil;
	// it must then have room for all of them. The graph writes into this
	// memory, so a stream grows in place.
	KV []float32
	// TopIDs and TopLogP are [m*TopK], best first within a row; TargetLogP and
	// Quality are [m]. Run sizes these slices, in their own memory where it is enough.
	TopIDs     []int64
	TopLogP    []float32
	TargetLogP []float32
	Quality    []float32
}

// Size makes room for the predictions of m rows of the head, k candidates each.
func (r *Result) Size(m, k int) {
	r.TopIDs = slices.Grow(r.TopIDs[:0], m*k)[:m*k]
	r.TopLogP = slices.Grow(r.TopLogP[:0], m*k)[:m*k]
	r.TargetLogP = slices.Grow(r.TargetLogP[:0], m)[:m]
	r.Quality = slices.Grow(r.Quality[:0], m)[:m]
}

// trim forgets the predictions and keeps their memory.
func (r *Result) trim() { r.Size(0, 0) }

// Graph runs the network. runtime/ort has the real one.
type Graph interface {
	// Model describes the network; it never changes.
	Model() Model
	// Run executes one call. It returns ctx.Err() when ctx ends first; what KV
	// then holds is undefined. Nothing of call or result is kept after Run
	// returns.
	Run(ctx context.Context, call *Call, result *Result) error
}
