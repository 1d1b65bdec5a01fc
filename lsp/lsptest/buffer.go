package lsptest

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Cursor marks the cursor in fixtures.
const Cursor = "‸"

// Buffer is an open file of the editor.
type Buffer struct {
	URI      string
	Language string
	Version  int
	Text     string
	Cursor   int // byte offset
}

// Position is an LSP position as it goes over the wire.
type Position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

// Range is an LSP range as it goes over the wire.
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// Unmark takes the cursor out of marked text; without a mark it stands at the
// end.
func Unmark(marked string) (text string, cursor int) {
	before, after, found := strings.Cut(marked, Cursor)
	if !found {
		return marked, len(marked)
	}
	return before + after, len(before)
}

// Marked is the text with the cursor marked.
func (b *Buffer) Marked() string { return b.Text[:b.Cursor] + Cursor + b.Text[b.Cursor:] }

// lines are the byte ranges of the lines' contents.
func lines(text string) [][2]int {
	var ranges [][2]int
	start := 0
	for {
		length := strings.IndexAny(text[start:], "\r\n")
		if length < 0 {
			return append(ranges, [2]int{start, len(text)})
		}
		end := start + length
		ranges = append(ranges, [2]int{start, end})
		start = end + 1
		if strings.HasPrefix(text[end:], "\r\n") {
			start = end + 2
		}
	}
}

// columns is the length of text in an encoding's units.
func columns(text, encoding string) int {
	switch encoding {
	case "utf-8":
		return len(text)
	case "utf-32":
		return utf8.RuneCountInString(text)
	case "utf-16":
		return len(utf16.Encode([]rune(text)))
	}
	panic("unknown encoding " + encoding)
}

// PositionOf converts a byte offset that starts a character.
func PositionOf(text string, offset int, encoding string) Position {
	for i, line := range lines(text) {
		if offset <= line[1] {
			return Position{Line: i, Character: columns(text[line[0]:max(line[0], offset)], encoding)}
		}
	}
	panic(fmt.Sprintf("offset %d is outside of the text", offset))
}

// OffsetOf converts a position, clamping as an editor does.
func OffsetOf(text string, p Position, encoding string) int {
	all := lines(text)
	if p.Line >= len(all) {
		return len(text)
	}
	line := all[p.Line]
	content := text[line[0]:line[1]]
	best := 0
	for at := range content + "$" {
		if columns(content[:at], encoding) <= p.Character {
			best = at
		}
	}
	return line[0] + best
}

// replace puts text in place of the bytes [start,end), moving the cursor as
// editors do: with what stands before it.
func (b *Buffer) replace(start, end int, text string) {
	b.Text = b.Text[:start] + text + b.Text[end:]
	switch {
	case b.Cursor >= end:
		b.Cursor += len(text) - (end - start)
	case b.Cursor > start:
		b.Cursor = start + len(text)
	}
}
