package grammars

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// mustParse parses src and closes the tree when the test ends.
func mustParse(t testing.TB, id, src string) *Tree {
	t.Helper()
	lang, ok := ByID(id)
	if !ok {
		t.Fatalf("no language %q", id)
	}
	tree, err := Parse(lang, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tree.Close)
	return tree
}

// describe writes a hole as fixtures have it:
//
//	line:column kind "replaced text" => "lead" + lines + "trail" in "scope"
//
// An empty lead or trail is left out; the scope is its first line.
func describe(src []byte, h Hole) string {
	fill := "line"
	if h.Multiline {
		fill = "lines"
	}
	if h.Lead != "" {
		fill = fmt.Sprintf("%q + %s", h.Lead, fill)
	}
	if h.Trail != "" {
		fill = fmt.Sprintf("%s + %q", fill, h.Trail)
	}
	scope := "the file"
	if h.Scope != (Span{0, len(src)}) {
		first, _, _ := strings.Cut(string(src[h.Scope.Start:h.Scope.End]), "\n")
		scope = fmt.Sprintf("%q", first)
	}
	return fmt.Sprintf("%s %s %q => %s in %s", position(src, h.Start), h.Kind, src[h.Start:h.End], fill, scope)
}

// position is line:column, both from 1, the column in bytes.
func position(src []byte, offset int) string {
	line := bytes.Count(src[:offset], []byte("\n")) + 1
	return fmt.Sprintf("%d:%d", line, offset-bytes.LastIndexByte(src[:offset], '\n'))
}

func describeAll(src []byte, holes []Hole) string {
	var out strings.Builder
	for _, h := range holes {
		out.WriteString(describe(src, h) + "\n")
	}
	return out.String()
}
