package infill

import (
	"context"
	"math"
	"testing"
)

// reading is a scripted denoiser that also reads on: it writes text and then
// finds the suffix likely, or not.
type reading struct {
	scripted
	text  string
	finds map[string]float32 // candidate -> log-probability of what follows; -20 for others
	read  int
}

func (s *reading) Prefill(ctx context.Context, _ string, left, right []Token) (Context, error) {
	s.read = 0
	return s, ctx.Err()
}

func (s *reading) Read(_ context.Context, tokens []Token, target Token) (Prediction, float32, error) {
	s.read += len(tokens)
	token := at(s.text, s.read)
	if token == testVocab.Delete {
		token = '\n' + 24
	}
	p := Prediction{K: 1, IDs: []Token{token}, LogProbs: []float32{float32(math.Log(0.9))}}
	lp := s.finds[s.text[:min(s.read, len(s.text))]]
	if lp == 0 {
		lp = -20
	}
	return p, lp, nil
}

func (s *reading) LogProbs(_ context.Context, rows [][]Token) ([][]float32, error) {
	out := make([][]float32, len(rows))
	for i, row := range rows {
		text := (letters{}).Decode(row)
		out[i] = make([]float32, len(row))
		for candidate, lp := range s.finds {
			if len(candidate) < len(text) && text[:len(candidate)] == candidate && text[len(candidate)] == ')' {
				out[i][0] = lp
			}
		}
		if len(row) > 0 && out[i][0] == 0 {
			out[i][0] = -20
		}
	}
	return out, nil
}

// What cannot be read on says so, and what has nothing to say gives a reason.
func TestReadingOnNowhere(t *testing.T) {
	silent := &reading{scripted: scripted{answer: ""}, text: ""}
	if got, err := fillAt(t, silent, call, Options{Decoder: Autoregressive}, nil); err != nil || got.Text != "" || got.Reason != ReasonEmpty {
		t.Errorf("a line that ends at once: %+v, %v", got, err)
	}
	for _, o := range []Options{{Decoder: Autoregressive}, {Decoder: Both}, {Judge: ByLeft}} {
		if got, err := fillAt(t, &scripted{answer: "a"}, call, o, nil); err == nil {
			t.Errorf("%+v on an engine that cannot read on gives %q", o, got.Fill)
		}
	}
}

const call = "package a\n\nfunc f(a, b int) int {\n\treturn g(«»)\n}\n"

func TestDecoders(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		finds   map[string]float32
		want    string
	}{
		{"canvases alone", Options{}, nil, "a"},
		{"reading on stops where what follows fits", Options{Decoder: Autoregressive}, map[string]float32{"a, b": -1, "a": -3}, "a, b"},
		{"or earlier", Options{Decoder: Autoregressive}, map[string]float32{"a, b": -5, "a": -1}, "a"},
		{"of both kinds the one that what follows likes best", Options{Decoder: Both}, map[string]float32{"a, b": -1, "a": -2}, "a, b"},
		{"a canvas may win", Options{Decoder: Both}, map[string]float32{"a, b": -3, "a": -2}, "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			model := &reading{scripted: scripted{answer: "a"}, text: "a, b", finds: tt.finds}
			got, err := fillAt(t, model, call, tt.options, nil)
			if err != nil || got.Fill != tt.want {
				t.Errorf("got %q, %v; want %q (%s)", got.Fill, err, tt.want, got.Reason)
			}
		})
	}
}
