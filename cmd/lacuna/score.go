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
	File   string  `json:"file"` // relative to the corpus
	Kind   cutKind `json:"kind"`
	Line   int     `json:"line"` // from 1
	Byte   int     `json:"byte"` // from 0
	Truth  string  `json:"truth"`
	Fill   string  `json:"fill"` // what is shown; empty if nothing is
	Reason string  `json:"reason,omitempty"`

	Shown      bool    `json:"shown"`
	Exact      bool    `json:"exact"`
	FirstLine  bool    `json:"first_line"`
	Similarity float64 `json:"similarity"` // 1 - edit distance / longer length, 0..1
	Parses     bool    `json:"parses"`     // of what is shown
	Confidence float64 `json:"confidence"`

	Steps     int     `json:"steps"`
	Forwards  int     `json:"forwards"`
	Tokens    int     `json:"tokens"`
	Elapsed   float64 `json:"ms"`
	Prefill   float64 `json:"prefill_ms"`
	Denoising float64 `json:"denoise_ms"`

	elapsed time.Duration
}

// score judges a result for a hole that was cut at c.Start out of c.Source.
func score(c *cut, holed []byte, result infill.Result, elapsed time.Duration) evalRecord {
	r := evalRecord{
		File: c.File, Kind: c.Kind, Byte: c.Start, Line: placeOf(c.Source, c.Start).Line,
		Truth: c.truth(), Reason: result.Reason,
		Shown: result.Text != "", Confidence: round(result.Confidence, 4),
		Steps: result.Steps, Forwards: result.Forwards, Tokens: result.Tokens,
		Elapsed: milliseconds(elapsed), elapsed: elapsed,
		Prefill: milliseconds(result.PrefillTime), Denoising: milliseconds(result.DenoiseTime),
	}
	if !r.Shown {
		return r
	}
	r.Fill = inserted(result, holed, c.Start)
	r.Parses = result.Parses
	got, want := trimEnd(r.Fill), trimEnd(r.Truth)
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

// evalScore sums records up.
type evalScore struct {
	Holes int `json:"holes"`
	// Shown, Exact and FirstLine are shares of all holes, Parses and
	// ExactShown of those with something to show.
	Shown      rate `json:"shown"`
	Exact      rate `json:"exact"`
	FirstLine  rate `json:"first_line"`
	Parses     rate `json:"parses"`
	ExactShown rate `json:"exact_of_shown"`
	// Similarity is the mean over all holes; a hole with nothing shown is 0.
	Similarity float64 `json:"similarity"`
	// Steps and Forwards are means a hole.
	Steps            float64 `json:"steps"`
	Forwards         float64 `json:"forwards"`
	TokensPerForward float64 `json:"tokens_per_forward"`
	P50              float64 `json:"p50_ms"`
	P95              float64 `json:"p95_ms"`
}

func sumUp(records []evalRecord) evalScore {
	var shown, exact, first, parses, steps, forwards, tokens int
	var similar float64
	var times []time.Duration
	for _, r := range records {
		shown += asInt(r.Shown)
		exact += asInt(r.Exact)
		first += asInt(r.FirstLine)
		parses += asInt(r.Parses)
		steps += r.Steps
		forwards += r.Forwards
		tokens += r.Tokens
		similar += r.Similarity
		times = append(times, r.elapsed)
	}
	n := len(records)
	return evalScore{
		Holes: n,
		Shown: newRate(shown, n), Exact: newRate(exact, n), FirstLine: newRate(first, n),
		Parses: newRate(parses, shown), ExactShown: newRate(exact, shown),
		Similarity: round(similar/float64(max(n, 1)), 4),
		Steps:      ratio(steps, n), Forwards: ratio(forwards, n), TokensPerForward: ratio(tokens, forwards),
		P50: milliseconds(percentile(times, 50)), P95: milliseconds(percentile(times, 95)),
	}
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// gateThresholds are the values of lacuna.inline.minConfidence that an
// evaluation tries out.
var gateThresholds = []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}

// gateScore is what would be shown if fills below a confidence were held back.
type gateScore struct {
	MinConfidence float64 `json:"min_confidence"`
	Shown         rate    `json:"shown"`          // share of all holes
	Exact         rate    `json:"exact_of_shown"` // share of those
	Similarity    float64 `json:"similarity_of_shown"`
}

func gates(records []evalRecord) []gateScore {
	var out []gateScore
	for _, least := range gateThresholds {
		var shown, exact int
		var similar float64
		for _, r := range records {
			if r.Shown && r.Confidence >= least {
				shown++
				exact += asInt(r.Exact)
				similar += r.Similarity
			}
		}
		out = append(out, gateScore{least, newRate(shown, len(records)), newRate(exact, shown), round(similar/float64(max(shown, 1)), 4)})
	}
	return out
}
