package infill

import "context"

// Token is an index into the model's vocabulary.
type Token = int32

// Vocabulary names the special tokens the decoder needs. All are ids below
// Size.
type Vocabulary struct {
	Size    int              // entries, special tokens included
	Pad     Token            // a canvas position that takes no part in attention
	Mask    Token            // a canvas slot that is not settled yet
	Delete  Token            // a canvas slot that holds nothing: the hole is shorter than the canvas
	Hole    Token            // another hole of the same document
	Cut     Token            // the window ends here but the file goes on
	EOF     Token            // the file ends here
	Snippet Token            // in the header, what a neighbouring file declares follows
	Code    Token            // ends the header of the left stream, the code follows
	Lang    map[string]Token // language id ("go", "python") -> header token
}

// ModelInfo is what a loaded model says of itself.
type ModelInfo struct {
	Name        string
	Vocab       Vocabulary
	LeftWindow  int   // most tokens of the left stream, header included
	RightWindow int   // most tokens of the right stream, EOF or Cut included
	Canvases    []int // canvas lengths the model was trained on, ascending
	TopK        int   // candidates returned for each slot
	Snippets    bool  // it was trained with snippets of neighbouring files
	// Autoregressive is whether it has no canvases and writes an answer token by token
	// instead, up to a Delete: its Contexts are Readers, and what they read on from is
	// where the answer begins.
	Autoregressive bool
}

// Denoiser is the engine as infill sees it: something that keeps the keys and
// values of both streams of a document and predicts the slots of canvases
// between them. runtime/sched implements it; nothing here knows how.
//
// A Denoiser is safe for concurrent use.
type Denoiser interface {
	// Info describes the model. It never changes while the engine is open.
	Info() ModelInfo

	// Prefill brings the streams of one document up to date and pins them.
	//
	// left is in reading order. right is in reversed order: right[0] is the
	// end of the window (EOF or Cut), its last token stands next to the hole.
	// document names the KV slot to prefer; what the slot shares with left and
	// right, token for token from index 0, is reused and not computed again.
	//
	// It returns ctx.Err() as soon as it notices a cancellation. The caller
	// must Release the Context.
	Prefill(ctx context.Context, document string, left, right []Token) (Context, error)
}

// Context is a pinned pair of encoded streams. It is for one goroutine.
type Context interface {
	// Denoise runs one denoising step. canvases holds rows of possibly
	// different lengths; each slot is Mask, Delete or a settled token. The
	// predictions last until the step after the next: their memory is used again.
	Denoise(ctx context.Context, canvases [][]Token) ([]Prediction, error)

	// Stats tells what Prefill reused and computed.
	Stats() PrefillStats

	// Release returns the slot. Calling it twice is allowed.
	Release()
}

// Prediction is the model's view of one canvas of n slots.
type Prediction struct {
	K        int       // candidates a slot
	IDs      []Token   // [n*K], best first within a slot
	LogProbs []float32 // [n*K], natural logarithm, over the whole vocabulary
	Quality  []float32 // [n], 0..1: how sure the model is that the slot is right as it stands (or, masked, that its first candidate is)
}

// PrefillStats counts the tokens of both streams.
type PrefillStats struct {
	LeftReused, LeftComputed   int
	RightReused, RightComputed int
}
