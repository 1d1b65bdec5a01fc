package context

import "strings"

const (
	// maxSnippet is the most tokens of one snippet, without its mark.
	maxSnippet = 80
	// maxSnippets is the most tokens of all snippets, with their marks.
	maxSnippets = 192
)

// snippets are the tokens of what the neighbours declare, with their marks.
func (l Layout) snippets(neighbours []Neighbour) []int32 {
	var out []int32
	for _, n := range neighbours[:min(len(neighbours), MaxNeighbours)] {
		if ids := l.snippet(n, min(maxSnippet, maxSnippets-len(out)-1)); ids != nil {
			out = append(append(out, l.Special.Snippet), ids...)
		}
	}
	return out
}

// snippet is one of at most that many tokens, cut to whole lines, or nil when
// not a line fits. A line break begins a piece of the tokenizer and no line of
// an outline is blank; so text falls apart before each break, and its tokens
// can be counted line by line.
func (l Layout) snippet(n Neighbour, most int) []int32 {
	last := l.Encoder.Encode("\n")
	out := append([]int32(nil), l.Encoder.Encode(n.Name)...)
	fits := false
	for line := range strings.Lines(n.Outline) {
		ids := l.Encoder.Encode("\n" + strings.TrimSuffix(line, "\n"))
		if len(out)+len(ids)+len(last) > most {
			break
		}
		out = append(out, ids...)
		fits = true
	}
	if !fits {
		return nil
	}
	return append(out, last...)
}
