package main

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"

	"github.com/lacuna-dev/lacuna/infill"
)

// evalRecord is one hole of an evaluation, a line of --records.
type evalRecord struct {
	Model  string  `json:"model"`
	Lang   string  `json:"lang"`
	File   string  `json:"file"` // relative to the corpus
	Kind   cutKind `json:"kind"`
	Line   int     `json:"line"` // from 1
	Byte   int     `json:"byte"` // from 0
	Truth  string  `json:"truth"`
	Fill   string  `json:"fill"` // what is shown; empty if nothing is
	Reason string  `json:"reason,omitempty"`
	// Precedent is whether the fill stands elsewhere, in the file or beside it.
	Precedent bool `json:"precedent,omitzero"`

	Shown      bool    `json:"shown"`
	Exact      bool    `json:"exact"`
	FirstLine  bool    `json:"first_line"`
	Similarity float64 `json:"similarity"` // 1 - edit distance / longer length, 0..1
	Parses     bool    `json:"parses"`     // of what is shown
	// Types is nil where go/types was not asked or cannot tell.
	Types      *bool   `json:"types,omitempty"`
	Confidence float64 `json:"confidence"`
	// TruthTokens and FillTokens are lengths in tokens of the model, white
	// space at the end left out.
	TruthTokens int `json:"truth_tokens"`
	FillTokens  int `json:"fill_tokens"`

	Steps     int     `json:"steps"`
	Forwards  int     `json:"forwards"`
	Tokens    int     `json:"tokens"` // as decoded
	Elapsed   float64 `json:"ms"`
	Prefill   float64 `json:"prefill_ms"`
	Denoising float64 `json:"denoise_ms"`

	Ceilings *holeCeilings `json:"ceilings,omitempty"`

	elapsed time.Duration
	// length is TruthTokens of the first model, so that two models are
	// compared on the same holes.
	length int
}

// score judges a result for a hole that was cut at c.Start out of c.Source.
func score(c *cut, holed []byte, result infill.Result, tokens infill.Tokenizer, elapsed time.Duration) evalRecord {
	r := evalRecord{
		Lang: c.Lang.ID(), File: c.File, Kind: c.Kind, Byte: c.Start, Line: placeOf(c.Source, c.Start).Line,
		Truth: c.truth(), Reason: result.Reason,
		Precedent: result.Precedent,
		Shown:     result.Text != "", Confidence: round(result.Confidence, 4),
		Steps: result.Steps, Forwards: result.Forwards, Tokens: result.Tokens,
		Elapsed: milliseconds(elapsed), elapsed: elapsed,
		Prefill: milliseconds(result.PrefillTime), Denoising: milliseconds(result.DenoiseTime),
	}
	want := trimEnd(r.Truth)
	r.TruthTokens = len(tokens.Encode(want))
	if !r.Shown {
		return r
	}
	r.Fill = inserted(result, holed, c.Start)
	r.Parses = result.Parses
	got := trimEnd(r.Fill)
	r.FillTokens = len(tokens.Encode(got))
	r.Exact = got == want
	r.FirstLine = firstLine(got) == firstLine(want)
	r.Similarity = round(similarity(got, want), 4)
	return r
}

// inserted is what a result puts at a place, when the range it replaces is
// re-emitted on both sides of it; else all of its text.
func inserted(result infill.Result, src []byte, at int) string {
	if at < result.Start || result.End < at {
		return result.Text
	}
	text, okBefore := strings.CutPrefix(result.Text, string(src[result.Start:at]))
	text, okAfter := strings.CutSuffix(text, string(src[at:result.End]))
	if !okBefore || !okAfter {
		return result.Text
	}
	return text
}

func trimEnd(s string) string { return strings.TrimRight(s, " \t\r\n") }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return trimEnd(line)
}

// similarity is 1 - Levenshtein distance / length of the longer, in characters.
func similarity(a, b string) float64 {
	longer := max(utf8.RuneCountInString(a), utf8.RuneCountInString(b))
	if longer == 0 {
		return 1
	}
	return 1 - float64(levenshtein.ComputeDistance(a, b))/float64(longer)
}
