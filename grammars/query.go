package grammars

import (
	"fmt"
	"regexp"

	sitter "github.com/smacker/go-tree-sitter"
)

// query is a compiled .scm file. The library compiles regular expressions
// anew for each match and ignores predicates it does not know; here they are
// compiled once and unknown ones are refused.
type query struct {
	sitter     *sitter.Query
	names      []string      // by capture index
	predicates [][]predicate // by pattern index
}

// predicate is #eq?, #not-eq?, #match? or #not-match? on one capture. It holds
// if every node of that capture satisfies it.
type predicate struct {
	capture  uint32
	literal  string
	pattern  *regexp.Regexp // nil: compare with literal
	negative bool
}

// match is one match of a pattern.
type match struct {
	query    *query
	captures []sitter.QueryCapture
}

func compileQuery(source []byte, grammar *sitter.Language) (*query, error) {
	sq, err := sitter.NewQuery(source, grammar)
	if err != nil {
		return nil, err
	}
	q := &query{sitter: sq}
	for i := range sq.CaptureCount() {
		q.names = append(q.names, sq.CaptureNameForId(i))
	}
	for i := range sq.PatternCount() {
		var of []predicate
		for _, steps := range sq.PredicatesForPattern(i) {
			p, err := readPredicate(sq, steps)
			if err != nil {
				return nil, fmt.Errorf("pattern %d: %w", i, err)
			}
			of = append(of, p)
		}
		q.predicates = append(q.predicates, of)
	}
	return q, nil
}

// readPredicate reads name, capture, string and the closing step.
func readPredicate(sq *sitter.Query, steps []sitter.QueryPredicateStep) (predicate, error) {
	name := sq.StringValueForId(steps[0].ValueId)
	if len(steps) != 4 || steps[1].Type != sitter.QueryPredicateStepTypeCapture || steps[2].Type != sitter.QueryPredicateStepTypeString {
		return predicate{}, fmt.Errorf("predicate #%s must have a capture and a string", name)
	}
	p := predicate{capture: steps[1].ValueId, literal: sq.StringValueForId(steps[2].ValueId)}
	switch name {
	case "eq?":
	case "not-eq?":
		p.negative = true
	case "match?", "not-match?":
		re, err := regexp.Compile(p.literal)
		if err != nil {
			return predicate{}, err
		}
		p.pattern, p.negative = re, name == "not-match?"
	default:
		return predicate{}, fmt.Errorf("predicate #%s is not known, use eq?, not-eq?, match? or not-match?", name)
	}
	return p, nil
}

// holds says whether the text of a node satisfies the predicate.
func (p *predicate) holds(text []byte) bool {
	if p.pattern != nil {
		return p.pattern.Match(text) != p.negative
	}
	return (string(text) == p.literal) != p.negative
}

// each calls yield with every match in root whose predicates hold.
func (q *query) each(root *sitter.Node, source []byte, yield func(match)) {
	cursor := sitter.NewQueryCursor()
	defer cursor.Close()
	cursor.Exec(q.sitter, root)
	for {
		m, ok := cursor.NextMatch()
		if !ok {
			return
		}
		if q.accepts(m, source) {
			yield(match{q, m.Captures})
		}
	}
}

func (q *query) accepts(m *sitter.QueryMatch, source []byte) bool {
	for i := range q.predicates[m.PatternIndex] {
		p := &q.predicates[m.PatternIndex][i]
		for _, c := range m.Captures {
			if c.Index == p.capture && !p.holds(source[c.Node.StartByte():c.Node.EndByte()]) {
				return false
			}
		}
	}
	return true
}

// span is the extent of all nodes captured under name.
func (m match) span(name string) (Span, bool) {
	var s Span
	found := false
	for _, c := range m.captures {
		if m.query.names[c.Index] != name {
			continue
		}
		n := spanOf(c.Node)
		if !found {
			s, found = n, true
			continue
		}
		s.Start, s.End = min(s.Start, n.Start), max(s.End, n.End)
	}
	return s, found
}

func spanOf(n *sitter.Node) Span { return Span{int(n.StartByte()), int(n.EndByte())} }
