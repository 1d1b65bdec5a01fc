package fused

import (
	"context"
	"errors"

	"github.com/lacuna-dev/lacuna/infill"
)

// The fused graph does not read on from the left stream; the stepwise engine does,
// on its own device.

var _ infill.Reader = (*session)(nil)

// LogProbs implements infill.Reader.
func (s *session) LogProbs(ctx context.Context, rows [][]infill.Token) ([][]float32, error) {
	reader, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	return reader.LogProbs(ctx, rows)
}

// Read implements infill.Reader.
func (s *session) Read(ctx context.Context, tokens []infill.Token, target infill.Token) (infill.Prediction, float32, error) {
	reader, err := s.reader(ctx)
	if err != nil {
		return infill.Prediction{}, 0, err
	}
	return reader.Read(ctx, tokens, target)
}

func (s *session) reader(ctx context.Context) (infill.Reader, error) {
	if s.released {
		return nil, errors.New("read: the context was released")
	}
	inner, err := s.stepwise(ctx)
	if err != nil {
		return nil, err
	}
	reader, ok := inner.(infill.Reader)
	if !ok {
		return nil, errors.New("read: the stepwise engine cannot read on from the left stream")
	}
	return reader, nil
}
