package infill

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// remaskLimit bounds how often one slot may be masked again, so that decoding
// ends.
const remaskLimit = 3

// unlikely is the log-probability booked for a slot that had no admissible
// candidate among the top k.
const unlikely = -14

// canvas is one candidate being denoised. Its answer is the tokens before the
// first Delete; everything after a Delete is Delete.
type canvas struct {
	slots    []Token
	settled  []float32 // natural log of the probability each slot was settled with
	remasked []int
	banned   map[int][]Token // tokens a slot must not take: they broke the parse
	steps    int             // denoising steps this canvas took
	latest   Prediction      // of the step before
	length   int             // tokens of the answer if an Oracle told, else 0
	reason   string          // why there is nothing to show of it, if that is known already
}

func newCanvas(size int, mask Token) *canvas {
	c := &canvas{
		slots:    make([]Token, size),
		settled:  make([]float32, size),
		remasked: make([]int, size),
		banned:   map[int][]Token{},
	}
	for i := range c.slots {
		c.slots[i] = mask
	}
	return c
}

// glyph is what decoding needs to know of a token's text.
type glyph uint8

const (
	glyphText    glyph = iota
	glyphBreak         // begins with a line break
	glyphControl       // a special token: stands for no text, never in an answer
)

// glyphsOf classifies every token of a vocabulary of size entries.
func glyphsOf(size int, t Tokenizer) []glyph {
	out := make([]glyph, size)
	for id := range out {
		switch text := t.Decode([]Token{Token(id)}); {
		case text == "":
			out[id] = glyphControl
		case text[0] == '\n' || text[0] == '\r':
			out[id] = glyphBreak
		}
	}
	return out
}

// rules are what decoding needs to know of the model and of the hole.
type rules struct {
	vocab  Vocabulary
	glyphs []glyph
	// multiline false: a line break ends the answer, as Delete does.
	multiline bool
	threshold float64 // a slot is settled when its probability reaches this
	entropy   float64 // nats: beside those, as many slots are settled as this bounds; 0 for none
	floor     float64 // a settled slot whose quality falls below is masked again
	heat      float64 // temperature of the seeded noise; 0 is greedy
	// Of constraints that apply at steps; traits is nil without.
	traits []trait // by token
	limits constraints
	before []Token // of settled blocks
}

// choice is the best candidate of one slot.
type choice struct {
	slot    int
	token   Token
	logProb float32
	entropy float64 // nats, of what the slot may hold
	rank    float64 // logProb with the seeded noise: what the order goes by
}

func (c *canvas) masked(mask Token) int {
	n := 0
	for _, t := range c.slots {
		if t == mask {
			n++
		}
	}
	return n
}

// end is the number of tokens before the first Delete.
func (c *canvas) end(del Token) int {
	if i := slices.Index(c.slots, del); i >= 0 {
		return i
	}
	return len(c.slots)
}

// pick is the best admissible candidate of slot i: a slot before a settled
// token cannot be Delete, and a line break counts as Delete where the answer is
// one line.
func (c *canvas) pick(p Prediction, i int, last int, r rules, rng *rand.Rand) choice {
	best := choice{slot: i, token: r.vocab.Mask, rank: math.Inf(-1)}
	here := r.placeOf(c.slots, i)
	var ends float64
	for k := range p.K {
		id, lp := p.IDs[i*p.K+k], p.LogProbs[i*p.K+k]
		if id == r.vocab.Delete || !r.multiline && r.glyphs[id] == glyphBreak || here.leaves(id) {
			ends += math.Exp(float64(lp))
			continue
		}
		if r.glyphs[id] == glyphControl || slices.Contains(c.banned[i], id) || here.forbids(id) {
			continue
		}
		if rank := noisy(lp, r.heat, rng); rank > best.rank {
			best = choice{slot: i, token: id, logProb: lp, rank: rank}
		}
	}
	if ends > 0 && i > last && i >= c.length && !slices.Contains(c.banned[i], r.vocab.Delete) {
		lp := float32(math.Log(ends))
		if rank := noisy(lp, r.heat, rng); rank > best.rank {
			best = choice{slot: i, token: r.vocab.Delete, logProb: lp, rank: rank}
		}
	}
	if r.entropy > 0 {
		best.entropy = entropy(p.LogProbs[i*p.K : (i+1)*p.K])
	}
	return best
}

// entropy is that of a slot's candidates in nats, all others counting as one: less
// than the true one, by little where it matters, which is where it is small.
func entropy(logProbs []float32) float64 {
	sum, rest := 0.0, 1.0
	for _, lp := range logProbs {
		p := math.Exp(float64(lp))
		sum -= p * float64(lp)
		rest -= p
	}
	if rest > 0 {
		sum -= rest * math.Log(rest)
	}
	return sum
}

// noisy adds Gumbel noise of the given temperature, which makes the maximum a
// sample; 0 leaves the value alone.
func noisy(lp float32, heat float64, rng *rand.Rand) float64 {
	if heat == 0 {
		return float64(lp)
	}
	return float64(lp) - heat*math.Log(-math.Log(1-rng.Float64()))
}

