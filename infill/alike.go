package infill

import (
	"bytes"
	"strings"
)

const (
	comparedBefore = 256 // bytes, a run of white space being one
	comparedAfter  = 64  // likewise
	maxCopied      = 12  // lines of a precedent
	maxCopiedBytes = 1 << 10
	leastAfter     = 3 // bytes that must agree behind several lines: nothing else says where they end
)

// surroundings of a hole, as they will be once it is filled.
type surroundings struct {
	before, after []byte
	multiline     bool
	last          bool // nothing follows
}

// behind is where a text would begin behind the white space at at, which must be as
// what stands before the hole: none, some, or a line break.
func behind(body []byte, at int, blank []byte) (int, bool) {
	if len(blank) == 0 {
		return at, true
	}
	n := len(body[at:]) - len(bytes.TrimLeft(body[at:], blanks))
	broken := bytes.IndexByte(body[at:at+n], '\n') >= 0
	return at + n, n > 0 && broken == (bytes.IndexByte(blank, '\n') >= 0)
}

// cut decides where a text that might be meant ends: where what follows agrees most
// with what follows the hole. ends says whether body does, rather than being cut off by
// the hole.
func (s surroundings) cut(body []byte, ends bool) (text string, right int, ok bool) {
	best := -1
	for end, lines := 0, 1; end <= min(len(body), maxCopiedBytes); end++ {
		atBreak := end == len(body) && ends || end < len(body) && body[end] == '\n'
		if !s.multiline || atBreak {
			if n := agreeAfter(body[end:], s.after); n > best && (n > 0 || atBreak && s.last) {
				best, text = n, string(body[:end])
			}
		}
		if !atBreak {
			continue
		}
		if lines++; !s.multiline || lines > maxCopied {
			break
		}
	}
	return strings.TrimRight(text, " \t\r"), max(best, 0), best >= 0 && (!s.multiline || best >= leastAfter)
}

// agreeBefore counts the bytes at the ends of a and b that agree. White space agrees
// with white space, whatever it is, but with a line break only another.
func agreeBefore(a, b []byte) int {
	i, j, n := len(a), len(b), 0
	for ; i > 0 && j > 0 && n < comparedBefore; n++ {
		if isBlank(a[i-1]) != isBlank(b[j-1]) {
			return n
		}
		if !isBlank(a[i-1]) {
			if a[i-1] != b[j-1] {
				return n
			}
			i, j = i-1, j-1
			continue
		}
		breakA, breakB := false, false
		for ; i > 0 && isBlank(a[i-1]); i-- {
			breakA = breakA || a[i-1] == '\n'
		}
		for ; j > 0 && isBlank(b[j-1]); j-- {
			breakB = breakB || b[j-1] == '\n'
		}
		if breakA != breakB {
			return n
		}
	}
	return n
}

// agreeAfter counts those at the beginnings.
func agreeAfter(a, b []byte) int {
	i, j, n := 0, 0, 0
	for ; i < len(a) && j < len(b) && n < comparedAfter; n++ {
		if isBlank(a[i]) != isBlank(b[j]) {
			return n
		}
		if !isBlank(a[i]) {
			if a[i] != b[j] {
				return n
			}
			i, j = i+1, j+1
			continue
		}
		breakA, breakB := false, false
		for ; i < len(a) && isBlank(a[i]); i++ {
			breakA = breakA || a[i] == '\n'
		}
		for ; j < len(b) && isBlank(b[j]); j++ {
			breakB = breakB || b[j] == '\n'
		}
		if breakA != breakB {
			return n
		}
	}
	return n
}

const blanks = " \t\r\n"

func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

// indentation is that of the last line of text.
func indentation(text []byte) string {
	line := text[bytes.LastIndexByte(text, '\n')+1:]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// reindent moves all lines but the first from one indentation to another.
func reindent(text, from, to string) string {
	if from == to || !strings.Contains(text, "\n") {
		return text
	}
	return strings.ReplaceAll(text, "\n"+from, "\n"+to)
}
