package lsp

import (
	"bytes"
	"strings"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp/position"
)

// edit replaces the bytes [start,end) of a snapshot.
type edit struct {
	start, end int
	text       string
}

// editOf is what a fill does to the text, with the document's line breaks.
func editOf(r infill.Result, text *position.Text) edit {
	return edit{start: r.Start, end: r.End, text: withBreaks(r.Text, lineBreak(text))}
}

// lineBreak is what ends the document's first line, "\n" if there is only one.
func lineBreak(text *position.Text) string {
	if text.Lines() > 1 {
		_, end := text.Line(0)
		next, _ := text.Line(1)
		return string(text.Bytes()[end:next])
	}
	return "\n"
}

func withBreaks(s, lineBreak string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if lineBreak != "\n" {
		s = strings.ReplaceAll(s, "\n", lineBreak)
	}
	return s
}

// atCursor rewrites e as editors take inline completions: it starts at the
// cursor, and goes past it only to replace, on the same line, a suffix that
// the new text contains again. ok is false for an edit that cannot be shown
// that way.
func (e edit) atCursor(text *position.Text, cursor int) (_ edit, ok bool) {
	src := text.Bytes()
	if e.start > cursor {
		e.text = string(src[cursor:e.start]) + e.text
		e.start = cursor
	}
	if e.end < cursor {
		e.text += string(src[e.end:cursor])
		e.end = cursor
	}
	before, after := src[e.start:cursor], src[cursor:e.end]
	rest, ok := strings.CutPrefix(e.text, string(before))
	if !ok {
		return edit{}, false
	}
	if cut, ok := strings.CutSuffix(rest, string(after)); ok {
		return edit{cursor, cursor, cut}, cut != ""
	}
	if bytes.ContainsAny(after, "\r\n") || !contains(rest, after) {
		return edit{}, false
	}
	return edit{cursor, e.end, rest}, true
}

// contains tells whether all of suffix appears in text, in order, with
// anything between. VS Code shows ghost text only around what stays.
func contains(text string, suffix []byte) bool {
	for _, c := range suffix {
		i := strings.IndexByte(text, c)
		if i < 0 {
			return false
		}
		text = text[i+1:]
	}
	return true
}
