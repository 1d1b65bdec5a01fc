package infill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// lengthy is a denoiser that knows a long answer and goes on where the left stream
// leaves off.
type lengthy struct {
	answer        string
	short         string        // what a canvas of 32 slots says instead, if anything
	prefill, step time.Duration // what they take
	onStep        func(step int)
	steps, open   int
	lefts, rights [][]Token // of each Prefill
	slots         []string
	most          int // contexts open at once
}

type lengthySession struct {
	*lengthy
	done     int // bytes of the answer that are settled
	released bool
}

func (l *lengthy) Info() ModelInfo { return (&scripted{}).Info() }

func (l *lengthy) Prefill(ctx context.Context, document string, left, right []Token) (Context, error) {
	if err := pause(ctx, l.prefill); err != nil {
		return nil, err
	}
	l.lefts, l.rights, l.slots = append(l.lefts, left), append(l.rights, right), append(l.slots, document)
	l.open++
	l.most = max(l.most, l.open)
	text := (letters{}).Decode(left)
	s := &lengthySession{lengthy: l, done: len(l.answer)}
	for !strings.HasSuffix(text, l.answer[max(0, s.done-40):s.done]) {
		s.done--
	}
	return s, nil
}

func (s *lengthySession) Stats() PrefillStats { return PrefillStats{LeftReused: 100 - s.done} }

func (s *lengthySession) Release() {
	if !s.released {
		s.released = true
		s.open--
	}
}

func (s *lengthySession) Denoise(ctx context.Context, canvases [][]Token) ([]Prediction, error) {
	if s.released {
		return nil, errors.New("the context was released")
	}
	if err := pause(ctx, s.step); err != nil {
		return nil, err
	}
	s.steps++
	if s.onStep != nil {
		s.onStep(s.steps)
	}
	var out []Prediction
	for _, row := range canvases {
		says := s.answer[s.done:]
		if s.short != "" && len(row) == 32 {
			says = s.short
		}
		p := Prediction{K: 1}
		for i := range row {
			sure := float32(-0.01)
			if s.short != "" && len(row) != 64 {
				sure = -0.02
			}
			p.IDs, p.LogProbs, p.Quality = append(p.IDs, at(says, i)), append(p.LogProbs, sure), append(p.Quality, 1)
		}
		out = append(out, p)
	}
	return out, nil
}

// statements are n bytes of code, 16 to a line.
func statements(n int) string {
	var b strings.Builder
	for i := 0; b.Len()+16 < n; i++ {
		fmt.Fprintf(&b, "v%02d := f(%d)\n\t", i, 1000+i)
	}
	return b.String() + "abcdefghijklmnop"[:n-b.Len()]
}

const body = "package a\n\nfunc f(a int) int {\n\t«»\n}\n"

func several(r *Request) { r.Hole.Multiline = true }

// sum is one line that is longer than all blocks.
var sum = "x := y + " + strings.ReplaceAll(statements(400), "\n\t", " + ")

// whole is the complete lines of the first n bytes of a text.
func whole(text string, n int) string { return text[:strings.LastIndex(text[:n], "\n")] }

