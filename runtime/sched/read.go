package sched

import (
	"context"
	"errors"

	"github.com/lacuna-dev/lacuna/infill"
)

// LogProbs implements infill.Reader: all rows are one run. The last token of the
// stream stands in front of each, because it predicts the row's first.
func (c *session) LogProbs(ctx context.Context, rows [][]infill.Token) ([][]float32, error) {
	perToken := c.s.model.TokenFloats()
	first, last, err := c.end()
	if err != nil {
		return nil, err
	}
	longest, total := 0, 0
	for _, row := range rows {
		if err := c.s.checkTokens("row", row); err != nil {
			return nil, err
		}
		longest, total = max(longest, len(row)), total+len(row)
	}
	out := make([][]float32, len(rows))
	if total == 0 {
		return out, nil
	}
	call := &Call{
		Role:    RoleLeft,
		Rows:    len(rows),
		Tokens:  make([]int64, len(rows)*longest), // the last token of a row predicts nothing that is asked for
		PosA:    make([]int64, len(rows)*longest),
		PosB:    make([]int64, len(rows)*longest),
		PastA:   c.left[:first*perToken],
		Head:    make([]int64, 0, total),
		Targets: make([]int64, 0, total),
	}
	for i := range call.Tokens {
		call.Tokens[i] = int64(c.s.info.Vocab.Pad)
	}
	for r, row := range rows {
		before := last
		for j, t := range row {
			at := r*longest + j
			call.Tokens[at], call.PosA[at] = int64(before), int64(first+j)
			call.Head = append(call.Head, int64(at))
			call.Targets = append(call.Targets, int64(t))
			before = t
		}
	}
	var result Result
	if err := c.s.run(ctx, call, &result); err != nil {
		return nil, err
	}
	at := 0
	for r, row := range rows {
		out[r] = result.TargetLogP[at : at+len(row) : at+len(row)]
		at += len(row)
	}
	return out, nil
}

// readAhead is how many tokens a stream that is read on has room for at first.
const readAhead = 64

// Read implements infill.Reader. What is read is appended to a copy of the left
// stream: the slot stays what it is.
func (c *session) Read(ctx context.Context, tokens []infill.Token, target infill.Token) (infill.Prediction, float32, error) {
	perToken := c.s.model.TokenFloats()
	first, last, err := c.end()
	if err != nil {
		return infill.Prediction{}, 0, err
	}
	if err := c.s.checkTokens("text", append([]infill.Token{target}, tokens...)); err != nil {
		return infill.Prediction{}, 0, err
	}
	if c.reading.kv == nil {
		c.reading.reserve(first+1+len(tokens)+readAhead, perToken)
		c.reading.kv = append(c.reading.kv, c.left[:first*perToken]...)
		tokens = append([]infill.Token{last}, tokens...)
	}
	if len(tokens) == 0 {
		return infill.Prediction{}, 0, errors.New("read: no tokens")
	}
	begin := len(c.reading.kv) / perToken
	end := begin + len(tokens)
	c.reading.reserve(end, perToken)
	call := streamCall(RoleLeft, c.reading.kv, tokens, begin)
	call.Head, call.Targets = []int64{int64(len(tokens) - 1)}, []int64{int64(target)}
	result := Result{KV: c.reading.kv[begin*perToken : end*perToken]}
	if err := c.s.run(ctx, call, &result); err != nil {
		return infill.Prediction{}, 0, err
	}
	c.reading.kv = c.reading.kv[:end*perToken]
	p := infill.Prediction{K: c.s.model.TopK, LogProbs: result.TopLogP}
	for _, id := range result.TopIDs {
		p.IDs = append(p.IDs, infill.Token(id))
	}
	return p, result.TargetLogP[0], nil
}

// end is where the last token of the left stream stands, and what it is.
func (c *session) end() (position int, token infill.Token, err error) {
	if c.slot == nil {
		return 0, 0, errors.New("read: the context was released")
	}
	if len(c.leftTokens) == 0 { // never of infill's: a stream has a header
		return 0, 0, errors.New("read: the left stream is empty")
	}
	n := len(c.leftTokens) - 1
	return n, c.leftTokens[n], nil
}
