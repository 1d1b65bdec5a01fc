package main

import (
	"fmt"
	"io"
	"strings"
)

// statusLine is one line of progress on a terminal, rewritten in place. Off a
// terminal it is silent.
type statusLine struct {
	w     io.Writer
	on    bool
	shown bool
}

// statusWidth keeps the line from wrapping, which would spoil the rewriting.
const statusWidth = 79

func (a *app) status() *statusLine {
	return &statusLine{w: a.stderr, on: a.stderrTTY}
}

func (s *statusLine) show(format string, args ...any) {
	if !s.on {
		return
	}
	text := []rune(fmt.Sprintf(format, args...))
	if len(text) > statusWidth {
		text = append(text[:statusWidth-1], '…')
	}
	fmt.Fprintf(s.w, "\r\x1b[K%s", string(text))
	s.shown = true
}

// clear must come before anything else is written to the terminal.
func (s *statusLine) clear() {
	if s.shown {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.shown = false
	}
}

// bar draws done of total as a bar of the given width.
func bar(done, total, width int) string {
	full := 0
	if total > 0 {
		full = done * width / total
	}
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}