// lastText is the last slot that holds a settled text token, -1 for none.
func (c *canvas) lastText(v Vocabulary) int {
	for i := len(c.slots) - 1; i >= 0; i-- {
		if t := c.slots[i]; t != v.Mask && t != v.Delete {
			return i
		}
	}
	return -1
}

// advance applies one prediction: it settles every slot that is sure enough and
// at least the surest one, or all of them when final is set, and masks again
// what the model doubts.
func (c *canvas) advance(p Prediction, r rules, rng *rand.Rand, final bool) {
	c.steps++
	var choices []choice
	var shown []int // slots this prediction saw with a token in them
	last := c.lastText(r.vocab)
	for i, t := range c.slots {
		if t == r.vocab.Mask {
			choices = append(choices, c.pick(p, i, last, r, rng))
		} else if t != r.vocab.Delete {
			shown = append(shown, i)
		}
	}
	if !final {
		defer c.doubt(p, shown, r)
	}
	if final { // reading order, so that the first end found wins
		for _, ch := range choices {
			if r.traits != nil && c.slots[ch.slot] == r.vocab.Mask {
				ch = c.pick(p, ch.slot, c.lastText(r.vocab), r, rng)
			}
			c.settle(ch, r)
		}
		return
	}
	c.settleSure(choices, r)
	c.revise(r)
}

// revise masks the first settled slot that cannot be right.
func (c *canvas) revise(r rules) {
	here := r.placeOf(c.slots, 0)
	for i, token := range c.slots {
		if !here.known || token == r.vocab.Mask || token == r.vocab.Delete {
			return
		}
		if here.forbids(token) || here.leaves(token) {
			if c.remasked[i] < remaskLimit {
				c.mask(i, r.vocab.Mask)
			}
			return
		}
		here.pass(token)
	}
}

// settleSure settles the choices that reach the threshold, and at least one.
//
// An end is settled only where everything before it is: of most slots of a
// canvas a model knows first that they are empty, and an end settled early
// would cut off what it has yet to find out.
func (c *canvas) settleSure(choices []choice, r rules) {
	limit := math.Log(r.threshold)
	var ranked []choice
	for n, ch := range choices {
		if n == 0 || ch.token != r.vocab.Delete {
			ranked = append(ranked, ch)
		} else if ch.rank >= limit { // what stands behind a likely end waits
			break
		}
	}
	slices.SortStableFunc(ranked, func(a, b choice) int { return cmp.Compare(b.rank, a.rank) })
	for n, ch := range ranked {
		if n > 0 && ch.rank < limit {
			break
		}
		c.settle(ch, r)
	}
	c.settleBounded(ranked, r)
	front := slices.Index(c.slots, r.vocab.Mask)
	for _, ch := range choices {
		if ch.slot == front && ch.token == r.vocab.Delete && ch.rank >= limit {
			c.settle(ch, r)
		}
	}
}

// settleBounded settles, the surest first, as many slots as have entropies that add
// up, without the largest, to no more than the bound. Slots settled at once do not know of
// each other, and that sum bounds what this costs (H. Ben-Hamu et al. 2025,
// "Accelerated Sampling from Masked Diffusion Models via Entropy Bounded Unmasking").
func (c *canvas) settleBounded(choices []choice, r rules) {
	if r.entropy <= 0 {
		return
	}
	choices = slices.Clone(choices)
	slices.SortStableFunc(choices, func(a, b choice) int { return cmp.Compare(a.entropy, b.entropy) })
	before := 0.0 // the sum without the largest: that of the choices before
	for _, ch := range choices {
		if before > r.entropy {
			break
		}
		if ch.token != r.vocab.Delete {
			c.settle(ch, r)
		}
		before += ch.entropy
	}
}

// settle writes a choice unless an earlier one of the same step ruled it out.
func (c *canvas) settle(ch choice, r rules) {
	if c.slots[ch.slot] != r.vocab.Mask {
		return
	}
	if ch.token == r.vocab.Mask { // nothing admissible among the candidates
		ch.token, ch.logProb = r.vocab.Delete, unlikely
	}
	if ch.token == r.vocab.Delete && ch.slot < c.lastText(r.vocab) {
		return
	}
	c.slots[ch.slot], c.settled[ch.slot] = ch.token, ch.logProb
	if ch.token == r.vocab.Delete {
		for i := ch.slot + 1; i < len(c.slots); i++ {
			c.slots[i], c.settled[i] = r.vocab.Delete, 0
		}
	}
}

// doubt masks those of the shown slots again whose quality fell below the floor.
// They are predicted afresh in the next step: this prediction saw them.
func (c *canvas) doubt(p Prediction, shown []int, r rules) {
	for _, i := range shown {
		if float64(p.Quality[i]) < r.floor && c.remasked[i] < remaskLimit {
			c.mask(i, r.vocab.Mask)
		}
	}
}

func (c *canvas) mask(i int, mask Token) {
	c.slots[i] = mask
	c.settled[i] = 0
	c.remasked[i]++
}

// score is the mean log-probability of the answer and of its end.
func (c *canvas) score(del Token) float64 {
	n := c.end(del)
	sum := 0.0
	for i := range min(n+1, len(c.slots)) {
		sum += float64(c.settled[i])
	}
	return sum / float64(min(n+1, len(c.slots)))
}
