package grammars

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

const (
	// maxGapFaults is how many syntax errors of a file are looked at for
	// gaps. Someone who types has one or two.
	maxGapFaults = 8
	// maxGapTrials and gapTrialBytes bound the reparses spent on gaps: at most
	// so many, and no more than so many bytes of source in all.
	maxGapTrials  = 24
	gapTrialBytes = 4 << 20
	// gapTrialLimit bounds one reparse. It takes about a millisecond where the
	// source is code.
	gapTrialLimit = 250 * time.Millisecond
	// wantingWindow is how many bytes before a place are shown to
	// gapRules.wanting.
	wantingWindow = 24
	// gapPlaceholder stands for any expression in a trial.
	gapPlaceholder = "x"
)

// gaps finds where a syntax error leaves something open. A place near an error
// where the line stops short is a gap if the smallest text that could follow
// makes the error smaller and no new one, so that a gap is never a guess. All
// gaps are insertion points.
func (t *Tree) gaps() []Hole {
	var found []Hole
	trials := min(max(1, gapTrialBytes/max(1, len(t.source))), maxGapTrials)
	for i, fault := range t.allFaults() {
		if i == maxGapFaults {
			break
		}
		for _, c := range t.candidates(fault) {
			if slices.ContainsFunc(found, func(h Hole) bool { return h.Start == c.Start }) {
				break
			}
			if trials == 0 {
				return found
			}
			trials--
			ok, err := t.closes(c)
			if err != nil {
				return found
			}
			if ok {
				found = append(found, c.Hole)
				break
			}
		}
	}
	return found
}

// candidate is a gap to be proved by a trial fill.
type candidate struct {
	Hole
	trial string
}

// closes says whether the trial makes the faults fewer or smaller. An error
// means that trials of this file take too long.
func (t *Tree) closes(c candidate) (bool, error) {
	text := c.Lead + c.trial + c.Trail
	after, err := t.splice(gapTrialLimit, c.Start, c.End, text)
	if err != nil {
		return false, err
	}
	defer after.Close()
	if len(NewFaults(t, after, Edit{c.Start, c.End, c.Start + len(text)})) > 0 {
		return false, nil
	}
	old, now := t.allFaults(), after.allFaults()
	return len(now) < len(old) || totalLength(now) < totalLength(old), nil
}

func totalLength(spans []Span) int {
	n := 0
	for _, s := range spans {
		n += s.End - s.Start
	}
	return n
}

// candidates lists the places near a fault where a line stops short, the
// likeliest first.
func (t *Tree) candidates(fault Span) []candidate {
	var all []candidate
	for _, line := range t.linesNear(fault) {
		all = append(all, t.withinLine(line, fault)...)
		all = append(all, t.atLineEnd(line)...)
	}
	return all
}

// linesNear are the lines on which a fault begins and ends and the one before:
// the parser notices what a line lacks only on the next.
func (t *Tree) linesNear(fault Span) []Span {
	first, last := t.lineAt(fault.Start), t.lineAt(fault.End)
	lines := []Span{first}
	if before := len(bytes.TrimRight(t.source[:first.Start], " \t\r\n")); before > 0 {
		lines = append(lines, t.lineAt(before))
	}
	if last != first {
		lines = append(lines, last)
	}
	return lines
}

// withinLine finds places followed by something that cannot begin an
// expression, as in "if x > {".
func (t *Tree) withinLine(line, fault Span) []candidate {
	var all []candidate
	for i := max(line.Start, fault.Start); i < min(line.End, fault.End+wantingWindow); i++ {
		if !strings.ContainsRune("{)]}:,;", rune(t.source[i])) {
			continue
		}
		end := len(bytes.TrimRight(t.source[line.Start:i], " \t")) + line.Start
		if end < fault.Start || end > fault.End || !t.wants(line.Start, end) {
			continue
		}
		lead := ""
		if end < i && !opensTightly(t.source[end-1]) {
			lead = " "
		}
		all = append(all, gapAt(end, lead, "", gapPlaceholder, false))
	}
	return all
}

