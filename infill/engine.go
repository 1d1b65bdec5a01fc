package infill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	layout "github.com/lacuna-dev/lacuna/infill/context"
)

// ErrLanguage is returned for a language the model was not trained on.
var ErrLanguage = errors.New("the model does not know this language")

// Tokenizer is the model's tokenizer. models/tokenizer implements it.
type Tokenizer interface {
	Encode(text string) []int32
	Decode(ids []int32) string
}

// Options tune decoding. The zero value takes the defaults; every default was
// chosen on held-out code, see docs/benchmarks.md.
type Options struct {
	// Threshold is the probability at which a slot is settled, 0..1.
	Threshold float64
	// Entropy settles more slots in a step than reach the threshold: the surest whose
	// entropies add up, without the largest, to no more than this, in nats; 0 is off.
	// A Threshold of 1 leaves it alone. Steps are then never taken in one call.
	Entropy float64
	// Floor is the quality below which a settled slot is masked again, 0..1;
	// negative switches remasking off.
	Floor float64
	// MaxSteps caps the denoising steps of one round.
	MaxSteps int
	// Line and Block are the canvas sizes tried for holes of one line and of
	// several. Sizes the model was not trained on are left out.
	Line, Block []int
	// Blocks is how many blocks an answer of several lines may have, where it does not
	// end in the largest canvas: each goes on where the one before is full. With 1 no
	// answer is longer than a canvas.
	Blocks int
	// Decoder says how candidates come about.
	Decoder Decoder
	// Judge says who chooses among candidates.
	Judge Judge
	// Constraints says where what the text around a hole rules out is kept from the fill.
	Constraints Constraining
	// Calibration makes confidences probabilities; nil leaves them as they are.
	Calibration *Calibration
}

// Decoder is a way to candidates.
type Decoder string

const (
	// Denoising settles canvases of several lengths in parallel steps.
	Denoising Decoder = "denoising"
	// Autoregressive reads on from the left stream instead, token by token: the
	// baseline that denoising has to beat.
	Autoregressive Decoder = "autoregressive"
	// Both offers the candidates of both.
	Both Decoder = "both"
)

// Constraining is where constraints, which stand in constraints.go, are applied.
type Constraining string

const (
	// AtEnd mends candidates that break the syntax, where there are no others; the default.
	AtEnd Constraining = "end"
	// AtSteps keeps tokens that are ruled out from being settled as well. Steps are then
	// never taken in one call.
	AtSteps Constraining = "steps"
	// Nowhere leaves all to the parse.
	Nowhere Constraining = "nowhere"
)

// Judge is who chooses among candidates.
type Judge string

const (
	// ByCanvas goes by the canvases' own probabilities; the default of denoising.
	ByCanvas Judge = "canvas"
	// ByLeft goes by how likely the left stream finds a candidate and what follows
	// the hole. Candidates that were read on are always chosen among so.
	ByLeft Judge = "left"
)

func (o Options) judges() bool { return o.Judge == ByLeft || o.Decoder != Denoising }

func (o Options) withDefaults() Options {
	if o.Threshold == 0 {
		o.Threshold = 0.8
	}
	if o.Floor == 0 {
		o.Floor = 0.05
	}
	if o.Decoder == "" {
		o.Decoder = Denoising
	}
	if o.Constraints == "" {
		o.Constraints = AtEnd
	}
	if o.MaxSteps == 0 {
		o.MaxSteps = 4
	}
	if len(o.Line) == 0 {
		o.Line = []int{8, 16}
	}
	if len(o.Block) == 0 {
		o.Block = []int{16, 32, 64}
	}
	if o.Blocks == 0 {
		o.Blocks = 4
	}
	return o
}

// sampleHeat is the temperature of the noise a seed brings. Low: a second
// opinion, not another subject.
const sampleHeat = 0.4

// Engine is the Filler that runs a Denoiser. It is safe for concurrent use.
type Engine struct {
	denoiser  Denoiser
	info      ModelInfo
	tokenizer Tokenizer
	options   Options
	layout    layout.Layout
	glyphs    []glyph // by token
	traits    []trait // by token; nil if decoding is unconstrained
}

