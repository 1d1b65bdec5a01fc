package infill

import (
	"bytes"
	"slices"
	"strings"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
)

// ReasonRejected says that all there is to show would make of the text what was turned
// down.
const ReasonRejected = "the same was rejected here before"

// Offer is a fill that was made for an earlier state of a document. As long as
// what is typed agrees with it, it answers without the model.
type Offer struct {
	// Source is the text it was made for. It must not change.
	Source []byte
	// Start and End are the bytes of Source that Text replaces.
	Start, End int
	Text       string
	// Neighbours are the files that the model was told of.
	Neighbours []layout.Neighbour
	Confidence float64
	Tokens     int
}

// NewOffer remembers a result that has a text, and the request it answers.
func NewOffer(r Request, result Result) Offer {
	return Offer{
		Source: r.Tree.Source(), Start: result.Start, End: result.End, Text: result.Text,
		Neighbours: r.Neighbours, Confidence: result.Confidence, Tokens: result.Tokens,
	}
}

// Leads tells whether source with some text in place of the bytes [start,end) is
// what the offer makes of its own source, and which text. So it does where a part
// of the offer was typed, where typing brought a bracket that the offer closes,
// and where what was typed was deleted again, but not where more was deleted.
func (o *Offer) Leads(source []byte, start, end int) (rest string, ok bool) {
	before, after := source[:start], source[end:]
	size := len(o.Source) - (o.End - o.Start) + len(o.Text)
	if start < o.Start || len(after) < len(o.Source)-o.End || len(before)+len(after) > size || !o.begins(before) || !o.ends(after) {
		return "", false
	}
	return o.slice(len(before), size-len(after)), true
}

// begins tells whether what the offer makes of its source begins with text.
func (o *Offer) begins(text []byte) bool {
	for _, part := range o.parts() {
		n := min(len(part), len(text))
		if !bytes.Equal(part[:n], text[:n]) {
			return false
		}
		text = text[n:]
	}
	return len(text) == 0
}

// ends tells whether it ends with text.
func (o *Offer) ends(text []byte) bool {
	for _, part := range slices.Backward(o.parts()) {
		n := min(len(part), len(text))
		if !bytes.Equal(part[len(part)-n:], text[len(text)-n:]) {
			return false
		}
		text = text[:len(text)-n]
	}
	return len(text) == 0
}

// slice is the bytes [start,end) of it.
func (o *Offer) slice(start, end int) string {
	var b strings.Builder
	at := 0
	for _, part := range o.parts() {
		from, to := min(max(start-at, 0), len(part)), min(max(end-at, 0), len(part))
		b.Write(part[from:to])
		at += len(part)
	}
	return b.String()
}

func (o *Offer) parts() [][]byte {
	return [][]byte{o.Source[:o.Start], []byte(o.Text), o.Source[o.End:]}
}

// Answer answers a request with what the offer has left, if it leads there, if
// there is something left, and if that passes the filters of a new fill. The model
// is not asked.
func (o *Offer) Answer(r Request) (Result, bool) {
	rest, ok := o.Leads(r.Tree.Source(), r.Hole.Start, r.Hole.End)
	if !ok || strings.TrimSpace(rest) == "" || o.Confidence < r.MinConfidence || !slices.Equal(o.Neighbours, r.Neighbours) {
		return Result{}, false
	}
	after, err := r.Tree.Splice(r.Hole.Start, r.Hole.End, rest)
	if err != nil {
		return Result{}, false
	}
	defer after.Close()
	edit := grammars.Edit{Start: r.Hole.Start, OldEnd: r.Hole.End, NewEnd: r.Hole.Start + len(rest)}
	if len(grammars.NewFaults(r.Tree, after, edit)) > 0 {
		return Result{}, false
	}
	fill := strings.TrimSuffix(strings.TrimPrefix(rest, r.Hole.Lead), r.Hole.Trail)
	return Result{
		Start: r.Hole.Start, End: r.Hole.End, Text: rest, Fill: fill,
		Confidence: o.Confidence, Tokens: o.Tokens, Parses: true,
	}, true
}

// TypedAgainst tells whether source is the offer's with something typed in its
// place that the offer does not begin with, and how many bytes of Text agree.
func (o *Offer) TypedAgainst(source []byte) (agreed int, ok bool) {
	before, after := o.Source[:o.Start], o.Source[o.End:]
	if len(source) < len(before)+len(after) || !bytes.HasPrefix(source, before) || !bytes.HasSuffix(source, after) {
		return 0, false
	}
	typed := source[o.Start : len(source)-len(after)]
	for agreed < min(len(typed), len(o.Text)) && typed[agreed] == o.Text[agreed] {
		agreed++
	}
	return agreed, agreed < len(typed) && agreed < len(o.Text)
}

// linesBefore and linesAfter are how much of the text around tells one place from
// another that looks alike.
const (
	linesBefore = 3
	linesAfter  = 2
)

// Outcome is the lines that the offer makes and some around them, and how many
// bytes of that stand before its text. Edits further away do not change it.
func (o *Offer) Outcome() (lines string, before int) {
	from := o.Start
	for range linesBefore + 1 {
		from = bytes.LastIndexByte(o.Source[:max(from-1, 0)], '\n') + 1
	}
	to := o.End
	for range linesAfter + 1 {
		if n := bytes.IndexByte(o.Source[to:], '\n'); n >= 0 {
			to += n + 1
		} else {
			to = len(o.Source)
		}
	}
	return string(o.Source[from:o.Start]) + o.Text + string(o.Source[o.End:to]), o.Start - from
}
