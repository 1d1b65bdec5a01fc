package grammars

import (
	"bytes"
	"slices"
	"strings"
)

// Enclosure is what the text around a hole says of the brackets, the strings and the
// indentation within it. It is read without a grammar: a hole is where text does not
// parse yet. What the text does not tell for certain is left open.
type Enclosure struct {
	// Code is whether the hole begins in code: not in a string, not in a comment.
	Code bool
	// Open are the brackets that the declaration around the hole has open before it,
	// Close those that the text behind it closes and does not open; both as what
	// closes them, the innermost first.
	Open, Close string
	// OpenSure and CloseSure are whether Open and Close are certain.
	OpenSure, CloseSure bool
	// Quoteless is whether no quote stands behind the hole on its last line: a string that
	// the fill opens has to be closed by it.
	Quoteless bool
	// Indent is the white space that the first line of the fill is indented by, if
	// the fill has its lines to itself (Lines).
	Indent string
	Lines  bool
	// Tabs and Spaces are whether lines of code of the file are indented by them.
	Tabs, Spaces bool
}

// quoting is how a language writes what is not code, and where code begins anew.
type quoting struct {
	long         []string // quotes of strings that may run over lines
	blockComment [2]string
	// fresh are words that begin a line before which every bracket is closed; indented,
	// whether white space may stand before them.
	fresh    []string
	indented bool
}

// Enclosure reads what is around a hole. It takes a pass over the text before it, and over
// that behind it up to the next declaration.
func (t *Tree) Enclosure(h Hole) Enclosure {
	before := reader{language: t.language}
	before.read(t.source[:h.Start])
	before.read([]byte(h.Lead))
	e := Enclosure{Code: before.within == "", OpenSure: !before.doubt}
	after := reader{language: t.language, tabs: before.tabs, spaces: before.spaces}
	if !after.readOn([]byte(h.Trail)) {
		after.readOn(t.source[h.End:])
	}
	if after.within != "" && after.within != "\n" || len(after.open) > 0 {
		after.doubt = true
	}
	e.Open, e.Close = reversed(before.open), string(after.close)
	e.CloseSure = e.OpenSure && !after.doubt

	line := append([]byte(h.Trail), t.source[h.End:min(len(t.source), h.End+maxRestOfLine)]...)
	rest, _, _ := bytes.Cut(line, []byte("\n"))
	e.Quoteless = len(rest) < maxRestOfLine && !bytes.ContainsAny(rest, "\"'`\\")
	begun := append(bytes.Clone(t.source[t.lineAt(h.Start).Start:h.Start]), h.Lead...)
	begun = begun[bytes.LastIndexByte(begun, '\n')+1:]
	e.Indent = string(begun)
	e.Lines = len(bytes.TrimSpace(begun)) == 0 && len(bytes.TrimSpace(rest)) == 0
	if e.Code {
		after.indented(indentOf(begun))
	}
	e.Tabs, e.Spaces = after.tabs, after.spaces
	return e
}

const maxRestOfLine = 1 << 12

func reversed(s []byte) string {
	out := make([]byte, 0, len(s))
	for i := len(s) - 1; i >= 0; i-- {
		out = append(out, s[i])
	}
	return string(out)
}

// reader reads code line by line.
type reader struct {
	language *Language
	within   string // what closes the string or comment it is in; "" in code
	open     []byte // what closes the brackets that are open, the innermost last
	close    []byte // what was closed and not opened
	doubt    bool   // since the last fresh line
	begun    bool   // a line was read

	tabs, spaces bool
}

// read reads text from the beginning of a line to the middle of one.
func (r *reader) read(text []byte) {
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		if r.within == "" && (!r.begun || r.fresh(line)) {
			r.open, r.close, r.doubt = nil, nil, false
		}
		r.begun = true
		r.line(line)
	}
}

// readOn reads text from the middle of a line up to a fresh one. It says whether that
// came.
func (r *reader) readOn(text []byte) bool {
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		if r.begun && r.within == "" && r.fresh(line) {
			return true
		}
		r.line(line)
		r.begun = r.begun || bytes.HasSuffix(line, []byte("\n"))
		if r.doubt {
			return true
		}
	}
	return false
}

func (r *reader) fresh(line []byte) bool {
	q := r.language.quoting
	if q.indented {
		line = bytes.TrimLeft(line, " \t")
	}
	n := 0
	for n < len(line) && 'a' <= line[n] && line[n] <= 'z' {
		n++
	}
	if n == 0 || n < len(line) && (line[n] == '_' || '0' <= line[n] && line[n] <= '9' || 'A' <= line[n] && line[n] <= 'Z' || line[n] >= 0x80) {
		return false // no word, or the beginning of another
	}
	return slices.Contains(q.fresh, string(line[:n]))
}

func cutLine(text []byte) (line, rest []byte) {
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		return text[:n+1], text[n+1:]
	}
	return text, nil
}

// line reads a line, its line break included.
func (r *reader) line(line []byte) {
	if r.within == "" && r.begun && len(bytes.TrimSpace(line)) > 0 {
		r.indented(indentOf(line))
	}
	for i := 0; i < len(line); {
		if r.within == "" {
			if telling[line[i]] {
				i += r.code(line[i:])
			} else {
				i++
			}
			continue
		}
		switch {
		case line[i] != r.within[0] && line[i] != '\\' && line[i] != '\n':
			i++
		case bytes.HasPrefix(line[i:], []byte(r.within)):
			i += len(r.within)
			r.within = ""
		case line[i] == '\\' && strings.ContainsAny(r.within, `"'`):
			i += 2
		case line[i] == '\n' && (r.within == `"` || r.within == "'"): // not closed on its line
			r.within, r.doubt = "", true
			return
		default:
			i++
		}
	}
}

// indented takes note of the indentation of a line of code.
func (r *reader) indented(by string) {
	r.tabs = r.tabs || strings.Contains(by, "\t")
	r.spaces = r.spaces || strings.Contains(by, " ")
}

// telling are the bytes that code has to be looked at for; a language may mean nothing
// by some.
var telling = func() (out [256]bool) {
	for _, c := range []byte("()[]{}\"'`/#") {
		out[c] = true
	}
	return out
}()

// code reads what stands at the beginning of text and returns its size.
func (r *reader) code(text []byte) int {
	q := r.language.quoting
	if bytes.HasPrefix(text, []byte(r.language.lineComment)) {
		r.within = "\n"
		return len(r.language.lineComment)
	}
	if q.blockComment[0] != "" && bytes.HasPrefix(text, []byte(q.blockComment[0])) {
		r.within = q.blockComment[1]
		return len(q.blockComment[0])
	}
	for _, quote := range q.long {
		if bytes.HasPrefix(text, []byte(quote)) {
			r.within = quote
			return len(quote)
		}
	}
	switch c := text[0]; c {
	case '"', '\'':
		r.within = string(c)
	case '(':
		r.open = append(r.open, ')')
	case '[':
		r.open = append(r.open, ']')
	case '{':
		r.open = append(r.open, '}')
	case ')', ']', '}':
		switch n := len(r.open); {
		case n == 0:
			r.close = append(r.close, c)
		case r.open[n-1] == c:
			r.open = r.open[:n-1]
		default:
			r.doubt = true
		}
	}
	return 1
}
