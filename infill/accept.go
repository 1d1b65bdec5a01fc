package infill

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/lacuna-dev/lacuna/grammars"
)

// Reasons for showing nothing, as Result.Reason says them.
const (
	ReasonEmpty  = "the model would leave it empty"
	ReasonUnsure = "the model is not sure enough of it"
	ReasonBreaks = "every candidate breaks the syntax"
	ReasonLoops  = "the candidate only repeats itself"
	ReasonLate   = "the deadline came before there was anything to show"
	ReasonBytes  = "the candidate is not valid UTF-8"
	// ReasonEndless is of an answer that was given up after Options.Blocks, and of which
	// no line is complete.
	ReasonEndless = "the candidate has no end"
)

// accept turns a denoised canvas into a result. A result with a Reason is not
// to be shown; faults then lists the parts of the fill that broke the parse.
func (d *denoising) accept(c *canvas) (Result, []span, error) {
	v := d.rules.vocab
	if c.reason != "" {
		return Result{Steps: c.steps, Forwards: d.forwards, Reason: c.reason}, nil, nil
	}
	n := c.end(v.Delete)
	result := Result{
		Steps:      c.steps,
		Forwards:   d.forwards,
		Tokens:     n,
		Confidence: d.engine.options.Calibration.of(math.Exp(c.score(v.Delete)), n),
	}
	return d.filter(result, d.engine.tokenizer.Decode(c.slots[:n]), c.slots[:n])
}

// filter completes a result with a fill of these tokens, or with the Reason for not
// showing it.
func (d *denoising) filter(result Result, fill string, tokens []Token) (Result, []span, error) {
	fill = d.trim(fill)
	if strings.TrimSpace(fill) == "" {
		result.Reason = ReasonEmpty
		return result, nil, nil
	}
	if result.Confidence < d.request.MinConfidence {
		result.Reason = ReasonUnsure
		return result, nil, nil
	}
	if loops(tokens) {
		result.Reason = ReasonLoops
		return result, nil, nil
	}
	if !utf8.ValidString(fill) {
		result.Reason = ReasonBytes
		return result, nil, nil
	}
	faults, err := d.breaks(fill)
	if err != nil {
		return Result{}, nil, err
	}
	if len(faults) > 0 {
		if shorter := d.withoutEcho(fill); shorter != fill {
			if again, err := d.breaks(shorter); err == nil && len(again) == 0 {
				fill, faults = shorter, nil
			}
		}
	}
	if len(faults) > 0 {
		result.Reason = ReasonBreaks
		return result, faults, nil
	}
	h := d.request.Hole
	text := h.Lead + fill + h.Trail
	if d.request.Rejected != nil && d.request.Rejected(h.Start, h.End, text) {
		d.rejected = true
		result.Reason = ReasonRejected
		return result, nil, nil
	}
	result.Parses, result.Fill, result.Text = true, fill, text
	return result, nil, nil
}

// trim drops what the surroundings already have: white space at the end where a
// line break follows, and blank lines around a block.
func (d *denoising) trim(fill string) string {
	h := d.request.Hole
	if h.Lead != "" {
		fill = strings.TrimLeft(fill, " \t\r\n")
	}
	after := d.after(1)
	if after == "" || after == "\n" || after == "\r" {
		fill = strings.TrimRight(fill, " \t\r\n")
	}
	return fill
}

// withoutEcho drops the longest end of fill that the text behind the hole
// repeats.
func (d *denoising) withoutEcho(fill string) string {
	after := d.after(len(fill))
	if nl := strings.IndexByte(after, '\n'); nl >= 0 && !d.request.Hole.Multiline {
		after = after[:nl]
	}
	for n := len(after); n > 0; n-- {
		if strings.HasSuffix(fill, after[:n]) {
			return fill[:len(fill)-n]
		}
	}
	return fill
}

// after is the beginning, at most n bytes, of what follows the fill.
func (d *denoising) after(n int) string {
	h, source := d.request.Hole, d.request.Tree.Source()
	if len(h.Trail) >= n {
		return h.Trail[:n]
	}
	return h.Trail + string(source[h.End:min(len(source), h.End+n-len(h.Trail))])
}

// breaks reparses the document with the fill in place and returns the new
// faults, in byte offsets of the fill.
func (d *denoising) breaks(fill string) ([]span, error) {
	h, tree := d.request.Hole, d.request.Tree
	text := h.Lead + fill + h.Trail
	after, err := tree.Splice(h.Start, h.End, text)
	if err != nil {
		return nil, err
	}
	defer after.Close()
	edit := grammars.Edit{Start: h.Start, OldEnd: h.End, NewEnd: h.Start + len(text)}
	var out []span
	for _, f := range grammars.NewFaults(tree, after, edit) {
		start := f.Start - h.Start - len(h.Lead)
		// A fault may lie behind the fill that caused it; clip it to its last byte.
		start = min(max(start, 0), len(fill)-1)
		out = append(out, span{start, min(max(f.End-h.Start-len(h.Lead), start+1), len(fill))})
	}
	return out, nil
}

// loops says whether a few tokens are repeated over and over. Slots settled in
// one step do not know of each other, so a model in doubt says the same in many.
func loops(tokens []Token) bool {
	for period, times := range map[int]int{1: 5, 2: 4, 3: 3} {
		run := 0 // tokens equal to the one a period before
		for i := period; i < len(tokens); i++ {
			if tokens[i] != tokens[i-period] {
				run = 0
				continue
			}
			if run++; run >= period*(times-1) {
				return true
			}
		}
	}
	return false
}
