package grammars

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	sitter "github.com/smacker/go-tree-sitter"
)

//go:embed queries
var queryFiles embed.FS

// Language is a programming language that can be parsed. There is one value
// for each; it is immutable and safe for concurrent use.
type Language struct {
	definition
	compiled func() *queries
}

// definition is all there is to say about a language beside its queries.
type definition struct {
	id, name    string
	extensions  []string // with the dot
	lineComment string   // what opens a comment up to the end of the line
	indentUnit  string
	keywords    []string // reserved words, never names
	grammar     func() *sitter.Language

	// Node types, for the questions whether an offset is in a comment or in a
	// string. Code inside a string is a part of it that is code again.
	commentNodes, stringNodes, codeInStringNodes []string

	scopeNodes []string // functions, methods, classes and type declarations

	quoting quoting

	gaps gapRules

	declares declarations
}

// queries are the compiled files of queries/<id>.
type queries struct {
	holes, markers, evalSpans *query
	faults, breaks            *query // nil if the language has none
}

var languages = []*Language{
	newLanguage(golangDefinition),
	newLanguage(pythonDefinition),
}

// newLanguage puts off compiling the queries until the language is used: the
// server answers its first request sooner.
func newLanguage(d definition) *Language {
	l := &Language{definition: d}
	l.compiled = sync.OnceValue(func() *queries {
		return &queries{
			holes:     l.mustQuery("holes.scm"),
			markers:   l.mustQuery("markers.scm"),
			evalSpans: l.mustQuery("evalspans.scm"),
			faults:    l.optionalQuery("faults.scm"),
			breaks:    l.optionalQuery("breaks.scm"),
		}
	})
	return l
}

// mustQuery panics on a missing or faulty query: the files are compiled in,
// and a test compiles them all.
func (l *Language) mustQuery(file string) *query {
	q := l.optionalQuery(file)
	if q == nil {
		panic(fmt.Sprintf("grammars: language %s has no %s", l.id, file))
	}
	return q
}

func (l *Language) optionalQuery(file string) *query {
	name := path.Join("queries", l.id, file)
	source, err := queryFiles.ReadFile(name)
	if err != nil {
		return nil
	}
	q, err := compileQuery(source, l.grammar())
	if err != nil {
		panic(fmt.Sprintf("grammars: %s: %v", name, err))
	}
	return q
}

// All returns the known languages.
func All() []*Language { return slices.Clone(languages) }

// ByPath finds the language of a file by its extension.
func ByPath(name string) (*Language, bool) {
	ext := strings.ToLower(path.Ext(strings.ReplaceAll(name, `\`, "/")))
	for _, l := range languages {
		if slices.Contains(l.extensions, ext) {
			return l, true
		}
	}
	return nil, false
}

// ByID finds a language by its LSP language identifier, such as "go".
func ByID(id string) (*Language, bool) {
	for _, l := range languages {
		if l.id == id {
			return l, true
		}
	}
	return nil, false
}

// ID is the LSP language identifier: "go", "python".
func (l *Language) ID() string { return l.id }

// Name is for people: "Go", "Python".
func (l *Language) Name() string { return l.name }

// LineComment opens a comment that ends with the line: "//", "#".
func (l *Language) LineComment() string { return l.lineComment }

// Extensions of the language's files, with the dot.
func (l *Language) Extensions() []string { return slices.Clone(l.extensions) }

// IndentUnit is one level of indentation where a file does not show its own.
func (l *Language) IndentUnit() string { return l.indentUnit }

// gapRules say where a line stops short. See gap.go.
type gapRules struct {
	// wanting matches text after which the language wants an expression.
	wanting *regexp.Regexp
	// breaking matches a source that may have a line break where breaks.scm
	// forbids it; it saves running the query.
	breaking *regexp.Regexp
	// repairs are tried in turn at such a place; "X" stands for any
	// expression. A gap is one that a repair closes.
	repairs []repair
	// opener opens a block at the end of a line ("{" or ":"), closer is what
	// ends it on a line of its own, or empty.
	opener, closer string
	// filler is the smallest statement, or empty where a block may be empty.
	filler string
}

// repair is the smallest text that could follow the gap: Lines after the first
// are indented by one unit more than the line of the gap if they begin with
// "\t", and as much as it otherwise.
type repair struct {
	text      string
	multiline bool
}
