package main

import (
	"context"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/models/tokenizer"
	"github.com/lacuna-dev/lacuna/runtime/ort"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

var soakEdits = flag.Int("edits", 30, "edits that TestEditedEqualsCold makes")

// TestEditedEqualsCold edits files at random as people do, with a fill after each
// edit, in an engine that reuses what it can, and compares with an engine that
// has seen nothing: the first predictions to 1e-3, relative to the largest
// log-probability, and what is filled, letter for letter, on 99.5 % and more.
// runtime/ort compares token streams; here are the tokens that edits of text
// make, with the word under the cursor cut anew and the window sliding.
func TestEditedEqualsCold(t *testing.T) {
	c := openCached(t)
	rng := rand.New(rand.NewPCG(13, 14))
	// The file is longer than both windows.
	source, err := os.ReadFile("testdata/bench.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	warm := c.engine(sched.Config{Memory: 12 << 20}) // some documents are evicted
	scripts := []*editing{newEditing("a.go", source, rng), newEditing("b.go", source[len(source)/3:], rng)}
	ops := map[string]int{}
	differ, reused, computed := 0, 0, 0
	for n := range *soakEdits {
		e := scripts[rng.IntN(len(scripts))]
		op := e.edit()
		ops[op]++
		got := warm.fill(t, e)
		cold := c.engine(sched.Config{})
		want := cold.fill(t, e)
		cold.scheduler.Close()
		reused += got.Prefill.LeftReused + got.Prefill.RightReused
		computed += got.Prefill.LeftComputed + got.Prefill.RightComputed
		if far := farthest(want.first, got.first); far > 1e-3 {
			t.Errorf("edit %d (%s in %s at %d): predictions differ by %.2g from a cold run (%+v)", n, op, e.path, e.cursor, far, got.Prefill)
		}
		if got.Text != want.Text || got.Reason != want.Reason {
			differ++
			t.Logf("edit %d (%s in %s at %d): %q (%s), cold %q (%s)", n, op, e.path, e.cursor, got.Text, got.Reason, want.Text, want.Reason)
		}
	}
	t.Logf("%d edits %v: %d tokens reused, %d computed, %d fills differ", *soakEdits, ops, reused, computed, differ)
	if float64(differ) > 0.005*float64(*soakEdits) {
		t.Errorf("%d of %d fills differ from a cold run", differ, *soakEdits)
	}
	if reused < computed {
		t.Errorf("only %d tokens were reused and %d computed", reused, computed)
	}
}

// cachedParts are what engines over one loaded model share.
type cachedParts struct {
	t      *testing.T
	graph  *ort.Session
	tokens *tokenizer.Tokenizer
	vocab  infill.Vocabulary
}

func openCached(t *testing.T) *cachedParts {
	t.Helper()
	library, err := ort.Find(ort.Options{})
	if err != nil {
		t.Fatalf("this test needs ONNX Runtime: run make deps first\n%v", err)
	}
	bundle, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	graph, err := ort.Open(ort.Config{Library: library, Graph: bundle.Graph, TokenizerSHA256: bundle.TokenizerSHA256(), Device: ort.CPU})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = graph.Close() })
	tokens, err := tokenizer.Load(bundle.Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	vocab, err := vocabularyOf(tokens)
	if err != nil {
		t.Fatal(err)
	}
	return &cachedParts{t, graph, tokens, vocab}
}

func (c *cachedParts) engine(config sched.Config) *overheard {
	config.Vocab = c.vocab
	o := &overheard{scheduler: sched.New(c.graph, config)}
	o.Denoiser = o.scheduler
	o.filler = infill.New(o, c.tokens, infill.Options{})
	return o
}

// overheard is an engine that keeps the first predictions of each fill.
type overheard struct {
	infill.Denoiser
	scheduler *sched.Scheduler
	filler    *infill.Engine
	first     []infill.Prediction
}

type overheardContext struct {
	infill.Context
	of *overheard
}

func (o *overheard) Prefill(ctx context.Context, document string, left, right []infill.Token) (infill.Context, error) {
	c, err := o.Denoiser.Prefill(ctx, document, left, right)
	return overheardContext{c, o}, err
}

func (c overheardContext) Denoise(ctx context.Context, canvases [][]infill.Token) ([]infill.Prediction, error) {
	p, err := c.Context.Denoise(ctx, canvases)
	if c.of.first == nil {
		c.of.first = p
	}
	return p, err
}

type overheardResult struct {
	infill.Result
	first []infill.Prediction
}

func (o *overheard) fill(t *testing.T, e *editing) overheardResult {
	t.Helper()
	tree, err := grammars.Parse(language(t, "go"), e.text)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	o.first = nil
	result, err := o.filler.Fill(t.Context(), infill.Request{Document: e.path, Path: e.path, Tree: tree, Hole: tree.Cursor(e.cursor)})
	if err != nil {
		t.Fatal(err)
	}
	return overheardResult{result, o.first}
}

// farthest is the largest difference between predictions, relative to the largest
// log-probability. Ids are not compared: near equals may swap.
func farthest(a, b []infill.Prediction) float64 {
	scale, far := 1.0, 0.0
	for row := range a {
		for i, x := range a[row].LogProbs {
			scale = max(scale, math.Abs(float64(x)))
			far = max(far, math.Abs(float64(x-b[row].LogProbs[i])))
		}
		for i, x := range a[row].Quality {
			far = max(far, math.Abs(float64(x-b[row].Quality[i])))
		}
	}
	return far / scale
}

// editing is a document that is being edited.
type editing struct {
	rng    *rand.Rand
	path   string
	text   []byte
	cursor int
	undo   []editState
	deck   []int // what comes next
}

type editState struct {
	text   []byte
	cursor int
}

func newEditing(path string, source []byte, rng *rand.Rand) *editing {
	return &editing{rng: rng, path: path, text: source, cursor: len(source) / 2}
}

// typedAtRandom is what is typed: parts of words, so that tokens of the word under
// the cursor merge otherwise with each letter.
var typedAtRandom = []string{"r", "e", "turn", "\n\t", " ", "fo", "r i :=", "(", ")", "größe", "世", "x.", "Date", "0", "12", "\t\tif err != nil {\n"}

// edit does one thing and says what.
func (e *editing) edit() string {
	if len(e.deck) == 0 { // so that a short run has some of each
		e.deck = e.rng.Perm(20)
	}
	n := e.deck[0]
	e.deck = e.deck[1:]
	switch {
	case n < 9:
		e.replace(e.cursor, e.cursor, typedAtRandom[e.rng.IntN(len(typedAtRandom))])
		return "type"
	case n < 12:
		e.replace(e.rune(e.cursor-1-e.rng.IntN(6)), e.cursor, "")
		return "delete"
	case n < 14:
		e.cursor = e.rune(e.cursor + e.rng.IntN(160) - 80)
		return "move"
	case n < 15: // out of both windows, or nearly
		e.cursor = e.rune(e.rng.IntN(len(e.text) + 1))
		return "jump"
	case n < 17: // the cursor stays where it is in the text
		at := e.rune(e.rng.IntN(len(e.text) + 1))
		cursor, size := e.cursor, len(e.text)
		e.replace(at, e.rune(at+e.rng.IntN(12)), typedAtRandom[e.rng.IntN(len(typedAtRandom))])
		if at < cursor {
			cursor += len(e.text) - size
		}
		e.cursor = e.rune(cursor)
		return "elsewhere"
	case n < 18: // enough for the window to slide
		at := e.rng.IntN(len(e.text) / 2)
		e.replace(e.cursor, e.cursor, string(e.text[e.rune(at):e.rune(at+700)]))
		return "paste"
	case len(e.undo) > 0:
		last := e.undo[len(e.undo)-1]
		e.undo = e.undo[:len(e.undo)-1]
		e.text, e.cursor = last.text, last.cursor
		return "undo"
	}
	return "nothing"
}

func (e *editing) replace(start, end int, text string) {
	start, end = min(start, end), max(start, end)
	e.undo = append(e.undo, editState{e.text, e.cursor})
	e.text = slices.Concat(e.text[:start], []byte(text), e.text[end:])
	e.cursor = start + len(text)
}

// rune is the nearest beginning of a character at or before a place.
func (e *editing) rune(at int) int {
	at = min(max(at, 0), len(e.text))
	for at > 0 && at < len(e.text) && !utf8.RuneStart(e.text[at]) {
		at--
	}
	return at
}
