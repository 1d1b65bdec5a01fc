package infill

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
)

const (
	keySize        = 3       // bytes before a hole that must stand before a place too
	maxPlaces      = 2000    // that are looked at, the nearest first
	searchedAround = 1 << 18 // bytes before and after a hole
	maxGap         = 1 << 10 // bytes of white space before a hole
	keptPrecedents = 4       // of a hole
)

// Precedent is a guess at a fill that costs no model: a text of the same file, or of one
// beside it, that stands between the like of what surrounds the hole. Code repeats
// itself, and a small model cannot know the names of a file as well as the file does.
// Prompt lookup (A. Saxena 2023) is the same idea, without the right side.
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
	// Distance is the number of bytes to the nearest place; more than the file has to
	// one in a neighbour.
	Distance int `json:"distance"`
}

// Precedents are the likeliest texts for a hole of a source, best first, at most four;
// neighbours are looked through too. They take microseconds.
func Precedents(source []byte, hole grammars.Hole, neighbours []layout.Neighbour) []Precedent {
	s := newSearch(surroundings{
		before:    append(slices.Clip(source[:hole.Start]), hole.Lead...),
		after:     append([]byte(hole.Trail), source[hole.End:]...),
		multiline: hole.Multiline,
	})
	if s == nil {
		return nil
	}
	s.backwards()
	s.forwards(s.after[:min(len(s.after), searchedAround)], 0)
	for n, neighbour := range neighbours[:min(len(neighbours), layout.MaxNeighbours)] {
		s.forwards([]byte(neighbour.Text), len(source)+n*layout.MaxNeighbour)
	}
	return s.best()
}

// search collects precedents.
type search struct {
	surroundings
	key   []byte // what must stand before a place, white space aside
	blank []byte // the white space between it and the hole
	found map[string]*Precedent
	// places is how many were found, looked how often the key was.
	places, looked int
}

// newSearch is nil where too little stands before the hole, or too far away.
func newSearch(s surroundings) *search {
	word := bytes.TrimRight(s.before, blanks)
	if len(word) < keySize || len(s.before)-len(word) > maxGap {
		return nil
	}
	s.last = len(bytes.TrimSpace(s.after)) == 0
	return &search{surroundings: s, key: word[len(word)-keySize:], blank: s.before[len(word):], found: map[string]*Precedent{}}
}

// backwards looks at what stands before the hole, the nearest first.
func (s *search) backwards() {
	before := s.before[max(0, len(s.before)-searchedAround):]
	end := len(before) - len(s.blank) - 1 // not the hole itself
	for s.looked < maxPlaces/2 && end > 0 {
		i := bytes.LastIndex(before[:end], s.key)
		if i < 0 {
			return
		}
		s.visit(before, i, len(before)-i, false)
		end = i + len(s.key) - 1
	}
}

// forwards looks at what stands behind the hole or elsewhere, so far away.
func (s *search) forwards(body []byte, distance int) {
	for start := 0; s.looked < maxPlaces; {
		i := bytes.Index(body[start:], s.key)
		if i < 0 {
			return
		}
		s.visit(body, start+i, distance+start+i, true)
		start += i + 1
	}
}

// visit looks at a place where the key stands at at.
func (s *search) visit(body []byte, at, distance int, ends bool) {
	s.looked++
	at, ok := behind(body, at+len(s.key), s.blank)
	if !ok || at >= len(body) {
		return
	}
	text, after, ok := s.cut(body[at:], ends)
	if !ok || strings.TrimSpace(text) == "" {
		return
	}
	text = reindent(text, indentation(body[:at]), indentation(s.before))
	before := agreeBefore(body[:at], s.before)
	s.places++
	p := s.found[text]
	if p == nil {
		p = &Precedent{Text: text, Distance: distance}
		s.found[text] = p
	}
	p.Count++
	p.Distance = min(p.Distance, distance)
	if before+after > p.agreed() {
		p.Before, p.After = before, after
	}
}

// best are the likeliest that were found, best first.
func (s *search) best() []Precedent {
	all := make([]Precedent, 0, len(s.found))
	for _, p := range s.found {
		p.Places = s.places
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b Precedent) int {
		return cmp.Or(cmp.Compare(b.agreed(), a.agreed()), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Text, b.Text))
	})
	out := slices.Clone(all[:min(len(all), keptPrecedents)])
	for i := range out {
		switch {
		case i > 0:
			out[i].Rival = all[0].agreed()
		case len(all) > 1:
			out[i].Rival = all[1].agreed()
		}
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

// precedentWeights are a logistic regression on holes of repositories, none of them a standard library, in
// the order of evidence (docs/model.md, "Precedents").
var precedentWeights = [9]float64{-2.468, 0.342, 0.329, 0.908, -0.232, 0.702, -0.735, -0.120, -0.249}

func (p Precedent) probability(multiline bool) float64 {
	odds := 0.0
	for i, x := range p.evidence(multiline) {
		odds += precedentWeights[i] * x
	}
	return 1 / (1 + math.Exp(-odds))
}
