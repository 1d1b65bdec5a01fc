package infill

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lacuna-dev/lacuna/grammars"
)

// letters is a tokenizer of one token a byte behind 24 control tokens.
type letters struct{}

func (letters) Encode(text string) []int32 {
	out := make([]int32, len(text))
	for i := range len(text) {
		out[i] = int32(text[i]) + 24
	}
	return out
}

func (letters) Decode(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		if id >= 24 {
			b.WriteByte(byte(id - 24))
		}
	}
	return b.String()
}

var testVocab = Vocabulary{Size: 280, Pad: 0, Mask: 1, Delete: 2, Hole: 4, Code: 6, Cut: 7, EOF: 8, Lang: map[string]Token{"go": 9}}

// scripted is a denoiser that knows the answer. How sure it is of each slot,
// and what else it thinks of, is up to the test.
type scripted struct {
	answer string
	sure   func(step, slot int) float64          // nil: 0.99 everywhere
	second string                                // what its second candidate spells
	doubt  func(step, slot int, t Token) float32 // quality, nil: 1
	onStep func(step int)
	steps  int
	seen   [][]Token // the first row of each step
}

func (s *scripted) Info() ModelInfo {
	return ModelInfo{Vocab: testVocab, LeftWindow: 300, RightWindow: 200, Canvases: []int{8, 16, 32, 64}, TopK: 2}
}

func (s *scripted) Prefill(ctx context.Context, _ string, left, right []Token) (Context, error) {
	return s, ctx.Err()
}
func (s *scripted) Stats() PrefillStats { return PrefillStats{LeftComputed: 1} }
func (s *scripted) Release()            {}

func at(text string, slot int) Token {
	if slot < len(text) {
		return Token(text[slot]) + 24
	}
	return testVocab.Delete
}

func (s *scripted) Denoise(ctx context.Context, canvases [][]Token) ([]Prediction, error) {
	s.steps++
	s.seen = append(s.seen, slices.Clone(canvases[0]))
	if s.onStep != nil {
		s.onStep(s.steps)
	}
	var out []Prediction
	for _, row := range canvases {
		p := Prediction{K: 2}
		for i, t := range row {
			sure, quality := 0.99, float32(1)
			if s.sure != nil {
				sure = s.sure(s.steps, i)
			}
			if s.doubt != nil {
				quality = s.doubt(s.steps, i, t)
			}
			p.IDs = append(p.IDs, at(s.answer, i), at(s.second, i))
			p.LogProbs = append(p.LogProbs, float32(math.Log(sure)), float32(math.Log((1-sure)/2)))
			p.Quality = append(p.Quality, quality)
		}
		out = append(out, p)
	}
	return out, nil
}

// fillAt fills the hole that « » marks in a Go source.
func fillAt(t *testing.T, s Denoiser, marked string, o Options, change func(*Request)) (Result, error) {
	t.Helper()
	r := requestAt(t, marked)
	if change != nil {
		change(&r)
	}
	return New(s, letters{}, o).Fill(context.Background(), r)
}

// requestAt asks for the hole that « » marks in a Go source.
func requestAt(t *testing.T, marked string) Request {
	t.Helper()
	start := strings.Index(marked, "«")
	end := strings.Index(marked, "»") - len("«")
	src := strings.NewReplacer("«", "", "»", "").Replace(marked)
	lang, _ := grammars.ByID("go")
	tree, err := grammars.Parse(lang, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tree.Close)
	return Request{Document: "a.go", Path: "a.go", Tree: tree, Hole: grammars.Hole{Span: grammars.Span{Start: start, End: end}, Kind: grammars.KindCursor}}
}

const function = "package a\n\nfunc f(a, b int) int {\n\treturn «»\n}\n"

