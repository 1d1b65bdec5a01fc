package infill

import (
	"context"
	"errors"
)

// errNoReader is for options that need a Reader, on an engine of another process.
var errNoReader = errors.New("this engine cannot read on from the left stream: decode by denoising, judged by the canvases")

// Reader is what a Context may also be: something that reads on from the left
// stream token by token, as an autoregressive model does. It sees nothing of the
// right stream but what it is given to read. runtime/sched implements it.
type Reader interface {
	Context
	// LogProbs returns, for each row, the natural logarithm of the probability
	// of each of its tokens behind the left stream and the row's tokens before
	// it. Rows may have different lengths; an empty one costs nothing.
	LogProbs(ctx context.Context, rows [][]Token) ([][]float32, error)
	// Read takes tokens, at least one unless nothing was read yet, behind the
	// left stream and what was read before, and returns the prediction of the
	// token after them: one slot, without quality. target is a token of which
	// the log-probability there is wanted too.
	Read(ctx context.Context, tokens []Token, target Token) (next Prediction, targetLogProb float32, err error)
}
