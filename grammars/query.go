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

// each calls yield with every match of q whose predicates hold, until it
// returns false. There are no matches in a source that is not code, and none
// of a query that the language lacks.
func (t *Tree) each(q *query, yield func(match) bool) {
	if q == nil || !t.readable() {
		return
	}
	t.eachIn(t.tree.RootNode(), q, yield)
}

// eachIn is each within n, of a readable source and a query that is there.
func (t *Tree) eachIn(n *sitter.Node, q *query, yield func(match) bool) {
	cursor := sitter.NewQueryCursor()
	defer cursor.Close()
	cursor.Exec(q.sitter, n)
	for {
		m, ok := cursor.NextMatch()
		if !ok {
			return
		}
		if q.accepts(m, t.source) && !yield(match{q, m.Captures}) {
			return
		}
	}
}

// maxTokenRun is how many tokens that are no nodes of their own (brackets,
// keywords) may follow one another in one error.
const maxTokenRun = 1000

// readable says whether queries may run. For each such token the library looks
// for a named node behind it: a megabyte of "(" would take it hours.
func (t *Tree) readable() bool {
	if t.readability == unknown {
		t.readability = readable
		if t.hasTokenRun() {
			t.readability = unreadable
		}
	}
	return t.readability == readable
}

// readability remembers what readable found.
type readability uint8

const (
	unknown readability = iota
	readable
	unreadable
)

func (t *Tree) hasTokenRun() bool {
	cursor := sitter.NewTreeCursor(t.tree.RootNode())
	defer cursor.Close()
	for more := true; more; {
		n := cursor.CurrentNode()
		if n.IsError() && n.ChildCount() > maxTokenRun && longestRun(n) > maxTokenRun {
			return true
		}
		more = n.HasError() && cursor.GoToFirstChild() || nextInOrder(cursor)
	}
	return false
}

// longestRun counts the most unnamed children of n in a row, up to one more
// than maxTokenRun.
func longestRun(n *sitter.Node) int {
	cursor := sitter.NewTreeCursor(n)
	defer cursor.Close()
	longest, run := 0, 0
	for more := cursor.GoToFirstChild(); more && longest <= maxTokenRun; more = cursor.GoToNextSibling() {
		run++
		if cursor.CurrentNode().IsNamed() {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
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
