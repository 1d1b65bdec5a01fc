package grammars

import (
	"regexp"
	"strings"

	"github.com/smacker/go-tree-sitter/golang"
)

var golangDefinition = definition{
	id:                "go",
	name:              "Go",
	extensions:        []string{".go"},
	lineComment:       "//",
	indentUnit:        "\t",
	keywords:          strings.Fields("break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var"),
	grammar:           golang.GetLanguage,
	commentNodes:      []string{"comment"},
	stringNodes:       []string{"interpreted_string_literal", "raw_string_literal", "rune_literal"},
	codeInStringNodes: nil,
	scopeNodes:        []string{"function_declaration", "method_declaration", "func_literal", "type_declaration"},
	quoting: quoting{
		long:         []string{"`"},
		blockComment: [2]string{"/*", "*/"},
		fresh:        strings.Fields("func type var const import package"),
	},
	gaps: gapRules{
		wanting: regexp.MustCompile(`(?:[-+*/%&|^<>=!,(\[{.]|:=|<-|\b(?:return|range|if|switch|case|go|defer|var|const|type|chan|map|import|package|goto))$`),
		repairs: []repair{
			{text: "X"},
			{text: "X {\n}", multiline: true},
		},
		opener: "{",
		closer: "}",
	},
	declares: declarations{
		functions:  []string{"function_declaration", "method_declaration"},
		documented: []string{"function_declaration", "method_declaration", "type_spec", "type_alias", "const_spec", "var_spec"},
		wrappers:   []string{"type_declaration", "const_declaration", "var_declaration"},
		top:        "source_file",
	},
}