func TestFill(t *testing.T) {
	falling := func(_, slot int) float64 { return []float64{0.99, 0.5, 0.4, 0.3, 0.2, 0.2, 0.2, 0.2}[min(slot, 7)] }
	tests := []struct {
		name    string
		model   scripted
		source  string
		options Options
		change  func(*Request)
		want    Result // Fill, Reason, Steps and Forwards are compared
	}{
		{
			name:  "a sure model is done in one step",
			model: scripted{answer: "a + b"},
			want:  Result{Fill: "a + b", Steps: 1, Forwards: 1},
		},
		{
			name:    "an unsure model settles one slot a step",
			model:   scripted{answer: "a+b", sure: falling},
			options: Options{Line: []int{8}, MaxSteps: 20},
			want:    Result{Fill: "a+b", Steps: 4, Forwards: 4},
		},
		{
			name:    "the last step settles everything",
			model:   scripted{answer: "a+b", sure: falling},
			options: Options{Line: []int{8}, MaxSteps: 2},
			want:    Result{Fill: "a+b", Steps: 2, Forwards: 2},
		},
		{
			name:  "a line break ends a hole of one line",
			model: scripted{answer: "a + b\n\treturn"},
			want:  Result{Fill: "a + b", Steps: 1, Forwards: 1},
		},
		{
			name:    "and stands in a hole of several",
			model:   scripted{answer: "a +\n\t\tb"},
			options: Options{Block: []int{16}},
			change:  func(r *Request) { r.Hole.Multiline = true },
			want:    Result{Fill: "a +\n\t\tb", Steps: 1, Forwards: 1},
		},
		{
			name:  "nothing to say",
			model: scripted{answer: ""},
			want:  Result{Reason: ReasonEmpty},
		},
		{
			name:   "what it is not sure of is held back",
			model:  scripted{answer: "a + b", sure: func(_, _ int) float64 { return 0.5 }},
			change: func(r *Request) { r.MinConfidence = 0.6 },
			want:   Result{Reason: ReasonUnsure},
		},
		{
			name:  "what only repeats itself is not shown",
			model: scripted{answer: "aaaaaaa"},
			want:  Result{Reason: ReasonLoops},
		},
		{
			name:    "what breaks the syntax is not shown",
			model:   scripted{answer: "a)) (", second: "((((("},
			options: Options{Constraints: Nowhere},
			want:    Result{Reason: ReasonBreaks},
		},
		{
			name:    "a broken candidate is mended by the next best tokens",
			model:   scripted{answer: "a + )", second: "a + b"},
			options: Options{Line: []int{8}},
			want:    Result{Fill: "a + b", Steps: 3, Forwards: 3},
		},
		{
			name:   "the suffix is not repeated",
			model:  scripted{answer: "a)"},
			source: "package a\n\nfunc f(a int) int {\n\treturn g(«»)\n}\n",
			want:   Result{Fill: "a", Steps: 1, Forwards: 1},
		},
		{
			name: "a doubted token is masked and predicted again",
			model: scripted{
				answer: "a + b",
				sure: func(step, slot int) float64 {
					if step == 1 && slot > 2 {
						return 0.3
					}
					return 0.99
				},
				doubt: func(step, slot int, tok Token) float32 {
					if step == 2 && slot == 0 {
						return 0
					}
					return 1
				},
			},
			options: Options{Line: []int{8}},
			want:    Result{Fill: "a + b", Steps: 3, Forwards: 3},
		},
		{
			name:   "lead and trail surround an empty body",
			model:  scripted{answer: "return a"},
			source: "package a\n\nfunc f(a int) int {«»}\n",
			change: func(r *Request) { r.Hole.Lead, r.Hole.Trail, r.Hole.Multiline = "\n\t", "\n", true },
			want:   Result{Fill: "return a", Steps: 1, Forwards: 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := tt.source
			if source == "" {
				source = function
			}
			got, err := fillAt(t, &tt.model, source, tt.options, tt.change)
			if err != nil {
				t.Fatal(err)
			}
			if got.Fill != tt.want.Fill || got.Reason != tt.want.Reason {
				t.Fatalf("fill %q, reason %q; want %q, %q", got.Fill, got.Reason, tt.want.Fill, tt.want.Reason)
			}
			if got.Fill == "" {
				if got.Text != "" {
					t.Errorf("text %q without a fill", got.Text)
				}
				return
			}
			if got.Steps != tt.want.Steps || got.Forwards != tt.want.Forwards {
				t.Errorf("%d steps, %d forwards; want %d, %d", got.Steps, got.Forwards, tt.want.Steps, tt.want.Forwards)
			}
			if !got.Parses || got.Confidence <= 0 || got.Confidence > 1 {
				t.Errorf("parses %v, confidence %v", got.Parses, got.Confidence)
			}
		})
	}
}