// atLineEnd finds a line that ends where a block or an expression has to
// follow, or with brackets open.
func (t *Tree) atLineEnd(line Span) []candidate {
	end := t.codeEnd(line)
	text := t.source[line.Start:end]
	if len(text) == 0 {
		return nil
	}
	var all []candidate
	if bytes.HasSuffix(text, []byte(t.language.gaps.opener)) {
		all = append(all, t.blockAfter(line, end))
	}
	open := scanBrackets(text, t.language.lineComment)
	stem, at, lead := open.closers, end, ""
	if t.wants(line.Start, end) {
		stem = gapPlaceholder + stem
		if len(bytes.TrimSpace(t.source[end:line.End])) == 0 {
			at = line.End
		}
		if at == end && !opensTightly(text[len(text)-1]) {
			lead = " "
		}
	}
	if stem == "" || open.inString || t.InComment(at) {
		return all
	}
	for _, r := range t.language.gaps.repairs {
		all = append(all, gapAt(at, lead, "", t.indented(strings.Replace(r.text, "X", stem, 1), line), r.multiline))
	}
	return all
}

// codeEnd is where the code of a line ends, before white space and a comment.
func (t *Tree) codeEnd(line Span) int {
	end := line.End
	for _, n := range t.pathAt(end) {
		if slices.Contains(t.language.commentNodes, n.Type()) {
			end = max(line.Start, int(n.StartByte()))
			break
		}
	}
	return line.Start + len(bytes.TrimRight(t.source[line.Start:end], " \t"))
}

func gapAt(at int, lead, trail, trial string, multiline bool) candidate {
	return candidate{Hole{Span: Span{at, at}, Kind: KindGap, Lead: lead, Trail: trail, Multiline: multiline}, trial}
}

// wants says whether the language wants an expression at end.
func (t *Tree) wants(lineStart, end int) bool {
	return t.language.gaps.wanting.Match(t.source[max(lineStart, end-wantingWindow):end])
}

// opensTightly says whether no space belongs between c and what it opens.
func opensTightly(c byte) bool { return strings.IndexByte("([{.!@", c) >= 0 }

// indented gives the lines of a repair the indentation of line.
func (t *Tree) indented(repair string, line Span) string {
	outer := t.indentAt(line.Start)
	repair = strings.ReplaceAll(repair, "\t", t.indentUnit())
	return strings.ReplaceAll(repair, "\n", t.newline()+outer)
}

// blockAfter opens a block below line, whose code ends at end, after the
// comments that already stand in the block.
func (t *Tree) blockAfter(line Span, end int) candidate {
	outer := t.indentAt(t.statementStart(line, end))
	at := line.Start + len(bytes.TrimRight(t.source[line.Start:line.End], " \t"))
	for next, ok := t.lineAfter(line); ok; next, ok = t.lineAfter(next) {
		text := t.source[next.Start:next.End]
		comment := bytes.HasPrefix(bytes.TrimLeft(text, " \t"), []byte(t.language.lineComment))
		if !comment || len(indentOf(text)) <= len(outer) {
			break
		}
		at = next.End
	}
	breakTo := t.newline() + outer
	trail := ""
	if closer := t.language.gaps.closer; closer != "" {
		trail = breakTo + scanBrackets(t.source[line.Start:line.End], t.language.lineComment).closers
	}
	return gapAt(at, breakTo+t.indentUnit(), trail, t.language.gaps.filler, true)
}

// statementStart is where the statement that opens a block at end begins: a
// signature may take several lines.
func (t *Tree) statementStart(line Span, end int) int {
	path := t.pathAt(end)
	if len(path) < 2 || path[len(path)-2].IsError() {
		return line.Start
	}
	return int(path[len(path)-2].StartByte())
}
