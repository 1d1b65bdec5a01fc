package grammars

import (
	"regexp"
	"strings"

	"github.com/smacker/go-tree-sitter/python"
)

// Stub files (.pyi) are left out: every body in them is "..." and means it.
var pythonDefinition = definition{
	id:                "python",
	name:              "Python",
	extensions:        []string{".py"},
	lineComment:       "#",
	indentUnit:        "    ",
	keywords:          strings.Fields("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield"),
	grammar:           python.GetLanguage,
	commentNodes:      []string{"comment"},
	stringNodes:       []string{"string"},
	codeInStringNodes: []string{"interpolation"},
	scopeNodes:        []string{"function_definition", "class_definition"},
	quoting: quoting{
		long: []string{`"""`, "'''"},
		// A line within brackets cannot begin with the keyword of a statement.
		fresh:    strings.Fields("def class return raise while with try del pass import assert global nonlocal break continue except finally elif"),
		indented: true,
	},
	gaps: gapRules{
		wanting:  regexp.MustCompile(`(?:[-+*/%&|^<>=!,(\[{.@~]|[^:]:|\b(?:in|not|and|or|is|if|elif|while|import|from|lambda|await|assert|del|with|as))$`),
		breaking: regexp.MustCompile(`(?:[-+*/%&|^<>=.@~]|\b(?:and|or|not|in|is))[ \t]*(?:#.*)?\r?\n`),
		repairs: []repair{
			{text: "X"},
			{text: "X:\n\tpass", multiline: true},
		},
		opener: ":",
		filler: "pass",
	},
	declares: declarations{
		functions:  []string{"function_definition"},
		documented: []string{"function_definition", "class_definition"},
		docstring:  `"""`,
	},
}
