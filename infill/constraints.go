package infill

import (
	"slices"
	"strings"

	"github.com/lacuna-dev/lacuna/grammars"
)

// Brackets are counted by their kinds.
const (
	kinds   = 3
	openers = "([{"
	closers = ")]}"
)

// unbounded is more brackets than a canvas has.
const unbounded = 1 << 10

// States that text can be in between two tokens.
const (
	inCode   = iota
	inDouble // within "
	inSingle // within '
	states
)

// trait is what a token does to brackets, strings and indentation: all that constraints
// know of its text.
type trait struct {
	// net is by how much it deepens the nesting of each kind, low how far it goes below
	// where it began (0 or less), by the state before it. Brackets in strings do not count.
	net, low [states][kinds]int
	// flips is whether it has an odd number of " and of '.
	flips [2]bool
	// murky is whether nothing certain can be said behind it, by the state before it:
	// it has the beginning of a comment, an escape, a quote within other quotes.
	murky [states]bool
	// indent is the deepest indentation of a line, in tabs and in spaces, that a
	// line break with it at its head can have; -1 where it has the other of
	// both, unbounded if it is no line break. A break and its indentation may be several tokens.
	indent [2]int
}

// traitsOf computes the traits of a vocabulary of size entries.
func traitsOf(size int, t Tokenizer) []trait {
	out := make([]trait, size)
	for id := range out {
		out[id] = traitOf(t.Decode([]Token{Token(id)}))
	}
	for style, unit := range []string{"\t", " "} {
		for _, ending := range []string{"\n", "\r\n"} {
			for lines := 1; lines <= 4; lines++ {
				for width := range 49 {
					tokens := t.Encode(strings.Repeat(ending, lines) + strings.Repeat(unit, width))
					if len(tokens) > 0 {
						indent := &out[tokens[0]].indent[style]
						*indent = max(*indent, width)
					}
				}
			}
		}
	}
	return out
}

func traitOf(text string) trait {
	t := trait{indent: [2]int{unbounded, unbounded}}
	for state := range states {
		t.net[state], t.low[state], t.murky[state] = bracketsOf(text, state, &t)
	}
	for i, quote := range []string{`"`, "'"} {
		t.flips[i] = strings.Count(text, quote)%2 == 1
	}
	if text != "" && (text[0] == '\n' || text[0] == '\r') {
		blank := text[strings.LastIndexAny(text, "\r\n")+1:]
		tabs, spaces := strings.Count(blank, "\t"), strings.Count(blank, " ")
		t.indent = [2]int{tabs, spaces}
		if spaces > 0 {
			t.indent[0] = -1
		}
		if tabs > 0 {
			t.indent[1] = -1
		}
	}
	return t
}

// bracketsOf reads a token's text from a state on, up to where it gets murky.
func bracketsOf(text string, state int, t *trait) (net, low [kinds]int, murky bool) {
	began := state
	for i := range len(text) {
		c := text[i]
		if state != inCode {
			switch {
			case c == '\\' || c == '\n' || c == '\r':
				return net, low, true
			case c == quotes[state]:
				state = inCode
			}
			continue
		}
		switch c {
		case '"':
			state = inDouble
		case '\'':
			state = inSingle
		case '\\', '`', '#':
			return net, low, true
		case '/': // a comment, if the next token has what is missing
			if i == 0 || i == len(text)-1 || text[i+1] == '/' || text[i+1] == '*' {
				return net, low, true
			}
		default:
			if kind := strings.IndexByte(openers, c); kind >= 0 {
				net[kind]++
			} else if kind := strings.IndexByte(closers, c); kind >= 0 {
				net[kind]--
				low[kind] = min(low[kind], net[kind])
			}
		}
	}
	// Behind the token the state is told by the parities of quotes: if that is not what
	// reading it gives, or three quotes in a row are another quote, nothing is certain.
	parity := [2]bool{began == inDouble, began == inSingle}
	for i, quote := range []string{`"`, "'"} {
		if strings.Count(text, quote)%2 == 1 {
			parity[i] = !parity[i]
		}
	}
	return net, low, stateOf(parity) != state || strings.Contains(text, `"""`) || strings.Contains(text, `'''`)
}

var quotes = [states]byte{inDouble: '"', inSingle: '\''}