func TestBlocks(t *testing.T) {
	long, endless := statements(153), "g()\n\t"+statements(400)
	written := func(text string, steps int) Result { return Result{Fill: text, Tokens: len(text), Steps: steps} }
	for _, test := range []struct {
		name    string
		answer  string
		short   string
		source  string
		options Options
		oracle  Oracle
		oneLine bool
		want    Result // Fill, Reason, Tokens and Steps
		blocks  int    // contexts in turn
	}{
		{name: "an answer that fits has one block", answer: statements(59), options: Options{Block: []int{64}}, want: written(statements(59), 1), blocks: 1},
		{name: "one that does not goes on until its end", answer: long, want: written(long, 3), blocks: 3},
		{name: "the end may be all that follows", answer: statements(128), want: written(statements(128), 3), blocks: 3},
		{name: "one without an end stops at its last complete line", answer: endless, want: written(whole(endless, 256), 4), blocks: 4},
		{name: "sooner if fewer blocks are wanted", answer: endless, options: Options{Blocks: 2}, want: written(whole(endless, 128), 2), blocks: 2},
		{
			name:   "without an end and without a complete line nothing is left",
			answer: sum, want: Result{Reason: ReasonEndless, Steps: 4}, blocks: 4,
		},
		{
			name:   "a hole of one line has one block",
			answer: "abcd" + strings.Repeat(" + b", 20), oracle: Oracle{Length: 100}, oneLine: true,
			want: written("abcd"+strings.Repeat(" + b", 15), 1), blocks: 1,
		},
		{
			name:   "blocks may be switched off",
			answer: statements(64) + "zzz", options: Options{Blocks: 1, Block: []int{64}},
			want: written(statements(64), 1), blocks: 1,
		},
		{
			name:   "a length that is told is written to its end",
			answer: statements(125) + "zzz", oracle: Oracle{Length: 125}, want: written(statements(125), 2), blocks: 2,
		},
		{
			name:   "more than the blocks hold is what they hold",
			answer: statements(256) + "zzz", oracle: Oracle{Length: 1000}, want: written(statements(256), 4), blocks: 4,
		},
		{
			name:   "one canvas that is asked for is the only one",
			answer: statements(32) + "zzz", oracle: Oracle{Canvas: 32}, want: written(statements(32), 1), blocks: 1,
		},
		{
			name:   "what breaks the syntax gives way to a candidate that ends",
			answer: "if a {\n\t" + long, short: "return a", want: written("return a", 1), blocks: 3,
		},
		{
			name: "the left window slides", answer: whole(endless, 250),
			source: "package a\n\n" + strings.Repeat("var x int // and so on\n", 40) + "\nfunc f(a int) int {\n\t«»\n}\n",
			want:   written(whole(endless, 250), 4), blocks: 4,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			model, source := &lengthy{answer: test.answer, short: test.short}, test.source
			if source == "" {
				source = body
			}
			got, err := fillAt(t, model, source, test.options, func(r *Request) { r.Hole.Multiline, r.Oracle = !test.oneLine, test.oracle })
			if err != nil {
				t.Fatal(err)
			}
			if got.Fill != test.want.Fill || got.Reason != test.want.Reason || got.Tokens != test.want.Tokens || got.Steps != test.want.Steps {
				t.Errorf("got %q (%s), %d tokens, %d steps;\nwant %q (%s), %d, %d", got.Fill, got.Reason, got.Tokens, got.Steps,
					test.want.Fill, test.want.Reason, test.want.Tokens, test.want.Steps)
			}
			if got.Fill != "" && (!got.Parses || got.Confidence < 0.95 || got.Prefill.LeftReused != 100) {
				t.Errorf("got %+v", got)
			}
			if len(model.lefts) != test.blocks || model.most != 1 || model.open != 0 {
				t.Errorf("%d contexts in turn, %d at once, %d left open; want %d, 1, 0", len(model.lefts), model.most, model.open, test.blocks)
			}
			for n, left := range model.lefts {
				if len(left) > model.Info().LeftWindow || !slices.Equal(model.rights[n], model.rights[0]) || (n > 0) != strings.HasSuffix(model.slots[n], blocksSlot) {
					t.Errorf("context %d, in the slot %s: %d tokens to the left, the right ones %v", n, model.slots[n], len(left), model.rights[n])
				}
			}
		})
	}
}

// TestBlocksAreScoredTogether: the confidence is that of all tokens of all blocks and of
// the end.
func TestBlocksAreScoredTogether(t *testing.T) {
	d := &denoising{rules: rules{vocab: testVocab}}
	one, two := newCanvas(2, 30), newCanvas(2, 31)
	two.slots[1] = testVocab.Delete
	one.settled, two.settled = []float32{-1, -2}, []float32{-3, -6}
	all := joined([]*canvas{one, two})
	if got := all.score(testVocab.Delete); got != -3 || !d.ends(all) {
		t.Errorf("score %v, want the mean of four", got)
	}
}

