package context

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Neighbour is what the model may be told of a file beside the document: its
// name and what it declares.
type Neighbour struct {
	Name    string // without the folder
	Outline string // lines, each ending in a line break; what the model is told
	Text    string // all of it
}

// NewNeighbour makes the outline of a file of a language, by the language's id.
func NewNeighbour(name string, text []byte, language string) Neighbour {
	return Neighbour{Name: name, Outline: outline(text, language), Text: string(text)}
}

// MaxNeighbour is the size in bytes up to which a file is a neighbour.
const MaxNeighbour = 100_000

const (
	// maxOutlineLine is the length in bytes up to which a line says something
	// for its cost.
	maxOutlineLine = 160
	// maxOutlineLines bounds what is kept: no snippet holds more lines, for each
	// takes a token or more.
	maxOutlineLines = maxSnippet

	blanks = " \t\r"
)

// rule says which lines of a language declare something: those that line
// matches and never does not.
type rule struct{ line, never *regexp.Regexp }

// rules are those of docs/context.md, by language id.
var rules = func() map[string]rule {
	typescript := rule{line: regexp.MustCompile(`^(?:export (?:default )?)?` +
		`(?:function|async function|class|abstract class|interface|type|enum|const|let) `)}
	c := rule{
		line:  regexp.MustCompile(`^(?:struct|class|enum|typedef|namespace|#define) |^[A-Za-z].*\((?:.*[^;])?$`),
		never: regexp.MustCompile(`^(?:if|for|while|switch|return|else|case|do)\b`),
	}
	return map[string]rule{
		"go":         {line: regexp.MustCompile(`^(?:func|type|var|const) `)},
		"python":     {line: regexp.MustCompile(`^(?:    )?(?:def|async def|class) `)},
		"typescript": typescript,
		"javascript": typescript,
		"rust": {line: regexp.MustCompile(
			`^(?:pub(?:\([^)]*\))? )?(?:(?:async|unsafe|const) )*(?:(?:fn|struct|enum|trait|impl|type|const|static) |impl<)` +
				`|^    (?:pub(?:\([^)]*\))? )?(?:(?:async|unsafe|const) )*fn `)},
		"java": {line: regexp.MustCompile(
			`^(?:    )?(?:public|protected|private|abstract|static)(?: .*\(|(?: .*)? (?:class|interface|enum|record) )` +
				`|^(?:    )?(?:class|interface|enum|record) `)},
		"c":   c,
		"cpp": c,
	}
}()

// outline is the lines of text that declare something, as many as a snippet may
// need; none of a text that is not UTF-8 or of a language without a rule.
func outline(text []byte, language string) string {
	r, ok := rules[language]
	if !ok || !utf8.Valid(text) {
		return ""
	}
	var b strings.Builder
	lines := 0
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		line = bytes.TrimRight(line, blanks)
		if len(line) > maxOutlineLine || !r.line.Match(line) || r.never != nil && r.never.Match(line) {
			continue
		}
		switch line[len(line)-1] {
		case '{', ':', ';':
			line = bytes.TrimRight(line[:len(line)-1], blanks)
		}
		b.Write(line)
		b.WriteByte('\n')
		if lines++; lines == maxOutlineLines {
			break
		}
	}
	return b.String()
}