// New returns an Engine over a denoiser and the tokenizer of its model.
func New(d Denoiser, t Tokenizer, o Options) *Engine {
	info := d.Info()
	if info.Autoregressive {
		o.Decoder = Autoregressive
	}
	e := &Engine{
		denoiser:  d,
		info:      info,
		tokenizer: t,
		options:   o.withDefaults(),
		glyphs:    glyphsOf(info.Vocab.Size, t),
		layout: layout.Layout{
			Encoder:     t,
			Special:     layout.Special{Code: info.Vocab.Code, Cut: info.Vocab.Cut, EOF: info.Vocab.EOF, Snippet: info.Vocab.Snippet},
			LeftWindow:  info.LeftWindow,
			RightWindow: info.RightWindow,
			Snippets:    info.Snippets,
		},
	}
	if o.Constraints == AtSteps {
		e.traits = traitsOf(info.Vocab.Size, t)
	}
	return e
}

// Info describes the model.
func (e *Engine) Info() ModelInfo { return e.info }

// Fill fills one hole; see Request and Result.
func (e *Engine) Fill(ctx context.Context, r Request) (Result, error) {
	began := time.Now()
	language, ok := e.info.Vocab.Lang[r.Tree.Language().ID()]
	if !ok {
		return Result{}, fmt.Errorf("%s: %w", r.Tree.Language().ID(), ErrLanguage)
	}
	h := r.Hole
	source := r.Tree.Source()
	if h.Start < 0 || h.End < h.Start || h.End > len(source) {
		return Result{}, fmt.Errorf("hole [%d, %d) lies outside the %d bytes of %s", h.Start, h.End, len(source), r.Path)
	}
	run := &denoising{
		engine:  e,
		request: r,
		rules: rules{
			vocab:     e.info.Vocab,
			glyphs:    e.glyphs,
			multiline: h.Multiline,
			threshold: e.options.Threshold,
			entropy:   e.options.Entropy,
			floor:     e.options.Floor,
		},
		rng:      rand.New(rand.NewPCG(r.Seed, 0x6c6163756e61)),
		limit:    e.options.MaxSteps,
		document: layout.Document{Language: language, Path: r.Path, Source: source, Neighbours: r.Neighbours},
	}
	found, err := run.precedent()
	if err != nil {
		return Result{}, err
	}
	if found.Confidence >= surePrecedent {
		found.Elapsed = time.Since(began)
		return found, nil
	}
	due, stop := dueAt(ctx, r.Deadline)
	defer stop()
	defer run.release()
	if err := run.stand(due, nil); err != nil {
		return Result{}, err
	}
	if run.late {
		late := Result{Start: h.Start, End: h.End, Late: true, Reason: ReasonLate, Elapsed: time.Since(began)}
		return late.or(found), nil
	}
	prefilled, first := time.Now(), run.held

	if e.traits != nil {
		run.rules.traits, run.rules.limits = e.traits, constraintsOf(r.Tree, h)
	}
	if r.MaxSteps > 0 {
		run.limit = r.MaxSteps
	}
	if r.Seed != 0 {
		run.rules.heat = sampleHeat
	}
	result, err := run.fill(due)
	if err != nil {
		return Result{}, err
	}
	result.Late = run.late
	result.Start, result.End = h.Start, h.End
	result.Prefill = first.Stats()
	result.PrefillTime = prefilled.Sub(began)
	result.Elapsed = time.Since(began)
	result.DenoiseTime = result.Elapsed - result.PrefillTime
	result = result.or(found)
	if result.Text == "" && run.rejected {
		result.Reason = ReasonRejected
	}
	return result, nil
}

// sizes are the canvas lengths for a hole, of those the model knows.
func (e *Engine) sizes(multiline bool) []int {
	wanted := e.options.Line
	if multiline {
		wanted = e.options.Block
	}
	var out []int
	for _, size := range wanted {
		for _, known := range e.info.Canvases {
			if size == known {
				out = append(out, size)
			}
		}
	}
	if len(out) == 0 && len(e.info.Canvases) > 0 {
		out = e.info.Canvases[:1]
	}
	return out
}
