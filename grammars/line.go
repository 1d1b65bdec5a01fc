package grammars

import (
	"bytes"
	"strings"
)

// lineAt is the line that holds offset, without its line break.
func (t *Tree) lineAt(offset int) Span {
	start := bytes.LastIndexByte(t.source[:offset], '\n') + 1
	end := len(t.source)
	if n := bytes.IndexByte(t.source[offset:], '\n'); n >= 0 {
		end = offset + n
	}
	if end > offset && t.source[end-1] == '\r' {
		end--
	}
	return Span{start, end}
}

// lineAfter is the line below line, if there is one.
func (t *Tree) lineAfter(line Span) (Span, bool) {
	n := bytes.IndexByte(t.source[line.End:], '\n')
	if n < 0 {
		return Span{}, false
	}
	return t.lineAt(line.End + n + 1), true
}

// indentAt is the white space that opens the line of offset.
func (t *Tree) indentAt(offset int) string {
	line := t.lineAt(offset)
	return indentOf(t.source[line.Start:line.End])
}

func indentOf(line []byte) string {
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// newline is the line break of the file.
func (t *Tree) newline() string {
	if n := bytes.IndexByte(t.source, '\n'); n > 0 && t.source[n-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// linesForUnit is how many lines indentUnit looks at.
const linesForUnit = 400

// indentUnit is one level of indentation as the file has it: what the first
// line after an opener adds to the opener's line.
func (t *Tree) indentUnit() string {
	rest := t.source
	var opener []byte
	for n := 0; n < linesForUnit && len(rest) > 0; n++ {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if opener != nil {
			outer, inner := indentOf(opener), indentOf(line)
			if unit, ok := strings.CutPrefix(inner, outer); ok && unit != "" {
				return unit
			}
		}
		opener = nil
		if bytes.HasSuffix(bytes.TrimSpace(line), []byte(t.language.gaps.opener)) {
			opener = line
		}
	}
	return t.language.indentUnit
}

// brackets is what a piece of a line leaves open.
type brackets struct {
	closers  string // what closes the brackets that are open, innermost first
	inString bool   // a quote is open
}

// scanBrackets reads the text of one line without a grammar: it is for lines
// that do not parse.
func scanBrackets(text []byte, lineComment string) brackets {
	var open []byte
	var quote byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		if quote != 0 {
			if c == '\\' && quote != '`' {
				i++
			} else if c == quote {
				quote = 0
			}
			continue
		}
		switch c {
		case '"', '\'', '`':
			quote = c
		case '(':
			open = append(open, ')')
		case '[':
			open = append(open, ']')
		case '{':
			open = append(open, '}')
		case ')', ']', '}':
			if len(open) > 0 && open[len(open)-1] == c {
				open = open[:len(open)-1]
			}
		default:
			if bytes.HasPrefix(text[i:], []byte(lineComment)) {
				i = len(text)
			}
		}
	}
	closers := make([]byte, 0, len(open))
	for i := len(open) - 1; i >= 0; i-- {
		closers = append(closers, open[i])
	}
	return brackets{string(closers), quote != 0}
}
