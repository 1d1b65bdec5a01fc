// Package position converts between byte offsets and LSP positions. It is the
// only place where that happens.
//
// The notations, and who speaks which:
//
//	byte offset     0-based index into the UTF-8 text of a snapshot. Everything
//	                inside the server (document, grammars, infill) uses it.
//	LSP position    0-based line and 0-based column, the column counted in the
//	                code units of the negotiated encoding:
//	  utf-8           bytes
//	  utf-16          UTF-16 code units; an astral character counts two. The
//	                  protocol's default, and the only one VS Code speaks
//	  utf-32          Unicode code points
//
// A line ends at "\n", "\r\n" or "\r". Nothing else ends a line: not U+2028,
// U+2029, vertical tab or form feed. The terminator belongs to no column: a
// column past the last character means the end of the line's content.
//
// Conversion never fails. What lies outside is clamped: a line past the last
// one to the end of the text, a column past the end to the end of its line, a
// position inside a character (the second half of a surrogate pair, a UTF-8
// continuation byte) to the start of that character. A byte that is not valid
// UTF-8 counts as one character of one unit.
//
// The package must never know documents, versions or requests.
package position

import (
	"bytes"
	"slices"
	"sort"
	"unicode/utf8"

	"go.lsp.dev/protocol"
)

// Encoding is the unit in which a client counts columns. The zero value is
// UTF-16, which is what LSP means when nothing is said.
type Encoding uint8

const (
	UTF16 Encoding = iota
	UTF8
	UTF32
)

// Negotiate picks the first encoding of the client's offer that we know, in
// the client's order. Without a usable offer it is UTF-16, the only encoding
// that every client must accept.
func Negotiate(offered []protocol.PositionEncodingKind) Encoding {
	for _, kind := range offered {
		switch kind {
		case protocol.PositionEncodingKindUTF8:
			return UTF8
		case protocol.PositionEncodingKindUTF16:
			return UTF16
		case protocol.PositionEncodingKindUTF32:
			return UTF32
		}
	}
	return UTF16
}

// Kind is the encoding's name in the protocol.
func (e Encoding) Kind() protocol.PositionEncodingKind {
	switch e {
	case UTF8:
		return protocol.PositionEncodingKindUTF8
	case UTF32:
		return protocol.PositionEncodingKindUTF32
	default:
		return protocol.PositionEncodingKindUTF16
	}
}

// units is the number of columns that a character of size bytes takes.
func (e Encoding) units(r rune, size int) int {
	switch {
	case e == UTF8:
		return size
	case e == UTF16 && r > 0xFFFF:
		return 2
	default:
		return 1
	}
}

// Text is an immutable text with its line index. It is safe for concurrent
// use.
type Text struct {
	src   []byte
	lines []int // byte offset of each line's first character; lines[0] is 0
}

// New indexes src, which must not change afterwards.
func New(src []byte) *Text {
	return &Text{src: src, lines: appendLineStarts([]int{0}, src)}
}

// Bytes is the text itself. The caller must not modify it.
func (t *Text) Bytes() []byte { return t.src }

// Len is the length of the text in bytes.
func (t *Text) Len() int { return len(t.src) }

// Lines is the number of lines; a text that ends with a terminator has an
// empty last line.
func (t *Text) Lines() int { return len(t.lines) }

// Line returns the byte range of a line's content, without its terminator.
// The line is clamped to those that exist.
func (t *Text) Line(line int) (start, end int) {
	line = max(0, min(line, len(t.lines)-1))
	start = t.lines[line]
	if line+1 == len(t.lines) {
		return start, len(t.src)
	}
	end = t.lines[line+1] - 1
	if end > start && t.src[end] == '\n' && t.src[end-1] == '\r' {
		end--
	}
	return start, end
}

// LineAt is the line that holds a byte offset.
func (t *Text) LineAt(offset int) int {
	return sort.Search(len(t.lines), func(i int) bool { return t.lines[i] > offset }) - 1
}

// Offset converts a position to a byte offset, clamping as the package says.
func (t *Text) Offset(p protocol.Position, e Encoding) int {
	if uint64(p.Line) >= uint64(len(t.lines)) {
		return len(t.src)
	}
	start, end := t.Line(int(p.Line))
	column := int(p.Character)
	if column >= end-start && e == UTF8 {
		return end
	}
	for start < end && column > 0 {
		r, size := decode(t.src[start:end])
		column -= e.units(r, size)
		if column < 0 {
			break
		}
		start += size
	}
	return start
}

// Position converts a byte offset to a position, clamping as the package says.
func (t *Text) Position(offset int, e Encoding) protocol.Position {
	offset = max(0, min(offset, len(t.src)))
	line := t.LineAt(offset)
	start, end := t.Line(line)
	offset = min(offset, end)
	column := 0
	for start < offset {
		r, size := decode(t.src[start:end])
		if start+size > offset {
			break
		}
		column += e.units(r, size)
		start += size
	}
	return protocol.Position{Line: uint32(line), Character: uint32(column)}
}

// Range converts a half-open byte range.
func (t *Text) Range(start, end int, e Encoding) protocol.Range {
	return protocol.Range{Start: t.Position(start, e), End: t.Position(end, e)}
}

// Span converts a range to a half-open byte range. A range whose ends are
// swapped is turned around, as editors do.
func (t *Text) Span(r protocol.Range, e Encoding) (start, end int) {
	start, end = t.Offset(r.Start, e), t.Offset(r.End, e)
	return min(start, end), max(start, end)
}

// Splice returns the text with the bytes [start,end) replaced. Only the lines
// that the change touches are scanned again.
func (t *Text) Splice(start, end int, with []byte) *Text {
	src := make([]byte, 0, len(t.src)-(end-start)+len(with))
	src = append(src, t.src[:start]...)
	src = append(src, with...)
	src = append(src, t.src[end:]...)

	// Whether a line starts at s depends on the bytes s-1 and s. Starts below
	// the change and starts above end therefore survive; what lies between is
	// decided anew.
	kept, _ := slices.BinarySearch(t.lines, max(start, 1))
	moved, _ := slices.BinarySearch(t.lines, end+1)
	newEnd := start + len(with)
	lines := make([]int, 0, len(t.lines)+bytes.Count(with, []byte{'\n'})+1)
	lines = append(lines, t.lines[:kept]...)
	for s := max(start, 1); s <= newEnd; s++ {
		if startsLine(src, s) {
			lines = append(lines, s)
		}
	}
	for _, s := range t.lines[moved:] {
		lines = append(lines, s+newEnd-end)
	}
	return &Text{src: src, lines: lines}
}

// startsLine tells whether a line starts at s, for s > 0.
func startsLine(src []byte, s int) bool {
	switch src[s-1] {
	case '\n':
		return true
	case '\r':
		return s == len(src) || src[s] != '\n'
	}
	return false
}

// appendLineStarts appends the start of every line of src but the first.
func appendLineStarts(lines []int, src []byte) []int {
	if bytes.IndexByte(src, '\r') < 0 {
		for at := 0; ; {
			i := bytes.IndexByte(src[at:], '\n')
			if i < 0 {
				return lines
			}
			at += i + 1
			lines = append(lines, at)
		}
	}
	for s := 1; s <= len(src); s++ {
		if startsLine(src, s) {
			lines = append(lines, s)
		}
	}
	return lines
}

// decode is utf8.DecodeRune with the common case inlined.
func decode(b []byte) (rune, int) {
	if b[0] < utf8.RuneSelf {
		return rune(b[0]), 1
	}
	return utf8.DecodeRune(b)
}