// stateOf is the state behind so many quotes, states if it is not known.
func stateOf(odd [2]bool) int {
	switch {
	case odd[0] && odd[1]:
		return states
	case odd[0]:
		return inDouble
	case odd[1]:
		return inSingle
	}
	return inCode
}

// constraints are what the surroundings of a hole demand of an answer: nothing that
// they forbid can be right, where the declaration around the hole is otherwise whole.
type constraints struct {
	// closable is how many brackets of each kind () [] {} the answer may close beyond
	// those it opens, openable how many it may leave open.
	closable, openable [kinds]int
	// missing is how many of each kind are open before the hole and not closed behind it.
	missing [kinds]int
	// indent is the least indentation of a line, in tabs or spaces; a line
	// break before a shallower one ends the answer. 0 for none.
	indent int
	// style is what lines are indented by: 1 tabs alone, 2 spaces alone, 0 for not known.
	style int
	// quoted is whether the answer may end within a string that it opened.
	quoted bool

	indentation string // what the line of the hole is indented by
}

// unconstrained allows everything.
var unconstrained = constraints{
	closable: [kinds]int{unbounded, unbounded, unbounded},
	openable: [kinds]int{unbounded, unbounded, unbounded},
	quoted:   true,
}

// constraintsOf reads them off the text around a hole.
func constraintsOf(tree *grammars.Tree, hole grammars.Hole) constraints {
	e := tree.Enclosure(hole)
	c := unconstrained
	if !e.Code {
		return c
	}
	c.indentation = e.Indent[:len(e.Indent)-len(strings.TrimLeft(e.Indent, " \t"))]
	level := true // every bracket before the hole is closed behind it
	for kind := range kinds {
		open, closed := strings.Count(e.Open, closers[kind:kind+1]), strings.Count(e.Close, closers[kind:kind+1])
		if e.OpenSure {
			c.closable[kind] = open
		}
		if e.CloseSure {
			c.openable[kind] = max(0, closed-open)
			c.missing[kind] = max(0, open-closed)
		}
		level = level && open == closed
	}
	c.quoted = !e.Quoteless
	if e.Tabs != e.Spaces {
		c.style = 1
		if e.Spaces {
			c.style = 2
		}
		if unit := "\t "[c.style-1 : c.style]; level && e.CloseSure && e.Lines && strings.Trim(e.Indent, unit) == "" {
			c.indent = len(e.Indent)
		}
	}
	return c
}

// place is what is known of a slot from the slots before it.
type place struct {
	limits *constraints
	traits []trait
	known  bool // false: nothing is certain
	state  int
	depth  [kinds]int
}

// free is a place of which nothing is known.
var free = place{}

// placeOf reads the slots before slot i. It is free where one of them is not settled.
func (r rules) placeOf(slots []Token, i int) place {
	if r.traits == nil || slices.Contains(slots[:i], r.vocab.Mask) {
		return free
	}
	p := place{limits: &r.limits, traits: r.traits, known: true}
	for _, token := range r.before {
		p.pass(token)
	}
	for _, token := range slots[:i] {
		p.pass(token)
	}
	return p
}

// pass goes behind a token.
func (p *place) pass(token Token) {
	if !p.known {
		return
	}
	t := &p.traits[token]
	if t.murky[p.state] {
		*p = free
		return
	}
	for kind := range kinds {
		p.depth[kind] += t.net[p.state][kind]
	}
	odd := [2]bool{t.flips[0] != (p.state == inDouble), t.flips[1] != (p.state == inSingle)}
	if p.state = stateOf(odd); p.state == states {
		*p = free
	}
}

// forbids says whether a token can not be right here.
func (p *place) forbids(token Token) bool {
	if !p.known {
		return false
	}
	t := &p.traits[token]
	for kind := range kinds {
		if p.depth[kind]+t.low[p.state][kind] < -p.limits.closable[kind] {
			return true
		}
	}
	return p.state == inCode && p.limits.style > 0 && t.indent[p.limits.style-1] < 0
}

// leaves says whether a token is a line break that leaves the block of the hole,
// which ends the answer.
func (p *place) leaves(token Token) bool {
	if !p.known || p.state != inCode || p.limits.style == 0 || p.limits.indent == 0 {
		return false
	}
	for kind := range kinds {
		if p.depth[kind] > 0 {
			return false
		}
	}
	indent := p.traits[token].indent[p.limits.style-1]
	return indent >= 0 && indent < p.limits.indent
}
