package infill

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/lacuna-dev/lacuna/grammars"
)

const (
	keySize        = 3       // bytes before a hole that must stand before a place too
	comparedBefore = 256     // bytes, a run of white space being one
	comparedAfter  = 64      // likewise
	maxPlaces      = 2000    // that are looked at, the nearest first
	searchedAround = 1 << 18 // bytes before and after a hole
	maxCopied      = 12      // lines of a precedent
	keptPrecedents = 4       // of a hole
	leastAfter     = 3       // bytes that must agree behind several lines: nothing else says where they end
)

// Precedent is a guess at a fill that costs no model: a text of the same file that
// stands between the like of what surrounds the hole. Code repeats itself, and a small
// model cannot know the names of a file as well as the file does. Prompt lookup
// (A. Saxena 2023) is the same idea, without the right side.
type Precedent struct {
	Text string `json:"text"`
	// Probability, 0..1, is how often such a text is what belongs there.
	Probability float64 `json:"probability"`
	// Before and After are the bytes around it that agree with what surrounds the
	// hole, a run of white space counting as one.
	Before int `json:"before"`
	After  int `json:"after"`
	// Count is the number of places where it stands, of Places where anything stands
	// that might be meant.
	Count  int `json:"count"`
	Places int `json:"places"`
	// Rival is the most that agrees, before and after, with another text's places.
	Rival int `json:"rival"`
	// Distance is the number of bytes to the nearest place.
	Distance int `json:"distance"`
}

// Precedents are the likeliest texts for a hole of a source, best first, at most four.
// They take microseconds.
func Precedents(source []byte, hole grammars.Hole) []Precedent {
	return surroundings{
		before:    append(slices.Clip(source[:hole.Start]), hole.Lead...),
		after:     append([]byte(hole.Trail), source[hole.End:]...),
		multiline: hole.Multiline,
	}.precedents()
}

// surroundings of a hole, as they will be once it is filled.
type surroundings struct {
	before, after []byte
	multiline     bool
}

// precedents are the likeliest texts, best first.
func (s surroundings) precedents() []Precedent {
	gap := len(s.before) - len(bytes.TrimRight(s.before, blanks))
	blank := s.before[len(s.before)-gap:]
	word := s.before[:len(s.before)-gap]
	if len(word) < keySize {
		return nil
	}
	key := word[len(word)-keySize:]
	found := map[string]*Precedent{}
	places := 0
	visit := func(body []byte, at, distance int) {
		at, ok := behind(body, at+len(key), blank)
		if !ok || at >= len(body) {
			return
		}
		text, right, ok := s.cut(body[at:])
		if !ok || strings.TrimSpace(text) == "" {
			return
		}
		text = reindent(text, indentation(body, at), indentation(s.before, len(s.before)))
		left := agreeBefore(body[:at], s.before)
		places++
		d := found[text]
		if d == nil {
			d = &Precedent{Text: text, Distance: distance}
			found[text] = d
		}
		d.Count++
		d.Distance = min(d.Distance, distance)
		if left+right > d.Before+d.After {
			d.Before, d.After = left, right
		}
	}
	before := s.before[max(0, len(s.before)-searchedAround):]
	for end, n := len(before)-1, 0; n < maxPlaces/2; n++ {
		i := bytes.LastIndex(before[:max(end, 0)], key)
		if i < 0 {
			break
		}
		if i+len(key) < len(before)-gap { // not the hole itself
			visit(before, i, len(before)-i)
		}
		end = i + len(key) - 1
	}
	after := s.after[:min(len(s.after), searchedAround)]
	for start, n := 0, 0; n < maxPlaces/2; n++ {
		i := bytes.Index(after[start:], key)
		if i < 0 {
			break
		}
		visit(after, start+i, start+i)
		start += i + 1
	}
	out := make([]Precedent, 0, len(found))
	for _, d := range found {
		d.Places = places
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b Precedent) int {
		return cmp.Or(cmp.Compare(b.agreed(), a.agreed()), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Text, b.Text))
	})
	all := out
	out = out[:min(len(out), keptPrecedents)]
	for i := range out {
		switch {
		case i > 0:
			out[i].Rival = all[0].agreed()
		case len(all) > 1:
			out[i].Rival = all[1].agreed()
		}
	}
	for i := range out {
		out[i].Probability = out[i].probability(s.multiline)
	}
	slices.SortStableFunc(out, func(a, b Precedent) int { return cmp.Compare(b.Probability, a.Probability) })
	return out
}

func (p Precedent) agreed() int { return p.Before + p.After }