// TestStepsOfBlocks: who follows the steps sees the blocks before.
func TestStepsOfBlocks(t *testing.T) {
	long := statements(75)
	var last Step
	_, err := fillAt(t, &lengthy{answer: long}, body, Options{Block: []int{64}}, func(r *Request) {
		several(r)
		r.OnStep = func(s Step) { last = s }
	})
	if err != nil || len(last.Draft) != 1 || last.Draft[0].Text != long || last.Slots != 128 || last.Settled != 128 || last.Number != 2 {
		t.Errorf("got %+v, %v", last, err)
	}
}

// TestRepairAfterBlocks: candidates of the first block are mended where they were made.
func TestRepairAfterBlocks(t *testing.T) {
	model := &lengthy{answer: "if a {\n\t" + statements(153), short: "return )"}
	got, err := fillAt(t, model, body, Options{}, several)
	if err != nil || got.Fill != "return" || len(model.lefts) != 4 || !slices.Equal(model.lefts[3], model.lefts[0]) || model.open != 0 {
		t.Errorf("got %+v, %v after %d contexts", got, err, len(model.lefts))
	}
}

// TestBlocksAreClosed: what several blocks leave open is closed.
func TestBlocksAreClosed(t *testing.T) {
	long := statements(153)
	got, err := fillAt(t, &lengthy{answer: "if a {\n\t" + long}, body, Options{}, several)
	if want := "if a {\n\t" + long + "\n\t}"; err != nil || got.Fill != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestDeadlineInABlock: the complete lines of the blocks before are returned, if there
// are any.
func TestDeadlineInABlock(t *testing.T) {
	const ms = time.Millisecond
	long := "g()\n\t" + statements(150)
	for _, test := range []struct {
		name          string
		answer        string
		prefill, step time.Duration
		within        time.Duration
		want          Result
	}{
		{"in time", long, 10 * ms, 10 * ms, 100 * ms, Result{Fill: long}},
		{"in the second block's prefill", long, 100 * ms, 10 * ms, 150 * ms, Result{Fill: whole(long, 64), Late: true}},
		{"in the second block's step", long, 10 * ms, 100 * ms, 250 * ms, Result{Fill: whole(long, 64), Late: true}},
		{"in the third block's step", long, 10 * ms, 100 * ms, 350 * ms, Result{Fill: whole(long, 128), Late: true}},
		{"no complete line", sum, 10 * ms, 100 * ms, 250 * ms, Result{Reason: ReasonLate, Late: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				model := &lengthy{answer: test.answer, prefill: test.prefill, step: test.step}
				began := time.Now()
				got, err := fillAt(t, model, body, Options{}, func(r *Request) {
					several(r)
					r.Deadline = began.Add(test.within)
				})
				if err != nil || got.Fill != test.want.Fill || got.Reason != test.want.Reason || got.Late != test.want.Late {
					t.Errorf("got %+v, %v; want %+v", got, err, test.want)
				}
				if took := time.Since(began); took > test.within || model.open != 0 {
					t.Errorf("it took %v, %d contexts are open", took, model.open)
				}
			})
		})
	}
}

func TestCancelInABlock(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	model := &lengthy{answer: statements(153), onStep: func(step int) {
		if step == 2 {
			cancel()
		}
	}}
	request := requestAt(t, body)
	several(&request)
	if got, err := New(model, letters{}, Options{}).Fill(ctx, request); !errors.Is(err, context.Canceled) || model.steps != 2 || model.open != 0 {
		t.Errorf("got %+v, %v after %d steps, %d contexts open", got, err, model.steps, model.open)
	}
}
