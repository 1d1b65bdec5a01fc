package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// edits are replacements in one text, ascending and apart, in the offsets of
// the text as it was before any of them.
type edits []udiff.Edit

// end is where the last edit ends, in the old text.
func (e edits) end() int {
	if len(e) == 0 {
		return 0
	}
	return e[len(e)-1].End
}

// growth is how much longer the text has become.
func (e edits) growth() int {
	n := 0
	for _, edit := range e {
		n += len(edit.New) - (edit.End - edit.Start)
	}
	return n
}

// moved returns where an offset of the old text is after the edits. Inside a
// replaced range it is the end of the replacement.
func (e edits) moved(offset int) int {
	shift := 0
	for _, edit := range e {
		if offset < edit.Start || offset == edit.Start && edit.Start < edit.End {
			break
		}
		if offset < edit.End {
			return edit.Start + shift + len(edit.New)
		}
		shift += len(edit.New) - (edit.End - edit.Start)
	}
	return offset + shift
}

// unifiedDiff renders a patch for "patch -p1" and "git apply".
func unifiedDiff(name, before, after string) string {
	name = strings.TrimLeft(name, "/")
	return renumber(udiff.Unified("a/"+name, "b/"+name, before, after))
}

var hunkHeader = regexp.MustCompile(`^@@ -(\d+)((?:,\d+)?) \+(\d+)((?:,\d+)?) @@`)

// renumber sets the new line numbers of hunks. go-udiff 0.4.1 forgets the equal
// lines between two edits of one hunk when it numbers the hunks behind it.
func renumber(diff string) string {
	var b strings.Builder
	growth := 0
	for line := range strings.Lines(diff) {
		if m := hunkHeader.FindStringSubmatch(line); m != nil {
			from, _ := strconv.Atoi(m[1])
			line = fmt.Sprintf("@@ -%d%s +%d%s @@%s", from, m[2], from+growth, m[4], line[len(m[0]):])
			growth += hunkLines(m[4]) - hunkLines(m[2])
		}
		b.WriteString(line)
	}
	return b.String()
}

// hunkLines reads the ",N" of a hunk header; left out it is 1.
func hunkLines(field string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(field, ","))
	if err != nil {
		return 1
	}
	return n
}

const (
	colourReset  = "\x1b[0m"
	colourBold   = "\x1b[1m"
	colourRed    = "\x1b[31m"
	colourGreen  = "\x1b[32m"
	colourYellow = "\x1b[33m"
	colourCyan   = "\x1b[36m"
)

// useColour decides by the --color flag, the terminal and NO_COLOR
// (https://no-color.org).
func useColour(flag string, terminal bool) bool {
	switch flag {
	case "always":
		return true
	case "never":
		return false
	}
	return terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// colourDiff colours a diff of one file, whose first two lines are its names.
func colourDiff(diff string) string {
	var b strings.Builder
	n := 0
	for line := range strings.Lines(diff) {
		n++
		text, ended := strings.CutSuffix(line, "\n")
		if colour := lineColour(n, text); colour != "" {
			text = colour + text + colourReset
		}
		b.WriteString(text)
		if ended {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func lineColour(n int, line string) string {
	switch {
	case n <= 2:
		return colourBold
	case strings.HasPrefix(line, "@@"):
		return colourCyan
	case strings.HasPrefix(line, "-"):
		return colourRed
	case strings.HasPrefix(line, "+"):
		return colourGreen
	}
	return ""
}
