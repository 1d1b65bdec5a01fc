package infill

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
)

// attempt is a candidate that broke the syntax, as it was before it was denoised again.
type attempt struct {
	tokens []Token
	score  float64
	steps  int
}

func (d *denoising) attempt(c *canvas) attempt {
	del := d.rules.vocab.Delete
	return attempt{slices.Clone(c.slots[:c.end(del)]), c.score(del), c.steps}
}

// mended is what takes the place of a refusal: the likeliest of the candidates that is right
// once its brackets are. Slots settled in one step do not know of each other, and
// brackets are the first that this costs.
func (d *denoising) mended(refused Result) (Result, error) {
	if d.engine.options.Constraints == Nowhere || len(d.broken) == 0 {
		return refused, nil
	}
	slices.SortStableFunc(d.broken, func(a, b attempt) int { return cmp.Compare(b.score, a.score) })
	limits := constraintsOf(d.request.Tree, d.request.Hole)
	for _, a := range d.broken {
		whole, changes := limits.mend(d.engine.tokenizer.Decode(a.tokens))
		if changes == 0 {
			continue
		}
		// The model did not think of the changes.
		n := float64(len(a.tokens) + 1)
		score := (a.score*n + unlikely*float64(changes)) / (n + float64(changes))
		result, _, err := d.filter(Result{
			Steps:      a.steps,
			Forwards:   d.forwards,
			Tokens:     len(a.tokens),
			Confidence: d.engine.options.Calibration.of(math.Exp(score), len(a.tokens)),
		}, whole, a.tokens)
		if err != nil || result.Reason == "" {
			return result, err
		}
	}
	return refused, nil
}

// mend drops the brackets of a fill that nothing opens, and the lines behind the end of
// the block that the hole is in; what the fill leaves open, it closes. It also says
// how much it changed: 0 where there is nothing to do, or nothing certain to go by.
func (l constraints) mend(fill string) (string, int) {
	if l.unsure() {
		return "", 0
	}
	m := mending{limits: l, missing: l.missing, line: l.indentation}
	for i := 0; i < len(fill) && !m.over; {
		size := m.read(fill, i)
		if size < 0 {
			return "", 0
		}
		i += size
	}
	m.finish()
	return string(m.out), m.changes
}

func (l constraints) unsure() bool {
	return slices.Contains(l.closable[:], unbounded) || slices.Contains(l.openable[:], unbounded)
}

// mending is a fill that is read and written anew.
type mending struct {
	limits  constraints
	out     []byte
	open    []opened
	missing [kinds]int // brackets that the fill may close beside its own
	line    string     // the indentation of the line
	changes int
	over    bool // what follows leaves the block
}

// opened is a bracket that a fill has open.
type opened struct {
	kind   int
	indent string // of its line
	broken bool   // a line break follows
}

// read reads what stands at i and returns its size, -1 where nothing is certain.
func (m *mending) read(fill string, i int) int {
	switch c := fill[i]; c {
	case '"', '\'', '`':
		return m.quoted(fill, i)
	case '#', '\\':
		return -1
	case '/':
		if strings.HasPrefix(fill[i:], "//") || strings.HasPrefix(fill[i:], "/*") {
			return -1
		}
	case '\n':
		if m.lineBreak(fill[i+1:]); m.over {
			return 1
		}
	case '(', '[', '{':
		m.open = append(m.open, opened{kind: strings.IndexByte(openers, c), indent: m.line})
	case ')', ']', '}':
		if !m.closes(strings.IndexByte(closers, c)) {
			m.changes++
			return 1
		}
	}
	m.out = append(m.out, fill[i])
	return 1
}

// lineBreak reads the indentation of the line that begins with rest.
func (m *mending) lineBreak(rest string) {
	text := strings.TrimLeft(rest, " \t")
	if text == "" || text[0] == '\n' || text[0] == '\r' {
		return // the next line break says more
	}
	m.line = rest[:len(rest)-len(text)]
	for n := range m.open {
		m.open[n].broken = true
	}
	if len(m.open) == 0 && len(m.line) < m.limits.indent {
		m.over = true
		m.changes++
	}
}

// closes says whether there is a bracket of a kind to be closed.
func (m *mending) closes(kind int) bool {
	switch n := len(m.open); {
	case n > 0 && m.open[n-1].kind == kind:
		m.open = m.open[:n-1]
	case n == 0 && m.missing[kind] > 0:
		m.missing[kind]--
	default:
		return false
	}
	return true
}

// quoted reads a string, and closes it if it has no end where it has to have one.
func (m *mending) quoted(fill string, i int) int {
	quote := fill[i]
	if three := strings.Repeat(fill[i:i+1], 3); strings.HasPrefix(fill[i:], three) {
		return -1
	}
	for n := i + 1; n < len(fill); n++ {
		switch {
		case fill[n] == '\\' && quote != '`':
			n++
		case fill[n] == '\n' && quote != '`':
			return -1
		case fill[n] == quote:
			m.out = append(m.out, fill[i:n+1]...)
			return n + 1 - i
		}
	}
	if m.limits.quoted || quote == '`' || strings.HasSuffix(fill, `\`) || i == len(fill)-1 {
		return -1
	}
	m.out = append(append(m.out, fill[i:]...), quote)
	m.changes++
	return len(fill) - i
}

// finish closes what is open, but for what is closed behind the hole: the outermost.
func (m *mending) finish() {
	spare := m.limits.openable
	for len(m.open) > 0 && spare[m.open[0].kind] > 0 {
		spare[m.open[0].kind]--
		m.open = m.open[1:]
	}
	for _, o := range slices.Backward(m.open) {
		if o.broken {
			m.out = append(append(bytes.TrimRight(m.out, " \t\r\n"), '\n'), o.indent...)
		} else {
			m.out = bytes.TrimRight(m.out, " \t\r\n,")
		}
		m.out = append(m.out, closers[o.kind])
		m.changes++
	}
}
