package infill

import (
	"context"
	"math"
	"testing"
)

// answering is a scripted model that was trained to fill in the middle.
type answering struct {
	reading
	breaks bool // it ends its line instead of its answer
}

func (s *answering) Info() ModelInfo {
	info := s.scripted.Info()
	info.Autoregressive = true
	return info
}

func (s *answering) Prefill(ctx context.Context, _ string, left, right []Token) (Context, error) {
	s.read = 0
	return s, ctx.Err()
}

// Read wants the end or a line break where the text ends, and else the next letter
// more than the end.
func (s *answering) Read(_ context.Context, tokens []Token, _ Token) (Prediction, float32, error) {
	s.read += len(tokens)
	end := float32(math.Log(0.05))
	token := at(s.text, s.read)
	if token != testVocab.Delete {
		return Prediction{K: 2, IDs: []Token{token, testVocab.Delete}, LogProbs: []float32{float32(math.Log(0.9)), end}}, end, nil
	}
	if s.breaks {
		token, end = '\n'+24, float32(math.Log(0.1))
	} else {
		end = float32(math.Log(0.8))
	}
	return Prediction{K: 2, IDs: []Token{token, 'x' + 24}, LogProbs: []float32{float32(math.Log(0.8)), float32(math.Log(0.1))}}, end, nil
}

func TestAutoregressiveAnswer(t *testing.T) {
	tests := []struct {
		name, text string
		breaks     bool
		told       int
		options    Options
		want       Result // Fill, Reason, Steps and Forwards are compared
	}{
		{name: "it ends where the model says", text: "a + b", want: Result{Fill: "a + b", Steps: 5, Forwards: 6}},
		{name: "or where a line of one ends", text: "a + b", breaks: true, want: Result{Fill: "a + b", Steps: 5, Forwards: 6}},
		{name: "whatever decoder is asked for", text: "a", options: Options{Decoder: Denoising}, want: Result{Fill: "a", Steps: 1, Forwards: 2}},
		{name: "nothing", text: "", want: Result{Reason: ReasonEmpty, Forwards: 1}},
		{name: "a told length has no end before it", text: "a", told: 3, want: Result{Fill: "axx", Steps: 3, Forwards: 4}},
		{name: "nor behind it", text: "a + b", told: 1, want: Result{Fill: "a", Steps: 1, Forwards: 2}},
		{name: "the largest canvas bounds it", text: "abs(a+b)", options: Options{Line: []int{8}, Constraints: Nowhere}, want: Result{Reason: ReasonBreaks, Steps: 7, Forwards: 8}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &answering{reading: reading{text: test.text}, breaks: test.breaks}
			got, err := fillAt(t, s, function, test.options, func(r *Request) { r.Oracle.Length = test.told })
			if err != nil {
				t.Fatal(err)
			}
			got = Result{Fill: got.Fill, Reason: got.Reason, Steps: got.Steps, Forwards: got.Forwards}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// The confidence counts the end.
func TestAutoregressiveConfidence(t *testing.T) {
	got, err := fillAt(t, &answering{reading: reading{text: "a+b"}}, function, Options{}, nil)
	want := math.Exp((3*math.Log(0.9) + math.Log(0.8)) / 4)
	if err != nil || math.Abs(got.Confidence-want) > 1e-6 {
		t.Errorf("%v, %v; want %v", got.Confidence, err, want)
	}
}