// evidence is what is known of a precedent; models/train/precedents.py fits a weight
// to each.
func (p Precedent) evidence(multiline bool) [9]float64 {
	log := func(n int) float64 { return math.Log(float64(1 + max(n, 0))) }
	lines := 0.0
	if multiline {
		lines = 1
	}
	return [...]float64{
		1, log(p.Before), log(p.After), log(p.Count),
		log(p.Rival - p.agreed()), log(p.agreed() - p.Rival),
		log(len(p.Text)), log(p.Distance), lines,
	}
}

// precedentWeights are a logistic regression on holes of held-out repositories, in
// the order of evidence (docs/model.md, "Precedents").
var precedentWeights = [9]float64{-2.773, 0.305, 0.327, 1.248, -0.226, 0.682, -0.768, -0.098, -0.077}

func (p Precedent) probability(multiline bool) float64 {
	odds := 0.0
	for i, x := range p.evidence(multiline) {
		odds += precedentWeights[i] * x
	}
	return 1 / (1 + math.Exp(-odds))
}

// behind is where a text would begin behind the white space at at, which must be as
// what stands before the hole: none, some, or a line break.
func behind(body []byte, at int, blank []byte) (int, bool) {
	if len(blank) == 0 {
		return at, true
	}
	n := len(body[at:]) - len(bytes.TrimLeft(body[at:], blanks))
	broken := bytes.IndexByte(body[at:at+n], '\n') >= 0
	return at + n, n > 0 && broken == (bytes.IndexByte(blank, '\n') >= 0)
}

// cut decides where a text that might be meant ends: where what follows agrees most
// with what follows the hole.
func (s surroundings) cut(body []byte) (text string, right int, ok bool) {
	best := -1
	last := len(bytes.TrimSpace(s.after)) == 0 // nothing has to follow
	for end, lines := 0, 1; end <= len(body); end++ {
		atBreak := end == len(body) || body[end] == '\n'
		if !s.multiline || atBreak {
			if n := agreeAfter(body[end:], s.after); n > best && (n > 0 || atBreak && last) {
				best, text = n, string(body[:end])
			}
		}
		if !atBreak {
			continue
		}
		if lines++; !s.multiline || lines > maxCopied {
			break
		}
	}
	return strings.TrimRight(text, " \t\r"), max(best, 0), best >= 0 && (!s.multiline || best >= leastAfter)
}

// agreeBefore counts the bytes at the ends of a and b that agree. White space agrees
// with white space, whatever it is, but with a line break only another.
func agreeBefore(a, b []byte) int {
	i, j, n := len(a), len(b), 0
	for ; i > 0 && j > 0 && n < comparedBefore; n++ {
		if isBlank(a[i-1]) != isBlank(b[j-1]) {
			return n
		}
		if !isBlank(a[i-1]) {
			if a[i-1] != b[j-1] {
				return n
			}
			i, j = i-1, j-1
			continue
		}
		breakA, breakB := false, false
		for ; i > 0 && isBlank(a[i-1]); i-- {
			breakA = breakA || a[i-1] == '\n'
		}
		for ; j > 0 && isBlank(b[j-1]); j-- {
			breakB = breakB || b[j-1] == '\n'
		}
		if breakA != breakB {
			return n
		}
	}
	return n
}

// agreeAfter counts those at the beginnings.
func agreeAfter(a, b []byte) int {
	i, j, n := 0, 0, 0
	for ; i < len(a) && j < len(b) && n < comparedAfter; n++ {
		if isBlank(a[i]) != isBlank(b[j]) {
			return n
		}
		if !isBlank(a[i]) {
			if a[i] != b[j] {
				return n
			}
			i, j = i+1, j+1
			continue
		}
		breakA, breakB := false, false
		for ; i < len(a) && isBlank(a[i]); i++ {
			breakA = breakA || a[i] == '\n'
		}
		for ; j < len(b) && isBlank(b[j]); j++ {
			breakB = breakB || b[j] == '\n'
		}
		if breakA != breakB {
			return n
		}
	}
	return n
}

const blanks = " \t\r\n"

func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

// indentation is that of the line at.
func indentation(body []byte, at int) string {
	start := bytes.LastIndexByte(body[:at], '\n') + 1
	end := start
	for end < at && (body[end] == ' ' || body[end] == '\t') {
		end++
	}
	return string(body[start:end])
}

// reindent moves all lines but the first from one indentation to another.
func reindent(text, from, to string) string {
	if from == to || !strings.Contains(text, "\n") {
		return text
	}
	return strings.ReplaceAll(text, "\n"+from, "\n"+to)
}
