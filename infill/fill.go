package infill

import (
	"context"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
)

// Request asks for one hole to be filled.
type Request struct {
	// Document identifies the text between requests (a URI, a file name); it
	// only steers which KV slot is tried first.
	Document string
	// Path is what the model is told about where the text lives, relative to
	// the workspace, with forward slashes.
	Path string
	// Neighbours are the files beside it, nearest first. A model that was not
	// trained with them is not told.
	Neighbours []layout.Neighbour
	// Tree is the parsed snapshot. Fill reads it from the calling goroutine
	// only and does not close it.
	Tree *grammars.Tree
	// Hole is the span to replace.
	Hole grammars.Hole
	// Seed makes the result reproducible: same input, same seed, same output.
	Seed uint64
	// MaxSteps caps the denoising steps; 0 takes the default.
	MaxSteps int
	// Deadline is when the best that there is by then is to be returned, or nothing
	// with ReasonLate; the zero Time sets none. With one, what is returned depends on
	// how fast the machine is.
	Deadline time.Time
	// MinConfidence withholds a fill whose Confidence is below it, 0..1.
	MinConfidence float64
	// Oracle is for evaluations: what a user does not know.
	Oracle Oracle
	// Precedents lets what stands between like surroundings elsewhere in the file or
	// its neighbours compete with what the model writes; a Seed of n leaves out the n
	// likeliest. Without it the model answers alone.
	Precedents bool
	// Rejected, if set, tells what is to be passed over: text in place of the bytes
	// [start,end) of the source. The next best is then returned, and if there is none,
	// nothing with ReasonRejected. It is called from Fill's goroutine.
	Rejected func(start, end int, text string) bool
	// OnStep, if set, is called between denoising steps from Fill's goroutine.
	OnStep func(Step)
}

// Step is the state between two denoising steps.
type Step struct {
	Number  int // 1 for the first
	Settled int // slots settled in the canvas that leads, and in blocks before it
	Slots   int // slots of that canvas and of those
	// Draft is the blocks before and that canvas up to where its answer ends so far, as
	// runs of settled text and of masked slots.
	Draft []Run
}

// Run is a stretch of a canvas that is either text or masked.
type Run struct {
	Text   string `json:"text,omitzero"`   // of settled slots; a character cut in two is U+FFFD
	Masked int    `json:"masked,omitzero"` // slots still to be settled
}

// Result is the outcome of a Fill. Nothing worth showing is not an error: Text
// is empty and Reason says why.
type Result struct {
	// Start and End are the byte range to replace in the request's source.
	Start, End int
	// Text replaces the range, the hole's Lead and Trail included. Empty when
	// there is nothing to show.
	Text string
	// Fill is Text without Lead and Trail: what the model wrote.
	Fill string
	// Confidence, 0..1, is how often such a fill is exactly right, if the model's
	// bundle has a calibration; else the geometric mean probability of its tokens.
	Confidence float64
	// Precedent is whether Fill was found elsewhere in the file or its neighbours, not
	// written by the model.
	Precedent bool
	// Parses is true when the spliced source has no syntax error that the
	// source did not have before.
	Parses bool
	// Steps is the number of denoising steps of the canvas that won, of all blocks.
	Steps int
	// Forwards counts the model's forward passes over canvases, all candidates
	// in one batch being one.
	Forwards int
	// Tokens is the number of tokens in Fill.
	Tokens int
	// Prefill says what the cache saved of what surrounds the hole.
	Prefill PrefillStats
	// PrefillTime and DenoiseTime are wall-clock times inside Elapsed.
	PrefillTime, DenoiseTime, Elapsed time.Duration
	// Late is whether the deadline came before the last denoising step.
	Late bool
	// Reason says why Text is empty, or is empty itself.
	Reason string
}

// Filler fills holes. *Engine is the real one.
type Filler interface {
	// Fill returns ctx.Err() when ctx ends before there is anything to show;
	// cancellation takes effect between denoising steps.
	Fill(ctx context.Context, r Request) (Result, error)
}