func TestCancelBetweenSteps(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	model := &scripted{answer: "a + b", second: "a + b", sure: func(_, _ int) float64 { return 0.1 }, onStep: func(step int) {
		if step == 2 {
			cancel()
		}
	}}
	lang, _ := grammars.ByID("go")
	tree, err := grammars.Parse(lang, []byte("package a\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	_, err = New(model, letters{}, Options{}).Fill(ctx, Request{Tree: tree, Hole: tree.Cursor(10)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if model.steps != 2 {
		t.Errorf("%d steps, want the cancelled one to be the last", model.steps)
	}
}

func TestSeeds(t *testing.T) {
	fill := func(seed uint64) string {
		t.Helper()
		model := &scripted{answer: "a + b", second: "b * a", sure: func(_, _ int) float64 { return 0.55 }}
		r, err := fillAt(t, model, function, Options{}, func(r *Request) { r.Seed = seed })
		if err != nil {
			t.Fatal(err)
		}
		return r.Fill
	}
	if got := fill(0); got != "a + b" {
		t.Errorf("seed 0 is greedy: %q", got)
	}
	texts := map[string]bool{}
	for seed := range uint64(40) {
		first := fill(seed)
		if again := fill(seed); again != first {
			t.Fatalf("seed %d gave %q, then %q", seed, first, again)
		}
		texts[first] = true
	}
	if len(texts) < 2 {
		t.Errorf("forty seeds, one text: %v", texts)
	}
}

func TestUnknownLanguage(t *testing.T) {
	lang, _ := grammars.ByID("python")
	tree, err := grammars.Parse(lang, []byte("x = 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	_, err = New(&scripted{}, letters{}, Options{}).Fill(context.Background(), Request{Tree: tree, Hole: tree.Cursor(0)})
	if !errors.Is(err, ErrLanguage) {
		t.Errorf("error %v, want ErrLanguage", err)
	}
}

func TestHoleOutsideTheSource(t *testing.T) {
	_, err := fillAt(t, &scripted{answer: "x"}, function, Options{}, func(r *Request) { r.Hole.End = 9999 })
	if err == nil || !strings.Contains(err.Error(), "outside") {
		t.Errorf("error %v, want one that says the hole lies outside", err)
	}
}

func TestLoops(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "aaaa": false, "aaaaa": true, "xaaaaay": true, "abababa": false, "abababab": true,
		"abcabca": false, "abcabcabc": true, "1000 + 1000": false, "if err != nil {": false,
	} {
		if got := loops(letters{}.Encode(text)); got != want {
			t.Errorf("loops(%q) = %v, want %v", text, got, want)
		}
	}
}

// TestSteps: who follows the steps sees the canvas that leads settle.
func TestSteps(t *testing.T) {
	sure := func(step, slot int) float64 { return []float64{0.9, 0.3, 0.95, 0.2, 0.2, 0.2, 0.2, 0.2}[slot] }
	var drafts [][]Run
	_, err := fillAt(t, &scripted{answer: "äb", sure: sure}, function, Options{Line: []int{8}, MaxSteps: 20}, func(r *Request) {
		r.OnStep = func(s Step) { drafts = append(drafts, s.Draft) }
	})
	want := [][]Run{
		{{Text: "\ufffd"}, {Masked: 1}, {Text: "b"}, {Masked: 5}},
		{{Text: "äb"}, {Masked: 5}},
		{{Text: "äb"}},
	}
	if diff := cmp.Diff(want, drafts); diff != "" || err != nil {
		t.Errorf("%v, drafts (-want +got):\n%s", err, diff)
	}
}
